//! Reading a manifest, and judging it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use c2pa::{Context, Manifest, Reader, jumbf_io};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::placement::STORE;
use super::report::{
    INGREDIENT, ManifestReport, ManifestState, UNTRUSTED, report, unattested, unreadable,
};
use super::signer::Unattested;
use super::validity::digest;
use super::{Placement, ProvenanceError, actor, claims, coverage, open, pdf, size, tiff, validity};
use proofmark_core::Limits;

/// Whom to trust: PEM certificates of authorities, for signers and for times.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trust {
    /// Who may say who a signer is.
    signers: String,
    /// Who may say when something was signed.
    clocks: String,
    /// SHA-256 of each list.
    lists: Vec<String>,
}

impl Trust {
    /// Adds authorities for signers from the text of a PEM file.
    ///
    /// # Errors
    /// [`ProvenanceError::Trust`] if it holds no certificate, or a damaged one.
    pub fn add(&mut self, pem: &str) -> Result<(), ProvenanceError> {
        self.list(pem)?;
        self.signers += pem;
        self.signers.push('\n');
        Ok(())
    }

    /// Adds time-stamp authorities from the text of a PEM file. A time that nobody of theirs
    /// attests counts for nothing.
    ///
    /// # Errors
    /// As of [`Self::add`].
    pub fn add_time_stamp_authorities(&mut self, pem: &str) -> Result<(), ProvenanceError> {
        self.list(pem)?;
        self.clocks += pem;
        self.clocks.push('\n');
        Ok(())
    }

    /// Notes a list that can be taken.
    fn list(&mut self, pem: &str) -> Result<(), ProvenanceError> {
        let wrong = |reason: &str| ProvenanceError::Trust { reason: reason.into() };
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("there is no certificate in it"));
        }
        // Whoever skips over a damaged one trusts less than was asked for, and does not say so.
        let whole =
            |c: Result<CertificateDer<'_>, _>| c.is_ok_and(|der| der.len() > 100 && der[0] == 0x30);
        if !CertificateDer::pem_slice_iter(pem.as_bytes()).all(whole) {
            return Err(wrong("a certificate in it is damaged"));
        }
        self.lists.push(digest(pem.as_bytes()));
        Ok(())
    }

    /// SHA-256 of each list that was added, in hexadecimal digits.
    #[must_use]
    pub fn lists(&self) -> &[String] {
        &self.lists
    }
}

/// SHA-256 of the certificates that may sign for a deployment:
/// [`Signer::certificate`](super::Signer::certificate) of a manifest that one of them signed is
/// among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSigners(BTreeSet<String>);

impl OwnSigners {
    /// Adds the signer of a certificate chain in PEM: its first certificate.
    ///
    /// # Errors
    /// [`ProvenanceError::Trust`] if there is none.
    pub fn add(&mut self, pem: &str) -> Result<(), ProvenanceError> {
        let certificate = validity::leaf(pem).ok_or_else(|| ProvenanceError::Trust {
            reason: "there is no certificate in it".into(),
        })?;
        self.0.insert(certificate);
        Ok(())
    }

    /// Their certificates, as [`Signer::certificate`](super::Signer::certificate) has them.
    #[must_use]
    pub fn certificates(&self) -> &BTreeSet<String> {
        &self.0
    }
}

/// Reads and validates the manifest of a file, or of the sidecar beside it. `None` if it has
/// neither. Nothing is fetched.
///
/// # Errors
/// [`ProvenanceError`] if the file cannot be opened or is a manifest itself, a manifest is too
/// large or the trust list is no good. A manifest that is too damaged to read is no error: its
/// report is [`ManifestState::Invalid`].
pub fn read(
    path: &Path,
    trust: &Trust,
    limits: &Limits,
) -> Result<Option<ManifestReport>, ProvenanceError> {
    let mut file = open(path)?;
    let format = format_of(path, &mut file);
    if format == STORE {
        return Err(ProvenanceError::Alone { path: path.into() });
    }
    size::check(path, size::announced(&mut file).unwrap_or(0), limits)?;
    if tiff::is_endless(&mut file) {
        return Ok(None);
    }
    if format == PDF {
        return within_pdf(path, &mut file, trust, limits);
    }
    let store = jumbf_io::load_jumbf_from_stream(&format, &mut file).ok();
    if store.as_ref().is_some_and(|store| claims::overstated(store, limits.manifest_bytes)) {
        return Ok(Some(unreadable(OVERSTATED, Placement::Embedded)));
    }
    let _ = file.rewind();
    match Reader::from_context(context(trust, limits)?).with_stream(&format, &mut file) {
        Ok(reader) => {
            let report = told(&reader, store.as_deref(), Placement::Embedded, trust, limits)?;
            let open_bytes =
                store.as_deref().and_then(|s| coverage::open_bytes(&reader, &format, s));
            return Ok(Some(ManifestReport { open_bytes, ..report }));
        }
        // What is only referred to is not fetched; somebody may have, and laid it beside the file.
        Err(c2pa::Error::RemoteManifestUrl(_) | c2pa::Error::RemoteManifestFetch(_)) => {}
        Err(e) => match size::store(&mut file) {
            // The file's own structure is broken, by bytes behind its last box for one: a manifest
            // in it is still there, and no longer fits.
            Some(store) => return torn(&store, e, trust, limits).map(Some),
            None if manifest_trouble(&e) => return Ok(Some(unreadable(e, Placement::Embedded))),
            None => {}
        },
    }
    let Some(data) = sidecar(path, limits)? else { return Ok(None) };
    let (reader, report) = beside(path, &format, &data, (trust, limits))?;
    let other = reader.is_some_and(|reader| is_of_another_kind(&reader, &report, &format));
    Ok(Some(report).filter(|_| !other))
}

/// Reads and validates a manifest store that was fetched for a file, from the address that it
/// names.
///
/// # Errors
/// As for [`read`].
pub fn read_fetched(
    path: &Path,
    (address, store): (&str, &[u8]),
    trust: &Trust,
    limits: &Limits,
) -> Result<ManifestReport, ProvenanceError> {
    size::check(path, store.len() as u64, limits)?;
    let format = format_of(path, &mut open(path)?);
    let (_, report) = beside(path, &format, store, (trust, limits))?;
    Ok(ManifestReport { sidecar: false, fetched: Some(address.into()), ..report })
}

/// What a manifest store says that is not in its file, of such a media type, and its reader, if it
/// can be read.
fn beside(
    path: &Path,
    format: &str,
    store: &[u8],
    (trust, limits): (&Trust, &Limits),
) -> Result<(Option<Reader>, ManifestReport), ProvenanceError> {
    if claims::overstated(store, limits.manifest_bytes) {
        return Ok((None, unreadable(OVERSTATED, Placement::Sidecar)));
    }
    let mut file = open(path)?;
    let context = context(trust, limits)?;
    match Reader::from_context(context).with_manifest_data_and_stream(store, format, &mut file) {
        Ok(reader) => {
            let report = told(&reader, Some(store), Placement::Sidecar, trust, limits)?;
            Ok((Some(reader), report))
        }
        Err(e) => Ok((None, unreadable(e, Placement::Sidecar))),
    }
}

/// What the manifest in a document says, which the `c2pa` crate would read with a library of its
/// own.
fn within_pdf(
    path: &Path,
    file: &mut File,
    trust: &Trust,
    limits: &Limits,
) -> Result<Option<ManifestReport>, ProvenanceError> {
    let store = pdf::store(file, limits.manifest_bytes)
        .map_err(|reason| ProvenanceError::Open { path: path.into(), reason })?;
    let Some(store) = store else { return Ok(None) };
    if claims::overstated(&store, limits.manifest_bytes) {
        return Ok(Some(unreadable(OVERSTATED, Placement::Embedded)));
    }
    let reader = Reader::from_context(context(trust, limits)?)
        .with_manifest_data_and_stream(&store, PDF, file);
    match reader {
        Ok(reader) => told(&reader, Some(&store), Placement::Embedded, trust, limits).map(Some),
        Err(e) => Ok(Some(unreadable(e, Placement::Embedded))),
    }
}

/// What an embedded manifest says whose file is too broken for `why` to be checked against it: its
/// hard binding fails.
fn torn(
    store: &[u8],
    why: c2pa::Error,
    trust: &Trust,
    limits: &Limits,
) -> Result<ManifestReport, ProvenanceError> {
    if claims::overstated(store, limits.manifest_bytes) {
        return Ok(unreadable(OVERSTATED, Placement::Embedded));
    }
    let Ok(reader) =
        Reader::from_context(context(trust, limits)?).with_stream(STORE, Cursor::new(store))
    else {
        return Ok(unreadable(why, Placement::Embedded));
    };
    let mut report = told(&reader, Some(store), Placement::Embedded, trust, limits)?;
    report.state = ManifestState::Invalid;
    report.content_holds = Some(false);
    report.failures.push(format!("unreadable: {why}"));
    Ok(report)
}

/// Whether a sidecar that does not match the file beside it was made for another one of the same
/// name: `clip.mkv` and its `clip.c2pa` say nothing about a `clip.mp4`.
fn is_of_another_kind(reader: &Reader, report: &ManifestReport, format: &str) -> bool {
    let family = |kind: &str| {
        if kind == "video/webm" { "video/x-matroska".into() } else { kind.to_string() }
    };
    let kind = |m: &Manifest| {
        m.assertions()
            .iter()
            .find(|a| a.label() == FILE)
            .and_then(|a| Some(a.value().ok()?.get("format")?.as_str()?.to_string()))
    };
    let made_for = reader.active_manifest().and_then(kind);
    report.content_changed()
        && format.contains('/')
        && made_for.is_some_and(|kind| family(&kind) != family(format))
}

/// Reads and validates a manifest store that is not with its file. Its hard binding, which ties it
/// to the exact bytes, cannot hold then and is left out of account; everything else must. One that
/// is too damaged to read is [`ManifestState::Invalid`].
///
/// # Errors
/// [`ProvenanceError::Trust`] if the trust list is no good.
pub fn read_store(
    store: &[u8],
    trust: &Trust,
    limits: &Limits,
) -> Result<ManifestReport, ProvenanceError> {
    if claims::overstated(store, limits.manifest_bytes) {
        return Ok(unreadable(OVERSTATED, Placement::Sidecar));
    }
    let reader = match Reader::from_context(context(trust, limits)?)
        .with_stream(STORE, Cursor::new(store))
    {
        Ok(reader) => reader,
        Err(e) => return Ok(unreadable(e, Placement::Sidecar)),
    };
    let mut report = told(&reader, Some(store), Placement::Sidecar, trust, limits)?;
    let before = report.failures.len();
    report.failures.retain(|f| !HARD_BINDING.contains(&f.as_str()));
    report.content_holds = None;
    if report.failures.len() < before
        && report.failures.iter().all(|f| f.trim_end_matches(INGREDIENT) == UNTRUSTED)
    {
        let untrusted = report.failures.iter().any(|f| f == UNTRUSTED);
        report.state = if untrusted { ManifestState::Valid } else { ManifestState::Trusted };
    }
    Ok(report)
}

/// The C2PA's codes for content that is not as signed.
const HARD_BINDING: [&str; 4] = [
    "assertion.bmffHash.mismatch",
    "assertion.boxesHash.mismatch",
    "assertion.collectionHash.mismatch",
    "assertion.dataHash.mismatch",
];

/// The media type of documents.
const PDF: &str = "application/pdf";

/// Our assertion in a sidecar that says what kind of file it is for, its media type as `format`.
pub(super) const FILE: &str = "org.proofmark.file";

/// What a reader has found, that of `store`. Authorities for times are none for signers, which the
/// reader does not tell apart: where there is a time, the store, which is small, is read again with
/// those alone.
fn told(
    reader: &Reader,
    store: Option<&[u8]>,
    placement: Placement,
    trust: &Trust,
    limits: &Limits,
) -> Result<ManifestReport, ProvenanceError> {
    let mut report = ManifestReport { store: store.map(digest), ..report(reader, placement) };
    if let Some(store) = store.filter(|_| reader.active_manifest().is_some_and(actor::any)) {
        report.actors = actor::actors(store, &trust.signers, limits)?;
    }
    if report.signer.as_ref().is_some_and(|s| s.time.is_some()) {
        let again = match store.filter(|_| !trust.clocks.is_empty()) {
            Some(store) => Reader::from_context(under(&trust.clocks, true, limits)?)
                .with_stream(STORE, Cursor::new(store))
                .ok(),
            None => None,
        };
        report.hold_time(again.map_or(Some(Unattested::Unlisted), |again| unattested(&again)));
    }
    Ok(report)
}

/// How manifests are read: nothing is fetched.
pub(super) fn context(trust: &Trust, limits: &Limits) -> Result<Context, ProvenanceError> {
    under(&trust.signers, false, limits)
}

/// How manifests are read under a list of authorities, which attested times are held to if that is
/// asked for.
fn under(authorities: &str, clocks: bool, limits: &Limits) -> Result<Context, ProvenanceError> {
    let mut settings = json!({
        "verify": {
            "remote_manifest_fetch": false, "ocsp_fetch": false, "verify_trust": true,
            "verify_timestamp_trust": clocks,
        },
        // Identity assertions of other schemes are not reported, and their failures must not pass
        // for the signer's.
        "core": {
            "decode_identity_assertions": false,
            "max_decompressed_manifest_size_in_mb": limits.manifest_bytes >> 20,
        },
    });
    if !authorities.is_empty() {
        settings["trust"] = json!({"user_anchors": authorities});
    }
    Context::new()
        .with_settings(settings.to_string().as_str())
        .map_err(|e| ProvenanceError::Trust { reason: e.to_string() })
}

/// Where the sidecar of a file is looked for: the same name with the extension `.c2pa`.
#[must_use]
pub fn sidecar_path(path: &Path) -> PathBuf {
    path.with_extension("c2pa")
}

pub(super) fn sidecar(path: &Path, limits: &Limits) -> Result<Option<Vec<u8>>, ProvenanceError> {
    let beside = sidecar_path(path);
    let Ok(meta) = std::fs::metadata(&beside) else { return Ok(None) };
    if !meta.is_file() {
        return Ok(None);
    }
    size::check(&beside, meta.len(), limits)?;
    std::fs::read(&beside)
        .map(Some)
        .map_err(|reason| ProvenanceError::Open { path: beside, reason })
}

/// Extensions of files that begin in a way of their own: what does not begin so is none of them,
/// whatever its name.
const KNOWN_BY_THEIR_HEADS: [&str; 17] = [
    "mp4", "m4v", "mov", "m4a", "avif", "heic", "wav", "avi", "webp", "png", "jpg", "jpeg", "flac",
    "ogg", "opus", "mkv", "webm",
];

/// The media type, from the first bytes where they tell, else from the name: uploads are named as
/// they please. Empty where both say nothing.
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
    let extension =
        path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
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
        (b"%PDF", ..) => PDF,
        (b"GIF8", ..) => "image/gif",
        (b"II*\0" | b"MM\0*", ..) => "image/tiff",
        (_, b"JXL ", _) => "image/jxl",
        // Boxes that may stand before the one that says what a file is: of what follows the name
        // may say more.
        (_, b"free" | b"skip" | b"wide" | b"moov" | b"mdat" | b"uuid" | b"pnot", _) => {
            return extension;
        }
        _ if KNOWN_BY_THEIR_HEADS.contains(&extension.as_str()) => "",
        _ => return extension,
    };
    told.into()
}

/// Whether an error says that a manifest is there but broken, rather than that the file is no media
/// or has none.
fn manifest_trouble(e: &c2pa::Error) -> bool {
    use c2pa::Error as E;
    !matches!(
        e,
        E::IoError(_)
            | E::InvalidAsset(_)
            | E::JumbfNotFound
            | E::UnsupportedType
            | E::OtherError(_)
            | E::NotFound
            | E::ProvenanceMissing
    )
}

/// Why a manifest is not read that lies about its own size.
pub(super) const OVERSTATED: &str = "it claims to hold more than it does";
