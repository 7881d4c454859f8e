//! The words that every part of Proofmark shares: the number that a mark carries, frames and
//! samples as they are lent from one part to another, what a file may ask of the machine, and what
//! an error asks of whoever meets it.
//!
//! Nothing here opens a file, knows a codec or keeps a secret. What decodes lends its frames as
//! [`Canvas`], what marks or measures borrows them, and so neither needs the other.
//!
//! ```
//! use proofmark_core::video::{Luma, SampleFormat, Samples};
//! use proofmark_core::Payload;
//!
//! let samples = vec![16; 128 * 128];
//! let luma = Luma {
//!     samples: Samples::U8(&samples),
//!     width: 128,
//!     height: 128,
//!     stride: 128,
//!     format: SampleFormat::REFERENCE,
//! };
//! assert_eq!(luma.format.steps_per_level(), 1.0);
//! assert!(Payload::random().to_string().parse::<Payload>().is_ok());
//! ```

#![forbid(unsafe_code)]

pub mod audio;
mod boxes;
mod container;
mod control;
mod fault;
mod kind;
mod limits;
mod media;
pub mod parallel;
pub mod payload;
mod spaced;
mod stills;
mod text;
mod time;
pub mod video;

pub use boxes::child_boxes;
pub use container::Container;
pub use control::{Cancel, Progress};
pub use fault::{AboutFile, ErrorKind};
pub use kind::Kind;
pub use limits::Limits;
pub use media::{MediaError, MediaInfo, Still, VideoInfo, container_of};
pub use payload::{Payload, PayloadError};
pub use spaced::Spaced;
pub use stills::Stills;
pub use text::Text;
pub use time::{TimeRange, since_1970};
pub use video::Canvas;
