//! What a file may ask of the machine.

use serde::{Deserialize, Serialize};

/// Limits on hostile input. Those of what is in a file are checked before the memory or the time that they bound is spent; those of the machine, the last three,
/// are held by the kernel and the parent where files are looked at in a [worker](crate::worker), and by nobody elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Bytes of address space that looking at a file may take, the program and its libraries included: 0.5 GiB before the first frame, 0.7 GiB for 4K on two cores. More
    /// cores decode more frames at once.
    pub memory_bytes: u64,
    /// Seconds of processor time that looking at a file may take, over all threads.
    pub processor_seconds: u64,
    /// Seconds that looking at a file may take.
    pub wall_seconds: u64,
}

impl Default for Limits {
    /// 8K frames, four hours at 60 frames a second, 64 GiB, 64 streams, 64 MiB of manifest; 4 GiB of address space, four hours of processor time, one hour.
    fn default() -> Self {
        Self {
            pixels: 8192 * 4608,
            frames: 4 * 3600 * 60,
            seconds: 4 * 3600,
            bytes: 64 << 30,
            streams: 64,
            manifest_bytes: 64 << 20,
            memory_bytes: 4 << 30,
            processor_seconds: 4 * 3600,
            wall_seconds: 3600,
        }
    }
}
