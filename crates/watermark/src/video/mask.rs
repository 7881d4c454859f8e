//! The mask: how strong the mark may be at each place of a frame.
//!
//! The amplitude follows local activity: the variance within small blocks, smoothed, **eroded** so
//! that the quiet side of an edge stays quiet, clamped. Blocks grow with the frame and four rows of
//! each are looked at, so it costs little and is the same at every size and depth.

use super::grid;
use super::image::Image;
use super::kernels::{add_columns, add_moments};
use proofmark_core::video::{Luma, Samples};
use serde::{Deserialize, Serialize};

/// Amplitude (grey levels, root mean square) where nothing is going on, at [`NOMINAL_LINES`].
/// Dithered rounding carries it from about a third of a level on; well above a half, the grain of
/// the mark shows on smooth gradients.
const FLOOR: f32 = 0.48;
/// Amplitude per grey level of local activity. What the eye sees of the mark it sees where little
/// else is: a structure of eight levels hides half of what is laid over it.
const SLOPE: f32 = 0.06;
/// Amplitude in the busiest places. The texture that hides the mark from the eye hides it from the
/// detector too: for the same evidence after a codec, more than this costs VMAF without end.
const CAP: f32 = 1.15;
/// Lines at which amplitudes are as stated. A smaller frame gets more, by the root of the ratio and
/// within [`SIZE_GAIN`]: it spends fewer pixels on each tile, so a codec takes more of the mark,
/// and VMAF less offence.
const NOMINAL_LINES: f32 = 720.0;
const SIZE_GAIN: (f32, f32) = (0.7, 1.2);
/// Share of a new frame's mask in the running one: a time constant of about four frames, against
/// flicker.
const FOLLOW: f32 = 0.25;
/// Mean change of the block means (grey levels) that counts as a cut and starts the mask afresh.
const CUT: f32 = 12.0;
/// Blocks along the short side of a frame: at least this many.
const LEAST_BLOCKS: usize = 64;
/// Rows of a block that are looked at.
const ROWS: usize = 4;

/// The running mask of a clip.
pub(crate) struct Mask {
    /// Factor on all amplitudes.
    strength: f32,
    /// Frame pixels per block, over [`ROWS`].
    step: usize,
    /// Sums and squares of the samples in each column of a row of blocks.
    sums: Vec<u16>,
    squares: Vec<u32>,
    /// The same of each block in the row.
    blocks: Vec<(i32, i32)>,
    line: Vec<u8>,
    means: Image,
    previous: Image,
    activity: Image,
    scratch: Image,
    /// Amplitude per block, in grey levels.
    amplitude: Image,
}

/// What of a mask depends on the frames before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MaskState {
    previous: Vec<f32>,
    amplitude: Vec<f32>,
}

impl Mask {
    /// For frames of `width`×`height`, amplitudes multiplied by `strength`.
    pub(crate) fn new(width: usize, height: usize, strength: f32) -> Self {
        let size = (NOMINAL_LINES / width.min(height).max(1) as f32)
            .sqrt()
            .clamp(SIZE_GAIN.0, SIZE_GAIN.1);
        let step = (width.min(height) / (ROWS * LEAST_BLOCKS)).max(1);
        let blocks = || Image::new(width.div_ceil(ROWS * step), height.div_ceil(ROWS * step));
        Self {
            strength: strength * size,
            step,
            sums: vec![0; width],
            squares: vec![0; width],
            blocks: vec![(0, 0); width.div_ceil(ROWS * step)],
            line: vec![0; width],
            means: blocks(),
            previous: Image::default(),
            activity: blocks(),
            scratch: blocks(),
            amplitude: blocks(),
        }
    }

    /// What depends on the frames so far.
    pub(crate) fn state(&self) -> MaskState {
        MaskState { previous: self.previous.data.clone(), amplitude: self.amplitude.data.clone() }
    }

    /// Goes on from there; `false` if that is no state of frames of this size.
    pub(crate) fn resume(&mut self, state: &MaskState) -> bool {
        let MaskState { previous, amplitude } = state;
        let blocks = self.means.data.len();
        let sizes = [0, blocks].contains(&previous.len()) && amplitude.len() == blocks;
        // What was in a file need not be what was written.
        let sane = |v: &f32| (0.0..=f32::from(u16::MAX)).contains(v);
        if !sizes || !previous.iter().chain(amplitude).all(sane) {
            return false;
        }
        if !previous.is_empty() {
            self.previous.clone_from(&self.means);
            self.previous.data.copy_from_slice(previous);
        }
        self.amplitude.data.copy_from_slice(amplitude);
        true
    }

    /// Side of a block in frame pixels.
    pub(crate) fn block(&self) -> usize {
        ROWS * self.step
    }

    /// Distance of the rows that are looked at.
    pub(crate) fn step(&self) -> usize {
        self.step
    }

    /// Amplitude per block, in grey levels, for the last frame that was taken in.
    pub(crate) fn amplitude(&self) -> &Image {
        &self.amplitude
    }

    /// Takes in the next frame and returns the amplitude per block.
    pub(crate) fn update(&mut self, luma: &Luma<'_>) -> &Image {
        self.measure(luma);
        self.shape_activity();
        let cut = self.is_cut();
        self.previous.clone_from(&self.means);
        if cut {
            self.amplitude.clone_from(&self.activity);
        } else {
            for (a, &target) in self.amplitude.data.iter_mut().zip(&self.activity.data) {
                *a += FOLLOW * (target - *a);
                // Falling activity is followed at once: a mark that outlives its texture would
                // show.
                *a = a.min(1.5 * target);
            }
        }
        &self.amplitude
    }

    fn is_cut(&self) -> bool {
        if self.previous.data.len() != self.means.data.len() {
            return true;
        }
        let change: f32 =
            self.previous.data.iter().zip(&self.means.data).map(|(a, b)| (a - b).abs()).sum();
        change > CUT * self.means.data.len() as f32
    }

    /// Leaves mean and variance (in reference grey levels) of each block in `means` and `activity`.
    fn measure(&mut self, luma: &Luma<'_>) {
        let block = self.block();
        let level = luma.format.steps_per_level();
        let narrower = luma.format.depth.clamp(8, 16) - 8;
        // Words are cut to bytes first.
        let unit = f32::from(1u16 << narrower) / level;
        for by in 0..self.means.height {
            self.sums.fill(0);
            self.squares.fill(0);
            let rows = (by * block..luma.height.min((by + 1) * block)).step_by(self.step);
            let count = rows.len();
            for y in rows {
                let start = y * luma.stride;
                match luma.samples {
                    Samples::U8(data) => add_moments(
                        &data[start..start + luma.width],
                        &mut self.sums,
                        &mut self.squares,
                    ),
                    Samples::U16(data) => {
                        self.line
                            .iter_mut()
                            .zip(&data[start..start + luma.width])
                            .for_each(|(o, &v)| *o = (v >> narrower).min(255) as u8);
                        add_moments(&self.line, &mut self.sums, &mut self.squares);
                    }
                }
            }
            let (means, variances) = (self.means.row_mut(by), self.activity.row_mut(by));
            add_columns(&self.sums, &self.squares, block, &mut self.blocks);
            let moments = |width: usize, (sum, square): (i32, i32)| {
                let (share, sum) = (1.0 / (count * width) as f32, sum as f32);
                (
                    unit * sum * share,
                    unit * unit * (square as f32 - sum * sum * share).max(0.0) * share,
                )
            };
            for ((mean, variance), &sums) in means.iter_mut().zip(&mut *variances).zip(&self.blocks)
            {
                (*mean, *variance) = moments(block, sums);
            }
            // The last one may be narrower.
            if let (Some(mean), Some(variance), Some(&sums)) =
                (means.last_mut(), variances.last_mut(), self.blocks.last())
            {
                (*mean, *variance) = moments(luma.width - (self.blocks.len() - 1) * block, sums);
            }
        }
    }

    /// Turns the variances in `activity` into the amplitudes they allow.
    fn shape_activity(&mut self) {
        grid::blur(&mut self.activity, &mut self.scratch);
        self.activity.data.iter_mut().for_each(|v| *v = v.sqrt());
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
    use crate::video::{SampleFormat, Samples};

    fn update(data: &[u8], mask: &mut Mask) -> Image {
        let luma = Luma {
            samples: Samples::U8(data),
            width: 64,
            height: 64,
            stride: 64,
            format: SampleFormat::REFERENCE,
        };
        mask.update(&luma).clone()
    }

    #[test]
    fn flat_is_at_the_floor_and_noise_is_not() {
        let flat = vec![90u8; 64 * 64];
        let noisy: Vec<u8> =
            (0..64 * 64u32).map(|i| 90 + (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let flat = update(&flat, &mut Mask::new(64, 64, 1.0));
        let noisy = update(&noisy, &mut Mask::new(64, 64, 1.0));
        let floor = SIZE_GAIN.1 * FLOOR;
        assert!(flat.data.iter().all(|&a| (a - floor).abs() < 1e-3));
        assert!(noisy.data.iter().all(|&a| a > 1.2 * floor && a <= SIZE_GAIN.1 * CAP));
    }

    #[test]
    fn a_cut_starts_afresh_and_calm_follows_at_once() {
        let noisy: Vec<u8> =
            (0..64 * 64u32).map(|i| 90 + (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let mut mask = Mask::new(64, 64, 1.0);
        update(&noisy, &mut mask);
        let after = update(&vec![105u8; 64 * 64], &mut mask);
        assert!(after.data.iter().all(|&a| a <= 1.5 * SIZE_GAIN.1 * FLOOR + 1e-3));
    }
}
