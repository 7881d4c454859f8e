//! The lattice under perspective and behind a lens: straighten the picture by many small ones, and
//! look for a straight lattice in each.
//!
//! A camera that does not look at a screen squarely changes the lattice from place to place, and
//! the autocorrelation of the whole picture smears. Three numbers undo that: by how much the scale
//! changes towards the right, towards the lower edge, and from the middle outwards. All else is a
//! straight lattice again, and nearly a square one.

use super::image::Image;
use super::lattice::LatticeSearch;
use super::warp::{Lens, Warp, unwarp};
use proofmark_core::parallel;

/// Changes of scale from the middle to an edge that are tried: so many steps of this size either
/// way. A lattice stays in step with itself over the whole picture if it is right within half a
/// step.
const STEP: f32 = 0.02;
const STEPS: i32 = 2;
/// What a lens moves a point at the corner by, in shares of its distance from the middle: nothing,
/// and a camera's barrel or pincushion.
const LENSES: [f32; 3] = [0.0, 0.03, -0.03];

/// A bent lattice: the map from tile coordinates to pixels, and its score in standard deviations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BentLattice {
    pub(crate) warp: Warp,
    pub(crate) score: f32,
}

/// Which lattices are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    /// Shortest and longest period, in pixels.
    pub(crate) periods: [f32; 2],
    /// Whether all perspectives are tried, and lenses; or every other perspective alone, which is
    /// enough where the picture is a part of the frame.
    pub(crate) thorough: bool,
    /// How many are proposed.
    pub(crate) count: usize,
}

/// The best nearly upright lattices of each range, under each perspective and lens.
pub(crate) fn propose(image: &Image, ranges: &[Range]) -> Vec<BentLattice> {
    let perspectives = (-STEPS..=STEPS).flat_map(|i| (-STEPS..=STEPS).map(move |j| (i, j)));
    let all: Vec<(i32, i32, f32)> =
        perspectives.flat_map(|(i, j)| LENSES.map(|lens| (i, j, lens))).filter(is_tried).collect();
    let found: Vec<Vec<Option<BentLattice>>> =
        parallel::map(&all, &mut vec![(); parallel::threads()], |(), &place| {
            under(image, place, ranges)
        });
    let best = |(i, range): (usize, &Range)| {
        let mut best: Vec<BentLattice> = found.iter().filter_map(|found| *found.get(i)?).collect();
        best.sort_by(|a, b| b.score.total_cmp(&a.score));
        best.truncate(range.count);
        best
    };
    ranges.iter().enumerate().flat_map(best).collect()
}

/// The straight picture is searched elsewhere; under a lens every other perspective is near enough.
fn is_tried(&(i, j, lens): &(i32, i32, f32)) -> bool {
    if lens == 0.0 { (i, j) != (0, 0) } else { (i + j) % 2 == 0 }
}

/// The best lattice of each range under one perspective and lens.
fn under(
    image: &Image,
    (i, j, lens): (i32, i32, f32),
    ranges: &[Range],
) -> Vec<Option<BentLattice>> {
    let (right, lower) = (i as f32 * STEP, j as f32 * STEP);
    let (x, y) = (image.width as f32 / 2.0, image.height as f32 / 2.0);
    let rectify = Warp::projective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, right / x, lower / y, 1.0]);
    let rectify = Warp::shift(x, y).after(&rectify).after(&Warp::shift(-x, -y));
    let rectify = rectify.through(Lens { x, y, k: lens / (x * x + y * y) });
    let Some(straight) = unwarp(image, &rectify) else { return Vec::new() };
    let wanted = |range: &&Range| range.thorough || (lens == 0.0 && (i + j) % 2 == 0);
    let shortest = ranges
        .iter()
        .filter(wanted)
        .fold(f32::INFINITY, |least, range| least.min(range.periods[0]));
    let longest =
        ranges.iter().filter(wanted).fold(0.0f32, |most, range| most.max(range.periods[1]));
    let mut search = LatticeSearch::new(&straight.image, shortest, longest);
    let corner = Warp::shift(straight.origin.0, straight.origin.1);
    let lattice = |range: &Range| {
        let proposal =
            Some(range).filter(wanted).and_then(|range| search.upright(range.periods))?;
        Some(BentLattice {
            warp: rectify.after(&corner).after(&proposal.warp()),
            score: proposal.score,
        })
    };
    ranges.iter().map(lattice).collect()
}
