//! Presence, translation and orientation: the correlation of lattice readings with the keyed sync
//! patterns.
//!
//! Statistics. The signs of a carrier are pseudo-random and secret, so for any fixed picture the
//! score z = Σ s·v / √Σ v², over dimensions with signs s and readings v, is a self-normalised sum
//! of independent fair signs, and Hoeffding's inequality (doi:10.1080/01621459.1963.10500830)
//! bounds its tail by exp(−z²/2) whatever the picture holds. Each score that is looked at is a
//! trial; the reported p-value is the number of trials times that bound.

use std::collections::HashMap;
use std::sync::LazyLock;

use realfft::num_complex::Complex32;

use super::carrier::{Carrier, POINTS, Pattern};
use super::image::Image;
use super::readings::Readings;
use super::spectrum::RealFft2;
use super::tile::{BAND_HIGH, BAND_LOW, TILE};
use crate::stats::median;

/// One of the eight symmetries of the square: quarter turns, after a mirror or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Orientation {
    /// Quarter turns, counter-clockwise.
    pub(crate) turns: u8,
    /// Mirrored left to right.
    pub(crate) mirrored: bool,
}

impl Orientation {
    pub(crate) const UPRIGHT: Self = Self { turns: 0, mirrored: false };

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..4).flat_map(|turns| [false, true].map(|mirrored| Self { turns, mirrored }))
    }

    /// The matrix that takes tile coordinates of the mark to those of the picture, as (x from x, x
    /// from y, y from x, y from y).
    pub(crate) fn matrix(self) -> (i32, i32, i32, i32) {
        let m = if self.mirrored { -1 } else { 1 };
        match self.turns % 4 {
            0 => (m, 0, 0, 1),
            1 => (0, 1, -m, 0),
            2 => (-m, 0, 0, -1),
            _ => (0, -1, m, 0),
        }
    }
}

impl Orientation {
    /// Takes a vector in picture directions to the mark's.
    pub(crate) fn back(self, x: f32, y: f32) -> (f32, f32) {
        let (xx, xy, yx, yy) = self.matrix();
        (xx as f32 * x + yx as f32 * y, xy as f32 * x + yy as f32 * y)
    }

    /// Where the picture's spectrum holds each of the mark's [`POINTS`]: its place there, and
    /// whether as the conjugate.
    pub(crate) fn places(self) -> &'static [(usize, bool)] {
        static PLACES: LazyLock<Vec<Vec<(usize, bool)>>> = LazyLock::new(|| {
            let index: HashMap<(i32, i32), usize> =
                POINTS.iter().enumerate().map(|(i, &p)| (p, i)).collect();
            let places = |orientation: Orientation| {
                // A wave of frequency k in tile coordinates u has, at picture coordinates v = A u,
                // frequency A⁻ᵀ k = A k: A is orthogonal.
                let (xx, xy, yx, yy) = orientation.matrix();
                let place = |&(ky, kx): &(i32, i32)| {
                    let (x, y) = (xx * kx + xy * ky, yx * kx + yy * ky);
                    let conjugate = x < 0 || (x == 0 && y < 0);
                    (index[&if conjugate { (-y, -x) } else { (y, x) }], conjugate)
                };
                POINTS.iter().map(place).collect()
            };
            Orientation::all().map(places).collect()
        });
        &PLACES[2 * usize::from(self.turns % 4) + usize::from(self.mirrored)]
    }
}

/// Whitened readings in the mark's own orientation: per point the value over the deviation of its
/// noise.
///
/// They all weigh the same. What a codec leaves of the mark falls with frequency about as its noise
/// does, so a matched filter for an even mark, which would weigh by one over the deviation, finds a
/// third less.
#[derive(Clone, Debug)]
pub(crate) struct Whitened {
    /// Unit variance per dimension where there is no mark, at most [`LIMIT`] in magnitude.
    pub(crate) value: Vec<Complex32>,
}

/// Largest whitened reading that counts: a periodic structure of the host on a lattice point says
/// nothing about the rest, and the host's spectrum has heavy tails between structures too.
const LIMIT: f32 = 2.0;
/// Rings of frequency in which the amplitude of a known mark is measured apart.
const RINGS: usize = 6;

impl Whitened {
    /// Turns readings of the picture into readings of the mark.
    pub(crate) fn new(readings: &Readings, orientation: Orientation) -> Self {
        Self::raw(readings, orientation).limited(LIMIT)
    }

    /// These and others of the same places, which err elsewhere in part: their sum, with the power
    /// of one.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let power = |values: &[Complex32]| values.iter().map(Complex32::norm_sqr).sum::<f32>();
        let sum: Vec<Complex32> =
            self.value.iter().zip(&others.value).map(|(a, b)| a + b).collect();
        let scale = ((power(&self.value) + power(&others.value))
            / 2.0
            / power(&sum).max(f32::MIN_POSITIVE))
        .sqrt();
        Self { value: sum.into_iter().map(|v| v * scale).collect() }.limited(LIMIT)
    }

    fn raw(readings: &Readings, orientation: Orientation) -> Self {
        let value = orientation.places().iter().map(|&(i, conjugate)| {
            let value = if conjugate { readings.value[i].conj() } else { readings.value[i] };
            value / (readings.noise[i] / 2.0).max(f32::MIN_POSITIVE).sqrt()
        });
        Self { value: value.collect() }
    }

    fn limited(mut self, limit: f32) -> Self {
        self.value.iter_mut().for_each(|v| *v *= limit / v.norm().max(limit));
        self
    }

    /// The readings for a mark whose origin lies at `shift`, without known ones that lie there:
    /// their amplitude is measured ring by ring.
    pub(crate) fn without(
        readings: &Readings,
        orientation: Orientation,
        shift: (f32, f32),
        words: &[Vec<f32>],
    ) -> Self {
        let mut rest = Self::raw(readings, orientation).shifted(shift.0, shift.1);
        let limit = 2.0 * median(rest.value.iter().map(|v| v.norm()).collect());
        let ring = |(ky, kx): (i32, i32)| {
            ((((ky * ky + kx * kx) as f32).sqrt() / TILE as f32 - BAND_LOW)
                / (BAND_HIGH - BAND_LOW)
                * RINGS as f32) as usize
                % RINGS
        };
        for word in words {
            let mut rings = [(0.0, 0.0); RINGS];
            for ((&p, v), s) in
                POINTS.iter().zip(rest.clone().limited(limit).value).zip(word.chunks_exact(2))
            {
                let sums = &mut rings[ring(p)];
                *sums = (sums.0 + v.re * s[0] + v.im * s[1], sums.1 + 2.0);
            }
            for ((v, &p), s) in rest.value.iter_mut().zip(POINTS.iter()).zip(word.chunks_exact(2)) {
                let (sum, count) = rings[ring(p)];
                *v -= Complex32::new(s[0], s[1]) * (sum / count);
            }
        }
        rest.limited(LIMIT)
    }

    /// The readings for a mark whose origin lies at `(x, y)`, in tile pixels.
    pub(crate) fn shifted(&self, x: f32, y: f32) -> Self {
        let turn = |(&v, &(ky, kx)): (&Complex32, &(i32, i32))| {
            let angle = std::f32::consts::TAU / TILE as f32 * (kx as f32 * x + ky as f32 * y);
            v * Complex32::from_polar(1.0, angle)
        };
        Self { value: self.value.iter().zip(POINTS.iter()).map(turn).collect() }
    }

    /// How well they fit a pattern that lies at the origin: Σ s·v / √Σ v² over its dimensions.
    pub(crate) fn fit(&self, pattern: &Pattern) -> f32 {
        let values = self.dimensions();
        let all = 0..values.len();
        score(
            &values,
            &pattern.signs,
            &all.filter(|&d| pattern.signs[d] != 0.0).collect::<Vec<_>>(),
        )
    }

    /// Readings by dimension.
    pub(crate) fn dimensions(&self) -> Vec<f32> {
        self.value.iter().flat_map(|v| [v.re, v.im]).collect()
    }
}

/// Σ s·v / √Σ v² over the listed dimensions.
pub(crate) fn score(values: &[f32], signs: &[f32], dimensions: &[usize]) -> f32 {
    let (mut sum, mut square) = (0.0, 0.0);
    for &d in dimensions {
        sum += values[d] * signs[d];
        square += values[d] * values[d];
    }
    if square > 0.0 { sum / square.sqrt() } else { 0.0 }
}

/// Where a pattern was found in the readings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SyncPeak {
    /// Which one: for sync patterns, the sub-pattern.
    pub(crate) pattern: usize,
    /// Score; negative for an inverted picture.
    pub(crate) z: f32,
    /// Origin of the mark, in tile pixels, 0 up to [`TILE`].
    pub(crate) x: f32,
    /// Origin of the mark, in tile pixels, 0 up to [`TILE`].
    pub(crate) y: f32,
}

/// The best sub-pattern at a known origin, but for those that are taken.
pub(crate) fn at_origin(whitened: &Whitened, carrier: &Carrier, taken: &[usize]) -> SyncPeak {
    let values = whitened.dimensions();
    (0..crate::message::SUBPATTERNS)
        .filter(|j| !taken.contains(j))
        .map(|j| SyncPeak {
            pattern: j,
            z: score(&values, carrier.signs(j), &carrier.sync),
            x: 0.0,
            y: 0.0,
        })
        .fold(SyncPeak::default(), |a, b| if b.z.abs() > a.z.abs() { b } else { a })
}

/// Searches all translations of some patterns: on a grid of two tile pixels, which the band allows,
/// then finer around the best.
pub(crate) struct TranslationSearch {
    fft: RealFft2,
    spectrum: Vec<Complex32>,
    map: Image,
    /// cos and sin of every angle that a shift by quarters of a pixel gives.
    turns: Vec<Complex32>,
}

/// Side of the grid.
const GRID: usize = TILE / 2;
/// Steps of a shift per tile pixel.
const FINE: usize = 4;
/// Angles that a point turns by under shifts by steps of that; a power of two, so that whole turns
/// are cut off without a division.
const ANGLES: usize = TILE * FINE;
/// Grid peaks that are looked at closely: a true one between grid points may have lost a third of
/// its height.
const PEAKS: usize = 16;

impl TranslationSearch {
    /// Trials per pattern. The climb to a fraction of a pixel looks at few more scores, near enough
    /// to the first to count as one more.
    pub(crate) const TRIALS: f64 = (2 * TILE * TILE) as f64;

    pub(crate) fn new() -> Self {
        let turns = (0..ANGLES)
            .map(|i| Complex32::from_polar(1.0, std::f32::consts::TAU * i as f32 / ANGLES as f32))
            .collect();
        Self {
            fft: RealFft2::new(GRID, GRID).within(BAND_HIGH * (TILE / GRID) as f32),
            spectrum: Vec::new(),
            map: Image::default(),
            turns,
        }
    }

    /// The best origin and pattern.
    pub(crate) fn best(&mut self, whitened: &Whitened, patterns: &[Pattern]) -> SyncPeak {
        self.several(whitened, patterns, PEAKS).first().copied().unwrap_or_default()
    }

    /// The `count` best origins and patterns, the best first.
    pub(crate) fn several(
        &mut self,
        whitened: &Whitened,
        patterns: &[Pattern],
        count: usize,
    ) -> Vec<SyncPeak> {
        let mut peaks: Vec<(f32, usize, usize)> = Vec::with_capacity(2 * count);
        let mut least = 0.0f32;
        for (j, pattern) in patterns.iter().enumerate() {
            self.fft.fill(
                &mut self.spectrum,
                pattern
                    .points
                    .iter()
                    .map(|&p| (POINTS[p], whitened.value[p] * pattern.at(p).conj())),
            );
            self.fft.inverse(&mut self.spectrum, &mut self.map);
            for (y, row) in self.map.rows().enumerate() {
                if row.iter().fold(0.0f32, |m, v| m.max(v.abs())) <= least {
                    continue;
                }
                peaks.extend(
                    row.iter()
                        .enumerate()
                        .filter(|(_, v)| v.abs() > least)
                        .map(|(x, v)| (v.abs(), y * GRID + x, j)),
                );
                if peaks.len() >= 2 * count {
                    peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
                    peaks.truncate(count);
                    least = peaks[count - 1].0;
                }
            }
        }
        peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut peaks: Vec<SyncPeak> = peaks
            .iter()
            .take(count)
            .map(|&(_, i, j)| self.sharpen(whitened, patterns, (i, j)))
            .collect();
        peaks.sort_by(|a, b| b.z.abs().total_cmp(&a.z.abs()));
        peaks
    }

    /// Climbs from a grid peak to the best quarter of a pixel; the exact score is what is returned.
    fn sharpen(
        &self,
        whitened: &Whitened,
        patterns: &[Pattern],
        (place, which): (usize, usize),
    ) -> SyncPeak {
        let pattern = &patterns[which];
        let exact = |x: i32, y: i32| {
            let (mut sum, mut square) = (0.0, 0.0);
            for &p in &pattern.points {
                let (ky, kx) = POINTS[p];
                let v = whitened.value[p]
                    * self.turns[(kx * x + ky * y).rem_euclid(ANGLES as i32) as usize];
                let s = pattern.at(p);
                let (re, im) = (v.re * s.re, v.im * s.im);
                sum += re + im;
                square += re * re + im * im;
            }
            if square > 0.0 { sum / square.sqrt() } else { 0.0 }
        };
        let per_cell = (FINE * TILE / GRID) as i32;
        let (mut x, mut y) = ((place % GRID) as i32 * per_cell, (place / GRID) as i32 * per_cell);
        let mut best = exact(x, y);
        let mut step = per_cell / 2;
        while step > 0 {
            let centre = (x, y);
            for (dx, dy) in [
                (step, 0),
                (-step, 0),
                (0, step),
                (0, -step),
                (step, step),
                (-step, -step),
                (step, -step),
                (-step, step),
            ] {
                let z = exact(centre.0 + dx, centre.1 + dy);
                if z.abs() > best.abs() {
                    (x, y, best) = (centre.0 + dx, centre.1 + dy, z);
                }
            }
            step /= 2;
        }
        SyncPeak { pattern: which, z: best, x: x as f32 / FINE as f32, y: y as f32 / FINE as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::noise::Noise;

    #[test]
    fn readings_that_err_apart_tell_more_together() {
        // A mark of all ones under noise of unit power.
        let mut noise = Noise::new(5);
        let mut reading = || 0.4 + 3.4 * noise.even();
        let mut noisy = || {
            Whitened {
                value: (0..POINTS.len()).map(|_| Complex32::new(reading(), reading())).collect(),
            }
            .limited(LIMIT)
        };
        let score = |w: &Whitened| {
            w.dimensions().iter().sum::<f32>()
                / w.dimensions().iter().map(|v| v * v).sum::<f32>().sqrt()
        };
        let (a, b) = (noisy(), noisy());
        assert!(
            score(&a.with(&b)) > 1.25 * score(&a).max(score(&b)),
            "{} {} {}",
            score(&a),
            score(&b),
            score(&a.with(&b))
        );
        let same = a.with(&a);
        assert!(
            same.value.iter().zip(&a.value).all(|(s, a)| (s - a).norm() < 1e-3),
            "nothing new, nothing changed"
        );
        let none = Whitened { value: vec![Complex32::default(); POINTS.len()] };
        assert_eq!(none.with(&none).value, none.value);
    }
}
