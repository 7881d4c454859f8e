//! A picture that lies where something else than the mark says: the whole pattern of a known
//! payload is laid over it, everywhere about there.
//!
//! That takes no lattice, and so finds what is left of a mark whose periodic part was averaged out,
//! or what a codec left of one in a small part of a frame. Which places are worth a closer look is
//! told by a correlation of whole frames; what is found there by the readings of its cells, as
//! everywhere.

use proofmark_core::{Payload, parallel, video::Placement};
use realfft::num_complex::Complex32;

use super::super::carrier::{Carrier, Pattern, frame_scale};
use super::super::cells::{Cells, gather};
use super::super::hypothesis::{AlphaBudget, Projection, RECTIFYING, Sum, lies};
use super::super::image::Image;
use super::super::spectrum::RealFft2;
use super::super::sync::{Orientation, Whitened};
use super::super::tile::{BAND_HIGH, BAND_LOW, TILE};
use super::super::warp::{LARGEST, Warp, unwarp};
use super::Search;
use super::stages::{FINE_BELOW, PARTS, around};
use crate::mark::Mark;

/// How far from where it is said to lie a picture is looked for, in tile pixels: a twentieth of a
/// wide one.
const REACH: i32 = 32;
/// How far it seldom is from there, and how many of the sizes come first: these have half of the
/// budget.
const NEAR: i32 = 8;
const FIRST: usize = 15;
/// Lines of a marked picture at tile scale.
const LINES: f32 = 360.0;
/// Side of a block of frequencies, which are weighed by the block's mean power.
const BLOCK: usize = 16;
/// A frequency counts as this many of its kind at most: what is stronger is the picture's own.
const LIMIT: f32 = 2.0;
/// Places that are looked at closely, near and farther ones each.
const PLACES: usize = 3;
/// Steps by which the left, right, upper and lower edge of the picture are moved about, in tile
/// pixels, one by one, or both of a direction.
const STEPS: [f32; 4] = [1.0, 0.5, 0.25, 0.125];
const MOVES: [[f32; 4]; 6] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0, 1.0],
    [1.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 1.0],
];

/// One of the ways in which a picture may lie.
#[derive(Clone, Copy, Debug)]
struct Lie {
    /// Pixels of the sum per tile pixel.
    scale: [f32; 2],
    orientation: Orientation,
    /// Where the marked picture begins, in tile pixels, in the mark's directions.
    origin: (f32, f32),
}

impl Lie {
    /// Takes coordinates in the marked picture to pixels.
    fn warp(&self) -> Warp {
        lies(&Warp::scaling(self.scale[0], self.scale[1]), self.orientation, self.origin)
    }

    /// The same with its edges elsewhere: by so many tile pixels each, left and right, top and
    /// bottom, of a picture of this size.
    fn moved(&self, [left, right, top, bottom]: [f32; 4], [width, height]: [f32; 2]) -> Self {
        let (across, down) = (1.0 + (right - left) / width, 1.0 + (bottom - top) / height);
        Self {
            scale: [self.scale[0] * across, self.scale[1] * down],
            origin: ((self.origin.0 + left) / across, (self.origin.1 + top) / down),
            ..*self
        }
    }
}

/// A place that is worth a closer look.
struct Proposal {
    /// Height of the correlation over the deviation of all places.
    score: f32,
    /// Which sum, and which key of the ring.
    sum: usize,
    key: usize,
    /// Whether it is about where the picture was said to lie.
    near: bool,
    lie: Lie,
}

/// Sides of the marked picture in tile pixels.
fn sides(placement: &Placement) -> [f32; 2] {
    let aspect = placement.aspect;
    [LINES * aspect.max(1.0), LINES * (1.0 / aspect).max(1.0)]
}

/// The pattern of a mark over a whole picture, in its two ways of being there: both parts, and the
/// aperiodic one alone.
struct Laid {
    fft: RealFft2,
    parts: Vec<Vec<Complex32>>,
    canvas: Image,
    spectrum: Vec<Complex32>,
    product: Vec<Complex32>,
    map: Image,
}

impl Laid {
    fn new(carrier: &Carrier, mark: Mark, [width, height]: [f32; 2]) -> Self {
        let (width, height) = (width.round() as usize, height.round() as usize);
        let padded = |side: usize| (side + 2 * REACH as usize).next_multiple_of(TILE / 2);
        let canvas = Image::new(padded(width), padded(height));
        let mut fft = RealFft2::new(canvas.width, canvas.height).within(BAND_HIGH);
        let mut parts = Vec::new();
        for part in carrier.parts(mark, width, height) {
            let mut spectrum = Vec::new();
            fft.forward(&part, &mut spectrum);
            parts.push(spectrum);
        }
        let (spectrum, product, map) = Default::default();
        Self { fft, parts, canvas, spectrum, product, map }
    }

    /// The best places of each part in a picture at tile scale, near where it is said to lie and
    /// farther from it: the height of the peak over the deviation of all places, whether it is
    /// near, and where it is.
    fn best(&mut self, sum: &Image, lie: &Lie) -> Vec<(f32, bool, Lie)> {
        if !self.draw(sum, lie) {
            return Vec::new();
        }
        self.fft.forward(&self.canvas, &mut self.spectrum);
        whiten(&mut self.spectrum, self.canvas.width, self.canvas.height);
        let mut found = Vec::new();
        for part in &self.parts {
            self.product.clear();
            self.product.extend(self.spectrum.iter().zip(part).map(|(x, p)| x * p.conj()));
            self.fft.inverse(&mut self.product, &mut self.map);
            let power = self.map.data.iter().map(|v| v * v).sum::<f32>();
            let deviation = (power / self.map.data.len() as f32).sqrt().max(f32::MIN_POSITIVE);
            for near in [true, false] {
                let reach = if near { NEAR } else { REACH };
                let places = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y)));
                // What is near is not told twice.
                let (x, y, peak) = places
                    .filter(|(x, y)| near || x.abs().max(y.abs()) > NEAR)
                    .map(|(x, y)| (x, y, self.at(x, y).abs()))
                    .fold((0, 0, 0.0), |a, b| if b.2 > a.2 { b } else { a });
                let origin = (lie.origin.0 + x as f32, lie.origin.1 + y as f32);
                found.push((peak / deviation, near, Lie { origin, ..*lie }));
            }
        }
        found
    }

    /// The correlation where the picture lies so far from where it is said to.
    fn at(&self, x: i32, y: i32) -> f32 {
        self.map.row((y + REACH) as usize)[(x + REACH) as usize]
    }

    /// Puts a picture where the pattern is expected to begin at ([`REACH`], [`REACH`]).
    fn draw(&mut self, sum: &Image, lie: &Lie) -> bool {
        let Some(picture) = unwarp(sum, &lie.warp()) else { return false };
        self.canvas.data.fill(0.0);
        let (left, top) = (picture.origin.0 as i32 + REACH, picture.origin.1 as i32 + REACH);
        for (y, row) in picture.image.rows().enumerate() {
            let y = y as i32 + top;
            if !(0..self.canvas.height as i32).contains(&y) {
                continue;
            }
            let line = self.canvas.row_mut(y as usize);
            let first = left.max(0);
            let last = (left + row.len() as i32).min(line.len() as i32);
            if first < last {
                line[first as usize..last as usize]
                    .copy_from_slice(&row[(first - left) as usize..(last - left) as usize]);
            }
        }
        true
    }
}

/// Makes frequencies of the band weigh the same, block by block, and takes the others out.
fn whiten(spectrum: &mut [Complex32], width: usize, height: usize) {
    let columns = spectrum.len() / height;
    let in_band = |x: usize, y: usize| {
        let ky = y.min(height - y) as f32 / height as f32;
        (BAND_LOW..BAND_HIGH).contains(&(x as f32 / width as f32).hypot(ky))
    };
    for x0 in (0..columns).step_by(BLOCK) {
        for y0 in (0..height).step_by(BLOCK) {
            let block = || {
                (x0..columns.min(x0 + BLOCK))
                    .flat_map(move |x| (y0..height.min(y0 + BLOCK)).map(move |y| (x, y)))
            };
            let (power, count) =
                block().filter(|&(x, y)| in_band(x, y)).fold((0.0, 0.0), |(p, n), (x, y)| {
                    (p + spectrum[x * height + y].norm_sqr(), n + 1.0f32)
                });
            let deviation = (power / count.max(1.0)).sqrt().max(f32::MIN_POSITIVE);
            for (x, y) in block() {
                let value = &mut spectrum[x * height + y];
                let norm = value.norm() / deviation;
                *value = if in_band(x, y) {
                    *value / (deviation * (norm / LIMIT).max(1.0))
                } else {
                    Complex32::default()
                };
            }
        }
    }
}

impl<'a> Search<'a> {
    /// Where a placement says that the picture lies, for one known payload.
    pub(super) fn placed(&mut self, share: f64) -> bool {
        let (Some(placement), &[payload]) = (self.inquiry.options.placement, self.candidates)
        else {
            return false;
        };
        let size = sides(&placement);
        // Of a ribbon no more than a part could be laid.
        if !size.iter().all(|side| (1.0..=LARGEST).contains(side)) {
            return false;
        }
        let (factor, sums) = self.sums_for(&placement);
        let lies = self.lies(&placement, factor);
        let readings = (sums.len() * PARTS) as f64 * self.keys() * RECTIFYING;
        let budget = |sizes: usize, reach: i32| {
            let tried = readings * sizes as f64 * f64::from(2 * reach + 1).powi(2);
            AlphaBudget { trials: tried, readings: tried, share: 2.0 * share }
        };
        let (near, far) = (budget(FIRST, NEAR), budget(lies.len(), REACH));
        let mut proposals = self.proposals(payload, &lies, &sums, size);
        proposals.sort_by(|a, b| b.score.total_cmp(&a.score));
        let best = |near| proposals.iter().filter(move |p| p.near == near).take(PLACES);
        let proposals: Vec<&Proposal> = best(true).chain(best(false)).collect();
        let closer = |(): &mut (), at: &&Proposal| {
            let pattern = Pattern::new(self.inquiry.carriers[at.key].word(payload.into()));
            let lie = self.climb(sums[at.sum], at.lie, (at.key, &pattern), size);
            (at.sum, lie, if at.near { near } else { far })
        };
        let found = parallel::map(&proposals, &mut vec![(); parallel::threads()], closer);
        found.into_iter().any(|(sum, lie, budget)| {
            let warp = Warp::scaling(lie.scale[0], lie.scale[1]);
            if let Some(view) = Projection::new(sums[sum], factor, warp) {
                self.at_place(&view, lie.orientation, lie.origin, budget);
            }
            self.is_complete()
        })
    }

    /// Sums in which a picture that lies so is looked for, and their factor.
    fn sums_for(&self, placement: &Placement) -> (usize, Vec<Sum<'a>>) {
        let coarse = self.inquiry.coarse_factor;
        let [across, down] = self.scale_of(placement, coarse);
        let expected = frame_scale(&self.inquiry.shape).1 / coarse as f32;
        match self.sums.fine {
            Some((fine, factor)) if across.min(down) < FINE_BELOW * expected => {
                (factor, vec![fine.into()])
            }
            _ => {
                (coarse, [self.sums.coarse].into_iter().chain(self.sums.bitrate_weighted).collect())
            }
        }
    }

    /// Pixels of a sum per tile pixel.
    pub(super) fn scale_of(&self, placement: &Placement, factor: usize) -> [f32; 2] {
        let shape = &self.inquiry.shape;
        let frame = [shape.width as f32, shape.height as f32];
        let tile = sides(placement);
        std::array::from_fn(|i| placement.size[i] * frame[i] / (tile[i] * factor as f32))
    }

    /// About what is said, larger and smaller.
    fn lies(&self, placement: &Placement, factor: usize) -> Vec<Lie> {
        let shape = &self.inquiry.shape;
        let frame = [shape.width as f32, shape.height as f32].map(|side| side / factor as f32);
        let [across, down] = self.scale_of(placement, factor);
        let orientation = Orientation { mirrored: placement.mirrored, ..Orientation::UPRIGHT };
        let middle: [f32; 2] = std::array::from_fn(|i| {
            // What is seen of the picture lies where it is said to, larger or not.
            let (from, to) = (placement.corner[i], placement.corner[i] + placement.size[i]);
            (from.max(0.0) + to.min(1.0)) / 2.0
        });
        let lie = |(x, y): (f32, f32)| {
            let corner: [f32; 2] = std::array::from_fn(|i| {
                let by = [x, y][i];
                frame[i] * (middle[i] + (placement.corner[i] - middle[i]) * by)
            });
            let scale = [across * x, down * y];
            let end = corner[0] + placement.size[0] * x * frame[0];
            let left = if placement.mirrored { end } else { corner[0] };
            let origin = orientation.back(left / scale[0], corner[1] / scale[1]);
            Lie { scale, orientation, origin }
        };
        around().map(lie).collect()
    }

    /// What the correlation of whole frames proposes.
    fn proposals(
        &self,
        payload: Payload,
        lies: &[Lie],
        sums: &[Sum<'_>],
        size: [f32; 2],
    ) -> Vec<Proposal> {
        let mut out = Vec::new();
        for (key, carrier) in self.inquiry.carriers.iter().enumerate() {
            let laid = || Laid::new(carrier, payload.into(), size);
            let mut workers: Vec<Laid> = (0..parallel::threads()).map(|_| laid()).collect();
            for (i, sum) in sums.iter().enumerate() {
                let found =
                    parallel::map(lies, &mut workers, |laid, lie| laid.best(sum.image, lie));
                for (size, places) in found.into_iter().enumerate() {
                    out.extend(places.into_iter().map(|(score, near, lie)| Proposal {
                        score,
                        sum: i,
                        key,
                        near: near && size < FIRST,
                        lie,
                    }));
                }
            }
        }
        out
    }

    /// Moves the edges of a picture about as long as more of the mark is found.
    fn climb(
        &self,
        sum: Sum<'_>,
        mut lie: Lie,
        (key, pattern): (usize, &Pattern),
        size: [f32; 2],
    ) -> Lie {
        let carrier = &self.inquiry.carriers[key];
        let fit = |lie: &Lie| {
            let Some(picture) = unwarp(sum.image, &lie.warp()) else { return 0.0 };
            let cells = Cells::read(&picture);
            let Some(aperiodic) = gather(std::slice::from_ref(&cells), carrier, (0, 0)) else {
                return 0.0;
            };
            let periodic = Whitened::new(&cells.sum(), Orientation::UPRIGHT);
            [periodic.with(&aperiodic), aperiodic]
                .map(|whitened| whitened.fit(pattern).abs())
                .into_iter()
                .fold(0.0, f32::max)
        };
        let mut best = fit(&lie);
        for step in STEPS {
            loop {
                let next = MOVES
                    .iter()
                    .flat_map(|edges| [step, -step].map(|by| edges.map(|edge| by * edge)))
                    .map(|edges| lie.moved(edges, size))
                    .map(|lie| (fit(&lie), lie))
                    .fold((best, lie), |a, b| if b.0 > a.0 { b } else { a });
                if next.0 <= best {
                    break;
                }
                (best, lie) = next;
            }
        }
        lie
    }
}
