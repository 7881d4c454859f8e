//! Clips in segments: packaged, or signed as others packaged them.

mod folder;
#[cfg(feature = "media")]
mod make;
mod sign;

#[cfg(feature = "media")]
pub(super) use make::make;
#[cfg(feature = "media")]
pub use make::{PackageOptions, Packaged, PackagedRendition, Rung};
pub(super) use sign::sign;
