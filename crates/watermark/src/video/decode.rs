//! From readings at a known place to what the mark says.

use std::cmp::Ordering;

use super::carrier::{CODE, Carrier};
use super::sync::{Whitened, score};
use crate::fec::Correlator;
use crate::mark::{Generation, Mark};
use crate::message::{CODED_BITS, Message, PAYLOADS, SUBPATTERNS};
use crate::stats::PValue;
use proofmark_core::{Payload, parallel};

/// List lengths: the short one decodes all but the weakest marks in a millisecond, the long one
/// gains another 0.4 dB for ten times that.
const SHORT: usize = 16;
const LONG: usize = 256;
/// Sequences that are offered to the CRC at most: each that is wrong passes once in 2^32. Where the
/// long list has the right one at all, it is among these in 19 cases of 20.
const OFFERED: usize = 64;

/// What a mark says, with the score of its whole code word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified {
    pub(crate) mark: Mark,
    pub(crate) z: f32,
}

impl Identified {
    /// Blind decoding chooses among all 2^122 payloads in all generations, so each of them is a
    /// trial, with the generation's share.
    pub(crate) fn blind_p_value(&self, trials: f64) -> PValue {
        PValue::of_score(f64::from(self.z), trials * self.mark.generation.share()).times(PAYLOADS)
    }
}

/// Decodes the mark from readings at its origin, under the sub-pattern that sync chose. `thorough`
/// allows the long list.
pub(crate) fn blind(
    whitened: &Whitened,
    carrier: &Carrier,
    subpattern: usize,
    thorough: bool,
) -> Option<Identified> {
    let signs = carrier.signs(subpattern);
    let values = whitened.dimensions();
    // Amplitude of the mark, from the dimensions whose signs are known.
    let amplitude =
        carrier.sync.iter().map(|&d| values[d] * signs[d]).sum::<f32>() / carrier.sync.len() as f32;
    let llr = Generation::all().map(|g| {
        (
            g,
            carrier
                .code_values(&values, subpattern, g)
                .into_iter()
                .map(|v| 2.0 * amplitude * v)
                .collect::<Vec<f32>>(),
        )
    });
    let accept = |bits: &[bool]| {
        <&[bool; CODED_BITS]>::try_from(bits)
            .ok()
            .and_then(|b| Payload::from_coded_bits(b, subpattern))
    };
    let mut tried = Vec::new();
    for (generation, llr) in llr {
        let decoded = CODE.decode(&llr, SHORT, OFFERED, accept);
        if let Some((payload, _)) = decoded.accepted {
            return Some(identified(whitened, carrier, Mark { payload, generation }));
        }
        tried.push((decoded.metric, generation, llr));
    }
    // The layer that the mark is on fits best, decoded or not; the first one is the commonest.
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let long = tried
        .into_iter()
        .enumerate()
        .filter(|(rank, (_, generation, _))| *rank == 0 || *generation == Generation::FIRST);
    let mut marks = long.filter(|_| thorough).filter_map(|(_, (_, generation, llr))| {
        let (payload, _) = CODE.decode(&llr, LONG, OFFERED, accept).accepted?;
        Some(Mark { payload, generation })
    });
    marks.next().map(|mark| identified(whitened, carrier, mark))
}

fn identified(whitened: &Whitened, carrier: &Carrier, mark: Mark) -> Identified {
    Identified { mark, z: score_of(whitened, carrier, mark) }
}

/// The score of a whole code word.
pub(crate) fn score_of(whitened: &Whitened, carrier: &Carrier, mark: Mark) -> f32 {
    let word = carrier.word(mark);
    let all: Vec<usize> = (0..word.len()).collect();
    score(&whitened.dimensions(), &word, &all)
}

/// Candidates that a thread takes at a time.
const SHARE: usize = 1 << 14;

/// The best of many payloads, which are sorted by sub-pattern. `with_sync` takes the sync
/// dimensions in; where the sync pattern chose the readings it must not: the signs of the code
/// dimensions had no say in that, so that each candidate is a trial for each generation, however
/// many places were looked at.
pub(crate) fn best_of(
    whitened: &Whitened,
    carrier: &Carrier,
    candidates: &[Payload],
    with_sync: bool,
) -> Option<Identified> {
    let parts: Vec<&[Payload]> = candidates.chunks(SHARE).collect();
    let found = parallel::map(&parts, &mut vec![(); parallel::threads()], |(), part| {
        best_in(whitened, carrier, part, with_sync)
    });
    found.into_iter().flatten().max_by(stronger)
}

fn stronger(a: &Identified, b: &Identified) -> Ordering {
    a.z.abs().total_cmp(&b.z.abs())
}

/// The same of some, on this thread alone.
fn best_in(
    whitened: &Whitened,
    carrier: &Carrier,
    candidates: &[Payload],
    with_sync: bool,
) -> Option<Identified> {
    let values = whitened.dimensions();
    let sync: &[usize] = if with_sync { &carrier.sync } else { &[] };
    let norm = carrier.code.iter().chain(sync).map(|&d| values[d] * values[d]).sum::<f32>().sqrt();
    if norm <= 0.0 {
        return None;
    }
    let mut word = Vec::new();
    let groups = candidates.chunk_by(|a, b| a.subpattern() == b.subpattern());
    let scored = groups.filter_map(|group| {
        let j = group[0].subpattern();
        let known: f32 = sync.iter().map(|&d| values[d] * carrier.signs(j)[d]).sum();
        let layers: Vec<(Generation, Correlator)> = Generation::all()
            .map(|g| (g, CODE.correlator(&carrier.code_values(&values, j, g))))
            .collect();
        let scored = group.iter().filter_map(|&payload| {
            CODE.packed(&payload.coded_bits(), &mut word);
            let one = |(generation, correlator): &(Generation, Correlator)| {
                let z = (known + correlator.correlate(&word)) / norm;
                Identified { mark: Mark { payload, generation: *generation }, z }
            };
            layers.iter().map(one).max_by(stronger)
        });
        scored.max_by(stronger)
    });
    scored.max_by(stronger)
}

/// Candidates by their sub-pattern, with their words, for asking about many readings.
pub(crate) struct Listed {
    groups: Vec<Vec<(Payload, Vec<u64>)>>,
}

impl Listed {
    pub(crate) fn new(candidates: &[Payload]) -> Self {
        let mut groups = vec![Vec::new(); SUBPATTERNS];
        for &payload in candidates {
            let mut word = Vec::new();
            CODE.packed(&payload.coded_bits(), &mut word);
            groups[payload.subpattern()].push((payload, word));
        }
        Self { groups }
    }

    /// The likest candidate of a sub-pattern, sync and code word taken together, as a mark of the
    /// first generation: nearly all marks are.
    pub(crate) fn likest(
        &self,
        whitened: &Whitened,
        carrier: &Carrier,
        subpattern: usize,
    ) -> Option<Identified> {
        let values = whitened.dimensions();
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        let known: f32 =
            carrier.sync.iter().map(|&d| values[d] * carrier.signs(subpattern)[d]).sum();
        let correlator =
            CODE.correlator(&carrier.code_values(&values, subpattern, Generation::FIRST));
        let score = |(payload, word): &(Payload, Vec<u64>)| Identified {
            mark: Mark::from(*payload),
            z: (known + correlator.correlate(word)) / norm,
        };
        self.groups[subpattern].iter().map(score).max_by(stronger).filter(|_| norm > 0.0)
    }
}
