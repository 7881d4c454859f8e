//! What a place says: the best translation and orientation, straightened and decoded.

use proofmark_core::{Payload, parallel};

use super::super::carrier::Pattern;
use super::super::cells::{self, PLACES};
use super::super::decode::{self, Identified, Listed};
use super::super::hypothesis::{AlphaBudget, Detection, Match, Projection, TemplateBank};
use super::super::sync::{Orientation, SyncPeak, TranslationSearch};
use super::Search;
use crate::evidence::{IDENTITY, Method, PRESENCE};
use crate::mark::Mark;
use crate::message::{Message, SUBPATTERNS};
use crate::stats::PValue;

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
pub(super) const QUICK: usize = 1 << 17;
const WORTH_A_LONG_LIST: f32 = 6.5;
/// Sync scores under this are not worth decoding: a payload that decodes has at least 6 almost
/// always.
const WORTH_DECODING: f32 = 4.0;
/// Sync scores of the periodic part from which on the cells are looked at, too.
const WORTH_GATHERING: f32 = 6.0;
/// Scores from which on the long list is tried where sync chose the place: chance comes this far as
/// often as not. In the expected place, where sync had little to choose from, it is tried whenever
/// the short one is.
const PROMISING: f32 = 5.6;

impl<'a> Search<'a> {
    /// The best translation, orientation, key and pattern under one geometry.
    pub(super) fn place(
        &self,
        view: &Projection<'_>,
        sought: &TemplateBank,
        budget: AlphaBudget,
        translations: &mut [TranslationSearch],
    ) -> Detection {
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
        let matched = Match { key, orientation, whitened: &whitened, peak };
        view.finding(matched, budget.p_value(peak.z, sought.trials()))
    }

    /// The best translation and orientation under one geometry, straightened and decoded.
    pub(super) fn at(
        &self,
        view: Projection<'a>,
        budget: AlphaBudget,
        translations: &mut [TranslationSearch],
    ) -> Detection {
        let found = self.rectified(&view, self.sync(), budget, translations);
        let readings = self.budget_of_readings(budget);
        let mut found = self.identify(found, readings, self.candidates);
        if found.complete() {
            return found;
        }
        let sync = &self.sync().patterns[found.key][found.peak.pattern];
        let trials = PLACES * self.sync().trials();
        if let Some(gathered) = self.gathered(&view, &found, sync, |z| budget.p_value(z, trials)) {
            let readings = AlphaBudget {
                trials: PLACES * readings.trials,
                readings: PLACES * readings.readings,
                ..readings
            };
            let gathered = self.identify(gathered, readings, self.candidates);
            if gathered.complete() {
                return gathered;
            }
            if gathered.p_value < found.p_value {
                found = gathered;
            }
        }
        let known = match self.candidates.len() {
            0 => None,
            n if n <= FEW => {
                let words = self
                    .words
                    .get_or_init(|| TemplateBank::words(&self.inquiry.carriers, self.candidates));
                let found = self.rectified(&view, words, budget, translations);
                let pattern = &words.patterns[found.key][found.peak.pattern];
                let trials = PLACES * words.trials();
                let found = self.better(&view, found, pattern, |z| budget.p_value(z, trials));
                Some(self.recognise(found, &words.marks))
            }
            n if n <= QUICK => self.listed(&view, budget, translations),
            _ => None,
        };
        known.filter(|known| known.p_value < found.p_value).unwrap_or(found)
    }

    /// A finding with what the cells hold of it, wherever among all cells those of the picture lie.
    fn gathered(
        &self,
        view: &Projection<'a>,
        found: &Detection,
        pattern: &Pattern,
        p_value: impl Fn(f32) -> PValue,
    ) -> Option<Detection> {
        if found.peak.z.abs() < WORTH_GATHERING {
            return None;
        }
        let (sums, carrier) = (view.cells_of(found), &self.inquiry.carriers[found.key]);
        let sign = found.peak.z.signum();
        let (_, cell, aperiodic) = cells::fits(&sums, carrier, pattern)
            .max_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)))?;
        let whitened = found.whitened.with(&aperiodic);
        let z = whitened.fit(pattern);
        let peak = SyncPeak { z, ..found.peak };
        let (noise, cell) = (found.noise.clone(), Some(cell));
        Some(Detection { peak, whitened, noise, cell, p_value: p_value(z), ..*found })
    }

    /// A finding with what the cells hold of it, where that is better.
    fn better(
        &self,
        view: &Projection<'a>,
        found: Detection,
        pattern: &Pattern,
        p_value: impl Fn(f32) -> PValue,
    ) -> Detection {
        let gathered = self.gathered(view, &found, pattern, p_value);
        gathered.filter(|gathered| gathered.p_value < found.p_value).unwrap_or(found)
    }

    /// The best of many candidates under one geometry: wherever sync shows anything, those that
    /// have the sub-pattern it shows are compared, and the likest are looked for in full. That
    /// finds marks whose sync alone chance could be.
    pub(super) fn listed(
        &self,
        view: &Projection<'a>,
        budget: AlphaBudget,
        translations: &mut [TranslationSearch],
    ) -> Option<Detection> {
        let list = self.list.get_or_init(|| Listed::new(self.candidates));
        let group = self.candidates.len() / SUBPATTERNS;
        let count = (COMPARED / group.max(1)).clamp(1, LISTED);
        let orientations: Vec<Orientation> = Orientation::all().collect();
        let likest = parallel::map(&orientations, translations, |translations, &orientation| {
            let whitened = view.whitened(orientation);
            let mut found: Vec<(Orientation, usize, SyncPeak, Identified)> = Vec::new();
            for (key, carrier) in self.inquiry.carriers.iter().enumerate() {
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
                let word = [Pattern::new(self.inquiry.carriers[key].word(mark))];
                let whitened = view.whitened(orientation);
                let trials = TranslationSearch::TRIALS * self.candidates.len() as f64;
                let peak = SyncPeak { pattern: 0, z, ..peak };
                let matched = Match { key, orientation, whitened: &whitened, peak };
                let found = view.finding(matched, budget.p_value(z, trials));
                let found = view.rectify(found, &word, translations, |z| budget.p_value(z, trials));
                let p_value = |z| budget.p_value(z, PLACES * trials);
                self.recognise(self.better(view, found, &word[0], p_value), &[mark])
            },
        );
        looked.min_by(|a, b| a.p_value.ln().total_cmp(&b.p_value.ln()))
    }

    /// The best place of what is sought under one geometry, straightened if it promises anything.
    pub(super) fn rectified(
        &self,
        view: &Projection<'a>,
        sought: &TemplateBank,
        budget: AlphaBudget,
        translations: &mut [TranslationSearch],
    ) -> Detection {
        let found = self.place(view, sought, budget, translations);
        match translations
            .first_mut()
            .filter(|_| found.peak.z.abs() > sought.chance() || view.excess() > PLAIN)
        {
            Some(translations) => {
                let patterns = &sought.patterns[found.key];
                view.rectify(found, patterns, translations, |z| budget.p_value(z, sought.trials()))
            }
            None => found,
        }
    }

    /// A finding of a whole word says which payload it is.
    pub(super) fn recognise(&self, mut finding: Detection, marks: &[Mark]) -> Detection {
        let (mark, z) = (marks[finding.peak.pattern], finding.peak.z);
        finding.peak.pattern = mark.payload.subpattern();
        if finding.p_value.value() <= self.threshold() {
            finding.identified =
                Some((Identified { mark, z }, self.inquiry.options.question.method()));
        }
        finding
    }

    /// Largest p-value at which a candidate is told: one alone is confirmed, of several one is
    /// named.
    pub(super) fn threshold(&self) -> f64 {
        if self.candidates.len() == 1 { PRESENCE } else { IDENTITY }
    }

    /// A finding's readings were chosen among all translations, but not again among sub-patterns.
    pub(super) fn budget_of_readings(&self, budget: AlphaBudget) -> AlphaBudget {
        AlphaBudget { trials: TranslationSearch::TRIALS * budget.trials, ..budget }
    }

    /// Tells the payload, blind or among the candidates, if the evidence is enough.
    pub(super) fn identify(
        &self,
        mut finding: Detection,
        budget: AlphaBudget,
        candidates: &[Payload],
    ) -> Detection {
        let carrier = &self.inquiry.carriers[finding.key];
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
                finding.identified = Some((identified, self.inquiry.options.question.method()));
            }
        }
        finding
    }
}
