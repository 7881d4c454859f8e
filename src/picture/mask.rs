//! The mask: how strong the mark may be at each place of a frame.
//!
//! The amplitude follows local activity: high-pass, local root mean square, **eroded** so that the quiet side of an edge stays
//! quiet, smoothed, clamped. It works on a decimated image, so it costs little and is the same at every size and depth.

use super::grid::{self, BLOCK, Upsampler};
use super::plane::{Image, Luma, decimate};

/// Amplitude (grey levels, root mean square) where nothing is going on. Dithered rounding carries it from about a third of a level on; well above
/// a half, smooth gradients begin to show grain.
const FLOOR: f32 = 0.55;
/// Amplitude per grey level of local activity. A steep mask looks safe and is not: for the same evidence after a codec, a nearly even
/// one costs a third of the VMAF, because the texture that hides the mark from the eye hides it from the detector too.
const SLOPE: f32 = 0.02;
/// Amplitude in the busiest places.
const CAP: f32 = 3.0;
/// Share of a new frame's mask in the running one: a time constant of about four frames, against flicker.
const FOLLOW: f32 = 0.25;
/// Mean change of the block means (grey levels) that counts as a cut and starts the mask afresh.
const CUT: f32 = 12.0;
/// The decimated image keeps at least this many lines.
const LEAST_LINES: usize = 256;

/// Decimation that leaves at least `lines` lines of a short side of `short` pixels.
pub(super) fn decimation(short: usize, lines: usize) -> usize {
    (short / lines).max(1)
}

/// The running mask of a clip.
pub(crate) struct Mask {
    strength: f32,
    factor: usize,
    image: Image,
    means: Image,
    low: Image,
    previous: Image,
    activity: Image,
    scratch: Image,
    upsampler: Option<Upsampler>,
    line: Vec<f32>,
    /// Amplitude per block, in grey levels.
    amplitude: Image,
}

impl Mask {
    /// For frames of `width`×`height`, amplitudes multiplied by `strength`.
    pub(crate) fn new(width: usize, height: usize, strength: f32) -> Self {
        let factor = decimation(width.min(height), LEAST_LINES);
        let image = Image::default;
        Self {
            strength,
            factor,
            image: image(),
            means: image(),
            low: image(),
            previous: image(),
            activity: image(),
            scratch: image(),
            upsampler: None,
            line: Vec::new(),
            amplitude: image(),
        }
    }

    /// Frame pixels per block.
    pub(crate) fn block(&self) -> usize {
        BLOCK * self.factor
    }

    /// Takes in the next frame and returns the amplitude per block.
    pub(crate) fn update(&mut self, luma: &Luma<'_>) -> &Image {
        decimate(luma, self.factor, &mut self.image);
        grid::block_means(&self.image, &mut self.means, |v| v);
        self.measure_activity();
        let cut = self.is_cut();
        std::mem::swap(&mut self.previous, &mut self.means);
        if cut {
            self.amplitude.clone_from(&self.activity);
        } else {
            for (a, &target) in self.amplitude.data.iter_mut().zip(&self.activity.data) {
                *a += FOLLOW * (target - *a);
                // Falling activity is followed at once: a mark that outlives its texture would show.
                *a = a.min(1.5 * target);
            }
        }
        &self.amplitude
    }

    fn is_cut(&self) -> bool {
        if self.previous.data.len() != self.means.data.len() {
            return true;
        }
        let change: f32 = self.previous.data.iter().zip(&self.means.data).map(|(a, b)| (a - b).abs()).sum();
        change > CUT * self.means.data.len() as f32
    }

    /// Leaves the target amplitude per block in `activity`.
    fn measure_activity(&mut self) {
        self.low.clone_from(&self.means);
        grid::blur(&mut self.low, &mut self.scratch);
        let width = self.image.width;
        let upsampler = self.upsampler.get_or_insert_with(|| Upsampler::new(self.low.width, width, BLOCK as f32));
        self.line.resize(width, 0.0);
        for y in 0..self.image.height {
            upsampler.row(&self.low, y, &mut self.line);
            for (v, &low) in self.image.row_mut(y).iter_mut().zip(&self.line) {
                *v -= low;
            }
        }
        grid::block_means(&self.image, &mut self.activity, |v| v * v);
        grid::blur(&mut self.activity, &mut self.scratch);
        self.activity.data.iter_mut().for_each(|v| *v = v.max(0.0).sqrt());
        grid::erode(&mut self.activity, &mut self.scratch);
        grid::blur(&mut self.activity, &mut self.scratch);
        for v in &mut self.activity.data {
            *v = self.strength * (FLOOR + SLOPE * *v).min(CAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{SampleFormat, Samples};

    fn update(data: &[u8], mask: &mut Mask) -> Image {
        let luma = Luma { samples: Samples::U8(data), width: 64, height: 64, stride: 64, format: SampleFormat::REFERENCE };
        mask.update(&luma).clone()
    }

    #[test]
    fn flat_is_at_the_floor_and_noise_is_not() {
        let flat = vec![90u8; 64 * 64];
        let noisy: Vec<u8> = (0..64 * 64u32).map(|i| 90 + (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let flat = update(&flat, &mut Mask::new(64, 64, 1.0));
        let noisy = update(&noisy, &mut Mask::new(64, 64, 1.0));
        assert!(flat.data.iter().all(|&a| (a - FLOOR).abs() < 1e-3));
        assert!(noisy.data.iter().all(|&a| a > 1.2 * FLOOR && a <= CAP));
    }

    #[test]
    fn a_cut_starts_afresh_and_calm_follows_at_once() {
        let noisy: Vec<u8> = (0..64 * 64u32).map(|i| 90 + (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let mut mask = Mask::new(64, 64, 1.0);
        update(&noisy, &mut mask);
        let after = update(&vec![105u8; 64 * 64], &mut mask);
        assert!(after.data.iter().all(|&a| a <= 1.5 * FLOOR + 1e-3));
    }
}
