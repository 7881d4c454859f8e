//! The residual: what of a frame the detector adds up.
//!
//! High-pass, then division by the local variance: the matched filter for a mark whose amplitude
//! hardly follows the texture, in a host whose loudness does. A smaller power (variance^0.75) finds
//! a quarter less. The mark is static, so residuals of all frames of a clip add up.

use super::decimate::decimate;
use super::grid::{self, Upsampler};
use super::image::Image;
use super::kernels;
use super::reliability::Reliability;
use proofmark_core::video::Luma;

/// Variance (grey levels squared) added so that flat places, which hold codec noise alone, are not
/// blown up; 8 finds a tenth less.
const CALM: f32 = 3.0;

/// Power of its variance that a busy place is given back: in a sum of all frames alike, which is to
/// find the mark beside what somebody laid over it, too, and in one of frames by what was spent on
/// them, which is there for codecs that are short of bits.
const BUSY: f32 = 0.25;
const BUSY_AND_FAVOURED: f32 = 0.5;

/// Computes residuals of frames of one size.
#[derive(Clone)]
pub(crate) struct Residual {
    factor: usize,
    image: Image,
    grid: Image,
    scratch: Image,
    upsampler: Upsampler,
    line: Vec<f32>,
    /// Per block, the sum of the weights of all residuals.
    gains: Image,
    /// Residuals that were added.
    count: usize,
    /// Of the last frame, the standard deviation of its blocks, in grey levels.
    contrast: f32,
}

impl Residual {
    /// Averages `factor`×`factor` pixels into one before all else.
    pub(crate) fn new(factor: usize) -> Self {
        Self {
            factor,
            image: Image::default(),
            grid: Image::default(),
            scratch: Image::default(),
            upsampler: Upsampler::default(),
            line: Vec::new(),
            gains: Image::default(),
            count: 0,
            contrast: 0.0,
        }
    }

    /// Adds the residual of `luma` to sums, as many times as is told with each. They are made to
    /// fit if they are empty.
    pub(crate) fn add<'a>(
        &mut self,
        luma: &Luma<'_>,
        sums: impl IntoIterator<Item = (&'a mut Image, f32)>,
    ) {
        decimate(luma, self.factor, &mut self.image);
        let (width, height) = (self.image.width, self.image.height);
        grid::block_means(&self.image, &mut self.grid, |v| v);
        let blocks = self.grid.data.len().max(1) as f32;
        let mean = self.grid.data.iter().sum::<f32>() / blocks;
        self.contrast =
            (self.grid.data.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / blocks).sqrt();
        grid::blur(&mut self.grid, &mut self.scratch);
        self.line.resize(width, 0.0);
        for y in 0..height {
            self.upsampler.row(&self.grid, y, &mut self.line);
            for (v, &low) in self.image.row_mut(y).iter_mut().zip(&self.line) {
                *v -= low;
            }
        }
        // Blurred once: the variance follows edges closely. Blurred twice finds a twelfth less.
        grid::block_means(&self.image, &mut self.grid, |v| v * v);
        grid::blur(&mut self.grid, &mut self.scratch);
        for v in &mut self.grid.data {
            *v = 1.0 / (*v + CALM);
        }
        self.count += 1;
        self.gains.add(&self.grid, 1.0);
        add_weighed(&self.image, &self.grid, sums);
    }

    /// The last frame without its local mean, in grey levels.
    pub(crate) fn values(&self) -> &Image {
        &self.image
    }

    /// Per block, what the residual of the last frame was weighed by: one over the variance.
    pub(crate) fn weights(&self) -> &Image {
        &self.grid
    }

    /// The contrast of the last frame: the standard deviation of its blocks, in grey levels.
    pub(crate) fn contrast(&self) -> f32 {
        self.contrast
    }

    /// Per block of 4×4 pixels of a sum, the variance that the picture usually had there, in grey
    /// levels squared: the harmonic mean over all frames.
    pub(crate) fn variances(&self) -> Image {
        let mut out = self.gains.clone();
        out.data
            .iter_mut()
            .for_each(|g| *g = (self.count as f32 / g.max(f32::MIN_POSITIVE) - CALM).max(0.0));
        out
    }

    /// The weights for a sum of everything that was added.
    pub(crate) fn reliability(&self, sum: &Image) -> Reliability {
        Reliability::new(sum, &self.gains, &self.variances(), BUSY)
    }

    /// The same for a sum in which frames count by what was spent on them.
    pub(crate) fn bitrate_reliability(&self, sum: &Image) -> Reliability {
        Reliability::new(sum, &self.gains, &self.variances(), BUSY_AND_FAVOURED)
    }
}

/// Adds values that are weighed block by block to sums, as many times as is told with each. They
/// are made to fit if they are empty.
pub(crate) fn add_weighed<'a>(
    values: &Image,
    weights: &Image,
    sums: impl IntoIterator<Item = (&'a mut Image, f32)>,
) {
    let mut sums: Vec<(&mut Image, f32)> = sums.into_iter().collect();
    for (sum, _) in &mut sums {
        if (sum.width, sum.height) != (values.width, values.height) {
            **sum = Image::new(values.width, values.height);
        }
    }
    let (mut upsampler, mut line) = (Upsampler::default(), vec![0.0; values.width]);
    for y in 0..values.height {
        upsampler.row(weights, y, &mut line);
        for (sum, weight) in &mut sums {
            kernels::add_weighted(values.row(y), &line, *weight, sum.row_mut(y));
        }
    }
}
