//! A file, shown to those who look for marks.

use std::path::Path;

use super::{Audience, Listen, Showing, Shown, Watch};
use crate::fingerprint::{Recorder, Recording, Sketcher};
use crate::media::{
    AudioReader, Cancel, Limits, MediaError, MediaInfo, Progress, Reader, Skip, StillMaker,
};
use crate::video::Pace;

/// What is kept of a picture while it is looked at.
#[derive(Default)]
struct Drawing {
    sketcher: Sketcher,
    stills: StillMaker,
}

/// Seconds of a clip that is listened to before it is looked at. Of shorter ones that is done at
/// the same time, where each has its piece of sound and its frames in memory.
const LONG: f64 = 120.0;

/// Shows a file to those who look for marks.
pub(crate) struct Projector<'a> {
    pub(crate) path: &'a Path,
    /// Frames a second that are shown.
    pub(crate) rate: f64,
    pub(crate) limits: &'a Limits,
    pub(crate) cancel: &'a Cancel,
}

impl Projector<'_> {
    /// Shows what is asked for.
    ///
    /// # Errors
    /// As for [`Detector::detect_with`].
    pub(crate) fn show(
        &self,
        how: Showing,
        audience: &mut Audience<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Shown, MediaError> {
        let Audience { watch, listen } = audience;
        let (path, limits) = (self.path, self.limits);
        let mut drawn = how.sketch.then(Drawing::default);
        let reader = Reader::open(path, limits);
        let long = reader
            .as_ref()
            .ok()
            .and_then(|reader| reader.info().seconds)
            .is_some_and(|seconds| seconds > LONG);
        let see = || {
            let reader = reader?;
            let info = reader.info().clone();
            if let Some(seconds) = how.picture {
                self.look(reader, seconds, (&mut **watch, drawn.as_mut()), progress)?;
            }
            watch.finish();
            Ok(info)
        };
        let mut hear = || {
            if how.sound { play(path, how.sketch, *listen, limits, self.cancel) } else { Ok(None) }
        };
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
        together(picture, sound, drawn)
    }

    /// Shows the picture up to a second, and draws it if there is something to draw on.
    fn look(
        &self,
        mut reader: Reader,
        seconds: f64,
        (watch, mut drawn): (&mut dyn Watch, Option<&mut Drawing>),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), MediaError> {
        let info = reader.info().clone();
        // There may be more frames than will be looked at.
        let many =
            info.picture.as_ref().and_then(|p| p.frame_rate).is_some_and(|r| r > 1.5 * self.rate);
        let usual = if many { Skip::Disposable } else { Skip::Nothing };
        reader.skip(usual);
        let mut pace = Pace::new(self.rate);
        let (mut frames, mut certain) = (0, false);
        while let Some((mut picture, time)) = reader
            .next_frame(|t| pace.wants(t) || drawn.as_ref().is_some_and(|d| d.sketcher.wants(t)))?
        {
            if time > seconds {
                break;
            }
            if let Some(drawn) = &mut drawn {
                picture.with_luma(|luma| drawn.sketcher.push(luma, time));
            }
            if frames == 0 || pace.wants(time) {
                let coding = picture.coding();
                certain = watch.frame(&mut picture, time, coding);
                pace.took(time);
                frames += 1;
            }
            if let Some(drawn) = &mut drawn {
                drawn.stills.push(&mut picture, time);
            }
            if self.cancel.is_cancelled() {
                return Err(MediaError::Cancelled { path: reader.path().into() });
            }
            progress(Progress { frames, seconds: time, total: info.seconds });
            // Some encoders write all frames as leaning on two others: what is left of those shows
            // the mark, and is no picture to compare.
            reader.skip(if certain && drawn.is_none() { Skip::Bidirectional } else { usual });
        }
        if frames == 0 {
            return Err(MediaError::Decode {
                path: reader.path().into(),
                reason: "not one whole frame in it".into(),
            });
        }
        Ok(())
    }
}

/// What picture and sound come to together: one of them is enough.
fn together(
    picture: Result<MediaInfo, MediaError>,
    sound: Result<Option<Played>, MediaError>,
    drawn: Option<Drawing>,
) -> Result<Shown, MediaError> {
    let (sketch, stills) = drawn.map(|d| (d.sketcher.finish(), d.stills.finish())).unzip();
    let stills = stills.flatten();
    match (picture, sound) {
        (Ok(info), Ok(played)) => {
            let sound = played.is_some();
            let recording = played.and_then(|p| p.recording);
            Ok(Shown { info, picture: true, sound, sketch, stills, recording })
        }
        // Sound that cannot be decoded takes nothing from the picture.
        (Ok(info), Err(MediaError::DecodeSound { .. })) => {
            Ok(Shown { info, picture: true, sound: false, sketch, stills, recording: None })
        }
        (Err(MediaError::NoVideo { .. }), Ok(Some(p))) => Ok(Shown {
            info: p.info,
            picture: false,
            sound: true,
            sketch: None,
            stills: None,
            recording: p.recording,
        }),
        (Err(MediaError::NoVideo { .. }), Err(e)) | (Ok(_), Err(e)) | (Err(e), _) => Err(e),
    }
}

/// What was played.
struct Played {
    info: MediaInfo,
    recording: Option<Recording>,
}

/// Plays the sound, and records it if asked to; `None` if there is none, or none that could carry a
/// mark.
fn play(
    path: &Path,
    keep: bool,
    listen: &mut dyn Listen,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Option<Played>, MediaError> {
    let Some(mut reader) = AudioReader::open(path, limits)? else { return Ok(None) };
    let format = reader.info().format();
    if !listen.begin(format) {
        return Ok(None);
    }
    let mut recorder = keep.then(|| Recorder::new(format).ok()).flatten();
    hear(path, &mut reader, cancel, |samples| {
        listen.samples(samples);
        if let Some(recorder) = &mut recorder {
            recorder.push(samples);
        }
        true
    })?;
    listen.finish();
    Ok(Some(Played { info: reader.media(), recording: recorder.map(Recorder::finish) }))
}

/// What the sound of a file is like; `None` if there is none, or none that can be hashed.
pub(crate) fn record(
    path: &Path,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Option<Recording>, MediaError> {
    let Some(mut reader) = AudioReader::open(path, limits)? else { return Ok(None) };
    let format = reader.info().format();
    let Ok(mut recorder) = Recorder::new(format) else { return Ok(None) };
    hear(path, &mut reader, cancel, |samples| {
        recorder.push(samples);
        !recorder.is_full()
    })?;
    Ok(Some(recorder.finish()))
}

/// Hands on the sound of a file, as long as `take` wants more.
fn hear(
    path: &Path,
    reader: &mut AudioReader,
    cancel: &Cancel,
    mut take: impl FnMut(&[f32]) -> bool,
) -> Result<(), MediaError> {
    while reader.next_block()?.is_some_and(&mut take) {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: path.into() });
        }
    }
    Ok(())
}
