//! Weights for the places of a finished sum.
//!
//! Residuals were divided by the variance of their own frame. Where the host moves, the noise of
//! the frames averages out; where it stands still, it adds up as the mark does. What the sum turned
//! out to hold, over what it would hold if no two frames had anything in common, tells these places
//! apart.
//!
//! Residuals were divided by the variance because a busy host is a loud one. A codec that is short
//! of bits turns that round: what it spends it spends where the picture is busy, and a mark in a
//! smooth place is the first thing it leaves out. So busy places are given back a part of what they
//! were divided by.

use super::grid::{self, Upsampler};
use super::image::Image;

/// Added to that ratio, whose median is 1: where a codec left nothing, neither host nor mark, there
/// is nothing to be raised.
const CALM: f32 = 0.3;

/// Variance, in grey levels squared, from which on a place counts as busy, and beyond which it
/// counts as no busier.
const BUSY: f32 = 5.0;
const BUSIEST: f32 = 100.0;

/// Weights per block of a sum.
#[derive(Clone, Debug)]
pub(crate) struct Reliability {
    weights: Image,
}

impl Reliability {
    /// From a sum, and per block the sum of the weights that its residuals had, and the variance.
    /// The weight is the inverse of the ratio's root: the inverse itself finds more under noise,
    /// and a quarter less where a codec smoothed still places. `busy` is the power of their
    /// variance that busy places are given back.
    pub(crate) fn new(sum: &Image, gains: &Image, variances: &Image, busy: f32) -> Self {
        let (mut weights, mut scratch) = (Image::default(), Image::default());
        grid::block_means(sum, &mut weights, |v| v * v);
        grid::blur(&mut weights, &mut scratch);
        grid::blur(&mut weights, &mut scratch);
        weights.data.iter_mut().zip(&gains.data).for_each(|(w, g)| *w /= g.max(f32::MIN_POSITIVE));
        scratch.data.clone_from(&weights.data);
        let middle = scratch.data.len() / 2;
        let median = if scratch.data.is_empty() {
            1.0
        } else {
            *scratch.data.select_nth_unstable_by(middle, f32::total_cmp).1
        };
        let unit = 1.0 / median.max(f32::MIN_POSITIVE);
        let given_back = |v: f32| (1.0 + v.min(BUSIEST) / BUSY).powf(busy);
        weights
            .data
            .iter_mut()
            .zip(&variances.data)
            .for_each(|(w, &v)| *w = given_back(v) / (*w * unit + CALM).sqrt());
        Self { weights }
    }

    /// Weighs a sum of the same size.
    pub(crate) fn apply(&self, sum: &mut Image) {
        let mut line = vec![0.0; sum.width];
        let mut upsampler = Upsampler::default();
        for y in 0..sum.height {
            upsampler.row(&self.weights, y, &mut line);
            sum.row_mut(y).iter_mut().zip(&line).for_each(|(s, w)| *s *= w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_averages_out_weighs_more_than_what_adds_up() {
        // On the left the noise of sixteen frames averaged out, on the right it added up: 16 times
        // the power.
        let noise =
            |i: usize| if i.wrapping_mul(2_654_435_761).is_multiple_of(3) { 1.0 } else { -1.0 };
        let mut sum = Image::new(128, 32);
        for (i, v) in sum.data.iter_mut().enumerate() {
            *v = noise(i) * if i % 128 < 64 { 4.0 } else { 16.0 };
        }
        let mut gains = Image::new(32, 8);
        gains.data.fill(16.0);
        let mut weighed = sum.clone();
        let variances = Image::new(32, 8);
        Reliability::new(&sum, &gains, &variances, 0.5).apply(&mut weighed);
        let weight = |i: usize| weighed.data[i] / sum.data[i];
        let ratio = weight(16 * 128 + 20) / weight(16 * 128 + 108);
        assert!((2.0..5.0).contains(&ratio), "{ratio}");
        assert!(weighed.data.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn busy_places_are_given_back_a_part_of_what_they_were_divided_by() {
        let sum = Image { width: 128, height: 32, data: vec![1.0; 128 * 32] };
        let (mut gains, mut variances) = (Image::new(32, 8), Image::new(32, 8));
        gains.data.fill(16.0);
        variances
            .data
            .iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = if i % 32 < 16 { 0.0 } else { 75.0 });
        let mut weighed = sum.clone();
        Reliability::new(&sum, &gains, &variances, 0.5).apply(&mut weighed);
        let ratio = weighed.data[16 * 128 + 100] / weighed.data[16 * 128 + 20];
        assert!((ratio - 4.0).abs() < 1e-3, "{ratio}");
    }
}
