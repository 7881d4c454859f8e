//! The video mark: frames in, marked frames or evidence out. No input or output happens here.
//!
//! A keyed spread-spectrum tile ([`carrier`]) is repeated over the frame and added to luma, scaled
//! by a [`mask`] of what the picture hides, in [`embed`]. It is static over the clip. The detector
//! ([`detect`]) adds up the [`residual`]s of the frames, also weighted by what was spent on each
//! ([`bitrate`]) and by what was new in it ([`innovation`]), and weighs ([`reliability`]) what that
//! gave; reads the lattice from a [`spectrum`] with its noise; looks for the [`sync`] pattern, at
//! the expected geometry first, then wherever the blind [`lattice`] [`search`] proposes, under
//! [`perspective`] too; rectifies the picture ([`warp`], [`refine`]); decodes the payload
//! ([`decode`]), and tells when ([`timeline`], [`track`]) and where ([`area`]) it is.

mod area;
mod bitrate;
mod carrier;
mod cells;
mod decimate;
mod decode;
mod detect;
mod distortion;
mod embed;
mod evidence;
mod grid;
mod hypothesis;
mod image;
mod innovation;
mod inquiry;
mod kernels;
mod lattice;
mod mask;
mod meter;
#[cfg(test)]
mod noise;
mod options;
mod packed;
mod parts;
mod perspective;
mod readings;
mod refine;
mod reliability;
mod residual;
mod search;
mod spectrum;
mod strength;
mod sync;
mod tile;
mod timeline;
mod track;
mod warp;
mod windows;

pub use detect::Detector;
pub use distortion::Distortion;
pub use embed::{Marker, MarkerState};
pub use evidence::{AreaMap, Capacity, Geometry, Outlook, Parts, VideoEvidence};
pub use meter::Meter;
pub use options::{DetectOptions, Pace};
pub use packed::{Layout, Sample};
pub use proofmark_core::video::{
    Canvas, Coding, FrameMarker, FramePlan, FrameShape, Luma, Placement, Planes, SampleFormat,
    Samples, SamplesMut,
};
pub use strength::Strength;

/// Why a picture cannot be marked or searched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VideoError {
    /// The frame is too small or too large.
    #[error(
        "a frame of {width}x{height} cannot carry the mark: each side needs 128 to 16384 pixels; \
        scale the clip first"
    )]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A state from which a marker cannot go on.
    #[error(
        "the state is not one of frames of {width}x{height}, or was damaged; begin the clip anew, \
        or give the state of the piece before"
    )]
    State {
        /// Width of the frames to be marked, in pixels.
        width: usize,
        /// Their height.
        height: usize,
    },
    /// The strength is neither a level nor a factor in range.
    #[error(
        "strength '{given}' is neither subtle, standard, strong, heavy nor a factor from 0.25 to \
        4; standard, which is 1, is the default"
    )]
    Strength {
        /// What was given, as text.
        given: String,
    },
}
