//! A place that is looked at: a sum seen under one geometry, what is sought in it, what that costs,
//! and what was found.

use super::carrier::{Carrier, Pattern};
use super::cells::Cells;
use super::decode::Identified;
use super::image::Image;
use super::readings::{Readings, read_lattice};
use super::refine::refine;
use super::sync::{Orientation, SyncPeak, TranslationSearch, Whitened};
use super::warp::{Unwarped, Warp, unwarp};
use crate::evidence::Method;
use crate::mark::{Generation, Mark};
use crate::stats::PValue;
use proofmark_core::Payload;

/// Power of a lattice point over its noise counts as this at most: a structure of the host says
/// nothing about the rest.
const POWER_LIMIT: f32 = 8.0;
/// Gain in the score at which a geometry is straightened once more.
const WORTH_STRAIGHTENING: f32 = 1.02;
/// Times that a geometry is straightened and looked at again, at most.
const BENDS: usize = 4;
/// Straightening follows the evidence: what it looks at counts as this many trials. On unmarked
/// clips it takes scores of 5.2 to 6.2 at most.
pub(super) const RECTIFYING: f64 = 32.0;

/// A geometry under which something was found.
pub(crate) struct Detection {
    pub(crate) key: usize,
    pub(crate) warp: Warp,
    /// Pixels of the full frame per pixel of the image that `warp` leads to.
    pub(crate) factor: usize,
    pub(crate) orientation: Orientation,
    pub(crate) peak: SyncPeak,
    /// The mark's origin in tile coordinates, in the mark's directions.
    pub(crate) origin: (f32, f32),
    /// Which cell begins there, by row and column, where that is known.
    pub(crate) cell: Option<(i32, i32)>,
    /// Noise of the lattice points, in picture directions.
    pub(crate) noise: Vec<f32>,
    /// Readings at the mark's origin.
    pub(crate) whitened: Whitened,
    pub(crate) p_value: PValue,
    pub(crate) identified: Option<(Identified, Method)>,
}

impl Detection {
    pub(crate) fn z(&self) -> f32 {
        self.identified.map_or(self.peak.z, |(i, _)| {
            if i.z.abs() > self.peak.z.abs() { i.z } else { self.peak.z }
        })
    }

    pub(super) fn complete(&self) -> bool {
        self.identified.is_some()
    }

    /// Takes coordinates that count from the mark's origin, in its directions, to pixels.
    pub(crate) fn lies(&self) -> Warp {
        self.lies_under(&self.warp)
    }

    /// The same where another warp leads to the pixels.
    pub(crate) fn lies_under(&self, warp: &Warp) -> Warp {
        lies(warp, self.orientation, self.origin)
    }
}

/// Takes coordinates that count from the mark's origin, in its directions, to pixels, where `warp`
/// takes those of an upright one there that counts from its own.
pub(super) fn lies(warp: &Warp, orientation: Orientation, (x, y): (f32, f32)) -> Warp {
    let (xx, xy, yx, yy) = orientation.matrix();
    let turned = Warp::linear([xx, xy, yx, yy].map(|v| v as f32));
    warp.after(&turned.after(&Warp::shift(x, y)))
}

/// How much was tried for a p-value, and its share of the budget.
#[derive(Clone, Copy)]
pub(super) struct AlphaBudget {
    /// Scores of the sync pattern that were looked at, per sub-pattern and translation.
    pub(super) trials: f64,
    /// Readings that they led to, and that the code word is looked for in.
    pub(super) readings: f64,
    pub(super) share: f64,
}

impl AlphaBudget {
    /// Whether the sync pattern chose the readings.
    pub(super) fn chosen(self) -> bool {
        self.trials > self.readings
    }

    pub(super) fn p_value(self, z: f32, trials: f64) -> PValue {
        PValue::of_score(f64::from(z), trials * self.trials).times(self.share)
    }
}

/// What is looked for in every place.
pub(super) struct TemplateBank {
    /// Patterns of each key.
    pub(super) patterns: Vec<Vec<Pattern>>,
    /// The mark that each of them is, if it is a whole word.
    pub(super) marks: Vec<Mark>,
}

impl TemplateBank {
    pub(super) fn sync(carriers: &[Carrier]) -> Self {
        Self { patterns: carriers.iter().map(Carrier::sync_patterns).collect(), marks: Vec::new() }
    }

    /// The words of few candidates, in every generation.
    pub(super) fn words(carriers: &[Carrier], candidates: &[Payload]) -> Self {
        let marks: Vec<Mark> = candidates
            .iter()
            .flat_map(|&payload| {
                Generation::all().map(move |generation| Mark { payload, generation })
            })
            .collect();
        let patterns = |carrier: &Carrier| {
            marks.iter().map(|&mark| Pattern::new(carrier.word(mark))).collect()
        };
        Self { patterns: carriers.iter().map(patterns).collect(), marks }
    }

    /// Scores that are looked at in one place, under one orientation and key.
    pub(super) fn trials(&self) -> f64 {
        TranslationSearch::TRIALS * self.patterns.first().map_or(0, Vec::len) as f64
    }

    /// About the best score that chance gives in one place.
    pub(super) fn chance(&self) -> f32 {
        let trials = self.trials() * Orientation::all().count() as f64 * self.patterns.len() as f64;
        (2.0 * trials.max(1.0).ln()).sqrt() as f32
    }
}

/// A sum of residuals to look at.
#[derive(Clone, Copy)]
pub(crate) struct Sum<'a> {
    pub(crate) image: &'a Image,
    /// Another of the same frames that errs elsewhere in part, whose readings are added.
    pub(crate) diversity: Option<&'a Image>,
}

impl<'a> From<&'a Image> for Sum<'a> {
    fn from(image: &'a Image) -> Self {
        Self { image, diversity: None }
    }
}

/// Where a pattern of a key matches the readings of a view best.
pub(super) struct Match<'a> {
    pub(super) key: usize,
    pub(super) orientation: Orientation,
    /// The readings, in that orientation.
    pub(super) whitened: &'a Whitened,
    pub(super) peak: SyncPeak,
}

/// A sum seen under one geometry.
pub(super) struct Projection<'a> {
    pub(super) sum: Sum<'a>,
    pub(super) factor: usize,
    pub(super) warp: Warp,
    pub(super) unwarped: Unwarped,
    pub(super) readings: Readings,
    diversity: Option<(Unwarped, Readings)>,
}

impl<'a> Projection<'a> {
    /// `None` where the geometry is degenerate.
    pub(super) fn new(sum: impl Into<Sum<'a>>, factor: usize, warp: Warp) -> Option<Self> {
        let sum = sum.into();
        let unwarped = unwarp(sum.image, &warp)?;
        let [a, b, c, d] = warp.jacobian(0.0, 0.0);
        let area = (a * d - b * c).abs().max(1e-6).sqrt();
        let extent = (sum.image.width as f32 / area, sum.image.height as f32 / area);
        let readings = read_lattice(&unwarped.image, extent);
        let diversity = sum.diversity.and_then(|image| unwarp(image, &warp)).map(|unwarped| {
            let readings = read_lattice(&unwarped.image, extent);
            (unwarped, readings)
        });
        Some(Self { sum, factor, warp, unwarped, readings, diversity })
    }

    /// The readings as those of a mark that lies so.
    pub(super) fn whitened(&self, orientation: Orientation) -> Whitened {
        let whitened = Whitened::new(&self.readings, orientation);
        self.diversity.iter().fold(whitened, |whitened, (_, diversity)| {
            whitened.with(&Whitened::new(diversity, orientation))
        })
    }

    /// What the cells hold, of a picture that lies as it was marked.
    pub(super) fn cells(&self) -> Vec<Cells> {
        let diversity = self.diversity.iter().map(|(unwarped, _)| unwarped);
        std::iter::once(&self.unwarped).chain(diversity).map(Cells::read).collect()
    }

    /// The same of one that begins at `origin` in the mark's directions.
    pub(super) fn cells_at(&self, orientation: Orientation, origin: (f32, f32)) -> Vec<Cells> {
        if (orientation, origin) == (Orientation::UPRIGHT, (0.0, 0.0)) {
            return self.cells();
        }
        let lies = lies(&self.warp, orientation, origin);
        let sums = std::iter::once(self.sum.image).chain(self.sum.diversity);
        sums.filter_map(|sum| unwarp(sum, &lies)).map(|picture| Cells::read(&picture)).collect()
    }

    /// The same of a picture that lies as was found.
    pub(super) fn cells_of(&self, found: &Detection) -> Vec<Cells> {
        self.cells_at(found.orientation, found.origin)
    }

    /// How much more power the lattice points hold than the noise between them, in standard
    /// deviations: a mark of evidence E, whatever it says, adds E/60. The key is not needed, so
    /// this is where geometries are sifted.
    pub(super) fn excess(&self) -> f32 {
        let powers = self
            .readings
            .value
            .iter()
            .zip(&self.readings.noise)
            .map(|(v, n)| (v.norm_sqr() / n.max(f32::MIN_POSITIVE)).min(POWER_LIMIT) - 1.0);
        powers.sum::<f32>() / (self.readings.value.len() as f32).sqrt()
    }

    /// The view's first pixel in the mark's directions.
    pub(super) fn corner(&self, orientation: Orientation) -> (f32, f32) {
        orientation.back(self.unwarped.origin.0, self.unwarped.origin.1)
    }

    pub(super) fn finding(&self, matched: Match<'_>, p_value: PValue) -> Detection {
        let Match { key, orientation, whitened, peak } = matched;
        let corner = self.corner(orientation);
        Detection {
            key,
            warp: self.warp,
            factor: self.factor,
            orientation,
            peak,
            origin: (peak.x + corner.0, peak.y + corner.1),
            cell: None,
            noise: self.readings.noise.clone(),
            whitened: whitened.shifted(peak.x, peak.y),
            p_value,
            identified: None,
        }
    }

    /// Straightens the picture under a finding as long as that finds more. `p_value` is what a
    /// score there comes to.
    pub(super) fn rectify(
        &self,
        mut found: Detection,
        patterns: &[Pattern],
        translations: &mut TranslationSearch,
        p_value: impl Fn(f32) -> PValue,
    ) -> Detection {
        let mut straight: Option<Projection<'a>> = None;
        for _ in 0..BENDS {
            let view = straight.as_ref().unwrap_or(self);
            let rectify = refine(
                &view.unwarped,
                &view.readings,
                found.orientation,
                &patterns[found.peak.pattern],
                &found.peak,
            );
            let Some(next) = Projection::new(view.sum, view.factor, view.warp.after(&rectify))
            else {
                break;
            };
            let whitened = next.whitened(found.orientation);
            let peak = translations.best(&whitened, patterns);
            let gain = peak.z.abs() / found.peak.z.abs();
            if gain <= 1.0 {
                break;
            }
            let Detection { key, orientation, .. } = found;
            let matched = Match { key, orientation, whitened: &whitened, peak };
            found = next.finding(matched, p_value(peak.z));
            straight = Some(next);
            if gain < WORTH_STRAIGHTENING {
                break;
            }
        }
        found
    }
}
