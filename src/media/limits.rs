//! What a file may ask of the machine.

/// Limits on hostile input; every one is checked before the memory or the time it bounds is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of a frame.
    pub pixels: u64,
    /// Decoded frames.
    pub frames: u64,
    /// Seconds of picture.
    pub seconds: u64,
    /// Bytes of a file.
    pub bytes: u64,
    /// Streams in a file.
    pub streams: u64,
    /// Bytes of a manifest store.
    pub manifest_bytes: u64,
}

impl Default for Limits {
    /// 8K frames, four hours at 60 frames a second, 64 GiB, 64 streams, 64 MiB of manifest.
    fn default() -> Self {
        Self { pixels: 8192 * 4608, frames: 4 * 3600 * 60, seconds: 4 * 3600, bytes: 64 << 30, streams: 64, manifest_bytes: 64 << 20 }
    }
}
