//! A lattice bent by perspective, fitted without the key.
//!
//! Perspective changes the lattice from place to place, so the autocorrelation of the whole picture smears. Those of overlapping
//! patches do not: in each the lattice is nearly straight, with the vectors that the perspective has at the patch's centre. The six parameters
//! that move lattice vectors climb on the sum over all patches. What is found is a proposal: the keyed sync pattern decides.

use super::carrier::TILE;
use super::lattice::{Autocorrelation, GROUP, LatticeSearch, Proposal};
use super::plane::Image;
use super::warp::Warp;

/// Patches across and down, each with this share of the picture's sides.
const PATCHES: usize = 3;
const SHARE: f32 = 0.5;
/// Change of scale from the middle to an edge: so many steps of this size either way are looked at.
const KEYSTONE_STEP: f32 = 0.03;
const KEYSTONE_STEPS: i32 = 4;
/// Steps of the scan in period (relative) and rotation (radians), and the largest rotation.
const PERIOD_STEP: f32 = 0.01;
const ROTATION_STEP: f32 = 0.01;
const ROTATION_STEPS: i32 = 10;
/// Starts that are climbed from: the grid is coarse, so the best of it need not be near the best there is.
const CLIMBS: usize = 32;
/// A correlation counts as this many standard deviations at most: one periodic structure of the host must not speak for the lattice.
const LIMIT: f32 = 5.0;

/// A patch's middle, in pixels of the picture, and what belongs to it.
struct Patch<T> {
    x: f32,
    y: f32,
    of: T,
}

/// The lattice vectors at the picture's middle (pixels), then the change of scale from there to the right and lower edge.
type Parameters = [f32; 6];

/// A bent lattice: the map from tile coordinates about the picture's middle to pixels, and its score in standard deviations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BentLattice {
    pub(crate) warp: Warp,
    pub(crate) score: f32,
}

/// The search over one picture.
pub(crate) struct BendSearch {
    patches: Vec<Patch<LatticeSearch>>,
    /// The picture's middle.
    x: f32,
    y: f32,
}

impl BendSearch {
    /// For lattices with periods of `shortest` to `longest` pixels.
    pub(crate) fn new(image: &Image, shortest: f32, longest: f32) -> Self {
        let side = |n: usize| ((n as f32 * SHARE) as usize).max(1);
        let (width, height) = (side(image.width), side(image.height));
        let start = |i: usize, n: usize, part: usize| i * (n - part) / (PATCHES - 1);
        let mut patch = Image::new(width, height);
        let places = (0..PATCHES).flat_map(|j| (0..PATCHES).map(move |i| (i, j)));
        let patches = places.map(|(i, j)| {
            let (x0, y0) = (start(i, image.width, width), start(j, image.height, height));
            for y in 0..height {
                patch.row_mut(y).copy_from_slice(&image.row(y0 + y)[x0..x0 + width]);
            }
            Patch { x: x0 as f32 + width as f32 / 2.0, y: y0 as f32 + height as f32 / 2.0, of: LatticeSearch::new(&patch, shortest, longest) }
        });
        Self { patches: patches.collect(), x: image.width as f32 / 2.0, y: image.height as f32 / 2.0 }
    }

    /// Fits perspective to a lattice that was found for the whole picture.
    pub(crate) fn fit(&mut self, proposal: &Proposal) -> BentLattice {
        let [a, b, c, d] = proposal.vectors;
        let (first, second) = (a.hypot(c), b.hypot(d));
        let fit = self.correlate(0.8 * first.min(second), 1.25 * first.max(second));
        fit.best(keystones().map(|(right, lower)| [a, b, c, d, right, lower]))
    }

    /// The best upright lattices with periods of `shortest` to `longest` pixels, one for each span of periods, the best first.
    pub(crate) fn scan(&mut self, shortest: f32, longest: f32) -> Vec<BentLattice> {
        let mut found = Vec::new();
        let mut low = shortest;
        while low < longest {
            let high = (low * GROUP).min(longest);
            let steps = ((high / low).ln() / PERIOD_STEP) as usize + 1;
            let starts = (0..steps).flat_map(|i| {
                let period = low * (i as f32 * PERIOD_STEP).exp();
                let turns = (-ROTATION_STEPS..=ROTATION_STEPS).map(|r| (r as f32 * ROTATION_STEP).sin_cos());
                turns.flat_map(move |(sin, cos)| keystones().map(move |(right, lower)| [period * cos, -period * sin, period * sin, period * cos, right, lower]))
            });
            found.push(self.correlate(0.95 * low, 1.05 * high).best(starts));
            low = high;
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found
    }

    fn correlate(&mut self, low: f32, high: f32) -> Fit {
        let patches = self.patches.iter_mut().map(|p| Patch { x: p.x, y: p.y, of: p.of.correlation(low, high) });
        Fit { patches: patches.collect(), x: self.x, y: self.y }
    }
}

fn keystones() -> impl Iterator<Item = (f32, f32)> {
    let steps = -KEYSTONE_STEPS..=KEYSTONE_STEPS;
    steps.clone().flat_map(move |i| steps.clone().map(move |j| (i as f32 * KEYSTONE_STEP, j as f32 * KEYSTONE_STEP)))
}

struct Fit {
    patches: Vec<Patch<Autocorrelation>>,
    x: f32,
    y: f32,
}

impl Fit {
    /// Climbs from the best of the starts.
    fn best(&self, starts: impl Iterator<Item = Parameters>) -> BentLattice {
        let mut scored: Vec<(f32, Parameters)> = Vec::new();
        let mut least = f32::NEG_INFINITY;
        for start in starts {
            let score = self.score(&start, |c, x, y| c.nearest(x, y).min(LIMIT * c.deviation()));
            if score > least {
                scored.push((score, start));
                if scored.len() > 4 * CLIMBS {
                    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
                    scored.truncate(CLIMBS);
                    least = scored[CLIMBS - 1].0;
                }
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nothing = BentLattice { warp: Warp::scaling(1.0, 1.0), score: f32::NEG_INFINITY };
        scored.into_iter().take(CLIMBS).map(|(_, p)| self.climb(p)).fold(nothing, |best, next| if next.score > best.score { next } else { best })
    }

    fn warp(&self, p: &Parameters) -> Warp {
        let [a, b, c, d, right, lower] = *p;
        let tile = TILE as f32;
        let linear = [a, b, c, d].map(|v| v / tile);
        // Perspective is linear in tile coordinates; the parameters are at the picture's edges.
        let determinant = linear[0] * linear[3] - linear[1] * linear[2];
        let (ux, uy) = ((linear[3] * self.x) / determinant, (-linear[2] * self.x) / determinant);
        let (vx, vy) = ((-linear[1] * self.y) / determinant, (linear[0] * self.y) / determinant);
        // g·u + h·v = right at the right edge, lower at the lower one.
        let area = ux * vy - uy * vx;
        let (g, h) = ((right * vy - lower * uy) / area, (lower * ux - right * vx) / area);
        Warp::shift(self.x, self.y).after(&Warp([linear[0], linear[1], 0.0, linear[2], linear[3], 0.0, g, h, 1.0]))
    }

    fn score(&self, p: &Parameters, look_up: fn(&Autocorrelation, f32, f32) -> f32) -> f32 {
        self.score_under(&self.warp(p), look_up)
    }

    fn score_under(&self, warp: &Warp, look_up: fn(&Autocorrelation, f32, f32) -> f32) -> f32 {
        let Some(back) = warp.inverse() else { return f32::NEG_INFINITY };
        let (mut sum, mut variance) = (0.0, 0.0);
        for patch in &self.patches {
            let (u, v) = back.apply(patch.x, patch.y);
            let vectors = warp.jacobian(u, v).map(|x| x * TILE as f32);
            let (s, w) = patch.of.sum(&vectors, look_up);
            // Each patch in units of its own deviation: a loud one must not speak for all.
            let unit = patch.of.deviation();
            sum += s / unit;
            variance += w / (unit * unit);
        }
        if variance > 0.0 { sum / variance.sqrt() } else { f32::NEG_INFINITY }
    }

    fn climb(&self, mut p: Parameters) -> BentLattice {
        let look_up = |c: &Autocorrelation, x: f32, y: f32| c.interpolated(x, y).min(LIMIT * c.deviation());
        let mut best = self.score(&p, look_up);
        let mut step = 1.0;
        while step > 0.1 {
            let mut improved = false;
            for i in 0..p.len() {
                // A step changes the vectors at the edge by as much as those in the middle: about a pixel in a period.
                let unit = if i < 4 { 1.0 } else { 1.0 / p[0].hypot(p[2]) };
                for d in [step * unit, -step * unit] {
                    let mut trial = p;
                    trial[i] += d;
                    let score = self.score(&trial, look_up);
                    if score > best {
                        (best, p, improved) = (score, trial, true);
                    }
                }
            }
            if !improved {
                step *= 0.5;
            }
        }
        BentLattice { warp: self.warp(&p), score: best }
    }
}
