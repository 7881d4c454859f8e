//! The aperiodic part of the mark: what each cell of a picture holds, gathered by the key.
//!
//! A cell is the place of one repetition of the tile. In each the same word lies under signs of its
//! own, so that nobody without the key can average it out, and nobody can copy it elsewhere.

use realfft::num_complex::Complex32;

use super::carrier::{CELLS, Carrier, POINTS, Pattern};
use super::image::Image;
use super::readings::Readings;
use super::spectrum::{RealFft2, wrapped};
use super::sync::{Orientation, Whitened};
use super::tile::{BAND_HIGH, TILE};
use super::warp::Unwarped;

/// Frequencies on each side of a point from which its noise is told.
const BESIDE: i32 = 2;
/// Least side of what is seen of a cell, in tile pixels.
const LEAST_SIDE: i32 = 16;

/// Cells that the first one of a picture may be: what a crop left may begin anywhere.
pub(crate) const PLACES: f64 = (CELLS * CELLS) as f64;

/// What the cells of a picture hold at the lattice points.
pub(crate) struct Cells {
    /// Row and column, and the readings for an origin at the cell's first pixel.
    cells: Vec<(i32, i32, Readings)>,
}

impl Cells {
    /// Of a picture in the mark's directions, whose tile coordinates count from the corner of a
    /// cell.
    pub(crate) fn read(picture: &Unwarped) -> Self {
        let Unwarped { image, origin } = picture;
        let (left, top) = (origin.0 as i32, origin.1 as i32);
        let span = |first: i32, size: usize| {
            let tile = TILE as i32;
            let last = first + size as i32;
            (first.div_euclid(tile)..=(last - 1).div_euclid(tile)).filter_map(move |cell| {
                let (from, to) = ((cell * tile).max(first), ((cell + 1) * tile).min(last));
                (to - from >= LEAST_SIDE).then_some((cell, from, to))
            })
        };
        let mut fft = RealFft2::new(TILE, TILE).within(BAND_HIGH + BESIDE as f32 / TILE as f32);
        let (mut patch, mut spectrum) = (Image::new(TILE, TILE), Vec::new());
        let mut cells = Vec::new();
        for (row, y0, y1) in span(top, image.height) {
            for (column, x0, x1) in span(left, image.width) {
                patch.data.fill(0.0);
                for y in y0..y1 {
                    let from =
                        &image.row((y - top) as usize)[(x0 - left) as usize..(x1 - left) as usize];
                    let at = (x0 - column * TILE as i32) as usize;
                    patch.row_mut((y - row * TILE as i32) as usize)[at..at + from.len()]
                        .copy_from_slice(from);
                }
                fft.forward(&patch, &mut spectrum);
                cells.push((row, column, points(&spectrum)));
            }
        }
        Self { cells }
    }

    /// The sum over all cells, each freed from its signs under `carrier`, for cells that are
    /// counted from the one of this row and column.
    pub(crate) fn gather(&self, carrier: &Carrier, first: (i32, i32)) -> Readings {
        self.sum_under(|row, column| carrier.cell(row + first.0, column + first.1))
    }

    /// The sum over all cells as they are: the periodic part.
    pub(crate) fn sum(&self) -> Readings {
        let as_it_is = vec![1.0; 2 * POINTS.len()];
        self.sum_under(|_, _| &as_it_is)
    }

    /// The sum over all cells, each under the signs of its row and column.
    fn sum_under<'s>(&self, signs: impl Fn(i32, i32) -> &'s [f32]) -> Readings {
        let mut sum = Readings {
            value: vec![Complex32::default(); POINTS.len()],
            noise: vec![0.0; POINTS.len()],
        };
        for (row, column, readings) in &self.cells {
            let signs = signs(*row, *column).chunks_exact(2);
            for ((o, v), s) in sum.value.iter_mut().zip(&readings.value).zip(signs) {
                *o += Complex32::new(v.re * s[0], v.im * s[1]);
            }
            sum.noise.iter_mut().zip(&readings.noise).for_each(|(o, n)| *o += n);
        }
        sum
    }
}

/// The readings of sums of the same picture, taken together; `None` without any.
pub(crate) fn gather(sums: &[Cells], carrier: &Carrier, first: (i32, i32)) -> Option<Whitened> {
    sums.iter()
        .map(|cells| Whitened::new(&cells.gather(carrier, first), Orientation::UPRIGHT))
        .reduce(|a, b| a.with(&b))
}

/// How well the cells of a picture fit a pattern, wherever among all cells they lie: the score, the
/// first cell, and the readings there.
pub(crate) fn fits(
    sums: &[Cells],
    carrier: &Carrier,
    pattern: &Pattern,
) -> impl Iterator<Item = (f32, (i32, i32), Whitened)> {
    let side = 0..CELLS as i32;
    let places = side.clone().flat_map(move |row| side.clone().map(move |column| (row, column)));
    places.filter_map(move |first| {
        let readings = gather(sums, carrier, first)?;
        Some((readings.fit(pattern), first, readings))
    })
}

/// The lattice points of one cell, and the noise beside each.
fn points(spectrum: &[Complex32]) -> Readings {
    let at = |y: i32, x: i32| {
        let (y, x) = if x < 0 { (-y, -x) } else { (y, x) };
        spectrum[x as usize * TILE + wrapped(y, TILE)]
    };
    let noise = |&(ky, kx): &(i32, i32)| {
        let around = (-BESIDE..=BESIDE).flat_map(|dy| (-BESIDE..=BESIDE).map(move |dx| (dy, dx)));
        let beside = around.filter(|d| *d != (0, 0));
        beside.map(|(dy, dx)| at(ky + dy, kx + dx).norm_sqr()).sum::<f32>()
            / ((2 * BESIDE + 1).pow(2) - 1) as f32
    };
    Readings {
        value: POINTS.iter().map(|&(ky, kx)| at(ky, kx)).collect(),
        noise: POINTS.iter().map(noise).collect(),
    }
}
