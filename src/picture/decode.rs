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

/// The best of many payloads.
pub(crate) fn best_of(whitened: &Whitened, carrier: &Carrier, candidates: &[Payload]) -> Option<Identified> {
    let values = whitened.dimensions();
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm <= 0.0 {
        return None;
    }
    candidates
        .iter()
        .map(|&payload| {
            let sum: f32 = carrier.word(payload).iter().zip(&values).map(|(s, v)| s * v).sum();
            Identified { payload, z: sum / norm }
        })
        .max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
}
