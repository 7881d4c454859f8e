//! The audio mark: samples in, marked samples or evidence out. No input or output happens here.

mod bands;
mod carrier;
mod decode;
mod detect;
mod echo;
mod embed;
mod evidence;
mod kernels;
mod layout;
mod mask;
mod read;
mod search;
mod segment;
mod timeline;

pub use detect::{Detector, ListenOptions, Meter};
pub use embed::Marker;
pub use evidence::{AudioEvidence, Capacity, Outlook, TimeScale};
pub use proofmark_core::audio::{AudioError, Format};
