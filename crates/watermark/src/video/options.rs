//! How a detector is asked to search, and which frames it looks at.

use proofmark_core::video::Placement;

use crate::evidence::Question;

/// How to search.
#[derive(Clone, Debug)]
pub struct DetectOptions {
    /// What is asked.
    pub question: Question,
    /// Frames per second that are looked at; frames in between say little new.
    pub rate: f64,
    /// Whether to search other geometries when the mark is not found where a re-encoded clip has
    /// it.
    pub search: bool,
    /// How the marked picture lies in the frame, where something else than the mark says so: looked
    /// at before the search, closely for an expected payload.
    pub placement: Option<Placement>,
    /// Whether these frames were asked before, which p-values count.
    pub again: bool,
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self { question: Question::Blind, rate: 15.0, search: true, placement: None, again: false }
    }
}

/// Which frames are looked at: so many a second.
#[derive(Clone, Debug)]
pub struct Pace {
    rate: f64,
    next: f64,
}

impl Pace {
    /// So many frames a second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { rate, next: f64::NEG_INFINITY }
    }

    /// Whether the frame at `time` seconds is one of them.
    pub fn wants(&self, time: f64) -> bool {
        // A backward jump starts a new count, so that odd time stamps cannot starve the detector.
        time >= self.next || time < self.next - 2.0 / self.rate
    }

    /// The frame at `time` seconds was looked at.
    pub fn took(&mut self, time: f64) {
        self.next = time + 1.0 / self.rate - 1e-3;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(DetectOptions::default().rate)
    }
}
