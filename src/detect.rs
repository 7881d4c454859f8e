//! Detection in a file: media → evidence.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::audio::{self, AudioEvidence, ListenOptions};
use crate::control::Control;
use crate::fingerprint::{Recorder, Recording, Sketch, Sketcher};
use crate::key::KeyRing;
use crate::media::{
    AudioReader, Cancel, Limits, MediaError, MediaInfo, Progress, Reader, Skip, StillMaker, Stills,
};
use crate::payload::Payload;
use crate::video::{self, Canvas, Coding, DetectOptions, Pace, VideoEvidence};

/// What a file is, and what its picture and its sound carry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detected {
    /// What the file is.
    pub info: MediaInfo,
    /// What was found in the picture; `None` if there is none.
    pub picture: Option<VideoEvidence>,
    /// What was found in the sound; `None` if there is none that can be listened to.
    pub sound: Option<AudioEvidence>,
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
        self.picture.as_ref().is_some_and(|p| p.detected)
            || self.sound.as_ref().is_some_and(|s| s.detected)
    }

    /// Every payload that was told, once each: those of the picture first, the newest generation
    /// first.
    #[must_use]
    pub fn payloads(&self) -> Vec<Payload> {
        let seen = self
            .picture
            .iter()
            .flat_map(|p| std::iter::once(p).chain(&p.earlier).chain(&p.others))
            .filter_map(|p| p.payload);
        let heard = self
            .sound
            .iter()
            .flat_map(|s| std::iter::once(s).chain(&s.others))
            .filter_map(|s| s.payload);
        let mut out = Vec::new();
        for payload in seen.chain(heard) {
            if !out.contains(&payload) {
                out.push(payload);
            }
        }
        out
    }
}

/// Looks for marks in the picture and in the sound of files.
///
/// ```no_run
/// use std::path::Path;
///
/// use proofmark::{Detector, KeyRing, WatermarkKey};
///
/// let ring = KeyRing::from(WatermarkKey::generate(0)?);
/// let detected = Detector::new(ring).detect(Path::new("upload.mp4"))?;
/// println!("{:?}", detected.payloads());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    ring: KeyRing,
    options: DetectOptions,
    limits: Limits,
}

impl Detector {
    /// One that looks for marks of any key of `ring`.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, options: DetectOptions::default(), limits: Limits::default() }
    }

    /// Asks and searches so.
    #[must_use]
    pub fn options(self, options: DetectOptions) -> Self {
        Self { options, ..self }
    }

    /// Lets a file ask so much of the machine.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What the file at `path` carries.
    ///
    /// # Errors
    /// [`MediaError`] if the file cannot be read or decoded, or passes a limit.
    pub fn detect(&self, path: &Path) -> Result<Detected, MediaError> {
        self.detect_with(path, Control::default())
    }

    /// [`detect`](Self::detect), stopped and watched from outside.
    ///
    /// # Errors
    /// As there, and if the work was cancelled.
    pub fn detect_with(
        &self,
        path: &Path,
        mut control: Control<'_>,
    ) -> Result<Detected, MediaError> {
        let mut detectors = Detectors::new(&self.ring, &self.options);
        let (mut watch, mut listen) = detectors.parts();
        let mut audience = Audience { watch: &mut watch, listen: &mut listen };
        let projector = Projector {
            path,
            rate: self.options.rate,
            limits: &self.limits,
            cancel: &control.cancel,
        };
        let shown = projector.show(Showing::ALL, &mut audience, &mut control.progress)?;
        Ok(shown.with(detectors.evidence()))
    }
}

/// Who looks for a mark in frames: the detector of this process, or one in another process, which
/// has the keys that this one is not to know.
pub trait Watch {
    /// Takes in a frame that is shown at `time` seconds. Whether what they carry is certain by now,
    /// so that the rest may be shown more sparsely.
    fn frame(&mut self, frame: &mut dyn Canvas, time: f64, coding: Coding) -> bool;
    /// There are no more.
    fn finish(&mut self);
}

/// Who looks for one in sound.
pub trait Listen: Send {
    /// Whether sound of such a format can carry one. Comes first.
    fn begin(&mut self, format: audio::Format) -> bool;
    /// Takes in interleaved samples.
    fn samples(&mut self, samples: &[f32]);
    /// There are no more.
    fn finish(&mut self);
}

/// Both of them.
pub struct Audience<'a> {
    /// Is shown the picture.
    pub watch: &'a mut dyn Watch,
    /// Is played the sound.
    pub listen: &'a mut dyn Listen,
}

/// What of a file is shown to them, and what is kept of it beside.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Showing {
    /// Whether its picture is shown, and up to which second of it.
    pub picture: Option<f64>,
    /// Whether its sound is.
    pub sound: bool,
    /// Whether it is kept what both are like.
    pub sketch: bool,
}

impl Showing {
    /// Picture and sound.
    pub const ALL: Self = Self { picture: Some(f64::INFINITY), sound: true, sketch: false };
    /// Both, and what they are like.
    pub const SKETCHED: Self = Self { sketch: true, ..Self::ALL };
    /// The picture alone.
    pub const PICTURE: Self = Self { sound: false, ..Self::ALL };

    /// The first seconds of the picture.
    #[must_use]
    pub fn beginning(seconds: f64) -> Self {
        Self { picture: Some(seconds), ..Self::PICTURE }
    }
}

/// What there was to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shown {
    /// What the file is.
    pub info: MediaInfo,
    /// Whether it has a picture.
    pub picture: bool,
    /// Whether it has sound that could be listened to all through.
    pub sound: bool,
    /// What the picture looks like.
    pub sketch: Option<Sketch>,
    /// Small pictures of it.
    pub stills: Option<Stills>,
    /// What the sound is like.
    pub recording: Option<Recording>,
}

impl Shown {
    /// What was shown, and what was found in it.
    pub(crate) fn with(
        self,
        (picture, sound): (Option<VideoEvidence>, Option<AudioEvidence>),
    ) -> Detected {
        let Self { info, picture: seen, sound: heard, sketch, stills, recording } = self;
        Detected {
            info,
            picture: picture.filter(|_| seen),
            sound: sound.filter(|_| heard),
            sketch,
            stills,
            recording,
        }
    }
}

/// The detectors of picture and sound, which are asked one question.
pub(crate) struct Detectors {
    ring: KeyRing,
    options: DetectOptions,
    picture: Option<video::Detector>,
    seen: Option<VideoEvidence>,
    sound: Option<audio::Detector>,
    heard: Option<AudioEvidence>,
}

impl Detectors {
    pub(crate) fn new(ring: &KeyRing, options: &DetectOptions) -> Self {
        Self {
            ring: ring.clone(),
            options: options.clone(),
            picture: None,
            seen: None,
            sound: None,
            heard: None,
        }
    }

    /// For another question: the same frames, unless they were taken in for less than it asks for.
    pub(crate) fn again(&self, ring: &KeyRing, options: &DetectOptions) -> Self {
        let same = |d: &&video::Detector| {
            d.options().rate == options.rate && d.options().search >= options.search
        };
        let picture = self.picture.as_ref().filter(same).map(|d| d.again(ring, options.clone()));
        Self { picture, ..Self::new(ring, options) }
    }

    /// Whether it has frames already.
    pub(crate) fn has_picture(&self) -> bool {
        self.picture.is_some()
    }

    /// That of the picture, and that of the sound.
    pub(crate) fn parts(&mut self) -> (Watching<'_>, Listening<'_>) {
        let Self { ring, options, picture, seen, sound, heard } = self;
        (
            Watching { ring, options, detector: picture, seen },
            Listening { ring, options, detector: sound, heard },
        )
    }

    /// What they found in the picture, and in the sound.
    pub(crate) fn evidence(&mut self) -> (Option<VideoEvidence>, Option<AudioEvidence>) {
        (self.seen.take(), self.heard.take())
    }
}

/// The detector of a picture, from its first frame on.
pub(crate) struct Watching<'a> {
    ring: &'a KeyRing,
    options: &'a DetectOptions,
    detector: &'a mut Option<video::Detector>,
    seen: &'a mut Option<VideoEvidence>,
}

impl Watch for Watching<'_> {
    fn frame(&mut self, frame: &mut dyn Canvas, time: f64, coding: Coding) -> bool {
        let detector = self.detector.get_or_insert_with(|| {
            video::Detector::new(self.ring, frame.plan().shape, self.options.clone())
        });
        frame.look(&mut |luma| detector.push_coded(luma, time, coding));
        detector.is_certain()
    }

    fn finish(&mut self) {
        *self.seen = self.detector.as_mut().map(video::Detector::finish);
    }
}

/// The detector of sound, from its beginning on.
pub(crate) struct Listening<'a> {
    ring: &'a KeyRing,
    options: &'a DetectOptions,
    detector: &'a mut Option<audio::Detector>,
    heard: &'a mut Option<AudioEvidence>,
}

impl Listen for Listening<'_> {
    fn begin(&mut self, format: audio::Format) -> bool {
        let how = ListenOptions {
            question: self.options.question.clone(),
            search: self.options.search,
            again: self.options.guess.is_some(),
        };
        *self.detector = audio::Detector::new(self.ring, format, how).ok();
        self.detector.is_some()
    }

    fn samples(&mut self, samples: &[f32]) {
        if let Some(detector) = self.detector {
            detector.push(samples);
        }
    }

    fn finish(&mut self) {
        *self.heard = self.detector.take().map(audio::Detector::finish);
    }
}

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

/// Seconds of a clip that a glimpse takes in, and that one must last to be worth it.
pub(crate) const GLIMPSE: f64 = 3.0;
pub(crate) const WORTH_IT: f64 = 20.0;

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
