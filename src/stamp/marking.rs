//! What is done to frames and samples on their way from the input to the target.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::StampError;
use crate::audio::{self, AudioError};
use crate::fingerprint::{AudioFingerprint, Recorder, Recording, Sketch, Sketcher};
use crate::key::{KeyRing, WatermarkKey};
use crate::mark::Mark;
use crate::media::{AudioInfo, Progress, Rework};
use crate::message::Message;
use crate::payload::Payload;
use crate::press::{Marks, Press};
use crate::video::{
    Canvas, Capacity, DetectOptions, Detector, Marker, MarkerState, Meter, Strength, VideoEvidence,
};

/// Seconds of the input that are looked at for a mark beneath the new one.
const BEGINNING: f64 = 1.0;

/// What mark of `ring` the input carries already, if the beginning shows it where a clip has it
/// that was re-encoded or resized.
pub(super) fn beginning(
    press: &mut dyn Press,
    ring: &KeyRing,
) -> Result<Option<VideoEvidence>, StampError> {
    let question = DetectOptions { search: false, ..DetectOptions::default() };
    let mut detector: Option<Detector> = None;
    press.beginning(BEGINNING, question.rate, &mut |canvas, time, coding| {
        let detector = detector
            .get_or_insert_with(|| Detector::new(ring, canvas.plan().shape, question.clone()));
        if detector.frames() == 0 || detector.wants(time) {
            canvas.look(&mut |luma| detector.push_coded(luma, time, coding));
        }
    })?;
    Ok(detector.map(|mut d| d.finish()))
}

/// A random payload; one of another sub-pattern than the mark beneath, so that each keeps its sync
/// pattern to itself.
pub(super) fn payload_beside(beneath: Option<Payload>) -> Payload {
    let mut random = std::iter::repeat_with(Payload::random);
    random
        .find(|p| beneath.is_none_or(|b| b.subpattern() != p.subpattern()))
        .unwrap_or_else(Payload::random)
}

/// The one pass over the frames of a clip: each is marked, and what the clip then carries and looks
/// like is measured.
pub(super) struct Pass<'a> {
    marker: ClipMarker<'a>,
    /// The mark beneath, if there is one.
    known: Option<Mark>,
    meter: Option<Meter>,
    sketcher: Sketcher,
}

impl<'a> Pass<'a> {
    pub(super) fn new(marker: ClipMarker<'a>, known: Option<Mark>) -> Self {
        Self { marker, known, meter: None, sketcher: Sketcher::default() }
    }

    pub(super) fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError> {
        self.marker.mark(canvas)?;
        let meter = self.meter.get_or_insert_with(|| {
            Meter::new(self.marker.key, self.marker.mark, self.known, canvas.plan().shape)
        });
        if meter.wants(time) {
            canvas.look(&mut |luma| meter.push(luma, time));
        }
        if self.sketcher.wants(time) {
            canvas.look(&mut |luma| self.sketcher.push(luma, time));
        }
        Ok(())
    }

    /// What the clip carries, what it looks like, and how far its marker has come.
    pub(super) fn finish(self) -> (Capacity, Sketch, Option<MarkerState>) {
        let state = self.marker.marker.as_ref().map(Marker::state);
        let capacity = self.meter.map_or(Capacity::of_score(0.0), Meter::finish);
        (capacity, self.sketcher.finish(), state)
    }
}

/// What is done to a clip on its way from the input to the target.
pub(super) struct ClipMarks<'a, 'b> {
    pub(super) pass: Pass<'a>,
    pub(super) sounds: AudioMarkers<'a>,
    pub(super) progress: &'b mut dyn FnMut(Progress),
}

impl Marks for ClipMarks<'_, '_> {
    fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError> {
        self.pass.frame(canvas, time)
    }

    fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>> {
        self.sounds.track(info)
    }

    fn progress(&mut self, progress: Progress) {
        (self.progress)(progress);
    }
}

/// Marks the frames of one clip.
pub(crate) struct ClipMarker<'a> {
    clip: &'a Path,
    key: &'a WatermarkKey,
    mark: Mark,
    strength: Strength,
    /// Where the marker of the piece before stopped.
    continues: Option<&'a MarkerState>,
    marker: Option<Marker>,
}

impl<'a> ClipMarker<'a> {
    pub(crate) fn new(
        clip: &'a Path,
        key: &'a WatermarkKey,
        mark: Mark,
        strength: Strength,
    ) -> Self {
        Self { clip, key, mark, strength, continues: None, marker: None }
    }

    /// One that goes on where the marker of the piece before stopped.
    pub(super) fn continuing(self, continues: Option<&'a MarkerState>) -> Self {
        Self { continues, ..self }
    }

    /// Marks the next frame.
    pub(crate) fn mark(&mut self, canvas: &mut dyn Canvas) -> Result<(), StampError> {
        let shape = canvas.plan().shape;
        // A clip whose size changes midway is marked for each size.
        let marker = match &mut self.marker {
            Some(marker) if marker.shape() == shape => marker,
            other => {
                let unfit = |reason| StampError::Picture { path: self.clip.into(), reason };
                let made = Marker::new(self.key, self.mark, shape, self.strength).map_err(unfit)?;
                other.insert(match self.continues.take() {
                    Some(state) => made.resume(state).map_err(unfit)?,
                    None => made,
                })
            }
        };
        canvas.mark(marker);
        Ok(())
    }
}

/// What a track sounds like that was marked, by the number of the track.
type Recordings = Rc<RefCell<BTreeMap<usize, Recording>>>;

/// What tracks carry, or why one could not be marked, by the number of the track.
type Capacities = Rc<RefCell<BTreeMap<usize, Result<audio::Capacity, AudioError>>>>;

/// Marks each sound track of a clip.
pub(super) struct AudioMarkers<'a> {
    key: &'a WatermarkKey,
    payload: Payload,
    /// Whether sound is marked.
    marks: bool,
    tracks: usize,
    capacities: Capacities,
    /// Where what goes by is recorded, if nobody can listen to it in the end.
    recordings: Option<Recordings>,
}

impl<'a> AudioMarkers<'a> {
    pub(super) fn new(key: &'a WatermarkKey, payload: Payload, marks: bool) -> Self {
        Self { key, payload, marks, tracks: 0, capacities: Rc::default(), recordings: None }
    }

    /// Has what goes by recorded, for [`heard`](Self::heard).
    pub(super) fn recorded(self) -> Self {
        Self { recordings: Some(Rc::default()), ..self }
    }

    /// What the sound that went by is like, as it is told of a finished file: of one track.
    pub(super) fn heard(&self) -> Option<AudioFingerprint> {
        let recordings = self.recordings.as_ref().filter(|_| self.tracks == 1)?.borrow();
        recordings.get(&0).map(Recording::fingerprint).filter(|f| !f.is_empty())
    }

    /// A marker for the next track; `None` if sound is not marked, or if it cannot carry a mark,
    /// which is kept.
    pub(super) fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>> {
        if !self.marks {
            return None;
        }
        let (format, track) = (info.format(), self.tracks);
        self.tracks += 1;
        let marker = audio::Marker::new(self.key, self.payload, format);
        let made = marker
            .and_then(|marker| Ok((marker, audio::Meter::new(self.key, self.payload, format)?)));
        match made {
            Ok(parts) => Some(Box::new(AudioMarker {
                parts: Some(parts),
                track,
                capacities: self.capacities.clone(),
                recorder: self
                    .recordings
                    .clone()
                    .and_then(|all| Some((Recorder::new(format).ok()?, all))),
            })),
            Err(reason) => {
                self.capacities.borrow_mut().insert(track, Err(reason));
                None
            }
        }
    }

    /// What came of each track, in their order.
    pub(super) fn finish(self) -> Vec<Result<audio::Capacity, AudioError>> {
        self.capacities.take().into_values().collect()
    }
}

/// Marks one sound track, and measures what it then carries.
struct AudioMarker {
    parts: Option<(audio::Marker, audio::Meter)>,
    track: usize,
    capacities: Capacities,
    recorder: Option<(Recorder, Recordings)>,
}

impl AudioMarker {
    fn record(&mut self, samples: &[f32]) {
        if let Some((recorder, _)) = self.recorder.as_mut().filter(|(r, _)| !r.is_full()) {
            recorder.push(samples);
        }
    }
}

impl Rework for AudioMarker {
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let before = out.len();
        if let Some((marker, meter)) = &mut self.parts {
            let done = marker.push(samples);
            meter.push(done);
            out.extend_from_slice(done);
        }
        self.record(&out[before..]);
    }

    fn finish(&mut self, out: &mut Vec<f32>) {
        if let Some((marker, mut meter)) = self.parts.take() {
            let done = marker.finish();
            meter.push(&done);
            out.extend_from_slice(&done);
            self.capacities.borrow_mut().insert(self.track, Ok(meter.finish()));
            self.record(&done);
            if let Some((recorder, all)) = self.recorder.take() {
                all.borrow_mut().insert(self.track, recorder.finish());
            }
        }
    }
}
