//! From readings at a known place to what the mark says.

use super::carrier::{CODE, Carrier};
use super::sync::{Whitened, score};
use crate::mark::{GENERATIONS, Generation, Mark};
use crate::payload::{CODED_BITS, MESSAGE_BITS, Payload};
use crate::stats::PValue;

/// List lengths that are tried in turn: the short one decodes all but the weakest marks in a few milliseconds, the long one
/// gains another 0.4 dB for a tenth of a second.
const LISTS: [usize; 2] = [16, 256];
/// Sequences less likely than the best by more than e^this are not offered to the CRC: it keeps what could pass by chance to a handful.
const MARGIN: f32 = 12.0;

/// What a mark says, with the score of its whole code word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified {
    pub(crate) mark: Mark,
    pub(crate) z: f32,
}

impl Identified {
    /// Blind decoding chooses among all 2^122 payloads in all generations, so each of them is a trial.
    pub(crate) fn blind_p_value(&self, trials: f64) -> PValue {
        PValue::of_score(f64::from(self.z), trials * GENERATIONS as f64).times((MESSAGE_BITS as f64).exp2())
    }
}

/// Decodes the mark from readings at its origin, under the sub-pattern that sync chose. `thorough` allows the long list.
pub(crate) fn blind(whitened: &Whitened, carrier: &Carrier, subpattern: usize, thorough: bool) -> Option<Identified> {
    let signs = carrier.signs(subpattern);
    let values = whitened.dimensions();
    // Amplitude of the mark, from the dimensions whose signs are known.
    let amplitude = carrier.sync.iter().map(|&d| values[d] * signs[d]).sum::<f32>() / carrier.sync.len() as f32;
    let llr = Generation::all().map(|g| (g, carrier.code_values(&values, subpattern, g).into_iter().map(|v| 2.0 * amplitude * v).collect::<Vec<f32>>()));
    let llr: Vec<_> = llr.collect();
    let lists = if thorough { &LISTS[..] } else { &LISTS[..1] };
    let accept = |bits: &[bool]| <&[bool; CODED_BITS]>::try_from(bits).ok().and_then(|b| Payload::from_coded_bits(b, subpattern));
    let mark = lists.iter().find_map(|&list| {
        llr.iter().find_map(|(generation, llr)| CODE.decode(llr, list, MARGIN, accept).map(|decoded| Mark { payload: decoded.value, generation: *generation }))
    })?;
    Some(Identified { mark, z: score_of(whitened, carrier, mark) })
}

/// The score of a whole code word.
pub(crate) fn score_of(whitened: &Whitened, carrier: &Carrier, mark: Mark) -> f32 {
    let word = carrier.word(mark);
    let all: Vec<usize> = (0..word.len()).collect();
    score(&whitened.dimensions(), &word, &all)
}

/// Candidates that one thread takes at least.
const SHARE: usize = 1 << 14;

/// The best of many payloads, which are sorted by sub-pattern. `with_sync` takes the sync dimensions in; where the sync pattern chose the readings it
/// must not: the signs of the code dimensions had no say in that, so that each candidate is a trial for each generation, however many places were looked at.
pub(crate) fn best_of(whitened: &Whitened, carrier: &Carrier, candidates: &[Payload], with_sync: bool) -> Option<Identified> {
    let values = whitened.dimensions();
    let sync: &[usize] = if with_sync { &carrier.sync } else { &[] };
    let norm = carrier.code.iter().chain(sync).map(|&d| values[d] * values[d]).sum::<f32>().sqrt();
    if norm <= 0.0 {
        return None;
    }
    let best = |part: &[Payload]| {
        let groups = part.chunk_by(|a, b| a.subpattern() == b.subpattern());
        let layers = groups.flat_map(|group| Generation::all().map(move |generation| (group, generation)));
        let scored = layers.flat_map(|(group, generation)| {
            let j = group[0].subpattern();
            let known: f32 = sync.iter().map(|&d| values[d] * carrier.signs(j)[d]).sum();
            let mut correlator = CODE.correlator(&carrier.code_values(&values, j, generation));
            group.iter().map(move |&payload| Identified { mark: Mark { payload, generation }, z: (known + correlator.correlate(&payload.coded_bits())) / norm })
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
