//! Verification: media → manifest and mark → verdict.

use std::path::Path;

use crate::detect::{Detected, detect};
use crate::evidence::Question;
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress};
use crate::picture::DetectOptions;
use crate::provenance::{self, DEFAULT_ALGORITHM, ManifestReport, ProvenanceError, Trust};
use crate::verdict::{self, Judgement};

/// How to verify.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How to look for the mark. With a blind question, a payload that the manifest names is used as the expected one.
    pub detect: DetectOptions,
    /// Whom to trust.
    pub trust: Trust,
    /// Our algorithm's name in soft bindings.
    pub algorithm: String,
    /// What a file may ask of the machine.
    pub limits: Limits,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { detect: DetectOptions::default(), trust: Trust::default(), algorithm: DEFAULT_ALGORITHM.into(), limits: Limits::default() }
    }
}

/// All that is known about a file's origin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// What the manifest says; `None` if there is none.
    pub manifest: Option<ManifestReport>,
    /// What the file is, and what its picture and sound carry; `None` if it has nothing to look at.
    pub detected: Option<Detected>,
    /// What follows from both.
    pub judgement: Judgement,
}

/// Why a file could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Reading media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Reading the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
}

/// Reads the manifest, looks for a mark of any key of `ring`, and compares. Without a ring the manifest is judged alone.
///
/// # Errors
/// [`VerifyError`] if the file cannot be read. A broken manifest is no error but a finding, and so is a picture that cannot be decoded
/// in a file that has a manifest.
pub fn verify(path: &Path, ring: Option<&KeyRing>, options: &VerifyOptions, cancel: &Cancel, progress: &mut dyn FnMut(Progress)) -> Result<Verified, VerifyError> {
    // Media first: what is no media at all is told so, in libav's careful reading, before another parser sees it.
    let opened = crate::media::Reader::open(path, &options.limits).map(drop);
    match opened {
        Ok(()) | Err(MediaError::NoVideo { .. } | MediaError::Decode { .. } | MediaError::NotMedia { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let manifest = provenance::read(path, &options.trust, &options.limits)?;
    let mut how = options.detect.clone();
    if let (Question::Blind, Some(payload)) = (&how.question, manifest.as_ref().and_then(|m| m.payload(&options.algorithm))) {
        how.question = Question::Expected(payload);
    }
    let look = |ring| match opened {
        // Sound alone can be marked too.
        Ok(()) | Err(MediaError::NoVideo { .. }) => detect(path, ring, &how, &options.limits, cancel, progress),
        Err(e) => Err(e),
    };
    let (detected, unseen) = match ring.map(look) {
        Some(Ok(d)) => (Some(d), None),
        None => (None, Some("No watermark key is set up here, so marks were not looked for.")),
        // Without a picture the manifest still speaks for the file.
        Some(Err(MediaError::NoVideo { .. } | MediaError::Decode { .. } | MediaError::NotMedia { .. })) if manifest.is_some() => {
            (None, Some("There is neither picture nor sound that could be looked at, so the mark is unconfirmed."))
        }
        Some(Err(e)) => return Err(e.into()),
    };
    let judgement = verdict::judge(manifest.as_ref(), detected.as_ref(), unseen, &options.algorithm);
    Ok(Verified { manifest, detected, judgement })
}
