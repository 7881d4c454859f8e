//! The lattice under perspective and behind a lens: straighten the picture by many small ones, and look for a straight lattice in each.
//!
//! A camera that does not look at a screen squarely changes the lattice from place to place, and the autocorrelation of the whole picture smears.
//! Three numbers undo that: by how much the scale changes towards the right, towards the lower edge, and from the middle outwards. All else is a straight
//! lattice again, and nearly a square one.

use super::lattice::LatticeSearch;
use super::plane::Image;
use super::warp::{Lens, Warp, unwarp};
use crate::parallel;

/// Changes of scale from the middle to an edge that are tried: so many steps of this size either way. A lattice stays in step with itself over
/// the whole picture if it is right within half a step.
const STEP: f32 = 0.02;
const STEPS: i32 = 2;
/// What a lens moves a point at the corner by, in shares of its distance from the middle: nothing, and a camera's barrel or pincushion.
const LENSES: [f32; 3] = [0.0, 0.03, -0.03];

/// A bent lattice: the map from tile coordinates to pixels, and its score in standard deviations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BentLattice {
    pub(crate) warp: Warp,
    pub(crate) score: f32,
}

/// The best nearly upright lattice under each perspective and lens, with periods of `shortest` to `longest` pixels; the best first.
pub(crate) fn propose(image: &Image, shortest: f32, longest: f32) -> Vec<BentLattice> {
    let perspectives = (-STEPS..=STEPS).flat_map(|i| (-STEPS..=STEPS).map(move |j| (i, j)));
    let all: Vec<(i32, i32, f32)> = perspectives.flat_map(|(i, j)| LENSES.map(|lens| (i, j, lens))).filter(is_tried).collect();
    let one = |&(i, j, k): &(i32, i32, f32)| under(image, i as f32 * STEP, j as f32 * STEP, k, shortest, longest);
    let mut found: Vec<BentLattice> = parallel::map(&all, &mut vec![(); parallel::threads()], |(), place| one(place)).into_iter().flatten().collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

/// The straight picture is searched elsewhere; under a lens every other perspective is near enough.
fn is_tried(&(i, j, lens): &(i32, i32, f32)) -> bool {
    if lens == 0.0 { (i, j) != (0, 0) } else { (i + j) % 2 == 0 }
}

fn under(image: &Image, right: f32, lower: f32, lens: f32, shortest: f32, longest: f32) -> Option<BentLattice> {
    let (x, y) = (image.width as f32 / 2.0, image.height as f32 / 2.0);
    let bend = Warp::projective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, right / x, lower / y, 1.0]);
    let bend = Warp::shift(x, y).after(&bend).after(&Warp::shift(-x, -y));
    let bend = bend.through(Lens { x, y, k: lens / (x * x + y * y) });
    let straight = unwarp(image, &bend)?;
    let proposal = LatticeSearch::new(&straight.image, shortest, longest).upright()?;
    let corner = Warp::shift(straight.origin.0, straight.origin.1);
    Some(BentLattice { warp: bend.after(&corner).after(&proposal.warp()), score: proposal.score })
}
