//! Noise for tests: the same every time.

/// A linear congruential generator, whose upper bits are good enough. Knuth, "The Art of Computer
/// Programming", volume 2, section 3.3.4.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// So many random bits, 1 to 64.
    pub(crate) fn bits(&mut self, count: u32) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> (64 - count)
    }

    /// An even number from -½ to ½.
    pub(crate) fn even(&mut self) -> f32 {
        self.bits(24) as f32 / (1u64 << 24) as f32 - 0.5
    }

    /// The samples of a frame: 96 and so many random bits, 1 to 7.
    pub(crate) fn frame(&mut self, samples: usize, bits: u32) -> Vec<u8> {
        (0..samples).map(|_| 96 + self.bits(bits) as u8).collect()
    }
}
