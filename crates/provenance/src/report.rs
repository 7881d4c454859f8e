//! What a manifest says, as reports have it.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use c2pa::{Ingredient, Manifest, Reader, ValidationState};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actor::Actor;
use super::disclosure::{Disclosure, Use, disclosure, uses};
use super::signer::{Signer, Unattested, signer};
use super::soft_binding::{self, SoftBinding, names_marks};
use super::{Placement, validity};
use proofmark_core::Payload;

/// The C2PA's code for a signer whom no trust list names, which takes nothing from a manifest's
/// validity.
pub(super) const UNTRUSTED: &str = "signingCredential.untrusted";

/// How far a manifest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManifestState {
    /// Every check passed and the signer is trusted.
    Trusted,
    /// Every check passed; the signer is not on a trust list.
    Valid,
    /// A check failed: the content, the manifest or the certificate is not as signed.
    Invalid,
}

/// Something that was done to the asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The action's name, such as `c2pa.created`.
    pub action: String,
    /// IPTC digital source type, if the action says.
    pub digital_source_type: Option<String>,
    /// Software that did it, if the action says.
    pub software_agent: Option<String>,
    /// When, if the action says.
    pub when: Option<String>,
    /// What it was, in the words of whoever did it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its parameters, but for the ingredients.
    #[serde(default)]
    pub parameters: Option<Value>,
}

/// Another manifest that came with the active one: that of an ingredient, or of one of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its label.
    pub label: String,
    /// Label of the manifest that names it as an ingredient; `None` if none does.
    pub ingredient_of: Option<String>,
    /// What it is to that one, in the C2PA's words: `parentOf`, `componentOf` or `inputTo`.
    pub relationship: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The software that made the claim.
    pub claim_generator: Option<String>,
    /// Organisation of the certificate that it was signed with.
    pub organisation: Option<String>,
    /// Common name of that certificate.
    pub common_name: Option<String>,
    /// What was done, in order.
    pub actions: Vec<Action>,
    /// The C2PA's code for each check that failed when it was taken in.
    #[serde(default)]
    pub failures: Vec<String>,
}

impl Ancestor {
    /// Who signed it, as people are told.
    #[must_use]
    pub fn signer(&self) -> Option<&str> {
        self.common_name.as_deref().or(self.organisation.as_deref())
    }
}

/// What the active manifest of a file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestReport {
    /// How far it holds.
    pub state: ManifestState,
    /// Its label.
    pub label: Option<String>,
    /// Whether it was in a `.c2pa` file beside the media.
    pub sidecar: bool,
    /// The address that it was fetched from, which the file names.
    #[serde(default)]
    pub fetched: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The software that made the claim.
    pub claim_generator: Option<String>,
    /// Who signed.
    pub signer: Option<Signer>,
    /// What was done, in order.
    pub actions: Vec<Action>,
    /// Titles of the ingredients.
    pub ingredients: Vec<String>,
    /// Labels of the other manifests that came with it: those of ingredients, and of theirs.
    pub ancestors: Vec<String>,
    /// What those say, the nearest first.
    pub lineage: Vec<Ancestor>,
    /// What it says about marks and fingerprints.
    pub soft_bindings: Vec<SoftBinding>,
    /// Whether the content is as it was signed; `None` if that could not be checked.
    pub content_holds: Option<bool>,
    /// The C2PA's code for each check that failed.
    pub failures: Vec<String>,
    /// Bytes of the file that the manifest leaves open to change, beside its own place; `None` if
    /// there are none, or that cannot be told.
    #[serde(default)]
    pub open_bytes: Option<u64>,
    /// What it says of AI.
    #[serde(default)]
    pub disclosure: Option<Disclosure>,
    /// Whether the clip may be taken for mining and training.
    #[serde(default)]
    pub training_mining: Vec<Use>,
    /// Who made the clip, as they say themselves.
    #[serde(default)]
    pub actors: Vec<Actor>,
    /// Assertions of other manifests that were taken out, by their addresses.
    #[serde(default)]
    pub redactions: Vec<String>,
    /// SHA-256 of the manifest store as it lay in or beside the file; `None` if it was not taken.
    #[serde(default)]
    pub store: Option<String>,
}

/// The C2PA's codes for certificates whose time is not now, which say nothing against what was
/// signed.
const CREDENTIAL: [&str; 2] = [EXPIRED, REVOKED];
/// One that is not valid at the time of signing, or now if nothing attests that.
pub const EXPIRED: &str = "signingCredential.expired";
/// One that its authority has withdrawn.
pub const REVOKED: &str = "signingCredential.ocsp.revoked";

impl ManifestReport {
    /// The payload that the manifest names: from a soft binding of `algorithm`, or of a name that
    /// it had before.
    #[must_use]
    pub fn payload(&self, algorithm: &str) -> Option<Payload> {
        let mut ours = self.soft_bindings.iter().filter(|b| names_marks(&b.alg, algorithm));
        ours.find_map(SoftBinding::payload)
    }

    /// The number in its label, `urn:c2pa:<UUID>` and perhaps more, which any manifest may have.
    #[must_use]
    pub fn labelled(&self) -> Option<Payload> {
        self.label.as_deref().filter(|label| label.starts_with("urn:c2pa:"))?.parse().ok()
    }

    /// Whether the hard binding, which ties it to the exact bytes, is among the failures.
    #[must_use]
    pub fn content_changed(&self) -> bool {
        let own = self.failures.iter().filter(|f| !f.ends_with(INGREDIENT));
        own.into_iter().any(|f| {
            f.contains("Hash.mismatch")
                || f.contains("Hash.malformed")
                || f == "claim.hardBindings.missing"
        })
    }

    /// Whether nothing fails but a certificate that has ended, was revoked or has not begun, the
    /// manifest's or an ingredient's: all that was signed is as it was.
    #[must_use]
    pub fn credential_alone(&self) -> bool {
        let fails = |f: &String| CREDENTIAL.contains(&f.trim_end_matches(INGREDIENT));
        let passes = |f: &String| f.trim_end_matches(INGREDIENT) == UNTRUSTED;
        self.state == ManifestState::Invalid
            && self.content_holds != Some(false)
            && self.failures.iter().any(fails)
            && self.failures.iter().all(|f| fails(f) || passes(f))
    }

    /// Takes the time of signing for nothing unless it is attested and has come, and holds the
    /// certificate to the present then.
    pub(super) fn hold_time(&mut self, unattested: Option<Unattested>) {
        let Some(signer) = &mut self.signer else { return };
        let has_come = signer.time.as_deref().is_none_or(validity::has_come);
        signer.unattested = unattested.or((!has_come).then_some(Unattested::Future));
        if signer.unattested.is_none() {
            return;
        }
        signer.unattested_time = signer.time.take();
        let (now, ends) = (validity::now(), signer.valid_from.zip(signer.valid_until));
        if ends.is_some_and(|(from, until)| now < from || now > until)
            && !self.failures.iter().any(|f| f == EXPIRED)
        {
            self.failures.insert(0, EXPIRED.into());
            self.state = ManifestState::Invalid;
        }
    }

    /// Whether the manifest and what it is bound to are as they were signed, whoever may have
    /// signed.
    #[must_use]
    pub fn as_signed(&self) -> bool {
        self.state != ManifestState::Invalid || self.credential_alone()
    }
}

/// The report of a manifest that cannot be read.
pub(super) fn unreadable(why: impl fmt::Display, placement: Placement) -> ManifestReport {
    ManifestReport {
        state: ManifestState::Invalid,
        label: None,
        sidecar: placement == Placement::Sidecar,
        fetched: None,
        title: None,
        claim_generator: None,
        signer: None,
        actions: Vec::new(),
        ingredients: Vec::new(),
        ancestors: Vec::new(),
        lineage: Vec::new(),
        soft_bindings: Vec::new(),
        content_holds: None,
        failures: vec![format!("unreadable: {why}")],
        open_bytes: None,
        disclosure: None,
        training_mining: Vec::new(),
        actors: Vec::new(),
        redactions: Vec::new(),
        store: None,
    }
}

/// What a reader has found.
pub(super) fn report(reader: &Reader, placement: Placement) -> ManifestReport {
    let state = match reader.validation_state() {
        ValidationState::Trusted => ManifestState::Trusted,
        ValidationState::Valid => ManifestState::Valid,
        _ => ManifestState::Invalid,
    };
    let manifest = reader.active_manifest();
    let failures = failures(reader);
    // In an order that is the same each time.
    let ancestors: BTreeSet<&str> = reader
        .iter_manifests()
        .filter_map(Manifest::label)
        .filter(|l| Some(*l) != reader.active_label())
        .collect();
    let trusted = !failures.iter().any(|f| f == UNTRUSTED) && state != ManifestState::Valid;
    let mut report = ManifestReport {
        state,
        label: reader.active_label().map(str::to_string),
        sidecar: placement == Placement::Sidecar,
        fetched: None,
        title: manifest.and_then(Manifest::title).map(str::to_string),
        claim_generator: manifest.and_then(generator),
        signer: manifest.and_then(|m| signer(m, trusted)),
        actions: manifest.map(actions).unwrap_or_default(),
        ingredients: manifest
            .map(|m| {
                m.ingredients()
                    .iter()
                    .map(|i| i.title().unwrap_or("untitled").to_string())
                    .collect()
            })
            .unwrap_or_default(),
        ancestors: ancestors.into_iter().map(str::to_string).collect(),
        lineage: lineage(reader),
        soft_bindings: manifest.map(soft_bindings).unwrap_or_default(),
        content_holds: matched(reader).then_some(true),
        failures,
        open_bytes: None,
        disclosure: manifest.and_then(disclosure),
        training_mining: manifest.map(uses).unwrap_or_default(),
        actors: Vec::new(),
        redactions: manifest
            .and_then(Manifest::redactions)
            .map(<[String]>::to_vec)
            .unwrap_or_default(),
        store: None,
    };
    if let Some(signer) = &mut report.signer {
        signer.not_revoked = reader
            .validation_results()
            .and_then(|r| r.active_manifest())
            .is_some_and(|m| m.informational().iter().any(|s| s.code() == NOT_REVOKED));
    }
    if report.content_changed() {
        report.content_holds = Some(false);
    }
    report
}

/// The C2PA's code for a certificate that its authority, whom a list names, says is good.
const NOT_REVOKED: &str = "signingCredential.ocsp.notRevoked";
/// The C2PA's code for a listed authority that attests when something was signed.
const ATTESTED: &str = "timeStamp.trusted";

/// Why nobody attests when the manifest was signed, if it was read with the authorities' list;
/// `None` if a listed one does. Claims of the first version are not held to a list by the reader,
/// whatever it says of them.
pub(super) fn unattested(reader: &Reader) -> Option<Unattested> {
    let version = reader.active_manifest().and_then(Manifest::claim_version);
    if version.is_none_or(|version| version < 2) {
        return Some(Unattested::OldKind);
    }
    (!passed(reader, &[ATTESTED])).then_some(Unattested::Unlisted)
}

/// The C2PA's codes for content that is as signed.
const MATCHES: [&str; 4] = [
    "assertion.bmffHash.match",
    "assertion.boxesHash.match",
    "assertion.collectionHash.match",
    "assertion.dataHash.match",
];

/// Whether a hard binding was held against the content, and holds.
fn matched(reader: &Reader) -> bool {
    passed(reader, &MATCHES)
}

/// Whether one of these is among what the active manifest has passed.
fn passed(reader: &Reader, codes: &[&str]) -> bool {
    let active = reader.validation_results().and_then(|r| r.active_manifest());
    active.is_some_and(|m| m.success().iter().any(|s| codes.contains(&s.code())))
}

/// What the other manifests say: those of ingredients, then of theirs, then those that none names.
fn lineage(reader: &Reader) -> Vec<Ancestor> {
    let Some(active) = reader.active_manifest() else { return Vec::new() };
    let mut seen: BTreeSet<&str> = active.label().into_iter().collect();
    let mut out = Vec::new();
    let mut ahead = VecDeque::from([active]);
    while let Some(made) = ahead.pop_front() {
        for ingredient in made.ingredients() {
            let Some(manifest) =
                ingredient.active_manifest().and_then(|label| reader.get_manifest(label))
            else {
                continue;
            };
            if manifest.label().is_some_and(|label| seen.insert(label)) {
                out.extend(ancestor(manifest, Some((made, ingredient))));
                ahead.push_back(manifest);
            }
        }
    }
    let mut rest: Vec<&Manifest> = reader
        .iter_manifests()
        .filter(|m| m.label().is_some_and(|label| !seen.contains(label)))
        .collect();
    rest.sort_by_key(|m| m.label());
    out.extend(rest.into_iter().filter_map(|m| ancestor(m, None)));
    out
}

/// What one of them says, and which manifest names it as what.
fn ancestor(m: &Manifest, within: Option<(&Manifest, &Ingredient)>) -> Option<Ancestor> {
    let signed = m.signature_info();
    Some(Ancestor {
        label: m.label()?.to_string(),
        ingredient_of: within.and_then(|(made, _)| made.label()).map(str::to_string),
        relationship: within.map(|(_, ingredient)| ingredient.relationship().as_str().to_string()),
        title: m.title().map(str::to_string),
        claim_generator: generator(m),
        organisation: signed.and_then(|i| i.issuer.clone()),
        common_name: signed.and_then(|i| i.common_name.clone()),
        actions: actions(m),
        failures: within.map(|(_, ingredient)| failed(ingredient)).unwrap_or_default(),
    })
}

/// What failed in an ingredient's manifest when that was taken in, as whoever took it in says.
fn failed(ingredient: &Ingredient) -> Vec<String> {
    let results = ingredient.validation_results().and_then(|r| r.active_manifest());
    let newer = results.map(|r| r.failure().as_slice()).unwrap_or_default();
    let older = ingredient.validation_status().unwrap_or_default();
    let codes: BTreeSet<&str> =
        newer.iter().chain(older).map(|s| s.code()).filter(|code| *code != UNTRUSTED).collect();
    codes.into_iter().map(str::to_string).collect()
}

/// What is added to failure codes of ingredients.
pub const INGREDIENT: &str = " (ingredient)";

/// Failure codes of the manifest itself, then those of its ingredients, which say so.
fn failures(reader: &Reader) -> Vec<String> {
    let Some(results) = reader.validation_results() else { return Vec::new() };
    let sorted = |codes: Vec<String>| codes.into_iter().collect::<BTreeSet<_>>();
    let own = results
        .active_manifest()
        .map(|m| m.failure().iter().map(|s| s.code().to_string()).collect())
        .unwrap_or_default();
    let deltas = results.ingredient_deltas().map(Vec::as_slice).unwrap_or_default();
    let theirs = deltas
        .iter()
        .flat_map(|d| d.validation_deltas().failure())
        .map(|s| format!("{}{INGREDIENT}", s.code()))
        .collect();
    sorted(own).into_iter().chain(sorted(theirs)).collect()
}

fn generator(m: &Manifest) -> Option<String> {
    let from_info =
        m.claim_generator_info.as_ref().and_then(|i| i.first()).map(|i| match &i.version {
            Some(v) => format!("{} {v}", i.name),
            None => i.name.clone(),
        });
    from_info.or_else(|| m.claim_generator().map(str::to_string))
}

/// The parameters of an action, but for ingredients, which are told of elsewhere.
fn parameters(action: &Value) -> Option<Value> {
    let mut told = action.get("parameters")?.as_object()?.clone();
    told.retain(|name, _| !["ingredient", "ingredients", "description"].contains(&name.as_str()));
    (!told.is_empty()).then_some(Value::Object(told))
}

fn actions(m: &Manifest) -> Vec<Action> {
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_string);
    let agent = |v: &Value| match v.get("softwareAgent") {
        Some(Value::String(s)) => Some(s.clone()),
        Some(o) => {
            text(o, "name").map(|n| text(o, "version").map_or(n.clone(), |v| format!("{n} {v}")))
        }
        None => None,
    };
    m.assertions()
        .iter()
        .filter(|a| a.label().starts_with("c2pa.actions"))
        .filter_map(|a| a.value().ok()?.get("actions")?.as_array().cloned())
        .flatten()
        .filter_map(|v| {
            Some(Action {
                action: text(&v, "action")?,
                digital_source_type: text(&v, "digitalSourceType"),
                software_agent: agent(&v),
                when: text(&v, "when"),
                description: text(&v, "description").or_else(|| {
                    v.pointer("/parameters/description").and_then(Value::as_str).map(str::to_string)
                }),
                parameters: parameters(&v),
            })
        })
        .collect()
}

fn soft_bindings(m: &Manifest) -> Vec<SoftBinding> {
    m.assertions()
        .iter()
        .filter(|a| a.label().starts_with(soft_binding::LABEL))
        .filter_map(|a| a.value().ok())
        .flat_map(soft_binding::parse)
        .collect()
}
