//! Local means and activity on a coarse grid of 4×4-pixel blocks.
//!
//! Mask and detector both need low-passes many pixels wide. On the grid those are a few operations
//! per block, and the way back to pixels is bilinear, so the cost per pixel stays at a handful of
//! additions.

use super::image::Image;

/// Side of a block in pixels of the decimated image.
pub(crate) const BLOCK: usize = 4;

/// Mean of `f(pixel)` in each block; blocks at the right and lower edge may be smaller.
pub(crate) fn block_means(image: &Image, out: &mut Image, f: impl Fn(f32) -> f32) {
    out.width = image.width.div_ceil(BLOCK);
    out.height = image.height.div_ceil(BLOCK);
    out.data.clear();
    out.data.resize(out.width * out.height, 0.0);
    for (y, row) in image.rows().enumerate() {
        let line = out.row_mut(y / BLOCK);
        let whole = row.chunks_exact(BLOCK);
        let rest = whole.remainder();
        for (o, px) in line.iter_mut().zip(whole) {
            *o += f(px[0]) + f(px[1]) + f(px[2]) + f(px[3]);
        }
        if let (false, Some(o)) = (rest.is_empty(), line.last_mut()) {
            *o += rest.iter().map(|&p| f(p)).sum::<f32>();
        }
    }
    let (bw, bh) = (out.width, out.height);
    let size = |i: usize, n: usize, total: usize| if i + 1 < n { BLOCK } else { total - i * BLOCK };
    for y in 0..bh {
        let rows = size(y, bh, image.height);
        for (x, o) in out.row_mut(y).iter_mut().enumerate() {
            *o /= (rows * size(x, bw, image.width)) as f32;
        }
    }
}

/// Blurs with the binomial kernel 1 4 6 4 1 (σ = 1 block) in both directions, repeating the edge.
pub(crate) fn blur(grid: &mut Image, scratch: &mut Image) {
    let (w, h) = (grid.width, grid.height);
    if w == 0 || h == 0 {
        return;
    }
    let kernel = |a: f32, b: f32, c: f32, d: f32, e: f32| (a + e + 4.0 * (b + d) + 6.0 * c) / 16.0;
    scratch.clone_from(grid);
    let mut padded = vec![0.0; w + 4];
    for y in 0..h {
        padded[2..w + 2].copy_from_slice(scratch.row(y));
        padded[..2].fill(scratch.row(y)[0]);
        padded[w + 2..].fill(scratch.row(y)[w - 1]);
        for (o, p) in grid.row_mut(y).iter_mut().zip(padded.windows(5)) {
            *o = kernel(p[0], p[1], p[2], p[3], p[4]);
        }
    }
    scratch.clone_from(grid);
    for y in 0..h {
        let at = |d: isize| scratch.row((y as isize + d).clamp(0, h as isize - 1) as usize);
        let (a, b, c, d, e) = (at(-2), at(-1), at(0), at(1), at(2));
        for (x, o) in grid.row_mut(y).iter_mut().enumerate() {
            *o = kernel(a[x], b[x], c[x], d[x], e[x]);
        }
    }
}

/// Replaces each block by the smallest of its 3×3 neighbourhood.
pub(crate) fn erode(grid: &mut Image, scratch: &mut Image) {
    let h = grid.height;
    scratch.clone_from(grid);
    for y in 0..h {
        let (above, here, below) =
            (scratch.row(y.saturating_sub(1)), scratch.row(y), scratch.row((y + 1).min(h - 1)));
        for (((o, &a), &b), &c) in grid.row_mut(y).iter_mut().zip(above).zip(here).zip(below) {
            *o = a.min(b).min(c);
        }
    }
    scratch.clone_from(grid);
    for y in 0..h {
        let (from, to) = (scratch.row(y), grid.row_mut(y));
        for (o, &left) in to.iter_mut().skip(1).zip(from) {
            *o = o.min(left);
        }
        for (o, &right) in to.iter_mut().zip(from.iter().skip(1)) {
            *o = o.min(right);
        }
    }
}

/// Bilinear interpolation from blocks to pixels, a row at a time.
#[derive(Clone, Default)]
pub(crate) struct Upsampler {
    line: Vec<f32>,
}

impl Upsampler {
    /// Interpolates pixel row `y` into `out`.
    pub(crate) fn row(&mut self, grid: &Image, y: usize, out: &mut [f32]) {
        let last = grid.height.max(1) - 1;
        let v = ((y as f32 + 0.5) / BLOCK as f32 - 0.5).clamp(0.0, last as f32);
        let (upper, weight) = (v as usize, v.fract());
        let lower = (upper + 1).min(last);
        self.line.clear();
        self.line.extend(
            grid.row(upper).iter().zip(grid.row(lower)).map(|(&a, &b)| a + weight * (b - a)),
        );
        let (Some(&first), Some(&rightmost)) = (self.line.first(), self.line.last()) else {
            return;
        };
        // From one block's centre to the next; before the first and after the last there is nothing
        // to lean towards.
        let (edge, inner) = out.split_at_mut((BLOCK / 2).min(out.len()));
        edge.fill(first);
        let pairs = self.line.windows(2).map(|w| (w[0], w[1])).chain([(rightmost, rightmost)]);
        for (out, (left, right)) in inner.chunks_mut(BLOCK).zip(pairs) {
            for (o, ramp) in out.iter_mut().zip(RAMP) {
                *o = left + ramp * (right - left);
            }
        }
    }
}

/// Weight of the right-hand block at the pixels between two centres.
const RAMP: [f32; BLOCK] = [0.125, 0.375, 0.625, 0.875];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_survives_means_and_interpolation() {
        let mut ramp = Image::new(42, 30);
        for y in 0..30 {
            for x in 0..42 {
                ramp.data[y * 42 + x] = x as f32 + 2.0 * y as f32;
            }
        }
        let mut grid = Image::default();
        block_means(&ramp, &mut grid, |v| v);
        assert_eq!((grid.width, grid.height), (11, 8));
        let mut up = Upsampler::default();
        let mut row = vec![0.0; 42];
        up.row(&grid, 13, &mut row);
        for (x, v) in row.iter().enumerate().skip(2).take(36) {
            assert!((v - (x as f32 + 26.0)).abs() < 1e-3, "{x} {v}");
        }
    }

    #[test]
    fn erosion_keeps_the_quiet_side_of_an_edge_quiet() {
        let mut g = Image::new(8, 1);
        g.data = vec![0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0];
        erode(&mut g, &mut Image::default());
        assert_eq!(g.data, [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0]);
    }
}
