//! A sum in which places count by what was painted anew there.
//!
//! What an encoder that has few bits copies from the frame before tells the same once more, its
//! mark and its errors alike. So a place counts by a power of how far it has changed since that
//! frame, beside what was spent on the whole frame ([`group`](super::group)), and residuals are
//! divided by a smaller power of the variance: where the picture is busy, more is painted. Alone
//! such a sum holds about as much evidence as that of frames by their bits. But it errs elsewhere:
//! readings of both, added, hold an eighth more than either.

use super::bitrate::BitrateSum;
use super::grid;
use super::image::Image;
use super::residual::{Residual, add_weighed};
use proofmark_core::video::Coding;

/// Change, in grey levels squared, that is taken for none: rounding.
const STILL: f32 = 0.05;
/// What a place counts in a frame that leans on no other, all of which is painted anew. Elsewhere
/// it is the change to the power of ⅜, which is this at 40.
const INTRA: f32 = 4.0;

/// The sum, frame by frame.
#[derive(Clone, Default)]
pub(crate) struct InnovationSum {
    sum: BitrateSum,
    /// The last frame without its local mean.
    before: Image,
    /// Per block, the mean square of how far the next one is from that.
    changed: Image,
    /// Per block, what it is weighed by.
    weights: Image,
    scratch: Image,
}

impl InnovationSum {
    /// Adds the frame that `residual` was made of last.
    pub(crate) fn add(&mut self, residual: &Residual, coding: Coding) {
        let values = residual.values();
        // One over the variance to the power of ¾.
        self.weights.clone_from(residual.weights());
        self.weights.data.iter_mut().for_each(|w| *w = w.sqrt() * w.sqrt().sqrt());
        if coding.intra || self.before.data.is_empty() {
            self.weights.data.iter_mut().for_each(|w| *w *= INTRA);
        } else {
            self.before.add(values, -1.0);
            grid::block_means(&self.before, &mut self.changed, |v| v * v);
            grid::blur(&mut self.changed, &mut self.scratch);
            let eighth_root = |v: f32| v.sqrt().sqrt().sqrt();
            self.weights
                .data
                .iter_mut()
                .zip(&self.changed.data)
                .for_each(|(w, &c)| *w *= eighth_root(c + STILL).powi(3));
        }
        self.before.clone_from(values);
        add_weighed(values, &self.weights, [self.sum.next(coding)]);
    }

    /// The sum over all frames, as [`BitrateSum::total`].
    pub(crate) fn total(&self) -> Option<Image> {
        self.sum.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::noise::Noise;
    use crate::video::{Luma, SampleFormat, Samples};

    const SIDE: usize = 128;

    fn noise(seed: u64) -> Vec<u8> {
        Noise::new(seed).frame(SIDE * SIDE, 5)
    }

    /// The sum over frames of so many bits per pixel, the first of which leans on no other.
    fn sum(frames: &[(&[u8], f32)]) -> Option<Image> {
        let (mut residual, mut sum) = (Residual::new(1), InnovationSum::default());
        for (i, &(samples, bits)) in frames.iter().enumerate() {
            let luma = Luma {
                samples: Samples::U8(samples),
                width: SIDE,
                height: SIDE,
                stride: SIDE,
                format: SampleFormat::REFERENCE,
            };
            residual.add(&luma, []);
            sum.add(&residual, Coding { bits: Some(bits), intra: i == 0 });
        }
        sum.total()
    }

    /// Cosine of the angle between some columns of two sums.
    fn likeness(a: &Image, b: &Image, columns: std::ops::Range<usize>) -> f32 {
        let dot = |a: &Image, b: &Image| {
            (0..SIDE)
                .flat_map(|y| columns.clone().map(move |x| y * SIDE + x))
                .map(|i| a.data[i] * b.data[i])
                .sum::<f32>()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn what_is_copied_counts_less_than_what_is_painted_anew() {
        let (first, second) = (noise(1), noise(2));
        // The left half is copied, the right half painted anew.
        let mut frame = first.clone();
        frame
            .chunks_exact_mut(SIDE)
            .zip(second.chunks_exact(SIDE))
            .for_each(|(row, new)| row[SIDE / 2..].copy_from_slice(&new[SIDE / 2..]));
        let both = sum(&[(&first, 1.0), (&frame, 0.9)]).unwrap();
        let of = |samples: &[u8]| sum(&[(samples, 1.0), (samples, 0.9)]).unwrap();
        let (left, right) = (8..SIDE / 2 - 8, SIDE / 2 + 8..SIDE - 8);
        assert!(likeness(&both, &of(&first), left.clone()) > 0.99);
        // The first counts 4, the second its bits and a power of its change: 0.9^1.5 · 170^⅜, about
        // 6.
        let (old, new) = (
            likeness(&both, &of(&first), right.clone()),
            likeness(&both, &of(&second), right.clone()),
        );
        assert!((0.5..0.65).contains(&old) && (0.75..0.9).contains(&new), "{old} {new}");
        let power = |columns: std::ops::Range<usize>| {
            (0..SIDE)
                .flat_map(|y| columns.clone().map(move |x| y * SIDE + x))
                .map(|i| both.data[i].powi(2))
                .sum::<f32>()
        };
        let (copied, painted) = (power(left), power(right));
        assert!((2.0..3.5).contains(&(painted / copied)), "{painted} {copied}");
    }

    #[test]
    fn where_all_frames_count_alike_there_is_no_such_sum() {
        let frame = noise(3);
        assert_eq!(sum(&[(&frame, 0.5)]), None);
        assert!(sum(&[(&frame, 0.5), (&frame, 0.25)]).is_some());
    }
}
