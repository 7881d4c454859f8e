//! Who made a clip, as they say themselves in identity assertions (CAWG 1.1), and how far that
//! holds. Nothing is fetched.

use std::io::{Cursor, Error, Read};

use c2pa::http::http::{Request, Response};
use c2pa::http::{HttpResolverError, SyncHttpResolver};
use c2pa::{Context, Manifest, Reader};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ProvenanceError;
use super::disclosure::text;
use super::placement::STORE;
use proofmark_core::Limits;

/// Label of an identity assertion, behind which a number may stand.
const IDENTITY: &str = "cawg.identity";
/// The code for one whose credential holds.
const HOLDS: [&str; 2] = ["cawg.identity.well-formed", "cawg.ica.credential_valid"];

/// Somebody whom a manifest names as its actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The kind of credential, in CAWG's words, such as `cawg.x509.cose`.
    pub kind: Option<String>,
    /// Their names, as the credential has them.
    pub names: Vec<String>,
    /// How far that holds.
    pub state: ActorState,
}

/// How far it holds that somebody is who they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorState {
    /// Their certificate leads to an authority that a trust list names.
    Trusted,
    /// Their credential is of this manifest; nobody here vouches for it.
    Valid,
    /// It is not, or is broken.
    Invalid,
    /// It cannot be checked without asking somebody.
    Unchecked,
}

impl ActorState {
    /// Its word, as JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unchecked => "unchecked",
        }
    }
}

/// Whether a manifest has identity assertions.
pub(super) fn any(manifest: &Manifest) -> bool {
    manifest.assertions().iter().any(|a| a.label().starts_with(IDENTITY))
}

/// The actors of the active manifest in a store.
///
/// # Errors
/// [`ProvenanceError::Trust`] if the authorities are no good.
pub(super) fn actors(
    store: &[u8],
    authorities: &str,
    limits: &Limits,
) -> Result<Vec<Actor>, ProvenanceError> {
    let mut settings = json!({
        "verify": {"remote_manifest_fetch": false, "ocsp_fetch": false, "verify_trust": false},
        "core": {
            "decode_identity_assertions": true,
            "max_decompressed_manifest_size_in_mb": limits.manifest_bytes >> 20,
        },
        "cawg_trust": {"verify_trust_list": !authorities.is_empty()},
    });
    if !authorities.is_empty() {
        settings["cawg_trust"]["user_anchors"] = json!(authorities);
    }
    let context = Context::new()
        .with_settings(settings.to_string().as_str())
        .map_err(|e| ProvenanceError::Trust { reason: e.to_string() })?
        .with_resolver(Nobody);
    let Ok(reader) = Reader::from_context(context).with_stream(STORE, Cursor::new(store)) else {
        return Ok(Vec::new());
    };
    let Some(manifest) = reader.active_manifest() else { return Ok(Vec::new()) };
    let results = reader.validation_results().and_then(|r| r.active_manifest());
    // Of several the reader does not tell which of them failed.
    let passed = results.is_some_and(|r| r.success().iter().any(|s| HOLDS.contains(&s.code())));
    let failures = results.map(|r| r.failure().iter().map(|s| s.code()).collect::<Vec<_>>());
    let failures = failures.unwrap_or_default();
    let failed = failures.iter().any(|code| code.starts_with("cawg."));
    let untrusted = authorities.is_empty() || failures.iter().any(|c| c.ends_with(".untrusted"));
    let found = manifest.assertions().iter().filter(|a| a.label().starts_with(IDENTITY));
    Ok(found
        .filter_map(|a| a.value().ok())
        .map(|value| {
            let kind = kind(value);
            let decoded = value.pointer("/signature").is_none();
            let state = match (failed, decoded && passed) {
                (true, _) => ActorState::Invalid,
                (false, true) if untrusted => ActorState::Valid,
                (false, true) => ActorState::Trusted,
                (false, false) => ActorState::Unchecked,
            };
            Actor { kind, names: names(value), state }
        })
        .collect())
}

/// The kind of a credential, which the reader leaves out where it holds.
fn kind(value: &Value) -> Option<String> {
    let known = [
        ("/verifiedIdentities", "cawg.identity_claims_aggregation"),
        ("/signature_info", "cawg.x509.cose"),
    ];
    let told = text(value, "/signer_payload/sig_type").or_else(|| text(value, "/sig_type"));
    let held = || known.iter().find(|(place, _)| value.pointer(place).is_some());
    told.or_else(|| held().map(|(_, kind)| (*kind).into()))
}

/// The names in a credential: of a certificate, or of accounts and documents that somebody looked
/// at.
fn names(value: &Value) -> Vec<String> {
    let certificate = ["/signature_info/common_name", "/signature_info/issuer"];
    if let Some(name) = certificate.iter().find_map(|place| text(value, place)) {
        return vec![name];
    }
    let accounts = value.pointer("/verifiedIdentities").and_then(Value::as_array);
    accounts
        .into_iter()
        .flatten()
        .filter_map(|a| text(a, "/name").or_else(|| text(a, "/username")))
        .collect()
}

/// Asks nobody.
struct Nobody;

impl SyncHttpResolver for Nobody {
    fn http_resolve(
        &self,
        _: Request<Vec<u8>>,
    ) -> Result<Response<Box<dyn Read>>, HttpResolverError> {
        Err(HttpResolverError::Io(Error::other("nothing is fetched")))
    }
}
