//! Detection in a file: media → evidence.

#[cfg(feature = "media")]
mod file;
#[cfg(feature = "media")]
mod show;

use serde::{Deserialize, Serialize};

use crate::audio::{self, AudioEvidence, ListenOptions};
use crate::fingerprint::{Recording, Sketch};
use crate::key::KeyRing;
use crate::media::{MediaInfo, Stills};
use crate::payload::Payload;
use crate::video::{self, Canvas, Coding, DetectOptions, VideoEvidence};

#[cfg(feature = "media")]
pub use file::Detector;
#[cfg(feature = "media")]
pub(crate) use show::{Projector, record};

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
    /// Of a file of which nothing was shown yet.
    #[must_use]
    pub fn nothing_of(info: MediaInfo) -> Self {
        Self { info, picture: false, sound: false, sketch: None, stills: None, recording: None }
    }

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
            again: self.options.again,
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

/// Seconds of a clip that a glimpse takes in, and that one must last to be worth it.
pub(crate) const GLIMPSE: f64 = 3.0;
pub(crate) const WORTH_IT: f64 = 20.0;
