//! Detection in a file: media → evidence.

use std::path::Path;

use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, MediaInfo, Progress, Reader, Skip};
use crate::picture::{DetectOptions, Detector, PictureEvidence};

/// What a file is, and what its picture carries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Detected {
    /// What the file is.
    pub info: MediaInfo,
    /// What was found in the picture.
    pub picture: PictureEvidence,
}

/// Looks for a mark of any key of `ring` in the picture of a file.
///
/// # Errors
/// [`MediaError`] if the file cannot be read or decoded, passes a limit, or the work was cancelled.
pub fn detect(path: &Path, ring: &KeyRing, options: &DetectOptions, limits: &Limits, cancel: &Cancel, progress: &mut dyn FnMut(Progress)) -> Result<Detected, MediaError> {
    look(path, ring, options, f64::INFINITY, limits, cancel, progress)
}

/// [`detect`], in the first `seconds` alone.
pub(crate) fn look(
    path: &Path,
    ring: &KeyRing,
    options: &DetectOptions,
    seconds: f64,
    limits: &Limits,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress),
) -> Result<Detected, MediaError> {
    let mut reader = Reader::open(path, limits)?;
    let info = reader.info().clone();
    // There may be more frames than will be looked at.
    let usual = if info.frame_rate.is_some_and(|r| r > 1.5 * options.rate) { Skip::Disposable } else { Skip::Nothing };
    reader.skip(usual);
    let mut detector: Option<Detector> = None;
    while let Some((mut picture, time)) = reader.next_frame(|t| detector.as_ref().is_none_or(|d| d.wants(t)))? {
        if time > seconds {
            break;
        }
        let shape = picture.shape();
        let detector = detector.get_or_insert_with(|| Detector::new(ring, shape, options.clone()));
        picture.with_luma(|luma| detector.push(luma, time));
        let certain = detector.is_certain();
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: path.into() });
        }
        progress(Progress { frames: detector.frames() as u64, seconds: time, total: info.seconds });
        reader.skip(if certain { Skip::Bidirectional } else { usual });
    }
    let detector = detector.ok_or_else(|| MediaError::Decode { path: path.into(), reason: "not one whole frame in it".into() })?;
    Ok(Detected { info, picture: detector.finish() })
}
