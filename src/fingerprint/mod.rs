//! Fingerprints: a clip's look in a few bytes, for finding near-duplicates and for telling whether a mark is in the clip that it was made for.
//!
//! A [`PictureFingerprint`] is a PDQ hash (`pdq`) of two frames a second, with pictures of 32×32 behind them. A [`Query`] (`compare`) holds the
//! [`Sketch`] of a clip against many of them. Guesses about what was done to the clip (`window`), that it was cropped, mirrored or framed by bars, are
//! made on its side: it is put where it would have come from, its edges going on around it, and hashed again. That needs hashes alone, and tells which
//! fingerprints are worth a closer look; there the window is moved to where the original, seen through it, fits best, and frames are compared in order.
//!
//! Frames in, fingerprints out: no files, no keys.

mod compare;
mod pdq;
mod picture;
mod window;

pub use compare::{Query, Resemblance};
pub use pdq::{Hash, pdq};
pub use picture::{PictureFingerprint, Sketch, Sketcher};
