//! What an image in tile coordinates holds at the lattice points.

use realfft::num_complex::Complex32;

use super::carrier::POINTS;
use super::image::Image;
use super::spectrum::{RealFft2, wrapped};
use super::tile::{BAND_HIGH, TILE};

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
    use super::super::tile::TileFft;
    use super::*;

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
