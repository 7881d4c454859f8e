//! The watermark: a number in picture and sound that nobody sees or hears, and that survives.
//!
//! [`video`] marks frames and looks for marks in them, [`audio`] samples. Both carry the 122 free
//! bits of a [`Payload`], under a secret [`WatermarkKey`], through the polar code of [`fec`]; what
//! they find is [`evidence`] with a p-value of [`stats`] that counts everything that was tried.
//! Frames and samples in, marks or evidence out: no files, no codecs, no clock.
//!
//! ```
//! use proofmark_watermark::video::{DetectOptions, Detector, FrameShape, Marker, Strength};
//! use proofmark_watermark::{KeyRing, Payload, WatermarkKey};
//! # let noise = |i: usize, t: usize| ((i * 2_654_435_761 + t * 40_503) >> 7 & 0x1f) as u8 + 100;
//!
//! let key = WatermarkKey::generate(0)?;
//! let payload = Payload::random();
//! let shape = FrameShape { width: 640, height: 360, pixel_aspect: 1.0 };
//! let mut marker = Marker::new(&key, payload, shape, Strength::default())?;
//! # let frames = |t: usize| (0..640 * 360).map(|i| noise(i / 3, t)).collect::<Vec<u8>>();
//! # let _ = (DetectOptions::default(), KeyRing::new(vec![key]));
//! let mut luma = frames(0);
//! marker.embed(&mut luma, 640);
//! assert_ne!(luma, frames(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod audio;
pub mod evidence;
pub mod fec;
pub mod key;
pub mod mark;
pub mod message;
pub mod stats;
pub mod video;

pub use key::{KeyId, KeyRing, WatermarkKey};
pub use mark::{Generation, Mark};
pub use proofmark_core::Payload;
pub use stats::PValue;
