//! PDQ, a perceptual hash of one picture: the signs of 256 low frequencies against their median.
//!
//! Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019; the
//! vectors published with it are in the tests.

use std::f32::consts::PI;
use std::fmt;
use std::sync::LazyLock;

use proofmark_core::video::{Luma, Samples};

/// Side of the small picture that is hashed.
pub(super) const SIDE: usize = 64;
/// Frequencies across and down.
const FREQUENCIES: usize = 16;
/// Frames of clips are averaged in blocks before they are blurred, as long as so many lines are
/// left: it changes some ten bits of the hash, the same in all copies, and saves most of the work.
pub(super) const LINES: usize = 256;

/// A picture of 64×64 pixels, row by row, in grey levels from 0 to 255.
pub(super) type Thumbnail = Box<[f32; SIDE * SIDE]>;

/// 256 bits, of which about 128 differ between any two pictures, and up to 31 between two copies of
/// one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u64; 4]);

impl Hash {
    /// Number of bits that differ.
    #[must_use]
    #[inline]
    pub fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// The bits, the highest frequency first, as PDQ writes them.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (bytes, word) in out.chunks_exact_mut(8).zip(self.0.iter().rev()) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        out
    }

    /// From [`Self::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut out = [0; 4];
        for (word, bytes) in out.iter_mut().rev().zip(bytes.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |w, &b| w << 8 | u64::from(b));
        }
        Self(out)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The hash of a picture, and its quality from 0 to 100: how much of it has edges. Under 50 the
/// hash says little.
#[must_use]
pub fn pdq(luma: &Luma<'_>) -> (Hash, u8) {
    hash(&thumbnail(luma, usize::MAX))
}

/// A picture made small: averaged where it has twice `lines`, blurred by two passes of a box each
/// way, and sampled.
pub(super) fn thumbnail(luma: &Luma<'_>, lines: usize) -> Thumbnail {
    let (mut image, width, height) = averaged(luma, lines);
    let mut scratch = vec![0.0; image.len()];
    let window = |n: usize| n.div_ceil(2 * SIDE);
    for _ in 0..2 {
        for (from, to) in image.chunks_exact(width).zip(scratch.chunks_exact_mut(width)) {
            box_rows(from, to, width, 1, window(width));
        }
        box_rows(&scratch, &mut image, height, width, window(height));
    }
    let centre = |i: usize, n: usize| (2 * i + 1) * n / (2 * SIDE);
    let mut out = Box::new([0.0; SIDE * SIDE]);
    for (i, o) in out.iter_mut().enumerate() {
        *o = image[centre(i / SIDE, height) * width + centre(i % SIDE, width)];
    }
    out
}

/// The picture in grey levels from 0 to 255, in blocks where it is large; its width and height, of
/// one at least.
fn averaged(luma: &Luma<'_>, lines: usize) -> (Vec<f32>, usize, usize) {
    let block = (luma.width.min(luma.height) / lines).max(1);
    let (width, height) = ((luma.width / block).max(1), (luma.height / block).max(1));
    let full = luma.format.full_range;
    let step = 1.0 / (luma.format.steps_per_level() * (block * block) as f32)
        * if full { 255.0 / 219.0 } else { 1.0 };
    let mut out = vec![0.0; width * height];
    for (y, line) in out.chunks_exact_mut(width).enumerate() {
        for row in y * block..(y + 1) * block {
            let at = row * luma.stride;
            match luma.samples {
                Samples::U8(s) => add(s.get(at..), block, line),
                Samples::U16(s) => add(s.get(at..), block, line),
            }
        }
        line.iter_mut().for_each(|v| *v *= step);
    }
    (out, width, height)
}

fn add<T: Copy + Into<u32>>(row: Option<&[T]>, block: usize, line: &mut [f32]) {
    for (o, px) in line.iter_mut().zip(row.unwrap_or_default().chunks_exact(block)) {
        *o += px.iter().map(|&p| p.into()).sum::<u32>() as f32;
    }
}

/// Box filter over `n` rows of `row` values each; an even window has one more ahead than behind,
/// and at the ends it is narrower.
fn box_rows(from: &[f32], to: &mut [f32], n: usize, row: usize, window: usize) {
    let ahead = (window + 2) / 2;
    let behind = window.saturating_sub(ahead);
    let mut sum = vec![0.0f32; row];
    let line = |i: usize| &from[i * row..(i + 1) * row];
    for i in 0..ahead.min(n) {
        sum.iter_mut().zip(line(i)).for_each(|(s, v)| *s += v);
    }
    for i in 0..n {
        let count = ((i + ahead).min(n) - i.saturating_sub(behind)) as f32;
        to[i * row..(i + 1) * row].iter_mut().zip(&sum).for_each(|(o, s)| *o = s / count);
        if i + ahead < n {
            sum.iter_mut().zip(line(i + ahead)).for_each(|(s, v)| *s += v);
        }
        if i >= behind {
            sum.iter_mut().zip(line(i - behind)).for_each(|(s, v)| *s -= v);
        }
    }
}

/// Frequencies 1 to 16 of 64 samples, a row each.
static COSINES: LazyLock<Vec<[f32; SIDE]>> = LazyLock::new(|| {
    let scale = (2.0 / SIDE as f32).sqrt();
    (1..=FREQUENCIES)
        .map(|k| {
            std::array::from_fn(|j| {
                scale * (PI / (2 * SIDE) as f32 * (k * (2 * j + 1)) as f32).cos()
            })
        })
        .collect()
});

/// The hash of a small picture, and its quality.
pub(super) fn hash(picture: &[f32; SIDE * SIDE]) -> (Hash, u8) {
    let mut rows = [[0.0; SIDE]; FREQUENCIES];
    for (out, cosines) in rows.iter_mut().zip(COSINES.iter()) {
        for (line, c) in picture.chunks_exact(SIDE).zip(cosines) {
            out.iter_mut().zip(line).for_each(|(o, v)| *o += c * v);
        }
    }
    let mut values = [0.0f32; FREQUENCIES * FREQUENCIES];
    for (i, v) in values.iter_mut().enumerate() {
        // Eight sums at once, in an order that every machine keeps.
        let mut sums = [0.0; 8];
        for (a, b) in
            rows[i / FREQUENCIES].chunks_exact(8).zip(COSINES[i % FREQUENCIES].chunks_exact(8))
        {
            sums.iter_mut().zip(a.iter().zip(b)).for_each(|(s, (a, b))| *s += a * b);
        }
        *v = sums.iter().sum();
    }
    let mut sorted = values;
    let (_, &mut median, _) = sorted.select_nth_unstable_by(values.len() / 2 - 1, f32::total_cmp);
    let mut hash = Hash::default();
    for (i, _) in values.iter().enumerate().filter(|(_, v)| **v > median) {
        hash.0[i / 64] |= 1 << (i % 64);
    }
    (hash, quality(picture))
}

/// Steps between neighbours, in whole hundredths of the range, added up: flat pictures have little
/// to hash.
fn quality(picture: &[f32; SIDE * SIDE]) -> u8 {
    let step = |a: f32, b: f32| ((a - b) * 100.0 / 255.0) as i32;
    let down: i32 = picture.iter().zip(&picture[SIDE..]).map(|(&a, &b)| step(a, b).abs()).sum();
    let across: i32 = picture
        .chunks_exact(SIDE)
        .flat_map(|row| row.windows(2))
        .map(|p| step(p[0], p[1]).abs())
        .sum();
    ((down + across) / 90).min(100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofmark_core::video::SampleFormat;

    #[test]
    fn bytes_and_back() {
        let hash = Hash([1, 2 << 60, 3, u64::MAX / 5]);
        assert_eq!(Hash::from_bytes(&hash.to_bytes()), hash);
        assert_eq!(
            hash.distance(&Hash::default()),
            hash.0.iter().map(|w| w.count_ones()).sum::<u32>()
        );
        // The first frequencies are the last bits.
        assert_eq!(Hash([1, 0, 0, 0]).to_bytes()[31], 1);
    }

    #[test]
    fn a_box_is_the_mean_of_what_it_covers() {
        let from: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let filtered = |window: usize| {
            let mut to = vec![0.0; 16];
            box_rows(&from, &mut to, 16, 1, window);
            to
        };
        // Seven wide: three behind, itself, three ahead; eight wide: one more ahead.
        assert_eq!(filtered(7)[..5], [1.5, 2.0, 2.5, 3.0, 4.0]);
        assert_eq!(filtered(7)[15], 13.5);
        assert_eq!(filtered(8)[..5], [2.0, 2.5, 3.0, 3.5, 4.5]);
        assert_eq!(filtered(1), from);
    }

    #[test]
    fn depth_range_and_size_matter_little() {
        let at = |x: usize, y: usize| {
            128.0
                + 60.0
                    * ((x as f32 * 9.0).sin() * (y as f32 * 7.0).cos()
                        + ((x * y) as f32 * 0.7).sin())
                    / 2.0
        };
        let hashed = |scale: usize, depth: u8, full_range: bool| {
            let (width, height) = (160 * scale, 90 * scale);
            let steps =
                f32::from(1u16 << (depth - 8)) * if full_range { 1.0 } else { 219.0 / 255.0 };
            let samples: Vec<u16> = (0..width * height)
                .map(|i| (at(i % width / scale, i / width / scale) * steps) as u16)
                .collect();
            pdq(&Luma {
                samples: Samples::U16(&samples),
                width,
                height,
                stride: width,
                format: SampleFormat { depth, full_range },
            })
            .0
        };
        let plain = hashed(4, 10, true);
        assert!(plain.distance(&hashed(4, 12, false)) <= 6);
        let larger = plain.distance(&hashed(8, 10, true));
        assert!(larger <= 31, "{larger} bits: more than PDQ allows a copy");
        let tiny = [7u8; 6];
        let _ = pdq(&Luma {
            samples: Samples::U8(&tiny),
            width: 3,
            height: 2,
            stride: 3,
            format: SampleFormat::REFERENCE,
        });
    }
}
