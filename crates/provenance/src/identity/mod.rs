//! Who signs: a certificate chain, and whoever has its private key.
//!
//! `certificate` says what the chain is good for, and by which of `algorithm` its key signs. That
//! key is in a file (`pem`), or somewhere that only signs with it: behind a `command`, on a token
//! (`pkcs11`, which `uri` names) or in a service (`kms`). Whoever signs, [`Identity`] holds each
//! signature against the certificate before it goes anywhere.

mod algorithm;
mod certificate;
mod command;
#[cfg(feature = "aws-kms")]
mod kms;
mod pem;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod revocation;
mod trial;
#[cfg(feature = "pkcs11")]
mod uri;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use c2pa::SigningAlg;
use c2pa::crypto::raw_signature::validator_for_signing_alg;
use zeroize::Zeroizing;

pub use algorithm::Algorithm;
pub(crate) use certificate::day;
pub use trial::{TestIdentity, test_identity};

use super::ProvenanceError;
use super::time_stamp::Stamping;
use super::validity;
use certificate::{Chain, plain_signature};
use command::CommandKey;
use pem::PemKey;

/// How long a command or a service may take to sign, if nothing else was said.
pub const SIGNING_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes beside its certificates that a signature takes, as the `c2pa` crate reckons: a time stamp,
/// and all else.
const TIME_STAMP: usize = 10_000;
const SIGNATURE: usize = 1024;
/// What is signed to see whether a key signs.
pub(crate) const TRIAL: &[u8] = b"Proofmark tries whether this key signs; this says nothing else";

/// Where a private key is. `Debug` shows nothing of it.
#[non_exhaustive]
pub enum KeySource {
    /// In a PEM file: PKCS#8, SEC1 or PKCS#1.
    Pem {
        /// Its text.
        text: Zeroizing<String>,
        /// The password, if it is encrypted.
        password: Option<Zeroizing<String>>,
    },
    /// Behind a command, by c2patool's protocol.
    Command {
        /// The command, its words as a shell would split them.
        line: String,
        /// The certificate file, which the command is told.
        certificate: PathBuf,
    },
    /// On a token (`pkcs11:…`, RFC 7512) or in a service (`awskms:…`).
    Uri {
        /// The URI, which may hold a PIN.
        uri: Zeroizing<String>,
        /// The PIN, if the URI does not say it.
        pin: Option<Zeroizing<String>>,
    },
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem { .. } => "Pem",
            Self::Command { .. } => "Command",
            Self::Uri { .. } => "Uri",
        })
    }
}

/// How an identity signs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct IdentityOptions {
    /// An RFC 3161 time-stamp authority to ask.
    pub time_stamp_url: Option<String>,
    /// What to sign by; that which the certificate's key is for by default, PS256 for one of RSA
    /// that does not say.
    pub algorithm: Option<Algorithm>,
    /// Bytes to keep for the signature, its certificates and its time stamp; reckoned by default.
    pub reserve: Option<usize>,
    /// How long a command or a service may take; [`SIGNING_PATIENCE`] by default.
    pub patience: Option<Duration>,
    /// Whether the certificate's authority is asked if it was revoked, and its answer put beside
    /// each signature (OCSP).
    pub ocsp: bool,
}

/// Whoever has a private key.
trait PrivateKey: Send + Sync {
    /// Signs. An ECDSA signature may be in DER.
    ///
    /// # Errors
    /// What went wrong, in a line.
    fn sign(&self, data: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String>;

    /// What to say if a signature of its does not fit the certificate.
    fn misfit(&self) -> String;
}

/// A signing identity. `Debug` shows nothing of the key.
#[derive(Clone)]
pub struct Identity {
    chain: Arc<Chain>,
    key: Arc<dyn PrivateKey>,
    time_stamp_url: Option<String>,
    /// What the certificate's authority says of it.
    status: Option<Arc<Vec<u8>>>,
    reserve: usize,
}

impl Identity {
    /// From PEM: the certificate chain, leaf first, and the leaf's private key in PKCS#8, SEC1 or
    /// PKCS#1, not encrypted.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn from_pem(
        chain: String,
        key: String,
        time_stamp_url: Option<String>,
    ) -> Result<Self, ProvenanceError> {
        let key = KeySource::Pem { text: Zeroizing::new(key), password: None };
        Self::new(&chain, key, IdentityOptions { time_stamp_url, ..IdentityOptions::default() })
    }

    /// From a certificate chain in PEM, leaf first, and where the leaf's private key is.
    ///
    /// # Errors
    /// [`ProvenanceError::Identity`] if the certificate is none that C2PA takes, as of now, if the
    /// key is not to be had, or if a first signature, by which it is tried, does not fit the
    /// certificate: nothing is stamped in vain.
    pub fn new(
        chain: &str,
        key: KeySource,
        options: IdentityOptions,
    ) -> Result<Self, ProvenanceError> {
        let fail = |reason: String| ProvenanceError::Identity { reason };
        let now = validity::now();
        let told = Chain::read(chain, options.algorithm, now).map_err(fail)?;
        if let Some(fault) = told.faults.first() {
            return Err(fail(fault.clone()));
        }
        let identity = Self::whatever(chain, key, options)?;
        identity.signature(TRIAL).map_err(fail)?;
        Ok(identity)
    }

    /// The same, whatever the certificate is good for: to be told by
    /// [`check_identity`](super::check_identity).
    ///
    /// # Errors
    /// [`ProvenanceError::Identity`] if the certificate's key can sign nothing, or its private key
    /// is not to be had.
    pub fn whatever(
        chain: &str,
        key: KeySource,
        options: IdentityOptions,
    ) -> Result<Self, ProvenanceError> {
        Self::read(chain, key, options).map_err(|reason| ProvenanceError::Identity { reason })
    }

    fn read(pem: &str, key: KeySource, options: IdentityOptions) -> Result<Self, String> {
        let chain = Chain::read(pem, options.algorithm, validity::now())?;
        let asked = options.ocsp.then(|| revocation::status(&chain.certificates)).transpose()?;
        let status = asked.map(Arc::new);
        let beside = status.as_ref().map_or(0, |s| s.len());
        let certificates: usize = chain.certificates.iter().map(Vec::len).sum();
        let reserve = options.reserve.unwrap_or(SIGNATURE + TIME_STAMP + certificates + beside);
        let patience = options.patience.unwrap_or(SIGNING_PATIENCE);
        let key: Arc<dyn PrivateKey> = match key {
            KeySource::Pem { text, password } => {
                Arc::new(PemKey::read(&text, password.as_ref().map(|p| p.as_str()), pem)?)
            }
            KeySource::Command { line, certificate } => {
                Arc::new(CommandKey::new(&line, &certificate, reserve, patience)?)
            }
            KeySource::Uri { uri, pin } => remote(&uri, pin, patience)?,
        };
        let time_stamp_url = options.time_stamp_url;
        Ok(Self { chain: Arc::new(chain), key, time_stamp_url, status, reserve })
    }

    /// Signs, and holds the signature against the certificate.
    pub(crate) fn signature(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        let (chain, key) = (&self.chain, &self.key);
        let signature = key.sign(data, chain.algorithm)?;
        let fits = |signature: &[u8]| {
            validator_for_signing_alg(chain.algorithm.in_c2pa())
                .is_some_and(|v| v.validate(signature, data, &chain.public_key).is_ok())
        };
        if fits(&signature) {
            return Ok(signature);
        }
        let bytes = chain.algorithm.number_bytes();
        bytes
            .and_then(|bytes| plain_signature(&signature, bytes))
            .filter(|plain| fits(plain))
            .ok_or_else(|| key.misfit())
    }

    /// Signs bytes as a JSON Web Signature (RFC 7515) in its compact form, with the certificate
    /// chain in its header (`x5c`). `kind` says what they are (`typ`).
    ///
    /// # Errors
    /// [`ProvenanceError::Identity`] if the key does not sign.
    pub fn sign_text(&self, kind: &str, payload: &[u8]) -> Result<String, ProvenanceError> {
        let chain = &self.chain;
        let certificates: Vec<String> =
            chain.certificates.iter().map(|c| STANDARD.encode(c)).collect();
        let head = serde_json::json!({
            "alg": chain.algorithm.in_jws(), "typ": kind, "x5c": certificates,
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head.to_string()),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = self
            .signature(signed.as_bytes())
            .map_err(|reason| ProvenanceError::Identity { reason })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Its certificates, and what they say.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The time-stamp authority that is asked.
    pub(crate) fn time_stamp_url(&self) -> Option<&str> {
        self.time_stamp_url.as_deref()
    }

    /// The same, but nobody is asked for the time.
    pub(crate) fn without_time(&self) -> Self {
        Self { time_stamp_url: None, ..self.clone() }
    }

    /// The signer that the `c2pa` crate wants.
    pub(super) fn signer(&self) -> c2pa::BoxedSigner {
        let signer = Box::new(Signer(self.clone()));
        match &self.time_stamp_url {
            Some(url) => Box::new(Stamping { signer, url: url.clone() }),
            None => signer,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.chain.algorithm.name())
    }
}

/// A key that a URI names.
fn remote(
    uri: &str,
    pin: Option<Zeroizing<String>>,
    patience: Duration,
) -> Result<Arc<dyn PrivateKey>, String> {
    #[cfg(feature = "pkcs11")]
    if uri.starts_with("pkcs11:") {
        return Ok(Arc::new(pkcs11::TokenKey::find(uri, pin)?));
    }
    #[cfg(feature = "aws-kms")]
    if let Some(key) = uri.strip_prefix("awskms:") {
        return Ok(Arc::new(kms::KmsKey::new(key, patience)?));
    }
    let (_, _) = (pin, patience);
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    Err(match scheme {
        "pkcs11" | "awskms" => format!(
            "this build signs by no {scheme} key; build proofmark with the feature '{}', or use \
            --signer-command",
            if scheme == "pkcs11" { "pkcs11" } else { "aws-kms" }
        ),
        _ => "the signer is neither a pkcs11: nor an awskms: URI; for anything else use \
            --signer-command"
            .into(),
    })
}

/// An identity as the `c2pa` crate sees it.
struct Signer(Identity);

impl c2pa::Signer for Signer {
    fn sign(&self, data: &[u8]) -> c2pa::Result<Vec<u8>> {
        self.0.signature(data).map_err(|reason| c2pa::Error::OtherError(reason.into()))
    }

    fn alg(&self) -> SigningAlg {
        self.0.chain.algorithm.in_c2pa()
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        Ok(self.0.chain.certificates.clone())
    }

    fn reserve_size(&self) -> usize {
        self.0.reserve
    }

    fn ocsp_val(&self) -> Option<Vec<u8>> {
        self.0.status.as_deref().cloned()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn what_was_signed_can_be_checked_with_the_certificate_in_its_head() {
        let made = test_identity().unwrap();
        let identity = Identity::from_pem(made.chain.clone(), made.key.to_string(), None).unwrap();
        let signed = identity.sign_text("statement", b"{}").unwrap();
        let [head, body, signature]: [&str; 3] =
            signed.split('.').collect::<Vec<_>>().try_into().unwrap();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        assert_eq!(decoded(body), b"{}");
        let head: serde_json::Value = serde_json::from_slice(&decoded(head)).unwrap();
        assert_eq!(
            (head["alg"].as_str(), head["typ"].as_str(), head["x5c"].as_array().map(Vec::len)),
            (Some("ES256"), Some("statement"), Some(2))
        );
        let pair = KeyPair::from_pem(&made.key).unwrap();
        let key = ring::signature::UnparsedPublicKey::new(
            &ring::signature::ECDSA_P256_SHA256_FIXED,
            pair.public_key_raw(),
        );
        assert!(
            key.verify(signed.rsplit_once('.').unwrap().0.as_bytes(), &decoded(signature)).is_ok()
        );
        assert!(key.verify(b"another", &decoded(signature)).is_err());
    }
}
