//! The carrier: which level differences are asked of the sound.
//!
//! Time is cut into pairs of rows, [`PERIOD`] pairs repeat. Each *cell*, a pair in a band, has a
//! keyed phase: the difference of the two rows' levels is moved to the nearest value whose place in
//! a cycle of [`STEP`] decibels is that phase, for one sign, or half a cycle on, for the other
//! (quantisation index modulation with keyed dither: Chen and Wornell, doi:10.1109/18.923725).
//! Unlike an added pattern, that does not have to be heard over the sound itself, and without the
//! key the levels look as they would without a mark.

use std::sync::LazyLock;

use super::layout::{BANDS, PAIR};
use crate::fec::PolarCode;
use crate::key::WatermarkKey;
use crate::message::{CHECKED_BITS, Message};
use proofmark_core::Payload;

/// Pairs of rows after which the pattern repeats: any 4.8 s of sound hold all of it, and less than
/// that enough of it. What is repeated adds up, but could have been more of the code: less than
/// half as long a period asks 5 % more evidence of 5 s.
pub(crate) const PERIOD: usize = 120;
/// Seconds of the period.
pub(crate) const PERIOD_SECONDS: f64 = PERIOD as f64 * PAIR;
/// Cells of a period.
pub(crate) const CELLS: usize = PERIOD * BANDS;
/// Cells that carry sync: as few as still tell a place among all that are searched.
pub(crate) const SYNC_CELLS: usize = CELLS / 12;
/// Decibels of level difference in which the phases repeat, where a difference is taken over √2 so
/// that it has the noise of one row. Measured from 2 to 10: a wider cycle survives harder codecs, a
/// narrower one distorts less.
pub(crate) const STEP: f32 = 8.0;
/// Signal-to-noise power ratio per code cell at which reading begins to succeed.
const THRESHOLD_SNR: f64 = 0.125;

/// The error-correcting code over all code cells.
pub(crate) static CODE: LazyLock<PolarCode> =
    LazyLock::new(|| PolarCode::new(CHECKED_BITS, CELLS - SYNC_CELLS, THRESHOLD_SNR));

/// Place in the cycle of the level difference of two powers, in turns; any whole number of turns
/// may be added.
pub(crate) fn phase(first: f32, second: f32) -> f32 {
    phase_of_octaves((second / first).log2())
}

/// The same of the logarithm of their ratio to base 2.
pub(crate) fn phase_of_octaves(octaves: f32) -> f32 {
    // 10 log10 of a ratio, over √2 and the cycle.
    const PER_OCTAVE: f32 =
        10.0 * std::f32::consts::LOG10_2 * std::f32::consts::FRAC_1_SQRT_2 / STEP;
    octaves * PER_OCTAVE
}

/// The keyed part for one key: each cell's phase, and what it carries. Cell i is band i % [`BANDS`]
/// of pair i / [`BANDS`].
#[derive(Clone)]
pub(crate) struct Carrier {
    /// In turns, 0 to 1.
    pub(crate) phases: Vec<f32>,
    pub(crate) sync: Vec<usize>,
    pub(crate) code: Vec<usize>,
}

impl Carrier {
    pub(crate) fn new(key: &WatermarkKey) -> Self {
        let order = key.sequence("sound cells").permutation(CELLS);
        let (sync, code) = order.split_at(SYNC_CELLS);
        let phases = key
            .sequence("sound phases")
            .bytes(CELLS)
            .into_iter()
            .map(|b| f32::from(b) / 256.0)
            .collect();
        Self { phases, sync: sync.to_vec(), code: code.to_vec() }
    }

    /// Each cell's sign for `payload`; 1 where it carries sync.
    pub(crate) fn word(&self, payload: Payload) -> Vec<f32> {
        let mut word = vec![1.0; CELLS];
        for (&cell, negative) in self.code.iter().zip(CODE.encode(&payload.checked_bits())) {
            word[cell] = if negative { -1.0 } else { 1.0 };
        }
        word
    }

    /// Each cell's wanted place in the cycle for `payload`, in turns.
    pub(crate) fn targets(&self, payload: Payload) -> Vec<f32> {
        self.phases
            .iter()
            .zip(self.word(payload))
            .map(|(phase, sign)| if sign < 0.0 { phase + 0.5 } else { *phase })
            .collect()
    }
}
