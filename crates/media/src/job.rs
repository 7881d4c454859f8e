//! A piece of work on a file: what is to be done, how far it is, how to stop it, and what was done.

use std::path::Path;

use super::audio::{AudioInfo, Rework};
use super::codec::EncodeOptions;
use super::{Cancel, Container, Limits, MediaInfo, Progress};

/// What was done.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the input is.
    pub info: MediaInfo,
    /// Frames written.
    pub frames: u64,
    /// Seconds from the first frame to the last, or of sound where there is no picture.
    pub seconds: f64,
    /// Name of the picture's codec that was written; `None` where there is no picture.
    pub codec: Option<&'static str>,
    /// Sound tracks that were reworked.
    pub tracks: usize,
    /// A line for each thing that could not be kept.
    pub left_out: Vec<String>,
}

/// What to do and whom to tell, for [`transcode`](crate::transcode()).
pub struct Job<'a> {
    /// The name of the target in messages: the file that is written has a temporary one.
    pub target: &'a Path,
    /// How to encode.
    pub options: &'a EncodeOptions,
    /// Seconds of picture to take, from its start; all by default.
    pub seconds: Option<f64>,
    /// What the input may ask of the machine.
    pub limits: &'a Limits,
    /// Asked for each sound track what is to be done to its samples; a track for which it has
    /// nothing is copied.
    pub rework: &'a mut dyn FnMut(&AudioInfo) -> Option<Box<dyn Rework>>,
    /// Stops the work from outside.
    pub cancel: &'a Cancel,
    /// Told after each frame.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// What file is written, and how.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    /// Its name in messages.
    pub(super) path: &'a Path,
    pub(super) container: Container,
    pub(super) options: &'a EncodeOptions,
}
