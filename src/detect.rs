//! Detection in a file: media → evidence.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fingerprint::{Recorder, Recording, Sketch, Sketcher};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, MediaInfo, Progress, Reader, Skip, SoundReader, StillMaker, Stills};
use crate::payload::Payload;
use crate::picture::{DetectOptions, Detector, PictureEvidence};
use crate::sound::{self, ListenOptions, SoundEvidence};

/// What a file is, and what its picture and its sound carry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detected {
    /// What the file is.
    pub info: MediaInfo,
    /// What was found in the picture; `None` if there is none.
    pub picture: Option<PictureEvidence>,
    /// What was found in the sound; `None` if there is none that can be listened to.
    pub sound: Option<SoundEvidence>,
    /// What the picture looks like, if that was asked for.
    pub sketch: Option<Sketch>,
    /// Small pictures of it, if those were asked for.
    pub stills: Option<Stills>,
    /// What the sound is like, if that was asked for.
    pub recording: Option<Recording>,
}

impl Detected {
    /// Whether a mark was found in picture or sound.
    #[must_use]
    pub fn any(&self) -> bool {
        self.picture.as_ref().is_some_and(|p| p.detected) || self.sound.as_ref().is_some_and(|s| s.detected)
    }

    /// Every payload that was told, once each: those of the picture first, the newest generation first.
    #[must_use]
    pub fn payloads(&self) -> Vec<Payload> {
        let seen = self.picture.iter().flat_map(|p| std::iter::once(p).chain(&p.earlier).chain(&p.others)).filter_map(|p| p.payload);
        let heard = self.sound.iter().flat_map(|s| std::iter::once(s).chain(&s.others)).filter_map(|s| s.payload);
        let mut out = Vec::new();
        for payload in seen.chain(heard) {
            if !out.contains(&payload) {
                out.push(payload);
            }
        }
        out
    }
}

/// Looks for marks of any key of `ring` in the picture and in the sound of a file.
///
/// # Errors
/// [`MediaError`] if the file cannot be read or decoded, passes a limit, or the work was cancelled.
pub fn detect(path: &Path, ring: &KeyRing, options: &DetectOptions, limits: &Limits, cancel: &Cancel, progress: &mut dyn FnMut(Progress)) -> Result<Detected, MediaError> {
    observe(path, ring, options, false, &mut None, limits, cancel, progress)
}

/// What is kept of a picture while it is looked at.
#[derive(Default)]
struct Drawing {
    sketcher: Sketcher,
    stills: StillMaker,
}

/// The picture as it was looked at, which other questions can be asked about.
pub(crate) struct Seen {
    info: MediaInfo,
    detector: Detector,
}

impl Seen {
    /// Looks at the first `seconds` of the picture, for marks of any key of `ring`, and draws it if there is something to draw on.
    fn look(
        mut reader: Reader,
        ring: &KeyRing,
        options: &DetectOptions,
        seconds: f64,
        mut drawn: Option<&mut Drawing>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, MediaError> {
        let info = reader.info().clone();
        // There may be more frames than will be looked at.
        let many = info.picture.as_ref().and_then(|p| p.frame_rate).is_some_and(|r| r > 1.5 * options.rate);
        let usual = if many { Skip::Disposable } else { Skip::Nothing };
        reader.skip(usual);
        let mut detector: Option<Detector> = None;
        while let Some((mut picture, time)) = reader.next_frame(|t| detector.as_ref().is_none_or(|d| d.wants(t)) || drawn.as_ref().is_some_and(|d| d.sketcher.wants(t)))? {
            if time > seconds {
                break;
            }
            let (shape, coding) = (picture.shape(), picture.coding());
            let detector = detector.get_or_insert_with(|| Detector::new(ring, shape, options.clone()));
            picture.with_luma(|luma| {
                if let Some(drawn) = &mut drawn {
                    drawn.sketcher.push(luma, time);
                }
                if detector.frames() == 0 || detector.wants(time) {
                    detector.push_coded(luma, time, coding);
                }
            });
            if let Some(drawn) = &mut drawn {
                drawn.stills.push(&mut picture, time);
            }
            let certain = detector.is_certain();
            if cancel.is_cancelled() {
                return Err(MediaError::Cancelled { path: reader.path().into() });
            }
            progress(Progress { frames: detector.frames() as u64, seconds: time, total: info.seconds });
            // Some encoders write all frames as leaning on two others: what is left of those shows the mark, and is no picture to compare.
            reader.skip(if certain && drawn.is_none() { Skip::Bidirectional } else { usual });
        }
        let detector = detector.ok_or_else(|| MediaError::Decode { path: reader.path().into(), reason: "not one whole frame in it".into() })?;
        Ok(Self { info, detector })
    }

    /// The same frames for another question; `None` if they were taken in for less than it asks for.
    fn again(&self, ring: &KeyRing, options: &DetectOptions) -> Option<Self> {
        let before = self.detector.options();
        let same = before.rate == options.rate && before.search >= options.search;
        same.then(|| Self { info: self.info.clone(), detector: self.detector.again(ring, options.clone()) })
    }
}

/// The picture of a file, before it is looked at or after.
enum Picture {
    Open(Box<Reader>),
    Seen(Box<Seen>),
}

impl Picture {
    fn info(&self) -> &MediaInfo {
        match self {
            Self::Open(reader) => reader.info(),
            Self::Seen(seen) => &seen.info,
        }
    }
}

/// Seconds of a clip that is listened to before it is looked at. Of shorter ones that is done at the same time, where each has its piece of sound and its
/// frames in memory.
const LONG: f64 = 120.0;

/// The same as [`detect`], and with `keep` draws what the picture looks like and records what the sound is like. What was `seen` is not looked at again, unless
/// it is to be drawn.
#[allow(clippy::too_many_arguments, reason = "each is another thing, and all callers are in this crate")]
pub(crate) fn observe(
    path: &Path,
    ring: &KeyRing,
    options: &DetectOptions,
    keep: bool,
    seen: &mut Option<Seen>,
    limits: &Limits,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress),
) -> Result<Detected, MediaError> {
    let mut drawn = keep.then(Drawing::default);
    let before = seen.take().filter(|_| !keep).and_then(|seen| seen.again(ring, options));
    let picture = before.map_or_else(|| Reader::open(path, limits).map(|reader| Picture::Open(reader.into())), |seen| Ok(Picture::Seen(seen.into())));
    let long = picture.as_ref().ok().and_then(|picture| picture.info().seconds).is_some_and(|seconds| seconds > LONG);
    let see = || {
        let looked = match picture? {
            Picture::Open(reader) => Seen::look(*reader, ring, options, f64::INFINITY, drawn.as_mut(), cancel, progress)?,
            Picture::Seen(seen) => *seen,
        };
        let looked = seen.insert(looked);
        Ok((looked.info.clone(), looked.detector.finish()))
    };
    let hear = || listen(path, ring, options, keep, limits, cancel);
    // Each has a reader of its own.
    let (picture, sound) = if long {
        let sound = hear();
        (see(), sound)
    } else {
        std::thread::scope(|scope| {
            let listening = scope.spawn(hear);
            (see(), listening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    };
    let (sketch, stills) = drawn.map(|d| (d.sketcher.finish(), d.stills.finish())).unzip();
    let stills = stills.flatten();
    match (picture, sound) {
        (Ok((info, picture)), Ok(heard)) => {
            let (sound, recording) = heard.map_or((None, None), |h| (Some(h.sound), h.recording));
            Ok(Detected { info, picture: Some(picture), sound, sketch, stills, recording })
        }
        // Sound that cannot be decoded takes nothing from the picture.
        (Ok((info, picture)), Err(MediaError::DecodeSound { .. })) => Ok(Detected { info, picture: Some(picture), sound: None, sketch, stills, recording: None }),
        (Err(MediaError::NoVideo { .. }), Ok(Some(h))) => Ok(Detected { info: h.info, picture: None, sound: Some(h.sound), sketch: None, stills: None, recording: h.recording }),
        (Err(MediaError::NoVideo { .. }), Err(e)) | (Ok(_), Err(e)) | (Err(e), _) => Err(e),
    }
}

/// Seconds of a clip that a glimpse takes in, and that one must last to be worth it.
const GLIMPSE: f64 = 3.0;
const WORTH_IT: f64 = 20.0;

/// What the beginning of a long clip carries in its picture, where that lies as it was stamped or was resized: quick, and no more than a first word. `None` of a short one.
///
/// # Errors
/// As for [`detect`].
pub(crate) fn glimpse(path: &Path, ring: &KeyRing, options: &DetectOptions, limits: &Limits, cancel: &Cancel) -> Result<Option<Detected>, MediaError> {
    let reader = Reader::open(path, limits)?;
    let info = reader.info().clone();
    if info.seconds.is_none_or(|seconds| seconds < WORTH_IT) {
        return Ok(None);
    }
    let options = DetectOptions { search: false, ..options.clone() };
    let picture = Seen::look(reader, ring, &options, GLIMPSE, None, cancel, &mut |_| {})?.detector.finish();
    Ok(Some(Detected { info, picture: Some(picture), sound: None, sketch: None, stills: None, recording: None }))
}

/// Looks for a mark in the first `seconds` of the picture.
///
/// # Errors
/// As for [`detect`].
pub(crate) fn look(path: &Path, ring: &KeyRing, options: &DetectOptions, seconds: f64, limits: &Limits, cancel: &Cancel) -> Result<PictureEvidence, MediaError> {
    Ok(Seen::look(Reader::open(path, limits)?, ring, options, seconds, None, cancel, &mut |_| {})?.detector.finish())
}

/// What was heard.
struct Heard {
    info: MediaInfo,
    sound: SoundEvidence,
    recording: Option<Recording>,
}

/// Looks for a mark in the sound, and records it if asked to; `None` if there is none, or none that could carry one.
fn listen(path: &Path, ring: &KeyRing, options: &DetectOptions, keep: bool, limits: &Limits, cancel: &Cancel) -> Result<Option<Heard>, MediaError> {
    let Some(mut reader) = SoundReader::open(path, limits)? else { return Ok(None) };
    let format = reader.info().format();
    let how = ListenOptions { question: options.question.clone(), search: options.search, again: options.guess.is_some() };
    let Ok(mut detector) = sound::Detector::new(ring, format, how) else { return Ok(None) };
    let mut recorder = keep.then(|| Recorder::new(format).ok()).flatten();
    hear(path, &mut reader, cancel, |samples| {
        detector.push(samples);
        if let Some(recorder) = &mut recorder {
            recorder.push(samples);
        }
        true
    })?;
    Ok(Some(Heard { info: reader.media(), sound: detector.finish(), recording: recorder.map(Recorder::finish) }))
}

/// What the sound of a file is like; `None` if there is none, or none that can be hashed.
pub(crate) fn record(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Option<Recording>, MediaError> {
    let Some(mut reader) = SoundReader::open(path, limits)? else { return Ok(None) };
    let format = reader.info().format();
    let Ok(mut recorder) = Recorder::new(format) else { return Ok(None) };
    hear(path, &mut reader, cancel, |samples| {
        recorder.push(samples);
        !recorder.is_full()
    })?;
    Ok(Some(recorder.finish()))
}

/// Hands on the sound of a file, as long as `take` wants more.
fn hear(path: &Path, reader: &mut SoundReader, cancel: &Cancel, mut take: impl FnMut(&[f32]) -> bool) -> Result<(), MediaError> {
    while reader.next_block()?.is_some_and(&mut take) {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: path.into() });
        }
    }
    Ok(())
}
