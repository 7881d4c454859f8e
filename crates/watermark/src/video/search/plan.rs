//! What is searched, and in which order: the sums, the lattices in them, and the stages with their
//! shares of the false-alarm budget.

use std::sync::OnceLock;

use super::super::hypothesis::Sum;
use super::super::image::Image;
use super::super::warp::Warp;

/// Range of searched scales: the mark's size over the size that a fresh mark would have.
pub(super) const SCALES: (f32, f32) = (0.4, 2.6);
/// A lattice that fits as well as this, in standard deviations, seldom is none.
const PLAIN_LATTICE: f32 = 7.5;

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct Sums<'a> {
    /// The sum at the detector's coarse factor.
    pub(crate) coarse: Sum<'a>,
    /// The same, in which frames count by what was spent on them: a codec that has few bits leaves
    /// more of the mark there, and nothing was cropped or turned.
    pub(crate) bitrate_weighted: Option<Sum<'a>>,
    /// The finer sum, and pixels of the full frame per pixel of it.
    pub(crate) fine: Option<(&'a Image, usize)>,
}

impl<'a> Sums<'a> {
    /// One sum at the coarse factor, and no other.
    pub(crate) fn alone(coarse: impl Into<Sum<'a>>) -> Self {
        Self { coarse: coarse.into(), bitrate_weighted: None, fine: None }
    }

    /// The one in which a finding was made.
    pub(crate) fn of(self, factor: usize) -> Sum<'a> {
        self.fine.filter(|f| f.1 == factor).map_or(self.coarse, |f| f.0.into())
    }
}

/// Lattices in some sums: they are found without a key, once for all questions.
#[derive(Debug, Default)]
pub(crate) struct Lattices {
    /// Straight ones, with the factor of the sum that each is in.
    pub(super) straight: OnceLock<Straight>,
    /// Those under perspective, in the coarse sum.
    pub(super) bent: OnceLock<Vec<Warp>>,
}

impl Lattices {
    /// Whether they show that there is a mark, read or not.
    pub(crate) fn are_plain(&self) -> bool {
        self.straight.get().is_some_and(|straight| straight.score >= PLAIN_LATTICE)
    }
}

#[derive(Debug)]
pub(super) struct Straight {
    pub(super) places: Vec<(usize, Warp)>,
    /// The best score, in standard deviations.
    pub(super) score: f32,
}

/// A stage of a search.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Guessed,
    Placed,
    Expected,
    Moved,
    Searched,
    Bent,
    Cropped,
}

/// How sums are searched.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// In order, each with one over its share of the plan's false-alarm budget.
    pub(super) stages: &'static [(Stage, f64)],
    /// Scales that straight lattices are looked for at.
    pub(super) scales: (f32, f32),
    /// Geometries under which the lattice holds less than this, in standard deviations, are passed
    /// over: proposed ones, and the expected one; a mark that can be read has five.
    pub(super) least_excess: f32,
    pub(super) least_excess_expected: f32,
    /// Whether perspective is looked for only where a straight lattice fits as well as it seldom
    /// does without a mark.
    pub(super) bends_plain_lattices_only: bool,
    /// One over its share of the false-alarm budget, of which that of the sums over all frames
    /// leaves a sixteenth to the others.
    pub(super) share: f64,
}

impl Plan {
    /// The sums over all frames. The expected geometry has half, so that it needs little; a
    /// placement has half of the budget of a second look, whose other half is shared as without.
    pub(crate) const WHOLE: Self = Self {
        stages: &[
            (Stage::Guessed, 4.0),
            (Stage::Expected, 2.0),
            (Stage::Placed, 4.0),
            (Stage::Moved, 4.0),
            (Stage::Searched, 8.0),
            (Stage::Bent, 16.0),
        ],
        scales: SCALES,
        least_excess: 2.0,
        least_excess_expected: f32::NEG_INFINITY,
        bends_plain_lattices_only: false,
        share: 1.0,
    };
    /// A glance at where the mark lies if the clip was at most resized, which costs next to
    /// nothing.
    pub(crate) const GLANCE: Self = Self { stages: &[(Stage::Expected, 2.0)], ..Self::WHOLE };
    /// No more than that, and a placement.
    pub(crate) const EXPECTED: Self = Self {
        stages: &[(Stage::Guessed, 4.0), (Stage::Expected, 2.0), (Stage::Placed, 4.0)],
        ..Self::WHOLE
    };
    /// The sum in which frames count by what was spent on them, alone, when that over all frames
    /// has been searched: few frames have their own texture in it, which hides a lattice, but more
    /// of the mark.
    pub(crate) const BITRATE_WEIGHTED: Self =
        Self { stages: &[(Stage::Searched, 1.0)], share: 64.0, ..Self::WHOLE };
    /// Either sum, last of all: what a crop left of a picture of a usual size.
    pub(crate) const CROPPED: Self =
        Self { stages: &[(Stage::Cropped, 1.0)], share: 128.0, ..Self::WHOLE };
    /// One frame alone, when the sums have been searched: a picture that moves is looked for, at
    /// about the size that it has when its edges are cut off. It is worth a look where it could be
    /// read.
    pub(crate) const FRAME: Self = Self {
        stages: &[(Stage::Moved, 4.0), (Stage::Searched, 2.0), (Stage::Bent, 4.0)],
        scales: (0.9, 1.4),
        least_excess: 5.0,
        least_excess_expected: 5.0,
        bends_plain_lattices_only: true,
        share: 32.0,
    };
}
