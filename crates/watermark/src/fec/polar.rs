//! The polar code, rate-matched to any length by puncturing. Arıkan, doi:10.1109/TIT.2009.2021379.

use super::construct::information_positions;
use super::list;

/// A polar code from `K` bits to any number of signs.
#[derive(Debug)]
pub struct PolarCode {
    /// Whether each position, in decoding order, carries information.
    info: Vec<bool>,
    /// The positions that do.
    carriers: Vec<usize>,
    /// Mother position of each transmitted sign.
    sent: Vec<usize>,
}

/// A decoder's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// What the accepting function made of the bits, and their place in the list, 0 the most
    /// likely; `None` if it accepted none.
    pub accepted: Option<(T, usize)>,
    /// −ln of the likelihood of the most likely sequence, up to a constant that depends on the
    /// magnitudes of the values alone.
    pub metric: f32,
}

/// Halves shorter than a 64-bit element, and the bits of the first ones.
const FIRST_HALVES: [(u32, u64); 6] = [
    (1, 0x5555_5555_5555_5555),
    (2, 0x3333_3333_3333_3333),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (8, 0x00ff_00ff_00ff_00ff),
    (16, 0x0000_ffff_0000_ffff),
    (32, 0x0000_0000_ffff_ffff),
];

/// Correlates code words with values that stay the same.
#[derive(Clone, Debug)]
pub struct Correlator {
    /// Per eight positions, the sum for each pattern of signs.
    tables: Vec<[f32; 256]>,
}

impl Correlator {
    /// Σ sign · value over a [word](PolarCode::packed).
    #[must_use]
    pub fn correlate(&self, word: &[u64]) -> f32 {
        let eights = word.iter().zip(self.tables.chunks_exact(8));
        eights
            .map(|(x, tables)| {
                x.to_le_bytes()
                    .iter()
                    .zip(tables)
                    .map(|(&pattern, table)| table[usize::from(pattern)])
                    .sum::<f32>()
            })
            .sum()
    }
}

impl PolarCode {
    /// A code for `bits` bits in `length` signs, built for a mean signal-to-noise power ratio of
    /// `snr` per sign: best near the threshold of the list decoder, which moves by under 0.1 dB for
    /// a factor of 1.5 either way. The mother code is the next power of two; positions are
    /// punctured from the front in bit-reversed order, which keeps the rest evenly spread.
    #[must_use]
    pub fn new(bits: usize, length: usize, snr: f64) -> Self {
        let n = length.next_power_of_two().max(2);
        let shift = usize::BITS - n.trailing_zeros();
        let mut punctured = vec![false; n];
        for i in 0..n - length {
            punctured[i.reverse_bits() >> shift] = true;
        }
        // Log-likelihood ratios of a unit-noise Gaussian channel have variance 4 · SNR.
        let channels: Vec<f64> =
            punctured.iter().map(|&p| if p { 0.0 } else { 4.0 * snr }).collect();
        let info = information_positions(&channels, bits);
        let sent = (0..n).filter(|&i| !punctured[i]).collect();
        let carriers = (0..n).filter(|&i| info[i]).collect();
        Self { info, carriers, sent }
    }

    /// Number of signs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Whether the code has no signs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The code word of `bits`: `true` stands for −1. Missing bits count as 0, further ones are
    /// ignored.
    #[must_use]
    pub fn encode(&self, bits: &[bool]) -> Vec<bool> {
        let mut word = Vec::new();
        self.packed(bits, &mut word);
        self.sent.iter().map(|&i| word[i / 64] >> (i % 64) & 1 == 1).collect()
    }

    /// The word of the mother code for a [`Correlator`], position i in bit i % 64 of element i /
    /// 64: a set bit stands for −1.
    pub fn packed(&self, bits: &[bool], word: &mut Vec<u64>) {
        word.clear();
        word.resize(self.info.len().div_ceil(64), 0);
        for (&i, &b) in self.carriers.iter().zip(bits) {
            word[i / 64] |= u64::from(b) << (i % 64);
        }
        // Of each pair of halves the first becomes the sum of both: within elements, then between
        // them.
        for (half, firsts) in FIRST_HALVES {
            word.iter_mut().for_each(|x| *x ^= (*x >> half) & firsts);
        }
        let mut half = 1;
        while half < word.len() {
            for block in word.chunks_exact_mut(2 * half) {
                let (first, second) = block.split_at_mut(half);
                first.iter_mut().zip(second).for_each(|(f, s)| *f ^= *s);
            }
            half *= 2;
        }
    }

    /// For correlating many code words with the same `values`, one per sign.
    #[must_use]
    pub fn correlator(&self, values: &[f32]) -> Correlator {
        let mut mother = vec![0.0; self.info.len().next_multiple_of(64)];
        self.sent.iter().zip(values).for_each(|(&i, &v)| mother[i] = v);
        let tables = mother.chunks_exact(8).map(|eight| {
            // Each value doubles the table: its sign is the other one in the second half.
            let mut table = [eight.iter().sum(); 256];
            for (i, v) in eight.iter().enumerate() {
                let (known, next) = table[..2 << i].split_at_mut(1 << i);
                next.iter_mut().zip(known).for_each(|(n, k)| *n = *k - 2.0 * v);
            }
            table
        });
        Correlator { tables: tables.collect() }
    }

    /// Decodes log-likelihood ratios (positive: +1 is likelier), one per sign, keeping `list`
    /// paths. The surviving bit sequences are offered to `accept`, the most likely first and
    /// `offered` of them at most, and the first that it makes something of is the answer.
    pub fn decode<T>(
        &self,
        llr: &[f32],
        list: usize,
        offered: usize,
        mut accept: impl FnMut(&[bool]) -> Option<T>,
    ) -> Decoded<T> {
        let mut channel = vec![0.0; self.info.len()];
        for (&i, &l) in self.sent.iter().zip(llr) {
            channel[i] = l;
        }
        let paths = list::decode(&self.info, &channel, list.max(1));
        let metric = paths.first().map_or(f32::INFINITY, |p| p.metric);
        Decoded {
            accepted: paths
                .iter()
                .take(offered)
                .enumerate()
                .find_map(|(rank, p)| accept(&p.bits).map(|value| (value, rank))),
            metric,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signs(word: &[bool]) -> Vec<f32> {
        word.iter().map(|&b| if b { -1.0 } else { 1.0 }).collect()
    }

    /// A small linear congruential Gaussian source (sum of uniforms), so that trials repeat.
    fn gaussian(state: &mut u64) -> f32 {
        let mut sum = 0.0;
        for _ in 0..12 {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            sum += (*state >> 40) as f32 / (1u64 << 24) as f32;
        }
        sum - 6.0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn correlations_are_those_of_the_code_word(
            bits in proptest::collection::vec(any::<bool>(), 60),
            length in 61usize..700,
            seed: u64,
        ) {
            let code = PolarCode::new(60, length, 0.18);
            let mut state = seed;
            let values: Vec<f32> = (0..length).map(|_| gaussian(&mut state)).collect();
            let word = signs(&code.encode(&bits));
            let plain: f32 = word.iter().zip(&values).map(|(s, v)| s * v).sum();
            let mut word = Vec::new();
            code.packed(&bits, &mut word);
            prop_assert!((code.correlator(&values).correlate(&word) - plain).abs() < 1e-3);
        }

        #[test]
        fn clean_words_decode(
            bits in proptest::collection::vec(any::<bool>(), 60),
            length in 100usize..700,
        ) {
            let code = PolarCode::new(60, length, 0.18);
            let llr: Vec<f32> = signs(&code.encode(&bits)).iter().map(|s| 4.0 * s).collect();
            let (decoded, _) = code.decode(&llr, 4, 4, |b| Some(b.to_vec())).accepted.unwrap();
            prop_assert_eq!(decoded, bits);
        }
    }

    /// Block errors at an energy E = Σ m²/σ² of 320 over 1,610 signs: 0.6 dB above the normal
    /// approximation's 275 for 148 bits at 1e-2, measured at about 1 in 100 with a list of 32.
    #[test]
    fn decodes_near_the_bound() {
        let code = PolarCode::new(148, 1610, 0.18);
        let snr = 320.0f32 / 1610.0;
        let mut state = 1;
        let trials = 60;
        let mut failed = 0;
        for t in 0..trials {
            let bits: Vec<bool> = (0..148).map(|i| (i * 7 + t) % 3 == 0).collect();
            let llr: Vec<f32> = signs(&code.encode(&bits))
                .iter()
                .map(|s| 2.0 * snr.sqrt() * (s * snr.sqrt() + gaussian(&mut state)))
                .collect();
            failed += u32::from(
                code.decode(&llr, 32, 32, |b| (b == bits).then_some(())).accepted.is_none(),
            );
        }
        assert!(failed <= 6, "{failed} of {trials} failed");
    }
}
