//! The picture mark: frames in, marked frames or evidence out. No input or output happens here.
//!
//! A keyed spread-spectrum tile ([`carrier`]) is repeated over the frame and added to luma, scaled by a [`mask`] of what the
//! picture hides, in [`embed`]. It is static over the clip. The detector ([`detect`]) adds up the [`residual`]s of the frames and weighs ([`equalise`]) what that gave; reads
//! the lattice from a [`spectrum`] with its noise; looks for the [`sync`] pattern, at the expected geometry first, then wherever the
//! blind [`lattice`] search proposes; straightens the picture ([`warp`], [`align`]); decodes the payload ([`decode`]), and
//! tells when ([`timeline`]) and where ([`area`]) it is.

mod align;
mod area;
mod bend;
mod carrier;
mod decode;
mod detect;
mod distortion;
mod embed;
mod equalise;
mod evidence;
mod grid;
mod kernels;
mod lattice;
mod mask;
mod plane;
mod residual;
mod search;
mod spectrum;
mod sync;
mod timeline;
mod warp;
mod windows;

pub use detect::{DetectOptions, Detector, Question};
pub use distortion::Distortion;
pub use embed::{FrameShape, Marker};
pub use evidence::{AreaMap, Capacity, Geometry, IDENTITY, Method, Outlook, PRESENCE, PictureEvidence, Span, SpanState, TimeRange};
pub use plane::{Luma, SampleFormat, Samples, SamplesMut};

/// Why a picture cannot be marked or searched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureError {
    /// The frame is too small or too large.
    #[error("a frame of {width}x{height} cannot carry the mark: each side needs 128 to 16384 pixels; scale the clip first")]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The strength is outside 0.25 to 4.
    #[error("strength {given} is outside 0.25 to 4; 1 is the default")]
    Strength {
        /// What was given, as text.
        given: String,
    },
}

/// How strong the mark is, as a factor on the default amplitude: 0.25 to 4. Evidence grows with its square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength(f32);

impl Strength {
    /// A strength from a factor.
    ///
    /// # Errors
    /// [`PictureError::Strength`] outside 0.25 to 4.
    pub fn new(factor: f32) -> Result<Self, PictureError> {
        if (0.25..=4.0).contains(&factor) { Ok(Self(factor)) } else { Err(PictureError::Strength { given: factor.to_string() }) }
    }

    /// The factor.
    #[must_use]
    pub fn factor(self) -> f32 {
        self.0
    }
}

impl Default for Strength {
    fn default() -> Self {
        Self(1.0)
    }
}
