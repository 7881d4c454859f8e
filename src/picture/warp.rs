//! Projective maps from tile coordinates to picture coordinates.

use super::plane::Image;

/// A homography, row-major, with last element 1: takes tile coordinates (pixels at 360-line scale) to pixels of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Warp(pub(crate) [f32; 9]);

impl Warp {
    /// Axis-parallel: pixel centres of both coordinate systems share a corner, and a tile pixel is `sx`×`sy` image pixels.
    pub(crate) fn scaling(sx: f32, sy: f32) -> Self {
        Self([sx, 0.0, (sx - 1.0) / 2.0, 0.0, sy, (sy - 1.0) / 2.0, 0.0, 0.0, 1.0])
    }

    /// Linear, about the image's origin: `matrix` = (x from x, x from y, y from x, y from y).
    pub(crate) fn linear(matrix: [f32; 4]) -> Self {
        let [a, b, c, d] = matrix;
        Self([a, b, 0.0, c, d, 0.0, 0.0, 0.0, 1.0])
    }

    /// Moves by (x, y).
    pub(crate) fn shift(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0])
    }

    pub(crate) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let h = &self.0;
        let w = h[6] * x + h[7] * y + h[8];
        ((h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w)
    }

    /// First `other`, then `self`.
    pub(crate) fn after(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        let mut h = [0.0; 9];
        for r in 0..3 {
            for c in 0..3 {
                h[3 * r + c] = (0..3).map(|k| a[3 * r + k] * b[3 * k + c]).sum();
            }
        }
        let scale = 1.0 / h[8];
        Self(h.map(|v| v * scale))
    }

    pub(crate) fn inverse(&self) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let adjugate = [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d];
        let determinant = a * adjugate[0] + b * adjugate[3] + c * adjugate[6];
        if determinant.abs() < 1e-9 || adjugate[8].abs() < 1e-9 {
            return None;
        }
        Some(Self(adjugate.map(|v| v / adjugate[8])))
    }

    /// The linear part at a point, as (x from x, x from y, y from x, y from y).
    pub(crate) fn jacobian(&self, x: f32, y: f32) -> [f32; 4] {
        let h = &self.0;
        let w = h[6] * x + h[7] * y + h[8];
        let (u, v) = self.apply(x, y);
        [(h[0] - u * h[6]) / w, (h[1] - u * h[7]) / w, (h[3] - v * h[6]) / w, (h[4] - v * h[7]) / w]
    }
}

/// An image in tile coordinates.
#[derive(Clone, Debug)]
pub(crate) struct Unwarped {
    /// Pixels at 360-line scale.
    pub(crate) image: Image,
    /// Tile coordinates of the first pixel.
    pub(crate) origin: (f32, f32),
}

/// Largest side in tile coordinates: a hypothesis that needs more is absurd.
const LARGEST: f32 = 2048.0;

/// Resamples `image` into tile coordinates. `None` where the map is degenerate or absurdly large.
pub(crate) fn unwarp(image: &Image, warp: &Warp) -> Option<Unwarped> {
    let back = warp.inverse()?;
    let (w, h) = (image.width as f32 - 1.0, image.height as f32 - 1.0);
    let corners = [(0.0, 0.0), (w, 0.0), (0.0, h), (w, h)].map(|(x, y)| back.apply(x, y));
    let range = |f: fn(&(f32, f32)) -> f32| {
        let low = corners.iter().map(f).fold(f32::INFINITY, f32::min).floor();
        let high = corners.iter().map(f).fold(f32::NEG_INFINITY, f32::max).ceil();
        (low, high - low + 1.0)
    };
    let ((x0, width), (y0, height)) = (range(|c| c.0), range(|c| c.1));
    if !(1.0..=LARGEST).contains(&width) || !(1.0..=LARGEST).contains(&height) {
        return None;
    }
    let mut out = Image::new(width as usize, height as usize);
    for y in 0..out.height {
        let v = y as f32 + y0;
        for (x, o) in out.row_mut(y).iter_mut().enumerate() {
            let (px, py) = warp.apply(x as f32 + x0, v);
            *o = image.sample(px, py);
        }
    }
    Some(Unwarped { image: out, origin: (x0, y0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes() {
        let w = Warp([1.1, 0.1, 5.0, -0.2, 0.9, 3.0, 1e-4, -2e-4, 1.0]);
        let (x, y) = w.apply(31.0, 47.0);
        let (u, v) = w.inverse().unwrap().apply(x, y);
        assert!((u - 31.0).abs() < 1e-2 && (v - 47.0).abs() < 1e-2);
        let one = w.after(&w.inverse().unwrap());
        assert!((one.0[0] - 1.0).abs() < 1e-4 && one.0[2].abs() < 1e-3);
    }
}
