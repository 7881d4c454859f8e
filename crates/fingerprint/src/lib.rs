//! Fingerprints: a clip's look and its sound in a few bytes, for finding near-duplicates and for
//! telling whether a mark is in the clip that it was made for.
//!
//! A [`VideoFingerprint`] is a PDQ hash (`pdq`) of two frames a second, with pictures of 32×32
//! behind them. A [`Query`] (`compare`) holds the [`Sketch`] of a clip against many of them.
//! Guesses about what was done to the clip (`window`), that it was cropped, mirrored or framed by
//! bars, are made on its side: it is put where it would have come from, its edges going on around
//! it, and hashed again. That needs hashes alone, and tells which fingerprints are worth a closer
//! look; there the window is moved to where the original, seen through it, fits best, and frames
//! are compared in order. Where the two look otherwise is found in the small pictures
//! (`difference`), once the clip is laid upon the original to a fraction of a pixel (`place`).
//!
//! A [`AudioFingerprint`] is sixteen of Chromaprint's hashes a second (`audio`) of one channel at a
//! low rate (`resample`). A [`AudioQuery`] (`stretch`) holds a [`Recording`] against many of them,
//! hash beside hash, at every offset. Guesses at another speed, tempo or pitch are made on its side
//! too: the recording is brought back to where it would have come from, and hashed again.
//!
//! Frames and samples in, fingerprints out: no files, no keys.

#![forbid(unsafe_code)]

mod align;
mod audio;
mod compare;
mod difference;
mod pdq;
mod place;
mod resample;
mod stretch;
mod turn;
mod unmatched;
mod video;
mod window;

pub use audio::{AudioFingerprint, Recorder, Recording};
pub use compare::{Comparison, Query, Resemblance};
pub use difference::DifferenceMap;
pub use pdq::{Hash, pdq};
pub use stretch::{AudioQuery, AudioResemblance};
pub use turn::Turn;
pub use video::{Sketch, Sketcher, VideoFingerprint};
