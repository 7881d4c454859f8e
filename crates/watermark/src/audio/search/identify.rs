//! What a place says: the payload that is expected there, decoded, or the likest of a list.

use super::super::carrier::CELLS;
use super::super::decode;
use super::super::read::{Cells, Weighing};
use super::{Finding, Pass, Pattern, READINGS, Search, TimeScale};
use crate::evidence::{IDENTITY, Method, PRESENCE, Question};
use crate::message::PAYLOADS;
use crate::stats::PValue;
use proofmark_core::Payload;

/// Score at which the long list is tried too, at other speeds and pitches: most places without a
/// mark stay below.
const PROMISING: f32 = 4.4;

impl Search<'_> {
    /// Tells the payload of a finding that a pass made by `pattern`, if the evidence is enough.
    pub(super) fn identify(
        &self,
        finding: &mut Finding,
        cells: &Cells,
        pattern: &Pattern,
        pass: &Pass<'_>,
    ) {
        let carrier = &self.carriers[finding.key];
        // With the score of the whole word.
        let tell =
            |finding: &mut Finding, z: f32, payload: Payload, method: Method, p_value: PValue| {
                finding.z = z;
                finding.p_value = finding.p_value.min(p_value);
                finding.payload = Some((payload, method));
            };
        if let Question::Expected(payload) = self.question {
            // The sync pattern chose the place, the code cells had no say; the whole word, where
            // that chose it, is the score itself.
            let p_value = if pattern.cells.len() == CELLS {
                finding.p_value
            } else {
                self.among(decode::code_score(cells, carrier, *payload), 1.0)
            };
            if p_value.value() <= PRESENCE {
                return tell(
                    finding,
                    decode::score_of(cells, carrier, *payload),
                    *payload,
                    Method::Expected,
                    p_value,
                );
            }
        }
        let z = decode::sync_score(cells, carrier);
        let thorough = !self.wide || z >= PROMISING;
        if z >= self.worth_decoding()
            && let Some((payload, z, p_value)) = self.decoded(finding, cells, pass, thorough)
        {
            return tell(finding, z, payload, Method::Blind, p_value);
        }
        if let Question::Candidates(list) = self.question
            && let Some((payload, z)) = decode::best_of(cells, carrier, list)
        {
            let p_value = self.among(z, list.len() as f64);
            if p_value.value() <= IDENTITY {
                tell(
                    finding,
                    decode::score_of(cells, carrier, payload),
                    payload,
                    Method::Candidates,
                    p_value,
                );
            }
        }
    }

    /// The payload that decodes blindly, with the score and the p-value of its whole word, if the
    /// evidence is enough. `thorough` allows the long list.
    fn decoded(
        &self,
        finding: &Finding,
        cells: &Cells,
        pass: &Pass<'_>,
        thorough: bool,
    ) -> Option<(Payload, f32, PValue)> {
        let carrier = &self.carriers[finding.key];
        let as_heard = decode::blind(cells, carrier, thorough).map(|payload| (None, payload));
        let (coded, payload) = as_heard.or_else(|| {
            let coded = self.wide.then(|| self.cells(finding.stretch, READINGS[1], pass.wants))?;
            decode::blind(&coded, carrier, thorough).map(|payload| (Some(coded), payload))
        })?;
        let cells = coded.as_ref().unwrap_or(cells);
        // Blind decoding chooses among all payloads, so each of them is a trial: by its code cells
        // in the few places that sync led to, by its whole word in all.
        let z = decode::score_of(cells, carrier, payload);
        let whole = PValue::of_score(f64::from(z), pass.trials * PAYLOADS).times(self.share());
        let p_value =
            self.among(decode::code_score(cells, carrier, payload), PAYLOADS).min(whole).times(2.0);
        (p_value.value() <= IDENTITY).then_some((payload, z, p_value))
    }

    /// The cells at a place, weighed in some way.
    fn cells(
        &self,
        stretch: TimeScale,
        weighing: Weighing,
        wants: &(dyn Fn(f64) -> bool + Sync),
    ) -> Cells {
        let raised = (stretch.pitch != 1.0).then(|| self.segment.energies(stretch.pitch));
        Cells::read(
            raised.as_ref().unwrap_or_else(|| self.stamped()),
            stretch.place,
            weighing,
            wants,
        )
    }

    /// The p-value of the best code score among so many candidates, at each of the places that are
    /// looked at closely.
    fn among(&self, z: f32, candidates: f64) -> PValue {
        PValue::of_score(
            f64::from(z),
            candidates * (READINGS.len() * self.places() * self.carriers.len()) as f64,
        )
        .times(self.share())
    }
}
