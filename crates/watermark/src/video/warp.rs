//! Maps from tile coordinates to picture coordinates: a projective map, after a little of what a
//! lens does.

use super::image::Image;
use super::kernels;

/// Takes tile coordinates (pixels at 360-line scale) to pixels of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Warp {
    /// The homography, row-major, with last element 1.
    h: [f32; 9],
    lens: Lens,
}

/// Radial distortion, applied before the homography: a point at distance r from the centre moves to
/// r·(1 + k·r²).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lens {
    /// The centre, in tile coordinates.
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) k: f32,
}

impl Lens {
    fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = (x - self.x, y - self.y);
        let f = 1.0 + self.k * (dx * dx + dy * dy);
        (self.x + dx * f, self.y + dy * f)
    }

    /// Undone by fixed-point iteration: the distortion is small.
    fn unapply(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = (x - self.x, y - self.y);
        let (mut u, mut v) = (dx, dy);
        for _ in 0..8 {
            let f = (1.0 + self.k * (u * u + v * v)).max(0.5);
            (u, v) = (dx / f, dy / f);
        }
        (self.x + u, self.y + v)
    }

    fn jacobian(&self, x: f32, y: f32) -> [f32; 4] {
        let (dx, dy) = (x - self.x, y - self.y);
        let (square, cross) = (dx * dx + dy * dy, 2.0 * self.k * dx * dy);
        [
            1.0 + self.k * (square + 2.0 * dx * dx),
            cross,
            cross,
            1.0 + self.k * (square + 2.0 * dy * dy),
        ]
    }
}

impl Warp {
    /// From a row-major homography with last element 1.
    pub(crate) fn projective(h: [f32; 9]) -> Self {
        Self { h, lens: Lens::default() }
    }

    /// Axis-parallel: pixel centres of both coordinate systems share a corner, and a tile pixel is
    /// `sx`×`sy` image pixels.
    pub(crate) fn scaling(sx: f32, sy: f32) -> Self {
        Self::projective([sx, 0.0, (sx - 1.0) / 2.0, 0.0, sy, (sy - 1.0) / 2.0, 0.0, 0.0, 1.0])
    }

    /// Linear, about the image's origin: `matrix` = (x from x, x from y, y from x, y from y).
    pub(crate) fn linear(matrix: [f32; 4]) -> Self {
        let [a, b, c, d] = matrix;
        Self::projective([a, b, 0.0, c, d, 0.0, 0.0, 0.0, 1.0])
    }

    /// Moves by (x, y).
    pub(crate) fn shift(x: f32, y: f32) -> Self {
        Self::projective([1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0])
    }

    /// The same map through a lens, instead of the one it has.
    pub(crate) fn through(self, lens: Lens) -> Self {
        Self { lens, ..self }
    }

    pub(crate) fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        project(&self.h, self.lens.apply(x, y))
    }

    /// The tile coordinates that lead to a pixel; `None` where the map is degenerate.
    pub(crate) fn unapply(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let (u, v) = project(&invert(&self.h)?, (x, y));
        Some(self.lens.unapply(u, v))
    }

    /// First `other`, then `self`. Lenses of both add up, which holds as long as `other` turns,
    /// moves and scales things evenly and bends them little.
    pub(crate) fn after(&self, other: &Self) -> Self {
        let (a, b) = (&self.h, &other.h);
        let mut h = [0.0; 9];
        for r in 0..3 {
            for c in 0..3 {
                h[3 * r + c] = (0..3).map(|k| a[3 * r + k] * b[3 * k + c]).sum();
            }
        }
        let scale = 1.0 / h[8];
        let lens = if self.lens.k == 0.0 {
            other.lens
        } else {
            let (x, y) =
                other.unapply(self.lens.x, self.lens.y).unwrap_or((self.lens.x, self.lens.y));
            let [a, b, c, d] = other.jacobian(x, y);
            Lens { x, y, k: self.lens.k * (a * d - b * c).abs() + other.lens.k }
        };
        Self { h: h.map(|v| v * scale), lens }
    }

    /// Whether it only scales and shifts.
    fn is_upright(&self) -> bool {
        let [_, b, _, c, _, _, g, h, i] = self.h;
        [b, c, g, h, self.lens.k] == [0.0; 5] && i == 1.0
    }

    /// The linear part at a point, as (x from x, x from y, y from x, y from y).
    pub(crate) fn jacobian(&self, x: f32, y: f32) -> [f32; 4] {
        let h = &self.h;
        let point = self.lens.apply(x, y);
        let w = h[6] * point.0 + h[7] * point.1 + h[8];
        let (u, v) = project(h, point);
        let [a, b, c, d] = [
            (h[0] - u * h[6]) / w,
            (h[1] - u * h[7]) / w,
            (h[3] - v * h[6]) / w,
            (h[4] - v * h[7]) / w,
        ];
        let [e, f, g, i] = self.lens.jacobian(x, y);
        [a * e + b * g, a * f + b * i, c * e + d * g, c * f + d * i]
    }
}

fn project(h: &[f32; 9], (x, y): (f32, f32)) -> (f32, f32) {
    let w = h[6] * x + h[7] * y + h[8];
    ((h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w)
}

fn invert(h: &[f32; 9]) -> Option<[f32; 9]> {
    let [a, b, c, d, e, f, g, h, i] = *h;
    let adjugate = [
        e * i - f * h,
        c * h - b * i,
        b * f - c * e,
        f * g - d * i,
        a * i - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    ];
    let determinant = a * adjugate[0] + b * adjugate[3] + c * adjugate[6];
    if determinant.abs() < 1e-9 || adjugate[8].abs() < 1e-9 {
        return None;
    }
    Some(adjugate.map(|v| v / adjugate[8]))
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
pub(super) const LARGEST: f32 = 2048.0;

/// Resamples `image` into tile coordinates. `None` where the map is degenerate or absurdly large.
pub(crate) fn unwarp(image: &Image, warp: &Warp) -> Option<Unwarped> {
    let (w, h) = (image.width as f32 - 1.0, image.height as f32 - 1.0);
    let corners = [
        warp.unapply(0.0, 0.0)?,
        warp.unapply(w, 0.0)?,
        warp.unapply(0.0, h)?,
        warp.unapply(w, h)?,
    ];
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
    if warp.is_upright() {
        resize(image, warp, (x0, y0), &mut out);
        return Some(Unwarped { image: out, origin: (x0, y0) });
    }
    let mut knots = vec![(0.0, 0.0); out.width.div_ceil(kernels::RUN) + 1];
    for y in 0..out.height {
        knots.iter_mut().enumerate().for_each(|(i, knot)| {
            *knot = warp.apply((kernels::RUN * i) as f32 + x0, y as f32 + y0)
        });
        kernels::sample(image, &knots, out.row_mut(y));
    }
    Some(Unwarped { image: out, origin: (x0, y0) })
}

/// [`Image::sample`] for an axis-parallel map, several times as quick: first between two rows, then
/// along.
fn resize(image: &Image, warp: &Warp, (x0, y0): (f32, f32), out: &mut Image) {
    // Where a coordinate falls: the first of two samples, and the weight of the second.
    let place = |p: f32, size: usize| {
        (p >= 0.0 && p < size as f32 - 1.0).then_some((p as usize, p.fract()))
    };
    let columns: Vec<Option<(usize, f32)>> =
        (0..out.width).map(|x| place(warp.apply(x as f32 + x0, y0).0, image.width)).collect();
    let mut line = vec![0.0; image.width];
    for y in 0..out.height {
        let Some((upper, weight)) = place(warp.apply(x0, y as f32 + y0).1, image.height) else {
            continue;
        };
        let (upper, lower) = (image.row(upper), image.row(upper + 1));
        line.iter_mut()
            .zip(upper.iter().zip(lower))
            .for_each(|(l, (&u, &v))| *l = u + weight * (v - u));
        for (o, column) in out.row_mut(y).iter_mut().zip(&columns) {
            if let Some((left, weight)) = *column {
                *o = line[left] + weight * (line[left + 1] - line[left]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_parallel_map_samples_as_any_other() {
        let mut image = Image::new(90, 50);
        image.data.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * i * 7 + i) % 101) as f32);
        for warp in
            [Warp::scaling(0.7, 1.3), Warp::scaling(2.4, 0.9).after(&Warp::shift(-3.3, 4.2))]
        {
            let quick = unwarp(&image, &warp).unwrap();
            for (y, row) in quick.image.rows().enumerate() {
                for (x, &v) in row.iter().enumerate() {
                    let (px, py) = warp.apply(x as f32 + quick.origin.0, y as f32 + quick.origin.1);
                    assert!((v - image.sample(px, py)).abs() < 1e-3, "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn unapply_undoes() {
        let rectify = Warp::projective([1.1, 0.1, 5.0, -0.2, 0.9, 3.0, 1e-4, -2e-4, 1.0]);
        for warp in [rectify, rectify.through(Lens { x: 300.0, y: 180.0, k: -4e-7 })] {
            let (x, y) = warp.apply(31.0, 47.0);
            let (u, v) = warp.unapply(x, y).unwrap();
            assert!((u - 31.0).abs() < 2e-2 && (v - 47.0).abs() < 2e-2, "{u} {v}");
            let step = 0.5;
            let [a, _, c, _] = warp.jacobian(31.0, 47.0);
            let (p, q) = (warp.apply(31.0 - step, 47.0), warp.apply(31.0 + step, 47.0));
            assert!((q.0 - p.0 - a).abs() < 1e-2 && (q.1 - p.1 - c).abs() < 1e-2);
        }
    }

    #[test]
    fn after_applies_both() {
        let first = Warp::shift(3.0, -2.0).through(Lens { x: 200.0, y: 100.0, k: 1e-7 });
        let second = Warp::projective([1.1, 0.1, 5.0, -0.2, 0.9, 3.0, 1e-4, -2e-4, 1.0]);
        let (x, y) = first.apply(40.0, 50.0);
        let (both, each) = (second.after(&first).apply(40.0, 50.0), second.apply(x, y));
        assert!((both.0 - each.0).abs() < 1e-2 && (both.1 - each.1).abs() < 1e-2);
    }
}
