//! Two-dimensional real transforms, and the reading of lattice points from them.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::image::Image;

/// Rows that are handled at a time, so that columns are read and written in runs: as many complex
/// values as fit a line of the cache.
const STRIP: usize = 8;

/// The place of frequency or pixel `i` among `n` that repeat.
pub(super) fn wrapped(i: i32, n: usize) -> usize {
    // Less than a period from the origin, as nearly all are, it takes no division.
    match if i < 0 { i + n as i32 } else { i } {
        i if (0..n as i32).contains(&i) => i as usize,
        i => i.rem_euclid(n as i32) as usize,
    }
}

/// A planned real transform of `width`×`height`. Spectra are stored column by column: `height`
/// values for each of the non-negative horizontal frequencies, of which there are `width / 2 + 1`,
/// or fewer [within a band](Self::within). Neither direction is normalised.
pub(crate) struct RealFft2 {
    width: usize,
    height: usize,
    columns: usize,
    rows_forward: Arc<dyn RealToComplex<f32>>,
    rows_inverse: Arc<dyn ComplexToReal<f32>>,
    columns_forward: Arc<dyn Fft<f32>>,
    columns_inverse: Arc<dyn Fft<f32>>,
    line: Vec<f32>,
    half_lines: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl RealFft2 {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let mut real = RealFftPlanner::new();
        let mut complex = FftPlanner::new();
        let rows_forward = real.plan_fft_forward(width);
        let rows_inverse = real.plan_fft_inverse(width);
        let columns_forward = complex.plan_fft_forward(height);
        let columns_inverse = complex.plan_fft_inverse(height);
        let scratch = [
            rows_forward.get_scratch_len(),
            rows_inverse.get_scratch_len(),
            columns_forward.get_inplace_scratch_len(),
            columns_inverse.get_inplace_scratch_len(),
        ];
        let scratch = vec![Complex32::default(); scratch.into_iter().max().unwrap_or(0)];
        let columns = width / 2 + 1;
        let (line, half_lines) = (vec![0.0; width], vec![Complex32::default(); STRIP * columns]);
        Self {
            width,
            height,
            columns,
            rows_forward,
            rows_inverse,
            columns_forward,
            columns_inverse,
            line,
            half_lines,
            scratch,
        }
    }

    /// For spectra that hold horizontal frequencies up to `frequency` alone, in cycles per pixel:
    /// nothing is done for the others.
    pub(crate) fn within(self, frequency: f32) -> Self {
        let columns = (frequency * self.width as f32) as usize + 1;
        Self { columns: self.columns.min(columns), ..self }
    }

    /// Number of values in a spectrum.
    pub(crate) fn spectrum_len(&self) -> usize {
        self.columns * self.height
    }

    /// Transforms an image, zero-padded on the right and below.
    pub(crate) fn forward(&mut self, image: &Image, spectrum: &mut Vec<Complex32>) {
        spectrum.clear();
        spectrum.resize(self.spectrum_len(), Complex32::default());
        let (used, half) = (image.width.min(self.width), self.width / 2 + 1);
        for y in (0..image.height.min(self.height)).step_by(STRIP) {
            let rows = STRIP.min(image.height.min(self.height) - y);
            for (i, half_line) in self.half_lines.chunks_exact_mut(half).take(rows).enumerate() {
                self.line[used..].fill(0.0);
                self.line[..used].copy_from_slice(&image.row(y + i)[..used]);
                // The lengths are the planned ones, so the transform cannot fail.
                let _ = self.rows_forward.process_with_scratch(
                    &mut self.line,
                    half_line,
                    &mut self.scratch,
                );
            }
            for (x, column) in spectrum.chunks_exact_mut(self.height).enumerate() {
                column[y..y + rows]
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, v)| *v = self.half_lines[i * half + x]);
            }
        }
        for column in spectrum.chunks_exact_mut(self.height) {
            self.columns_forward.process_with_scratch(column, &mut self.scratch);
        }
    }

    /// Makes `spectrum` hold the given values at points (ky, kx) of the half plane, their
    /// conjugates opposite, and nothing else.
    pub(crate) fn fill(
        &self,
        spectrum: &mut Vec<Complex32>,
        values: impl Iterator<Item = ((i32, i32), Complex32)>,
    ) {
        spectrum.clear();
        spectrum.resize(self.spectrum_len(), Complex32::default());
        let row = |ky: i32| wrapped(ky, self.height);
        for ((ky, kx), v) in values {
            spectrum[kx as usize * self.height + row(ky)] = v;
            if kx == 0 {
                spectrum[row(-ky)] = v.conj();
            }
        }
    }

    /// Transforms a spectrum back; the spectrum is used as scratch.
    pub(crate) fn inverse(&mut self, spectrum: &mut [Complex32], out: &mut Image) {
        out.width = self.width;
        out.height = self.height;
        out.data.resize(self.width * self.height, 0.0);
        for column in spectrum.chunks_exact_mut(self.height) {
            self.columns_inverse.process_with_scratch(column, &mut self.scratch);
        }
        let half = self.width / 2 + 1;
        for y in (0..self.height).step_by(STRIP) {
            let rows = STRIP.min(self.height - y);
            for (x, column) in spectrum.chunks_exact(self.height).enumerate() {
                column[y..y + rows]
                    .iter()
                    .enumerate()
                    .for_each(|(i, &v)| self.half_lines[i * half + x] = v);
            }
            for (i, half_line) in self.half_lines.chunks_exact_mut(half).take(rows).enumerate() {
                half_line[self.columns..].fill(Complex32::default());
                // A real signal has real values at zero and at the Nyquist frequency; rounding may
                // have left a trace.
                half_line[0].im = 0.0;
                if self.width.is_multiple_of(2) {
                    half_line[self.width / 2].im = 0.0;
                }
                let _ = self.rows_inverse.process_with_scratch(
                    half_line,
                    out.row_mut(y + i),
                    &mut self.scratch,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_and_inverse_agree() {
        let mut image = Image::new(24, 18);
        for (i, v) in image.data.iter_mut().enumerate() {
            *v = ((i * 37) % 101) as f32;
        }
        let mut fft = RealFft2::new(24, 18);
        let (mut spectrum, mut back) = (Vec::new(), Image::default());
        fft.forward(&image, &mut spectrum);
        fft.inverse(&mut spectrum, &mut back);
        for (a, b) in image.data.iter().zip(&back.data) {
            assert!((a - b / (24.0 * 18.0)).abs() < 1e-3);
        }
    }

    #[test]
    fn within_a_band_the_spectrum_is_the_same_and_beyond_it_there_is_none() {
        let mut image = Image::new(20, 11);
        image.data.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 37) % 101) as f32);
        let (mut whole, mut part) = (RealFft2::new(24, 18), RealFft2::new(24, 18).within(0.21));
        let (mut all, mut low) = (Vec::new(), Vec::new());
        whole.forward(&image, &mut all);
        part.forward(&image, &mut low);
        assert_eq!(low.len(), 6 * 18);
        assert_eq!(low, all[..6 * 18]);
        let (mut back, mut plain) = (Image::default(), Image::default());
        part.inverse(&mut low, &mut back);
        all[6 * 18..].fill(Complex32::default());
        whole.inverse(&mut all, &mut plain);
        assert_eq!(back, plain);
    }
}
