//! From the cells at a known place to what the mark says.

use super::carrier::{CODE, Carrier};
use super::read::Cells;
use crate::message::{CHECKED_BITS, Message};
use proofmark_core::Payload;

/// List lengths: the short one decodes all but the weakest marks, the long one gains some tenths of
/// a decibel.
const SHORT: usize = 16;
const LONG: usize = 256;
/// Sequences of the long list that are offered to the check at most: each that is wrong passes once
/// in 2^28.
const LIKELIEST: usize = 64;

/// The payload that the cells hold. `thorough` allows the long list.
pub(crate) fn blind(cells: &Cells, carrier: &Carrier, thorough: bool) -> Option<Payload> {
    let values = cells.values(carrier);
    // How much of the mark is left, from the cells whose sign is known.
    let (sum, whole) =
        carrier.sync.iter().fold((0.0, 0.0), |(s, w), &c| (s + values[c], w + cells.weights[c]));
    let amplitude = (sum / f32::max(whole, f32::MIN_POSITIVE)).clamp(0.0, 1.0);
    // A reading came in with its weight w, has the mean amplitude · w² and the variance w² / 2.
    let llr: Vec<f32> = carrier.code.iter().map(|&c| 4.0 * amplitude * values[c]).collect();
    let accept = |bits: &[bool]| {
        <&[bool; CHECKED_BITS]>::try_from(bits).ok().and_then(Payload::from_checked_bits)
    };
    let lists: &[usize] = if thorough { &[SHORT, LONG] } else { &[SHORT] };
    lists
        .iter()
        .find_map(|&list| CODE.decode(&llr, list, LIKELIEST, accept).accepted)
        .map(|(payload, _)| payload)
}

/// The score of the whole word of `payload`.
pub(crate) fn score_of(cells: &Cells, carrier: &Carrier, payload: Payload) -> f32 {
    let all: Vec<usize> = (0..cells.points.len()).collect();
    score_in(cells, carrier, payload, &all)
}

/// The score of its code cells alone, which have no say in where a mark is looked for.
pub(crate) fn code_score(cells: &Cells, carrier: &Carrier, payload: Payload) -> f32 {
    score_in(cells, carrier, payload, &carrier.code)
}

fn score_in(cells: &Cells, carrier: &Carrier, payload: Payload, some: &[usize]) -> f32 {
    let (word, values) = (carrier.word(payload), cells.values(carrier));
    cells.score(some.iter().map(|&c| values[c] * word[c]).sum(), some)
}

/// The score of the sync cells.
pub(crate) fn sync_score(cells: &Cells, carrier: &Carrier) -> f32 {
    let values = cells.values(carrier);
    cells.score(carrier.sync.iter().map(|&c| values[c]).sum(), &carrier.sync)
}

/// The best of many payloads, and the score of its code cells.
pub(crate) fn best_of(
    cells: &Cells,
    carrier: &Carrier,
    candidates: &[Payload],
) -> Option<(Payload, f32)> {
    let values = cells.values(carrier);
    let code: Vec<f32> = carrier.code.iter().map(|&c| values[c]).collect();
    let correlator = CODE.correlator(&code);
    let mut word = Vec::new();
    let scored = candidates.iter().map(|&payload| {
        CODE.packed(&payload.checked_bits(), &mut word);
        (payload, correlator.correlate(&word))
    });
    scored
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(payload, sum)| (payload, cells.score(sum, &carrier.code)))
}
