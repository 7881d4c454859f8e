//! The search over the finished sums: where the mark lies, and what it says.
//!
//! Stages go from what costs nothing and needs little evidence to what costs more: the geometry of
//! a clip that was at most resized; the same size, but moved, mirrored or turned; whatever the
//! lattice search proposes; what it proposes under perspective; and, for known payloads, what a
//! crop left of a picture of a usual size.

use std::sync::OnceLock;

use super::bend;
use super::carrier::{Pattern, TILE, frame_scale, tile_scale};
use super::decode::{self, Identified, Listed};
use super::detect::Detector;
use super::image::Image;
use super::lattice::LatticeSearch;
use super::place::{Budget, Finding, STRAIGHTENING, Sought, Sum, View};
use super::sync::{self, Orientation, SyncPeak, TranslationSearch, Whitened};
use super::warp::Warp;
use crate::evidence::{IDENTITY, Method, PRESENCE, SECOND_LOOK};
use crate::mark::{GENERATIONS, Mark};
use crate::message::{Message, SUBPATTERNS};
use crate::stats::PValue;
use proofmark_core::Payload;
use proofmark_core::parallel;

/// Range of searched scales: the mark's size over the size that a fresh mark would have.
const SCALES: (f32, f32) = (0.4, 2.6);
/// Scales below this are searched in the finer sum.
const FINE_BELOW: f32 = 0.85;
/// Square and other proposals of the lattice search that are tried, of each, per sum.
const PROPOSALS: usize = 4;
/// Ranges of scales in which a lattice under perspective is looked for, and how many of those found
/// are tried: beneath the true one there may be false ones. A screen that fills the frame is looked
/// for behind a lens too; where it is smaller, the lens bends less of it. One range for both finds
/// less in the first: what small marks add to the band is noise for large ones.
const CAMERA_SCALES: [f32; 2] = [0.8, 1.5];
const BENT: usize = 12;
const FAR_SCALES: [f32; 2] = [0.6, 0.8];
const FAR_BENT: usize = 6;
/// A place is straightened from the score on that chance gives the best of all that was looked at
/// there, or from this excess on: most of what unmarked clips show lies below both.
const PLAIN: f32 = 5.0;
/// Candidates whose whole words are looked for in every place, as sync patterns are: as many as
/// take no longer.
const FEW: usize = 16;
/// Of more, those of the sub-patterns that sync shows best are looked for in every place: so many
/// of its peaks at most, and fewer for long lists, so that a geometry costs so many comparisons.
const LISTED: usize = 256;
const COMPARED: usize = 40_000;
/// Peaks with their likest candidate that are looked at closely, of those with this score: chance
/// comes to 6.5.
const HYPOTHESES: usize = 3;
const LIKELY: f32 = 7.0;
/// So many candidates are looked for in every place; more, which take a tenth of a second and up,
/// where the expected geometry has the mark and in places with a score of which unmarked clips show
/// one at most.
const QUICK: usize = 1 << 17;
const WORTH_A_LONG_LIST: f32 = 6.5;
/// Sizes around a guess, in shares of it, and how much they may be squeezed; those with the
/// strongest lattices are tried.
const AROUND: [f32; 11] =
    [0.0, 0.003, -0.003, 0.006, -0.006, 0.009, -0.009, 0.012, -0.012, 0.016, -0.016];
const SQUEEZED: [f32; 3] = [0.0, 0.004, -0.004];
/// Short sides that pictures usually have, and the most that is taken for what a crop left of one.
const SHORT_SIDES: [f32; 28] = [
    360.0, 384.0, 432.0, 448.0, 480.0, 512.0, 540.0, 544.0, 576.0, 608.0, 640.0, 672.0, 704.0,
    720.0, 736.0, 768.0, 800.0, 832.0, 896.0, 960.0, 1024.0, 1072.0, 1080.0, 1088.0, 1152.0,
    1280.0, 1440.0, 2160.0,
];
const CROPPED: (f32, f32) = (0.4, 0.98);
/// A lattice that fits as well as this, in standard deviations, seldom is none.
const PLAIN_LATTICE: f32 = 7.5;
/// Sync scores under this are not worth decoding: a payload that decodes has at least 6 almost
/// always.
const WORTH_DECODING: f32 = 4.0;
/// Scores from which on the long list is tried where sync chose the place: chance comes this far as
/// often as not. In the expected place, where sync had little to choose from, it is tried whenever
/// the short one is.
const PROMISING: f32 = 5.6;

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct Sums<'a> {
    /// The sum at the detector's coarse factor.
    pub(crate) coarse: Sum<'a>,
    /// The same, in which frames count by what was spent on them: a codec that has few bits leaves
    /// more of the mark there, and nothing was cropped or turned.
    pub(crate) favoured: Option<Sum<'a>>,
    /// The finer sum, and pixels of the full frame per pixel of it.
    pub(crate) fine: Option<(&'a Image, usize)>,
}

impl<'a> Sums<'a> {
    /// One sum at the coarse factor, and no other.
    pub(crate) fn alone(coarse: impl Into<Sum<'a>>) -> Self {
        Self { coarse: coarse.into(), favoured: None, fine: None }
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
    straight: OnceLock<Straight>,
    /// Those under perspective, in the coarse sum.
    bent: OnceLock<Vec<Warp>>,
}

impl Lattices {
    /// Whether they show that there is a mark, read or not.
    pub(crate) fn are_plain(&self) -> bool {
        self.straight.get().is_some_and(|straight| straight.score >= PLAIN_LATTICE)
    }
}

#[derive(Debug)]
struct Straight {
    places: Vec<(usize, Warp)>,
    /// The best score, in standard deviations.
    score: f32,
}

/// A stage of a search.
#[derive(Clone, Copy)]
enum Stage {
    Guessed,
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
    stages: &'static [(Stage, f64)],
    /// Scales that straight lattices are looked for at.
    scales: (f32, f32),
    /// Geometries under which the lattice holds less than this, in standard deviations, are passed
    /// over: proposed ones, and the expected one; a mark that can be read has five.
    least_excess: f32,
    least_excess_expected: f32,
    /// Whether perspective is looked for only where a straight lattice fits as well as it seldom
    /// does without a mark.
    bends_plain_lattices_only: bool,
    /// One over its share of the false-alarm budget, of which that of the sums over all frames
    /// leaves a sixteenth to the others.
    share: f64,
}

impl Plan {
    /// The sums over all frames. The expected geometry has half, so that it needs little; a guessed
    /// size has half of the budget of a second look, whose other half is shared as without.
    pub(crate) const WHOLE: Self = Self {
        stages: &[
            (Stage::Guessed, 2.0),
            (Stage::Expected, 2.0),
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
    /// No more than that, and a guessed size.
    pub(crate) const EXPECTED: Self =
        Self { stages: &[(Stage::Guessed, 2.0), (Stage::Expected, 2.0)], ..Self::WHOLE };
    /// The sum in which frames count by what was spent on them, alone, when that over all frames
    /// has been searched: few frames have their own texture in it, which hides a lattice, but more
    /// of the mark.
    pub(crate) const FAVOURED: Self =
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

/// One search over the finished sums of a detector.
pub(crate) struct Search<'a> {
    detector: &'a Detector,
    /// One for each thread.
    translations: Vec<TranslationSearch>,
    sums: Sums<'a>,
    /// What was found in them before.
    lattices: &'a Lattices,
    /// What is asked about.
    candidates: &'a [Payload],
    /// What is looked for in every place, made when the expected one did not have it: sync, the
    /// words of few candidates, or the list of many.
    sync: OnceLock<Sought>,
    words: OnceLock<Sought>,
    list: OnceLock<Listed>,
    best: Option<Finding>,
    plan: Plan,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        detector: &'a Detector,
        plan: Plan,
        sums: Sums<'a>,
        lattices: &'a Lattices,
    ) -> Self {
        let translations = (0..parallel::threads()).map(|_| TranslationSearch::new()).collect();
        let (sync, words, list) = Default::default();
        Self {
            detector,
            translations,
            sums,
            lattices,
            candidates: &detector.candidates,
            sync,
            words,
            list,
            best: None,
            plan,
        }
    }

    /// The best finding of all stages; they end with the first payload.
    pub(crate) fn run(&mut self) -> Option<Finding> {
        let _ = self.plan.stages.iter().any(|&(stage, share)| {
            let share = share * self.looks();
            match stage {
                Stage::Guessed => self.guessed(share),
                Stage::Expected => self.expected(share),
                Stage::Moved => self.moved(share),
                Stage::Searched => self.searched(share),
                Stage::Bent => self.bent(share),
                Stage::Cropped => self.cropped(share),
            }
        });
        self.best.take()
    }

    /// The best finding without candidates.
    pub(crate) fn run_blind(&mut self) -> Option<Finding> {
        self.candidates = &[];
        self.run()
    }

    /// All marks on the lattice of `first`, itself included, the newest first: other generations,
    /// and other clips that were stamped at this size.
    pub(crate) fn layers(&self, first: Finding) -> Vec<Finding> {
        let mut found = vec![first];
        while found[0].complete()
            && found.len() < GENERATIONS
            && let Some(next) = self.another(&found)
        {
            found.push(next);
        }
        found.sort_by_key(|f| std::cmp::Reverse(f.identified.map(|(i, _)| i.mark.generation)));
        found
    }

    /// Another mark in the place of those that were found: in what is left of the readings without
    /// them.
    fn another(&self, known: &[Finding]) -> Option<Finding> {
        let found = known.first()?;
        let favoured = self.sums.favoured.filter(|_| found.factor == self.detector.coarse_factor);
        let sums: Vec<&Image> = std::iter::once(self.sums.of(found.factor))
            .chain(favoured)
            .map(|sum| sum.image)
            .collect();
        let marks = known.iter().filter_map(|f| Some((f.key, f.identified?.0.mark)));
        let words: Vec<Vec<f32>> =
            marks.clone().map(|(key, mark)| self.detector.carriers[key].word(mark)).collect();
        let readings = self.keys() * sums.len() as f64;
        let budget = Budget { trials: readings, readings, share: GENERATIONS as f64 };
        // Another mark is rare, and a long list takes its time.
        let few = if self.candidates.len() > QUICK { &[] } else { self.candidates };
        let mut findings: Vec<Finding> = Vec::new();
        for view in sums.iter().filter_map(|&sum| View::new(sum, found.factor, found.warp)) {
            let corner = view.corner(found.orientation);
            let whitened = Whitened::without(
                &view.readings,
                found.orientation,
                (found.origin.0 - corner.0, found.origin.1 - corner.1),
                &words,
            );
            for (key, carrier) in self.detector.carriers.iter().enumerate() {
                // What a known one leaves is strongest in its own sub-pattern.
                let taken: Vec<usize> = marks
                    .clone()
                    .filter(|m| m.0 == key)
                    .map(|m| m.1.payload.subpattern())
                    .collect();
                let peak = sync::at_origin(&whitened, carrier, &taken);
                let mut finding = view.finding(
                    key,
                    found.orientation,
                    &whitened,
                    peak,
                    budget.p_value(peak.z, SUBPATTERNS as f64),
                );
                finding.origin = found.origin;
                findings.push(self.identify(finding, budget, few));
            }
        }
        findings
            .into_iter()
            .filter(Finding::complete)
            .min_by(|a, b| a.p_value.ln().total_cmp(&b.p_value.ln()))
    }

    /// Keeps the better of a new finding and the best so far; whether that has a payload.
    fn keep(&mut self, finding: Option<Finding>) -> bool {
        if let Some(f) = finding
            && self
                .best
                .as_ref()
                .is_none_or(|b| (f.complete(), b.p_value.ln()) > (b.complete(), f.p_value.ln()))
        {
            self.best = Some(f);
        }
        self.is_complete()
    }

    fn is_complete(&self) -> bool {
        self.best.as_ref().is_some_and(Finding::complete)
    }

    /// Tile sizes that an unmoved mark may have: one, or two where the frame has so few lines that
    /// a mark made for it would keep a larger tile than one that was made for a larger frame and
    /// shrunk with it.
    fn expected_warps(&self) -> Vec<Warp> {
        let d = self.detector;
        let factor = d.coarse_factor as f32;
        let (sx, sy) = frame_scale(&d.shape);
        let mut warps = vec![Warp::scaling(sx / factor, sy / factor)];
        let shrunk = d.shape.short_side() / 360.0 / sy;
        if shrunk < 0.999 {
            warps.push(Warp::scaling(sx * shrunk / factor, sy * shrunk / factor));
        }
        warps
    }

    fn sync(&self) -> &Sought {
        self.sync.get_or_init(|| Sought::sync(&self.detector.carriers))
    }

    fn keys(&self) -> f64 {
        self.detector.carriers.len() as f64
    }

    /// What all shares are multiplied by: each of the questions that are asked in a place has its
    /// own, presence, payload, candidates, and their words.
    fn looks(&self) -> f64 {
        let questions = if self.candidates.is_empty() { 2 } else { 4 };
        let again = if self.detector.options.guess.is_some() { SECOND_LOOK } else { 1.0 };
        questions as f64 * again * self.plan.share
    }

    /// About the size that was guessed, upright or mirrored, wherever.
    fn guessed(&mut self, share: f64) -> bool {
        let Some([across, down]) = self.detector.options.guess else { return false };
        let factor = self.detector.coarse_factor;
        let (sx, sy) = frame_scale(&self.detector.shape);
        let sizes: Vec<Warp> = AROUND
            .iter()
            .flat_map(|by| {
                SQUEEZED.iter().map(move |s| ((1.0 + by) * (1.0 + s), (1.0 + by) * (1.0 - s)))
            })
            .map(|(x, y)| {
                Warp::scaling(sx * across * x / factor as f32, sy * down * y / factor as f32)
            })
            .collect();
        self.strongest(&sizes, self.budget(PROPOSALS, share))
    }

    /// The part of a picture of a usual size that a crop left, wherever it was: known payloads show
    /// there where the lattice does not.
    fn cropped(&mut self, share: f64) -> bool {
        if self.candidates.is_empty() {
            return false;
        }
        let (aspect, own) = (self.detector.shape.aspect(), self.detector.shape.short_side());
        let sizes =
            SHORT_SIDES.iter().filter(|&&side| (CROPPED.0..=CROPPED.1).contains(&(own / side)));
        let scale = |side: f32| tile_scale(side) / self.detector.coarse_factor as f32;
        let sizes: Vec<Warp> =
            sizes.map(|&side| Warp::scaling(scale(side) / aspect, scale(side))).collect();
        self.strongest(&sizes, self.budget(PROPOSALS, share))
    }

    /// Of some sizes those with the strongest lattices.
    fn strongest(&mut self, sizes: &[Warp], budget: Budget) -> bool {
        let (sum, factor) = (self.sums.coarse, self.detector.coarse_factor);
        let mut strong: Vec<(f32, Warp)> =
            parallel::map(sizes, &mut vec![(); parallel::threads()], |(), &warp| {
                View::new(sum.image, factor, warp).map(|v| (v.excess(), warp))
            })
            .into_iter()
            .flatten()
            .collect();
        strong.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut translations = std::mem::take(&mut self.translations);
        let found = strong.iter().take(PROPOSALS).any(|&(_, warp)| {
            let finding =
                View::new(sum, factor, warp).map(|view| self.at(view, budget, &mut translations));
            self.keep(finding)
        });
        self.translations = translations;
        found
    }

    /// The geometry of a clip that was at most resized: origin, size and orientation are known.
    fn expected(&mut self, share: f64) -> bool {
        let warps = self.expected_warps();
        let Sums { coarse, favoured, .. } = self.sums;
        let with_beside = coarse.beside.map(|_| coarse);
        let sums: Vec<Sum<'_>> =
            favoured.into_iter().chain([coarse.image.into()]).chain(with_beside).collect();
        let readings = self.keys() * (warps.len() * sums.len()) as f64;
        let budget = Budget { trials: readings, readings, share };
        for warp in warps {
            for (i, &sum) in sums.iter().enumerate() {
                // Where one of the first two has the answer, the other may have more of it; the
                // last is for where neither has.
                if i < 2 || !self.is_complete() {
                    self.at_origin(sum, warp, budget);
                }
            }
            if self.is_complete() {
                return true;
            }
        }
        false
    }

    /// Where a clip that was at most resized has its mark.
    fn at_origin(&mut self, sum: Sum<'a>, warp: Warp, budget: Budget) {
        let Some(view) = View::new(sum, self.detector.coarse_factor, warp) else { return };
        let (x, y) = view.unwarped.origin;
        let whitened = view.whitened(Orientation::UPRIGHT).shifted(-x, -y);
        for (key, carrier) in self.detector.carriers.iter().enumerate() {
            let peak = sync::at_origin(&whitened, carrier, &[]);
            let mut finding = view.finding(
                key,
                Orientation::UPRIGHT,
                &whitened,
                peak,
                budget.p_value(peak.z, SUBPATTERNS as f64),
            );
            finding.origin = (0.0, 0.0);
            let finding = self.identify(finding, budget, self.candidates);
            self.keep(Some(finding));
        }
    }

    /// The expected size, but moved, mirrored or turned.
    fn moved(&mut self, share: f64) -> bool {
        let warps = self.expected_warps();
        let budget = self.budget(warps.len(), share);
        let mut translations = std::mem::take(&mut self.translations);
        let found = warps.into_iter().any(|warp| {
            let view = View::new(self.sums.coarse, self.detector.coarse_factor, warp)
                .filter(|view| view.excess() > self.plan.least_excess_expected);
            let finding = view.map(|view| self.at(view, budget, &mut translations));
            self.keep(finding)
        });
        self.translations = translations;
        found
    }

    /// Wherever the lattice search proposes.
    fn searched(&mut self, share: f64) -> bool {
        let straight = self.lattices.straight.get_or_init(|| self.straight_lattices());
        let budget = self.budget(2 * 2 * PROPOSALS, share);
        self.proposed(&straight.places, budget)
    }

    fn straight_lattices(&self) -> Straight {
        let (least, most) = self.plan.scales;
        let mut sums = vec![(
            self.sums.coarse.image,
            self.detector.coarse_factor,
            if self.sums.fine.is_some() { FINE_BELOW } else { least },
            most,
        )];
        sums.extend(self.sums.fine.map(|(sum, factor)| (sum, factor, SCALES.0, FINE_BELOW)));
        let found = parallel::map(
            &sums,
            &mut vec![(); parallel::threads()],
            |(), &(image, factor, least, most)| {
                let (shortest, longest) = (
                    self.period(least, factor),
                    self.period(most, factor).min(0.9 * image.width.max(image.height) as f32),
                );
                let proposals = LatticeSearch::new(image, shortest, longest).propose(PROPOSALS);
                proposals.into_iter().map(|proposal| (factor, proposal)).collect::<Vec<_>>()
            },
        );
        let found = found.concat();
        Straight {
            places: found.iter().map(|(factor, proposal)| (*factor, proposal.warp())).collect(),
            score: found.iter().fold(0.0, |best, (_, p)| p.score.max(best)),
        }
    }

    /// Upright, at about the expected size, under perspective: a camera before a screen.
    fn bent(&mut self, share: f64) -> bool {
        if self.plan.bends_plain_lattices_only && !self.lattices.are_plain() {
            return false;
        }
        let factor = self.detector.coarse_factor;
        let bent = self.lattices.bent.get_or_init(|| {
            let range = |scales: [f32; 2], thorough, count| bend::Range {
                periods: scales.map(|scale| self.period(scale, factor)),
                thorough,
                count,
            };
            let ranges = [range(CAMERA_SCALES, true, BENT), range(FAR_SCALES, false, FAR_BENT)];
            bend::propose(self.sums.coarse.image, &ranges).into_iter().map(|b| b.warp).collect()
        });
        let places: Vec<_> = bent.iter().map(|&warp| (factor, warp)).collect();
        let budget = self.budget(BENT + FAR_BENT, share);
        self.proposed(&places, budget)
    }

    /// Pixels of a sum between repetitions of a mark at `scale`.
    fn period(&self, scale: f32, factor: usize) -> f32 {
        TILE as f32 * frame_scale(&self.detector.shape).1 * scale / factor as f32
    }

    /// The budget of a stage that tries `geometries` with all orientations and keys.
    fn budget(&self, geometries: usize, share: f64) -> Budget {
        let readings = geometries as f64;
        Budget {
            trials: STRAIGHTENING * Orientation::all().count() as f64 * self.keys() * readings,
            readings,
            share,
        }
    }

    /// The best translation, orientation, key and pattern under one geometry.
    fn place(
        &self,
        view: &View<'_>,
        sought: &Sought,
        budget: Budget,
        translations: &mut [TranslationSearch],
    ) -> Finding {
        let orientations: Vec<Orientation> = Orientation::all().collect();
        let found =
            parallel::map(&orientations, translations, |translations, &orientation| {
                let whitened = view.whitened(orientation);
                let peaks = sought
                    .patterns
                    .iter()
                    .enumerate()
                    .map(|(key, patterns)| (key, translations.best(&whitened, patterns)));
                let (key, peak) = peaks.fold((0, SyncPeak::default()), |a, b| {
                    if b.1.z.abs() > a.1.z.abs() { b } else { a }
                });
                (key, orientation, whitened, peak)
            });
        let upright =
            (0, Orientation::UPRIGHT, view.whitened(Orientation::UPRIGHT), SyncPeak::default());
        let best =
            found.into_iter().fold(upright, |a, b| if b.3.z.abs() > a.3.z.abs() { b } else { a });
        let (key, orientation, whitened, peak) = best;
        view.finding(key, orientation, &whitened, peak, budget.p_value(peak.z, sought.trials()))
    }

    /// The best of proposed geometries, several at a time: images, their factors, and warps.
    fn proposed(&mut self, places: &[(usize, Warp)], budget: Budget) -> bool {
        let mut translations = std::mem::take(&mut self.translations);
        let one = |translations: &mut TranslationSearch, &(factor, warp): &(usize, Warp)| {
            let view = View::new(self.sums.of(factor), factor, warp)
                .filter(|view| view.excess() > self.plan.least_excess)?;
            Some(self.at(view, budget, std::slice::from_mut(translations)))
        };
        let findings = parallel::map_until(places, &mut translations, one, |finding| {
            finding.as_ref().is_some_and(Finding::complete)
        });
        self.translations = translations;
        findings.into_iter().any(|finding| self.keep(finding))
    }

    /// The best translation and orientation under one geometry, straightened and decoded.
    fn at(
        &self,
        view: View<'a>,
        budget: Budget,
        translations: &mut [TranslationSearch],
    ) -> Finding {
        let found = self.straightened(&view, self.sync(), budget, translations);
        let found = self.identify(found, self.budget_of_readings(budget), self.candidates);
        if found.complete() {
            return found;
        }
        let known =
            match self.candidates.len() {
                0 => None,
                n if n <= FEW => {
                    let words = self
                        .words
                        .get_or_init(|| Sought::words(&self.detector.carriers, self.candidates));
                    Some(self.recognise(
                        self.straightened(&view, words, budget, translations),
                        &words.marks,
                    ))
                }
                n if n <= QUICK => self.listed(&view, budget, translations),
                _ => None,
            };
        known.filter(|known| known.p_value < found.p_value).unwrap_or(found)
    }

    /// The best of many candidates under one geometry: wherever sync shows anything, those that
    /// have the sub-pattern it shows are compared, and the likest are looked for in full. That
    /// finds marks whose sync alone chance could be.
    fn listed(
        &self,
        view: &View<'a>,
        budget: Budget,
        translations: &mut [TranslationSearch],
    ) -> Option<Finding> {
        let list = self.list.get_or_init(|| Listed::new(self.candidates));
        let group = self.candidates.len() / SUBPATTERNS;
        let count = (COMPARED / group.max(1)).clamp(1, LISTED);
        let orientations: Vec<Orientation> = Orientation::all().collect();
        let likest = parallel::map(&orientations, translations, |translations, &orientation| {
            let whitened = view.whitened(orientation);
            let mut found: Vec<(Orientation, usize, SyncPeak, Identified)> = Vec::new();
            for (key, carrier) in self.detector.carriers.iter().enumerate() {
                for peak in translations.several(
                    &whitened,
                    &self.sync().patterns[key],
                    count.div_ceil(orientations.len()),
                ) {
                    let best =
                        list.likest(&whitened.shifted(peak.x, peak.y), carrier, peak.pattern);
                    found.extend(
                        best.filter(|b| b.z.abs() > LIKELY).map(|b| (orientation, key, peak, b)),
                    );
                }
            }
            found
        });
        let mut likest = likest.concat();
        likest.sort_by(|a, b| b.3.z.abs().total_cmp(&a.3.z.abs()));
        let translations = translations.first_mut()?;
        let looked = likest.into_iter().take(HYPOTHESES).map(
            |(orientation, key, peak, Identified { mark, z })| {
                let word = [Pattern::new(self.detector.carriers[key].word(mark))];
                let whitened = view.whitened(orientation);
                let trials = TranslationSearch::TRIALS * self.candidates.len() as f64;
                let found = view.finding(
                    key,
                    orientation,
                    &whitened,
                    SyncPeak { pattern: 0, z, ..peak },
                    budget.p_value(z, trials),
                );
                self.recognise(
                    view.straighten(found, &word, translations, |z| budget.p_value(z, trials)),
                    &[mark],
                )
            },
        );
        looked.min_by(|a, b| a.p_value.ln().total_cmp(&b.p_value.ln()))
    }

    /// The best place of what is sought under one geometry, straightened if it promises anything.
    fn straightened(
        &self,
        view: &View<'a>,
        sought: &Sought,
        budget: Budget,
        translations: &mut [TranslationSearch],
    ) -> Finding {
        let found = self.place(view, sought, budget, translations);
        match translations
            .first_mut()
            .filter(|_| found.peak.z.abs() > sought.chance() || view.excess() > PLAIN)
        {
            Some(translations) => {
                let patterns = &sought.patterns[found.key];
                view.straighten(found, patterns, translations, |z| {
                    budget.p_value(z, sought.trials())
                })
            }
            None => found,
        }
    }

    /// A finding of a whole word says which payload it is.
    fn recognise(&self, mut finding: Finding, marks: &[Mark]) -> Finding {
        let (mark, z) = (marks[finding.peak.pattern], finding.peak.z);
        finding.peak.pattern = mark.payload.subpattern();
        if finding.p_value.value() <= self.threshold() {
            finding.identified =
                Some((Identified { mark, z }, self.detector.options.question.method()));
        }
        finding
    }

    /// Largest p-value at which a candidate is told: one alone is confirmed, of several one is
    /// named.
    fn threshold(&self) -> f64 {
        if self.candidates.len() == 1 { PRESENCE } else { IDENTITY }
    }

    /// A finding's readings were chosen among all translations, but not again among sub-patterns.
    fn budget_of_readings(&self, budget: Budget) -> Budget {
        Budget { trials: TranslationSearch::TRIALS * budget.trials, ..budget }
    }

    /// Tells the payload, blind or among the candidates, if the evidence is enough.
    fn identify(&self, mut finding: Finding, budget: Budget, candidates: &[Payload]) -> Finding {
        let carrier = &self.detector.carriers[finding.key];
        let score = finding.peak.z.abs();
        let thorough = score >= if budget.chosen() { PROMISING } else { WORTH_DECODING };
        if score >= WORTH_DECODING
            && let Some(identified) =
                decode::blind(&finding.whitened, carrier, finding.peak.pattern, thorough)
        {
            let p_value = identified.blind_p_value(budget.trials).times(budget.share);
            if p_value.value() <= IDENTITY {
                finding.p_value = finding.p_value.min(p_value);
                finding.identified = Some((identified, Method::Blind));
                return finding;
            }
        }
        if budget.chosen() && candidates.len() > QUICK && finding.peak.z.abs() < WORTH_A_LONG_LIST {
            return finding;
        }
        if let Some(identified) =
            decode::best_of(&finding.whitened, carrier, candidates, !budget.chosen())
        {
            let p_value = PValue::of_score(
                f64::from(identified.z),
                budget.readings * candidates.len() as f64 * identified.mark.generation.share(),
            )
            .times(budget.share);
            finding.p_value = finding.p_value.min(p_value);
            if p_value.value() <= self.threshold() {
                finding.identified = Some((identified, self.detector.options.question.method()));
            }
        }
        finding
    }
}
