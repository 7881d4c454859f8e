//! Detection in a file: media → evidence.

use std::path::Path;

use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, MediaInfo, Progress, Reader};
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
    let mut reader = Reader::open(path, limits)?;
    let info = reader.info().clone();
    if info.frame_rate.is_some_and(|r| r > 1.5 * options.rate) {
        // More frames than will be looked at: those that nothing refers to need not even be decoded.
        reader.skip_disposable_frames();
    }
    let mut detector: Option<Detector> = None;
    while let Some((mut picture, time)) = reader.next_frame(|t| detector.as_ref().is_none_or(|d| d.wants(t)))? {
        let shape = picture.shape();
        let detector = detector.get_or_insert_with(|| Detector::new(ring, shape, options.clone()));
        picture.with_luma(|luma| detector.push(luma, time));
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: path.into() });
        }
        progress(Progress { frames: detector.frames() as u64, seconds: time, total: info.seconds });
    }
    let detector = detector.ok_or_else(|| MediaError::Decode { path: path.into(), reason: "not one whole frame in it".into() })?;
    Ok(Detected { info, picture: detector.finish() })
}
