//! What is asked of the frames of a clip.

use proofmark_core::{Payload, video::FrameShape};

use super::carrier::Carrier;
use super::decimate::decimation;
use super::options::DetectOptions;
use crate::key::KeyRing;
use crate::message::Message;

/// Lines of the image that residuals are summed at: enough for marks of the expected size or
/// larger.
pub(super) const COARSE_LINES: usize = 256;

/// What a search has to know beside the sums of the frames.
pub(super) struct Inquiry {
    /// One for each key of the ring.
    pub(super) carriers: Vec<Carrier>,
    /// What is asked about, sorted by sub-pattern, each once.
    pub(super) candidates: Vec<Payload>,
    pub(super) options: DetectOptions,
    pub(super) shape: FrameShape,
    /// Pixels of the frame, across and down, per pixel of the coarse sums.
    pub(super) coarse_factor: usize,
}

impl Inquiry {
    pub(super) fn new(ring: &KeyRing, shape: FrameShape, options: DetectOptions) -> Self {
        Self {
            carriers: ring.keys().iter().map(Carrier::new).collect(),
            candidates: sorted(options.question.candidates()),
            shape,
            coarse_factor: decimation(shape.width.min(shape.height), COARSE_LINES),
            options,
        }
    }
}

fn sorted(candidates: &[Payload]) -> Vec<Payload> {
    let mut list = candidates.to_vec();
    list.sort_unstable_by_key(|&p| (p.subpattern(), p));
    list.dedup();
    list
}
