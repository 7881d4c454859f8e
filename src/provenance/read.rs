//! Reading a manifest, and judging it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use c2pa::{Context, Manifest, Reader, ValidationState, jumbf_io};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::soft_binding::{self, SoftBinding};
use super::{Placement, ProvenanceError, claims, open, size};
use crate::media::Limits;
use crate::payload::Payload;

/// Whom to trust: PEM certificates of authorities.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trust {
    anchors: String,
}

impl Trust {
    /// Adds authorities from the text of a PEM file.
    ///
    /// # Errors
    /// [`ProvenanceError::Trust`] if it holds no certificate.
    pub fn add(&mut self, pem: &str) -> Result<(), ProvenanceError> {
        let wrong = |reason: &str| ProvenanceError::Trust { reason: reason.into() };
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("there is no certificate in it"));
        }
        // Whoever skips over a damaged one trusts less than was asked for, and does not say so.
        let whole = |c: Result<CertificateDer<'_>, _>| c.is_ok_and(|der| der.len() > 100 && der[0] == 0x30);
        if !CertificateDer::pem_slice_iter(pem.as_bytes()).all(whole) {
            return Err(wrong("a certificate in it is damaged"));
        }
        self.anchors.push_str(pem);
        self.anchors.push('\n');
        Ok(())
    }
}

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

/// Who signed, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Organisation of the certificate.
    pub organisation: Option<String>,
    /// Common name of the certificate.
    pub common_name: Option<String>,
    /// Time of signing by a time-stamp authority; `null` if none attested it.
    pub time: Option<String>,
    /// Whether the certificate leads to a trusted authority.
    pub trusted: bool,
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
    /// What it says about marks and fingerprints.
    pub soft_bindings: Vec<SoftBinding>,
    /// The C2PA's code for each check that failed.
    pub failures: Vec<String>,
}

impl ManifestReport {
    /// The payload that the manifest names: from a soft binding of `algorithm`.
    #[must_use]
    pub fn payload(&self, algorithm: &str) -> Option<Payload> {
        self.soft_bindings.iter().filter(|b| b.alg == algorithm).find_map(SoftBinding::payload)
    }

    /// Whether the hard binding, which ties it to the exact bytes, is among the failures.
    #[must_use]
    pub fn content_changed(&self) -> bool {
        let own = self.failures.iter().filter(|f| !f.ends_with(INGREDIENT));
        own.into_iter().any(|f| f.contains("Hash.mismatch") || f.contains("Hash.malformed") || f == "claim.hardBindings.missing")
    }
}

/// Reads and validates the manifest of a file, or of the sidecar beside it. `None` if it has neither. Nothing is fetched.
///
/// # Errors
/// [`ProvenanceError`] if the file cannot be opened or is a manifest itself, a manifest is too large or the trust list is no good. A manifest that is too damaged to read
/// is no error: its report is [`ManifestState::Invalid`].
pub fn read(path: &Path, trust: &Trust, limits: &Limits) -> Result<Option<ManifestReport>, ProvenanceError> {
    let mut file = open(path)?;
    let format = format_of(path, &mut file);
    if format == STORE {
        return Err(ProvenanceError::Alone { path: path.into() });
    }
    size::check(path, size::announced(&mut file).unwrap_or(0), limits)?;
    if jumbf_io::load_jumbf_from_stream(&format, &mut file).is_ok_and(|store| claims::overstated(&store, limits.manifest_bytes)) {
        return Ok(Some(unreadable(OVERSTATED, Placement::Embedded)));
    }
    let _ = file.rewind();
    match Reader::from_context(context(trust, limits)?).with_stream(&format, &mut file) {
        Ok(reader) => return Ok(Some(report(&reader, Placement::Embedded))),
        // A manifest that is only referred to is not here, and is not fetched.
        Err(c2pa::Error::RemoteManifestUrl(_) | c2pa::Error::RemoteManifestFetch(_)) => return Ok(None),
        Err(e) => match size::store(&mut file) {
            // The file's own structure is broken, by bytes behind its last box for one: a manifest in it is still there, and no longer fits.
            Some(store) => return torn(&store, e, trust, limits).map(Some),
            None if manifest_trouble(&e) => return Ok(Some(unreadable(e, Placement::Embedded))),
            None => {}
        },
    }
    let Some(data) = sidecar(path, limits)? else { return Ok(None) };
    if claims::overstated(&data, limits.manifest_bytes) {
        return Ok(Some(unreadable(OVERSTATED, Placement::Sidecar)));
    }
    let mut file = open(path)?;
    match Reader::from_context(context(trust, limits)?).with_manifest_data_and_stream(&data, &format, &mut file) {
        Ok(reader) => Ok(Some(report(&reader, Placement::Sidecar)).filter(|report| !is_of_another_kind(&reader, report, &format))),
        Err(e) => Ok(Some(unreadable(e, Placement::Sidecar))),
    }
}

/// What an embedded manifest says whose file is too broken for `why` to be checked against it: its hard binding fails.
fn torn(store: &[u8], why: c2pa::Error, trust: &Trust, limits: &Limits) -> Result<ManifestReport, ProvenanceError> {
    if claims::overstated(store, limits.manifest_bytes) {
        return Ok(unreadable(OVERSTATED, Placement::Embedded));
    }
    let Ok(reader) = Reader::from_context(context(trust, limits)?).with_stream(STORE, Cursor::new(store)) else { return Ok(unreadable(why, Placement::Embedded)) };
    let mut report = report(&reader, Placement::Embedded);
    report.state = ManifestState::Invalid;
    report.failures.push(format!("unreadable: {why}"));
    Ok(report)
}

/// Whether a sidecar that does not match the file beside it was made for another one of the same name: `clip.mkv` and its `clip.c2pa` say nothing about
/// a `clip.mp4`.
fn is_of_another_kind(reader: &Reader, report: &ManifestReport, format: &str) -> bool {
    let family = |kind: &str| if kind == "video/webm" { "video/x-matroska".into() } else { kind.to_string() };
    let kind = |m: &Manifest| m.assertions().iter().find(|a| a.label() == FILE).and_then(|a| Some(a.value().ok()?.get("format")?.as_str()?.to_string()));
    let made_for = reader.active_manifest().and_then(kind);
    report.content_changed() && format.contains('/') && made_for.is_some_and(|kind| family(&kind) != family(format))
}

/// Reads and validates a manifest store that is not with its file. Its hard binding, which ties it to the exact bytes, cannot hold then and is left out
/// of account; everything else must. One that is too damaged to read is [`ManifestState::Invalid`].
///
/// # Errors
/// [`ProvenanceError::Trust`] if the trust list is no good.
pub fn read_store(store: &[u8], trust: &Trust, limits: &Limits) -> Result<ManifestReport, ProvenanceError> {
    if claims::overstated(store, limits.manifest_bytes) {
        return Ok(unreadable(OVERSTATED, Placement::Sidecar));
    }
    let reader = match Reader::from_context(context(trust, limits)?).with_stream(STORE, Cursor::new(store)) {
        Ok(reader) => reader,
        Err(e) => return Ok(unreadable(e, Placement::Sidecar)),
    };
    let mut report = report(&reader, Placement::Sidecar);
    let before = report.failures.len();
    report.failures.retain(|f| !HARD_BINDING.contains(&f.as_str()));
    if report.failures.len() < before && report.failures.iter().all(|f| f.trim_end_matches(INGREDIENT) == UNTRUSTED) {
        let untrusted = report.failures.iter().any(|f| f == UNTRUSTED);
        report.state = if untrusted { ManifestState::Valid } else { ManifestState::Trusted };
    }
    Ok(report)
}

/// The C2PA's codes for content that is not as signed.
const HARD_BINDING: [&str; 4] = ["assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch", "assertion.collectionHash.mismatch", "assertion.dataHash.mismatch"];

/// The C2PA's code for a signer whom no trust list names, which takes nothing from a manifest's validity.
const UNTRUSTED: &str = "signingCredential.untrusted";

/// What a manifest store is called that is in no file.
pub(super) const STORE: &str = "application/c2pa";

/// Our assertion in a sidecar that says what kind of file it is for, its media type as `format`.
pub(super) const FILE: &str = "org.proofmark.file";

/// How manifests are read: nothing is fetched.
pub(super) fn context(trust: &Trust, limits: &Limits) -> Result<Context, ProvenanceError> {
    let mut settings = json!({
        "verify": {"remote_manifest_fetch": false, "ocsp_fetch": false, "verify_trust": true, "verify_timestamp_trust": false},
        // Identity assertions of other schemes are not reported, and their failures must not pass for the signer's.
        "core": {"decode_identity_assertions": false, "max_decompressed_manifest_size_in_mb": limits.manifest_bytes >> 20},
    });
    if !trust.anchors.is_empty() {
        settings["trust"] = json!({"user_anchors": trust.anchors});
    }
    Context::new().with_settings(settings.to_string().as_str()).map_err(|e| ProvenanceError::Trust { reason: e.to_string() })
}

/// Where the sidecar of a file is looked for: the same name with the extension `.c2pa`.
#[must_use]
pub(crate) fn sidecar_path(path: &Path) -> PathBuf {
    path.with_extension("c2pa")
}

pub(super) fn sidecar(path: &Path, limits: &Limits) -> Result<Option<Vec<u8>>, ProvenanceError> {
    let beside = sidecar_path(path);
    let Ok(meta) = std::fs::metadata(&beside) else { return Ok(None) };
    if !meta.is_file() {
        return Ok(None);
    }
    size::check(&beside, meta.len(), limits)?;
    std::fs::read(&beside).map(Some).map_err(|reason| ProvenanceError::Open { path: beside, reason })
}

/// Extensions of files that begin in a way of their own: what does not begin so is none of them, whatever its name.
const KNOWN_BY_THEIR_HEADS: [&str; 17] = ["mp4", "m4v", "mov", "m4a", "avif", "heic", "wav", "avi", "webp", "png", "jpg", "jpeg", "flac", "ogg", "opus", "mkv", "webm"];

/// The media type, from the first bytes where they tell, else from the name: uploads are named as they please. Empty where both say nothing.
pub(super) fn format_of(path: &Path, file: &mut File) -> String {
    let mut head = [0; 12];
    let mut filled = 0;
    while let Ok(n) = file.read(&mut head[filled..]) {
        filled += n;
        if n == 0 || filled == head.len() {
            break;
        }
    }
    let _ = file.rewind();
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (start, middle, end) = (&head[..4], &head[4..8], &head[8..]);
    let told = match (start, middle, end) {
        (_, b"ftyp", b"qt  ") => "video/quicktime",
        (_, b"ftyp", b"M4A ") => "audio/mp4",
        (_, b"ftyp", b"avif") => "image/avif",
        (_, b"ftyp", b"heic") => "image/heic",
        (_, b"ftyp" | b"styp", _) => "video/mp4",
        (b"RIFF", _, b"WAVE") => "audio/wav",
        (b"RIFF", _, b"AVI ") => "video/avi",
        (b"RIFF", _, b"WEBP") => "image/webp",
        ([0x89, b'P', b'N', b'G'], ..) => "image/png",
        ([0xff, 0xd8, 0xff, _], ..) => "image/jpeg",
        (b"fLaC", ..) => "audio/flac",
        (b"OggS", ..) => "audio/ogg",
        ([b'I', b'D', b'3', _] | [0xff, 0xe2..=0xfb, ..], ..) => "audio/mpeg",
        ([0x1a, 0x45, 0xdf, 0xa3], ..) => "video/x-matroska",
        (_, b"jumb", _) => STORE,
        // Boxes that may stand before the one that says what a file is: of what follows the name may say more.
        (_, b"free" | b"skip" | b"wide" | b"moov" | b"mdat" | b"uuid" | b"pnot", _) => return extension,
        _ if KNOWN_BY_THEIR_HEADS.contains(&extension.as_str()) => "",
        _ => return extension,
    };
    told.into()
}

/// Whether an error says that a manifest is there but broken, rather than that the file is no media or has none.
fn manifest_trouble(e: &c2pa::Error) -> bool {
    use c2pa::Error as E;
    !matches!(e, E::IoError(_) | E::InvalidAsset(_) | E::JumbfNotFound | E::UnsupportedType | E::OtherError(_) | E::NotFound | E::ProvenanceMissing)
}

/// Why a manifest is not read that lies about its own size.
pub(super) const OVERSTATED: &str = "it claims to hold more than it does";

fn unreadable(why: impl fmt::Display, placement: Placement) -> ManifestReport {
    ManifestReport {
        state: ManifestState::Invalid,
        label: None,
        sidecar: placement == Placement::Sidecar,
        title: None,
        claim_generator: None,
        signer: None,
        actions: Vec::new(),
        ingredients: Vec::new(),
        ancestors: Vec::new(),
        soft_bindings: Vec::new(),
        failures: vec![format!("unreadable: {why}")],
    }
}

fn report(reader: &Reader, placement: Placement) -> ManifestReport {
    let state = match reader.validation_state() {
        ValidationState::Trusted => ManifestState::Trusted,
        ValidationState::Valid => ManifestState::Valid,
        _ => ManifestState::Invalid,
    };
    let manifest = reader.active_manifest();
    let failures = failures(reader);
    // In an order that is the same each time.
    let ancestors: BTreeSet<&str> = reader.iter_manifests().filter_map(Manifest::label).filter(|l| Some(*l) != reader.active_label()).collect();
    let trusted = !failures.iter().any(|f| f == UNTRUSTED) && state != ManifestState::Valid;
    ManifestReport {
        state,
        label: reader.active_label().map(str::to_string),
        sidecar: placement == Placement::Sidecar,
        title: manifest.and_then(Manifest::title).map(str::to_string),
        claim_generator: manifest.and_then(generator),
        signer: manifest.and_then(|m| signer(m, trusted)),
        actions: manifest.map(actions).unwrap_or_default(),
        ingredients: manifest.map(|m| m.ingredients().iter().map(|i| i.title().unwrap_or("untitled").to_string()).collect()).unwrap_or_default(),
        ancestors: ancestors.into_iter().map(str::to_string).collect(),
        soft_bindings: manifest.map(soft_bindings).unwrap_or_default(),
        failures,
    }
}

/// What is added to failure codes of ingredients.
const INGREDIENT: &str = " (ingredient)";

/// Failure codes of the manifest itself, then those of its ingredients, which say so.
fn failures(reader: &Reader) -> Vec<String> {
    let Some(results) = reader.validation_results() else { return Vec::new() };
    let sorted = |codes: Vec<String>| codes.into_iter().collect::<BTreeSet<_>>();
    let own = results.active_manifest().map(|m| m.failure().iter().map(|s| s.code().to_string()).collect()).unwrap_or_default();
    let deltas = results.ingredient_deltas().map(Vec::as_slice).unwrap_or_default();
    let theirs = deltas.iter().flat_map(|d| d.validation_deltas().failure()).map(|s| format!("{}{INGREDIENT}", s.code())).collect();
    sorted(own).into_iter().chain(sorted(theirs)).collect()
}

fn generator(m: &Manifest) -> Option<String> {
    let from_info = m.claim_generator_info.as_ref().and_then(|i| i.first()).map(|i| match &i.version {
        Some(v) => format!("{} {v}", i.name),
        None => i.name.clone(),
    });
    from_info.or_else(|| m.claim_generator().map(str::to_string))
}

fn signer(m: &Manifest, trusted: bool) -> Option<Signer> {
    m.signature_info().map(|i| Signer { organisation: i.issuer.clone(), common_name: i.common_name.clone(), time: i.time.clone(), trusted })
}

fn actions(m: &Manifest) -> Vec<Action> {
    let text = |v: &serde_json::Value, key: &str| v.get(key).and_then(serde_json::Value::as_str).map(str::to_string);
    let agent = |v: &serde_json::Value| match v.get("softwareAgent") {
        Some(serde_json::Value::String(s)) => Some(s.clone()),
        Some(o) => text(o, "name").map(|n| text(o, "version").map_or(n.clone(), |v| format!("{n} {v}"))),
        None => None,
    };
    m.assertions()
        .iter()
        .filter(|a| a.label().starts_with("c2pa.actions"))
        .filter_map(|a| a.value().ok()?.get("actions")?.as_array().cloned())
        .flatten()
        .filter_map(|v| Some(Action { action: text(&v, "action")?, digital_source_type: text(&v, "digitalSourceType"), software_agent: agent(&v), when: text(&v, "when") }))
        .collect()
}

fn soft_bindings(m: &Manifest) -> Vec<SoftBinding> {
    m.assertions().iter().filter(|a| a.label().starts_with(soft_binding::LABEL)).filter_map(|a| a.value().ok()).flat_map(soft_binding::parse).collect()
}
