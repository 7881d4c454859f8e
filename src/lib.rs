//! Provenance for generated video. *Proof* is a signed C2PA manifest, *mark* an invisible watermark; each finds the other.
#![warn(missing_docs)]

pub mod fec;
pub mod key;
pub mod media;
pub mod payload;
pub mod picture;
pub mod stats;

pub use key::{KeyRing, WatermarkKey};
pub use payload::Payload;
