//! Weights for the places of a finished sum.
//!
//! Residuals were divided by the variance of their own frame. Where the host moves, the noise of the frames averages out; where it
//! stands still, it adds up as the mark does. What the sum turned out to hold, over what it would hold if no two frames had anything in
//! common, tells these places apart.

use super::grid::{self, Upsampler};
use super::plane::Image;

/// Added to that ratio, whose median is 1: where a codec left nothing, neither host nor mark, there is nothing to be raised.
const CALM: f32 = 0.3;

/// Weights per block of a sum.
#[derive(Clone, Debug)]
pub(crate) struct Equaliser {
    weights: Image,
}

impl Equaliser {
    /// From a sum, and per block the sum of the weights that its residuals had. The weight is the inverse of the ratio's root: the inverse itself
    /// finds more under noise, and a quarter less where a codec smoothed still places.
    pub(crate) fn new(sum: &Image, gains: &Image) -> Self {
        let (mut weights, mut scratch) = (Image::default(), Image::default());
        grid::block_means(sum, &mut weights, |v| v * v);
        grid::blur(&mut weights, &mut scratch);
        grid::blur(&mut weights, &mut scratch);
        weights.data.iter_mut().zip(&gains.data).for_each(|(w, g)| *w /= g.max(f32::MIN_POSITIVE));
        scratch.data.clone_from(&weights.data);
        let middle = scratch.data.len() / 2;
        let median = if scratch.data.is_empty() { 1.0 } else { *scratch.data.select_nth_unstable_by(middle, f32::total_cmp).1 };
        let unit = 1.0 / median.max(f32::MIN_POSITIVE);
        weights.data.iter_mut().for_each(|w| *w = (*w * unit + CALM).sqrt().recip());
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
        // On the left the noise of sixteen frames averaged out, on the right it added up: 16 times the power.
        let noise = |i: usize| if i.wrapping_mul(2_654_435_761).is_multiple_of(3) { 1.0 } else { -1.0 };
        let mut sum = Image::new(128, 32);
        for (i, v) in sum.data.iter_mut().enumerate() {
            *v = noise(i) * if i % 128 < 64 { 4.0 } else { 16.0 };
        }
        let mut gains = Image::new(32, 8);
        gains.data.fill(16.0);
        let mut weighed = sum.clone();
        Equaliser::new(&sum, &gains).apply(&mut weighed);
        let weight = |i: usize| weighed.data[i] / sum.data[i];
        let ratio = weight(16 * 128 + 20) / weight(16 * 128 + 108);
        assert!((2.0..5.0).contains(&ratio), "{ratio}");
        assert!(weighed.data.iter().all(|v| v.is_finite()));
    }
}
