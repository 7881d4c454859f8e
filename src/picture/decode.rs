//! From readings at a known place to a payload.

use super::carrier::{CODE, Carrier};
use super::sync::{Whitened, score};
use crate::payload::{CODED_BITS, MESSAGE_BITS, Payload};
use crate::stats::PValue;

/// List lengths that are tried in turn: the short one decodes all but the weakest marks in a few milliseconds, the long one
/// gains another 0.4 dB for a tenth of a second.
const LISTS: [usize; 2] = [16, 256];
/// Sequences less likely than the best by more than e^this are not offered to the CRC: it keeps what could pass by chance to a handful.
const MARGIN: f32 = 12.0;

/// A payload with the score of its whole code word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified {
    pub(crate) payload: Payload,
    pub(crate) z: f32,
}

impl Identified {
    /// Blind decoding chooses among all 2^122 payloads, so each of them is a trial.
    pub(crate) fn blind_p_value(&self, trials: f64) -> PValue {
        PValue::of_score(f64::from(self.z), trials).times((MESSAGE_BITS as f64).exp2())
    }
}

/// Decodes the payload from readings at the mark's origin, under the sub-pattern that sync chose. `thorough` allows the long list.
pub(crate) fn blind(whitened: &Whitened, carrier: &Carrier, subpattern: usize, thorough: bool) -> Option<Identified> {
    let signs = carrier.signs(subpattern);
    let values = whitened.dimensions();
    // Amplitude of the mark, from the dimensions whose signs are known.
    let amplitude = carrier.sync.iter().map(|&d| values[d] * signs[d]).sum::<f32>() / carrier.sync.len() as f32;
    let llr: Vec<f32> = carrier.code.iter().map(|&d| 2.0 * amplitude * values[d] * signs[d]).collect();
    let lists = if thorough { &LISTS[..] } else { &LISTS[..1] };
    let accept = |bits: &[bool]| <&[bool; CODED_BITS]>::try_from(bits).ok().and_then(|b| Payload::from_coded_bits(b, subpattern));
    let decoded = lists.iter().find_map(|&list| CODE.decode(&llr, list, MARGIN, accept))?;
    Some(correlate(whitened, carrier, decoded.value))
}

/// The score of one payload at the mark's origin.
pub(crate) fn correlate(whitened: &Whitened, carrier: &Carrier, payload: Payload) -> Identified {
    let word = carrier.word(payload);
    let all: Vec<usize> = (0..word.len()).collect();
    Identified { payload, z: score(&whitened.dimensions(), &word, &all) }
}

/// Candidates that one thread takes at least.
const SHARE: usize = 1 << 14;

/// The best of many payloads, which are sorted by sub-pattern. `with_sync` takes the sync dimensions in; where the sync pattern chose the readings it
/// must not: the signs of the code dimensions had no say in that, so that each candidate is one trial, however many places were looked at.
pub(crate) fn best_of(whitened: &Whitened, carrier: &Carrier, candidates: &[Payload], with_sync: bool) -> Option<Identified> {
    let values = whitened.dimensions();
    let sync: &[usize] = if with_sync { &carrier.sync } else { &[] };
    let norm = carrier.code.iter().chain(sync).map(|&d| values[d] * values[d]).sum::<f32>().sqrt();
    if norm <= 0.0 {
        return None;
    }
    let best = |part: &[Payload]| {
        let groups = part.chunk_by(|a, b| a.subpattern() == b.subpattern());
        let scored = groups.flat_map(|group| {
            let signs = carrier.signs(group[0].subpattern());
            let signed = |&d: &usize| values[d] * signs[d];
            let known: f32 = sync.iter().map(signed).sum();
            let mut correlator = CODE.correlator(&carrier.code.iter().map(signed).collect::<Vec<_>>());
            group.iter().map(move |&payload| Identified { payload, z: (known + correlator.correlate(&payload.coded_bits())) / norm })
        });
        scored.max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(candidates.len() / SHARE).max(1);
    std::thread::scope(|scope| {
        let parts = candidates.chunks(candidates.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || best(part))).collect();
        workers.into_iter().filter_map(|w| w.join().ok().flatten()).max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
    })
}
