//! What a file may ask of the machine.

use serde::{Deserialize, Serialize};

/// Limits on hostile input. Those of what is in a file are checked before the memory or the time
/// that they bound is spent; those of the machine, the last four, are held by the kernel and the
/// parent where files are looked at in a sandbox, and by nobody elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// Bytes of address space that looking at a file may take, the program and its libraries
    /// included: 0.5 GiB before the first frame, 0.7 GiB for 4K on two cores. More cores decode
    /// more frames at once.
    pub memory_bytes: u64,
    /// Seconds of processor time that looking at a file may take, over all threads.
    pub processor_seconds: u64,
    /// Seconds that looking at a file may take.
    pub wall_seconds: u64,
    /// Seconds of either that each second of a file may take, beside [`Limits::BEGINNING`]: a short
    /// file need not be waited for as long as the longest one.
    pub effort: u64,
}

impl Limits {
    /// Seconds of time, and of processor time, that a file of any length may take.
    pub const BEGINNING: u64 = 120;
    /// Bytes that are taken for a second where a file does not say how long it is: those of a poor
    /// video call.
    const SECOND: u64 = 50_000;

    /// Seconds that a file lasts, as it says or as its size lets expect.
    #[must_use]
    pub fn length(seconds: Option<f64>, bytes: u64) -> u64 {
        seconds.map_or(bytes / Self::SECOND, |s| s.max(0.0).ceil() as u64)
    }

    /// These limits for a file that says that it lasts so many seconds, and has so many bytes: of a
    /// long one those that were set, of a short one less time.
    #[must_use]
    pub fn of_file(mut self, seconds: Option<f64>, bytes: u64) -> Self {
        let allowed = Self::BEGINNING
            .saturating_add(self.effort.saturating_mul(Self::length(seconds, bytes)));
        (self.processor_seconds, self.wall_seconds) =
            (self.processor_seconds.min(allowed), self.wall_seconds.min(allowed));
        self
    }
}

impl Default for Limits {
    /// 8K frames, four hours at 60 frames a second, 64 GiB, 64 streams, 64 MiB of manifest; 4 GiB
    /// of address space, four hours of processor time, one hour, and ten seconds a second.
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
            effort: 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_file_is_allowed_less_time_than_a_long_one() {
        let allowed = |seconds, bytes| {
            let l = Limits::default().of_file(seconds, bytes);
            (l.wall_seconds, l.processor_seconds)
        };
        assert_eq!(allowed(Some(6.0), 1 << 40), (180, 180));
        assert_eq!(allowed(Some(600.0), 0), (3600, 6120));
        assert_eq!(allowed(None, 1_000_000), (320, 320));
        assert_eq!(
            [allowed(Some(f64::NAN), 0), allowed(Some(f64::INFINITY), 0), allowed(Some(-1.0), 0)],
            [(120, 120), (3600, 14400), (120, 120)]
        );
    }
}
