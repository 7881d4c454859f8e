//! The search over the finished sums: where the mark lies, and what it says.
//!
//! Stages go from what costs nothing and needs little evidence to what costs more: what something
//! else than the mark says; the geometry of a clip that was at most resized; the same size, but
//! moved, mirrored or turned; whatever the lattice search proposes; what it proposes under
//! perspective; and, for known payloads, what a crop left of a picture of a usual size.

mod identify;
mod placed;
mod plan;
mod stages;

use std::sync::OnceLock;

use proofmark_core::{Payload, parallel};

use super::decode::Listed;
use super::hypothesis::{AlphaBudget, Detection, Match, Projection, RECTIFYING, TemplateBank};
use super::image::Image;
use super::inquiry::Inquiry;
use super::sync::{self, Orientation, TranslationSearch, Whitened};
use crate::evidence::SECOND_LOOK;
use crate::mark::GENERATIONS;
use crate::message::{Message, SUBPATTERNS};
use identify::QUICK;
use plan::Stage;
pub(crate) use plan::{Lattices, Plan, Sums};

/// One search over the finished sums of a clip.
pub(crate) struct Search<'a> {
    inquiry: &'a Inquiry,
    /// One for each thread.
    translations: Vec<TranslationSearch>,
    sums: Sums<'a>,
    /// What was found in them before.
    lattices: &'a Lattices,
    /// What is asked about.
    candidates: &'a [Payload],
    /// What is looked for in every place, made when the expected one did not have it: sync, the
    /// words of few candidates, or the list of many.
    sync: OnceLock<TemplateBank>,
    words: OnceLock<TemplateBank>,
    list: OnceLock<Listed>,
    best: Option<Detection>,
    plan: Plan,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        inquiry: &'a Inquiry,
        plan: Plan,
        sums: Sums<'a>,
        lattices: &'a Lattices,
    ) -> Self {
        let translations = (0..parallel::threads()).map(|_| TranslationSearch::new()).collect();
        let (sync, words, list) = Default::default();
        Self {
            inquiry,
            translations,
            sums,
            lattices,
            candidates: &inquiry.candidates,
            sync,
            words,
            list,
            best: None,
            plan,
        }
    }

    /// The best finding of all stages; they end with the first payload.
    pub(crate) fn run(&mut self) -> Option<Detection> {
        let _ = self.plan.stages.iter().any(|&(stage, share)| {
            let share = share * self.looks(stage);
            match stage {
                Stage::Guessed => self.guessed(share),
                Stage::Placed => self.placed(share),
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
    pub(crate) fn run_blind(&mut self) -> Option<Detection> {
        self.candidates = &[];
        self.run()
    }

    /// All marks on the lattice of `first`, itself included, the newest first: other generations,
    /// and other clips that were stamped at this size.
    pub(crate) fn layers(&self, first: Detection) -> Vec<Detection> {
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
    fn another(&self, known: &[Detection]) -> Option<Detection> {
        let found = known.first()?;
        let bitrate_weighted =
            self.sums.bitrate_weighted.filter(|_| found.factor == self.inquiry.coarse_factor);
        let sums: Vec<&Image> = std::iter::once(self.sums.of(found.factor))
            .chain(bitrate_weighted)
            .map(|sum| sum.image)
            .collect();
        let marks = known.iter().filter_map(|f| Some((f.key, f.identified?.0.mark)));
        let words: Vec<Vec<f32>> =
            marks.clone().map(|(key, mark)| self.inquiry.carriers[key].word(mark)).collect();
        let readings = self.keys() * sums.len() as f64;
        let budget = AlphaBudget { trials: readings, readings, share: GENERATIONS as f64 };
        // Another mark is rare, and a long list takes its time.
        let few = if self.candidates.len() > QUICK { &[] } else { self.candidates };
        let mut findings: Vec<Detection> = Vec::new();
        for view in sums.iter().filter_map(|&sum| Projection::new(sum, found.factor, found.warp)) {
            let corner = view.corner(found.orientation);
            let whitened = Whitened::without(
                &view.readings,
                found.orientation,
                (found.origin.0 - corner.0, found.origin.1 - corner.1),
                &words,
            );
            for (key, carrier) in self.inquiry.carriers.iter().enumerate() {
                // What a known one leaves is strongest in its own sub-pattern.
                let taken: Vec<usize> = marks
                    .clone()
                    .filter(|m| m.0 == key)
                    .map(|m| m.1.payload.subpattern())
                    .collect();
                let peak = sync::at_origin(&whitened, carrier, &taken);
                let matched =
                    Match { key, orientation: found.orientation, whitened: &whitened, peak };
                let mut finding = view.finding(matched, budget.p_value(peak.z, SUBPATTERNS as f64));
                finding.origin = found.origin;
                findings.push(self.identify(finding, budget, few));
            }
        }
        findings
            .into_iter()
            .filter(Detection::complete)
            .min_by(|a, b| a.p_value.ln().total_cmp(&b.p_value.ln()))
    }

    /// Keeps the better of a new finding and the best so far; whether that has a payload.
    fn keep(&mut self, finding: Option<Detection>) -> bool {
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
        self.best.as_ref().is_some_and(Detection::complete)
    }

    fn sync(&self) -> &TemplateBank {
        self.sync.get_or_init(|| TemplateBank::sync(&self.inquiry.carriers))
    }

    fn keys(&self) -> f64 {
        self.inquiry.carriers.len() as f64
    }

    /// What the share of a stage is multiplied by: each of the questions that are asked in a place
    /// has its own, presence, payload, candidates, and their words, of the periodic part and of
    /// both. Where a placement is looked at, words are not looked for, and the parts are counted.
    fn looks(&self, stage: Stage) -> f64 {
        let questions = match (stage, self.candidates.is_empty()) {
            (Stage::Placed, _) => 3,
            (_, true) => 4,
            (_, false) => 8,
        };
        let again = if self.inquiry.options.again { SECOND_LOOK } else { 1.0 };
        f64::from(questions) * again * self.plan.share
    }

    /// The budget of a stage that tries `geometries` with all orientations and keys.
    fn budget(&self, geometries: usize, share: f64) -> AlphaBudget {
        let readings = geometries as f64;
        AlphaBudget {
            trials: RECTIFYING * Orientation::all().count() as f64 * self.keys() * readings,
            readings,
            share,
        }
    }
}
