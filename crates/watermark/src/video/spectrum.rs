//! Two-dimensional real transforms, and the reading of lattice points from them.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::carrier::{BAND_HIGH, POINTS, TILE};
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

/// The transform of one tile.
pub(crate) struct TileFft {
    fft: RealFft2,
    spectrum: Vec<Complex32>,
    image: Image,
}

impl TileFft {
    pub(crate) fn new() -> Self {
        Self {
            fft: RealFft2::new(TILE, TILE).within(BAND_HIGH),
            spectrum: Vec::new(),
            image: Image::default(),
        }
    }

    /// The tile with the given values at lattice points of the half plane (and their conjugates
    /// opposite), unnormalised.
    pub(crate) fn synthesise(
        &mut self,
        values: impl Iterator<Item = ((i32, i32), Complex32)>,
    ) -> Vec<f32> {
        self.fft.fill(&mut self.spectrum, values);
        self.fft.inverse(&mut self.spectrum, &mut self.image);
        self.image.data.clone()
    }
}

/// What the spectrum of an image in tile coordinates holds at the lattice points.
#[derive(Clone, Debug)]
pub(crate) struct Readings {
    /// Value at each of [`POINTS`], for an origin at the image's first pixel.
    pub(crate) value: Vec<Complex32>,
    /// Noise power at each point, from its off-lattice neighbours.
    pub(crate) noise: Vec<f32>,
}

/// Least number of tiles that an image is padded to, so that there are frequencies between the
/// lattice points.
const LEAST_TILES: usize = 4;

/// Reads the lattice points from an image at tile scale. The share of the image that holds anything
/// is `extent` (pixels across and down): it decides how far a lattice point leaks into its
/// neighbours.
pub(crate) fn read_lattice(image: &Image, extent: (f32, f32)) -> Readings {
    let tiles = |n: usize| n.div_ceil(TILE).max(LEAST_TILES);
    let (tx, ty) = (tiles(image.width), tiles(image.height));
    let (width, height) = (tx * TILE, ty * TILE);
    // Neighbours nearer than the main lobe's half width hold the mark itself; those at the next
    // lattice points too.
    let lobe = |padded: usize, extent: f32, tiles: usize| {
        (((padded as f32 / extent.max(1.0)).ceil()) as i32).clamp(1, tiles as i32 - 2)
    };
    let (lx, ly) = (lobe(width, extent.0, tx), lobe(height, extent.1, ty));
    let reach = |tiles: usize, lobe: i32| (tiles as i32 - lobe).max(lobe + 1);
    let (rx, ry) = (reach(tx, lx), reach(ty, ly));
    let mut spectrum = Vec::new();
    RealFft2::new(width, height)
        .within(BAND_HIGH + rx as f32 / width as f32)
        .forward(image, &mut spectrum);
    let at = |y: i32, x: i32| {
        let (y, x) = if x < 0 { (-y, -x) } else { (y, x) };
        spectrum[x as usize * height + wrapped(y, height)]
    };
    let mut readings = Readings {
        value: Vec::with_capacity(POINTS.len()),
        noise: Vec::with_capacity(POINTS.len()),
    };
    for &(ky, kx) in POINTS.iter() {
        let (y, x) = (ky * ty as i32, kx * tx as i32);
        let (mut sum, mut count) = (0.0, 0);
        for dx in -rx..=rx {
            for dy in -ry..=ry {
                if dx.abs() > lx || dy.abs() > ly {
                    sum += at(y + dy, x + dx).norm_sqr();
                    count += 1;
                }
            }
        }
        readings.value.push(at(y, x));
        readings.noise.push(sum / count.max(1) as f32);
    }
    readings
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

    #[test]
    fn a_synthesised_tile_reads_back() {
        let mut fft = TileFft::new();
        let tile = fft.synthesise(
            POINTS
                .iter()
                .enumerate()
                .map(|(i, &p)| (p, Complex32::new(1.0, if i % 2 == 0 { 1.0 } else { -1.0 }))),
        );
        let mut image = Image::new(TILE * 4, TILE * 4);
        for y in 0..TILE * 4 {
            for x in 0..TILE * 4 {
                image.data[y * TILE * 4 + x] = tile[y % TILE * TILE + x % TILE];
            }
        }
        let r = read_lattice(&image, (512.0, 512.0));
        let scale = r.value[0].re;
        for (i, v) in r.value.iter().enumerate() {
            assert!(
                (v.re / scale - 1.0).abs() < 1e-3
                    && (v.im / scale - if i % 2 == 0 { 1.0 } else { -1.0 }).abs() < 1e-3
            );
        }
    }
}
