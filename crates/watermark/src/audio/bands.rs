//! What the mark is written in: the energy of sound in bands of frequency and rows of time.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use super::kernels;
use super::layout::{BANDS, EDGES, HIGH, PAIR, PerBand, ROW, WINDOW};
use super::mask::{Allowance, Ceiling};

/// The even length nearest to `samples` that a fast Fourier transform likes.
pub(crate) fn fft_length(samples: f64) -> usize {
    let smooth = |n: usize| {
        [2, 3, 5, 7].iter().fold(n, |mut n, &p| {
            while n.is_multiple_of(p) {
                n /= p;
            }
            n
        }) == 1
    };
    let even = (samples / 2.0).round().max(4.0) as usize;
    (0..even).flat_map(|d| [even + d, even - d]).find(|&half| smooth(half)).unwrap_or(even) * 2
}

/// Measures power spectra through a Hann window.
#[derive(Clone)]
pub(crate) struct Analyser {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    buffer: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Vec<f32>,
}

impl Analyser {
    pub(crate) fn new(rate: f64) -> Self {
        let length = fft_length(WINDOW * rate);
        let fft = RealFftPlanner::new().plan_fft_forward(length);
        let phase = |i: usize| std::f64::consts::TAU * i as f64 / length as f64;
        let window: Vec<f32> = (0..length).map(|i| (0.5 - 0.5 * phase(i).cos()) as f32).collect();
        let (spectrum, scratch) = (fft.make_output_vec(), fft.make_scratch_vec());
        Self {
            power: vec![0.0; spectrum.len()],
            buffer: vec![0.0; length],
            fft,
            window,
            spectrum,
            scratch,
        }
    }

    /// Samples that one spectrum is of.
    pub(crate) fn len(&self) -> usize {
        self.window.len()
    }

    /// The power of each bin for [`Analyser::len`] samples: 1 for a sine of full scale in the
    /// middle of a bin.
    pub(crate) fn power(&mut self, samples: &[f32]) -> &[f32] {
        let scale = 4.0 / self.window.len() as f32;
        self.buffer
            .iter_mut()
            .zip(samples.iter().zip(&self.window))
            .for_each(|(b, (s, w))| *b = s * w * scale);
        // The lengths are those of the plan, so that it cannot fail.
        let _ =
            self.fft.process_with_scratch(&mut self.buffer, &mut self.spectrum, &mut self.scratch);
        self.power.iter_mut().zip(&self.spectrum).for_each(|(p, x)| *p = x.norm_sqr());
        &self.power
    }
}

/// Copies as many samples as `to` takes, from the one at `begin` on.
pub(crate) fn copy(from: &VecDeque<f32>, begin: usize, to: &mut [f32]) {
    let (a, b) = from.as_slices();
    let split = a.len().saturating_sub(begin).min(to.len());
    to[..split].copy_from_slice(&a[begin.min(a.len())..][..split]);
    let rest = to.len() - split;
    to[split..].copy_from_slice(&b[begin.saturating_sub(a.len())..][..rest]);
}

/// Where the bands lie among bins: fractional positions in a sum over bins.
pub(crate) fn positions(
    rate: f64,
    length: usize,
    pitch: f64,
    bins: usize,
) -> [(usize, f32); BANDS + 1] {
    let bin = rate / length as f64;
    EDGES.map(|edge| {
        let at = (edge * pitch / bin + 0.5).min(bins as f64);
        let whole = (at as usize).min(bins.saturating_sub(1));
        (whole, (at - whole as f64) as f32)
    })
}

/// Power of each band from sums over bins from each one *up*, so that the weak high bands keep
/// their digits.
pub(crate) fn band_power(sums: &[f32], positions: &[(usize, f32); BANDS + 1]) -> PerBand<f32> {
    let at = |&(i, part): &(usize, f32)| sums[i] + part * (sums[i + 1] - sums[i]);
    let mut above = at(&positions[0]);
    std::array::from_fn(|b| {
        let next = at(&positions[b + 1]);
        let power = (above - next).max(0.0);
        above = next;
        power
    })
}

/// Sums of `values` from each one to the last, and a 0 behind it.
pub(crate) fn sums_upward(values: &[f32], out: &mut Vec<f32>) {
    let begin = out.len();
    out.resize(begin + values.len() + 1, 0.0);
    let mut sum = 0.0;
    for (o, v) in out[begin..].iter_mut().zip(values).rev() {
        sum += v;
        *o = sum;
    }
}

/// Seconds between the spectra of a [`Spectrogram`].
pub(crate) const HOP: f64 = ROW / 8.0;
/// Highest pitch that is looked for, so that bands that were raised by it are still in the spectra.
const MOST_PITCH: f64 = 1.28;

/// Spectra of some seconds of sound, from which the bands can be read.
#[derive(Clone)]
pub(crate) struct Spectrogram {
    rate: f64,
    length: usize,
    /// Bins of each spectrum.
    bins: usize,
    /// Bins from which on sums are kept.
    kept: Vec<usize>,
    /// Seconds at which the first spectrum begins.
    start: f64,
    sums: Vec<f32>,
    scratch: Vec<f32>,
}

impl Spectrogram {
    /// For `room` spectra from `length` samples each, the first at `start` seconds, in which the
    /// bands are to be read under any pitch of a range.
    pub(crate) fn new(
        rate: f64,
        length: usize,
        (low, high): (f64, f64),
        start: f64,
        room: usize,
    ) -> Self {
        let bins = ((HIGH * MOST_PITCH * length as f64 / rate) as usize + 2).min(length / 2 + 1);
        let [lowest, highest] = [low, high].map(|pitch| positions(rate, length, pitch, bins));
        // One more for the sum's end.
        let mut kept: Vec<usize> =
            lowest.iter().zip(&highest).flat_map(|(from, to)| from.0..=to.0 + 1).collect();
        kept.sort_unstable();
        kept.dedup();
        Self {
            rate,
            length,
            bins,
            start,
            sums: Vec::with_capacity(room * kept.len()),
            kept,
            scratch: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, power: &[f32]) {
        self.scratch.clear();
        sums_upward(&power[..self.bins], &mut self.scratch);
        self.sums.extend(self.kept.iter().map(|&bin| self.scratch[bin]));
    }

    /// Number of spectra.
    pub(crate) fn len(&self) -> usize {
        self.sums.len() / self.kept.len()
    }

    pub(crate) fn clear(&mut self) {
        self.sums.clear();
    }

    /// Turns the order of the spectra round.
    pub(crate) fn reverse(&mut self) {
        self.sums.reverse();
        self.sums.chunks_exact_mut(self.kept.len()).for_each(<[f32]>::reverse);
    }

    fn bands(&self, pitch: f64) -> impl Iterator<Item = PerBand<f32>> + '_ {
        let positions = positions(self.rate, self.length, pitch, self.bins)
            .map(|(bin, part)| (self.kept.partition_point(|&k| k < bin), part));
        self.sums.chunks_exact(self.kept.len()).map(move |sums| band_power(sums, &positions))
    }
}

/// Share of the rows under which a band's floor is taken to lie, and what noise has in the mean
/// over its floor.
const FLOOR_QUANTILE: f64 = 0.05;
const FLOOR_TO_MEAN: f32 = 1.3;
/// Share of the sound under which a band holds none.
const NOTHING: f64 = 1e-7;

/// The bands of a stretch of sound under one pitch, ready to be cut into rows of any place and
/// length.
pub(crate) struct BandEnergies {
    /// Sums over time, a row of [`BANDS`] before each spectrum and one behind the last.
    sums: Vec<PerBand<f64>>,
    /// Power that a band hardly ever falls below: what lies near it is noise, not sound.
    pub(crate) floor: PerBand<f32>,
    /// What the sound hides, for every [`PAIR`].
    allowances: Vec<Allowance>,
    /// What is known of noise that lies over the sound.
    noise: OnceLock<Noise>,
    /// Seconds at which the stretch begins.
    pub(crate) start: f64,
}

impl BandEnergies {
    pub(crate) fn new(spectrogram: &Spectrogram, pitch: f64) -> Self {
        let mut sums = Vec::with_capacity(spectrogram.len() + 1);
        let mut sum = [0.0; BANDS];
        sums.push(sum);
        for powers in spectrogram.bands(pitch) {
            sum.iter_mut().zip(powers).for_each(|(s, p)| *s += f64::from(p));
            sums.push(sum);
        }
        let per_row = (ROW / HOP) as usize;
        let mut powers = Vec::new();
        let floor = std::array::from_fn(|b| {
            powers.clear();
            powers.extend(
                sums.windows(per_row + 1)
                    .step_by(per_row / 2)
                    .map(|w| (w[per_row][b] - w[0][b]) as f32 / per_row as f32),
            );
            let place = (powers.len() as f64 * FLOOR_QUANTILE) as usize;
            if powers.is_empty() {
                0.0
            } else {
                *powers.select_nth_unstable_by(place, f32::total_cmp).1
            }
        });
        let mut energies = Self {
            sums,
            floor,
            allowances: Vec::new(),
            noise: OnceLock::new(),
            start: spectrogram.start,
        };
        energies.allowances = energies.follow(&[0.0; BANDS]);
        energies
    }

    /// What the sound without noise of such power in each band hides, for every [`PAIR`].
    fn follow(&self, noise: &PerBand<f32>) -> Vec<Allowance> {
        /// Power of a band that noise drowns, as a share of what is there.
        const DROWNED: f32 = 0.05;
        let per_pair = (PAIR / HOP) as usize;
        let mut ceiling = Ceiling::default();
        let mean =
            |w: &[PerBand<f64>], b: usize| (w[per_pair][b] - w[0][b]) as f32 / per_pair as f32;
        let without = |w: &[PerBand<f64>]| -> PerBand<f32> {
            std::array::from_fn(|b| (mean(w, b) - noise[b]).max(DROWNED * mean(w, b)))
        };
        self.sums
            .windows(per_pair + 1)
            .step_by(per_pair)
            .map(|w| ceiling.follow(&without(w)))
            .collect()
    }

    /// What the sound hides `time` seconds from the stretch's start.
    pub(crate) fn allowance(&self, time: f64) -> Allowance {
        at(&self.allowances, time)
    }

    /// Noise that may lie over the sound: of those whose power falls with a power of frequency, the
    /// one that reaches no higher than the floor of the quietest bands, and in all bands together
    /// comes nearest to it.
    pub(crate) fn noise(&self) -> &Noise {
        /// Powers of frequency: white, pink and brown noise, and between.
        const FALLS: [f32; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];
        /// Logarithm of the power over the noise from which on a floor is that of the sound.
        const SOUND: f32 = 1.5;
        self.noise.get_or_init(|| {
            let last = self.sums[self.sums.len() - 1];
            let heard = last.iter().sum::<f64>() * NOTHING;
            let fits = FALLS.map(|fall| {
                let shape: PerBand<f32> = std::array::from_fn(|b| {
                    ((EDGES[b + 1] - EDGES[b]) * EDGES[b].powf(-f64::from(fall))) as f32
                });
                let mut levels: Vec<f32> = (0..BANDS)
                    .filter(|&b| last[b] > heard)
                    .map(|b| self.floor[b] / shape[b])
                    .collect();
                levels.sort_by(f32::total_cmp);
                // Of the highest band there may be half: the one after the quietest is taken.
                let level = levels.get(1).copied().unwrap_or(0.0);
                let below = levels.iter().map(|l| (l / level).ln().min(SOUND)).sum::<f32>();
                (below, shape.map(|s| s * level))
            });
            let power = fits
                .into_iter()
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map_or([0.0; BANDS], |fit| fit.1);
            Noise { allowances: self.follow(&power.map(|p| p * FLOOR_TO_MEAN)), power }
        })
    }

    /// Seconds of the stretch.
    pub(crate) fn seconds(&self) -> f64 {
        (self.sums.len() - 1) as f64 * HOP
    }

    /// The sum up to `time` seconds from the stretch's start.
    pub(crate) fn up_to(&self, time: f64, out: &mut PerBand<f64>) {
        let at = (time / HOP).clamp(0.0, (self.sums.len() - 1) as f64);
        let whole = (at as usize).min(self.sums.len().saturating_sub(2));
        let part = at - whole as f64;
        let (a, b) = (&self.sums[whole], &self.sums[(whole + 1).min(self.sums.len() - 1)]);
        kernels::between(a, b, part, out);
    }
}

/// What is known of noise that lies over the sound.
pub(crate) struct Noise {
    /// Its power in each band, hardly ever less.
    pub(crate) power: PerBand<f32>,
    allowances: Vec<Allowance>,
}

impl Noise {
    /// What the sound without it hides `time` seconds from the stretch's start.
    pub(crate) fn allowance(&self, time: f64) -> Allowance {
        at(&self.allowances, time)
    }
}

/// The allowance `time` seconds from the first one's begin.
fn at(allowances: &[Allowance], time: f64) -> Allowance {
    allowances.get((time / PAIR) as usize).or(allowances.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::layout::LOW;
    use super::*;

    #[test]
    fn the_bands_have_the_designed_edges() {
        assert_eq!(EDGES[0], LOW);
        assert!((HIGH * 0.97..HIGH).contains(&EDGES[BANDS]), "{}", EDGES[BANDS]);
    }

    #[test]
    fn lengths_are_near_and_smooth() {
        for (rate, expected) in
            [(48_000.0, 1152), (44_100.0, 1050), (8_000.0, 192), (192_000.0, 4608)]
        {
            assert_eq!(fft_length(WINDOW * rate), expected);
        }
    }

    #[test]
    fn a_sine_lies_in_its_band_alone() {
        let rate = 48_000.0;
        let mut analyser = Analyser::new(rate);
        let frequency = 1000.0;
        let sine: Vec<f32> = (0..analyser.len())
            .map(|i| (std::f64::consts::TAU * frequency * i as f64 / rate).sin() as f32)
            .collect();
        let [mut spectrogram, mut stamped] = [(0.5, 1.27), (1.0, 1.0)]
            .map(|pitches| Spectrogram::new(rate, analyser.len(), pitches, 0.0, 16));
        for _ in 0..16 {
            let power = analyser.power(&sine);
            spectrogram.push(power);
            stamped.push(power);
        }
        assert_eq!(
            spectrogram.bands(1.0).collect::<Vec<_>>(),
            stamped.bands(1.0).collect::<Vec<_>>()
        );
        let band = (0..BANDS).find(|&b| EDGES[b + 1] > frequency).unwrap();
        for (pitch, expected) in
            [(1.0, band), (0.5, (0..BANDS).find(|&b| EDGES[b + 1] > 2.0 * frequency).unwrap())]
        {
            let powers = spectrogram.bands(pitch).next().unwrap();
            assert!((0.8..2.1).contains(&powers[expected]), "{powers:?}");
            assert!(
                powers.iter().enumerate().all(|(b, &p)| b.abs_diff(expected) < 3 || p < 1e-4),
                "{powers:?}"
            );
        }
    }

    #[test]
    fn noise_is_told_by_its_fall_from_under_the_sound() {
        let (rate, length) = (48_000.0, fft_length(WINDOW * 48_000.0));
        for fall in [0.0, 1.0, 2.0] {
            let mut spectrogram = Spectrogram::new(rate, length, (1.0, 1.0), 0.0, 400);
            for i in 0..400 {
                let noise = |bin: usize| 1e-6 * (bin.max(1) as f32).powf(-fall);
                // Sound that comes and goes in the lowest bands, and one tone that stays.
                let sound = |bin: usize| {
                    let low = if bin < 20 && i % 100 < 80 { 1e-2 } else { 0.0 };
                    low + if bin == 40 { 1e-3 } else { 0.0 }
                };
                spectrogram.push(
                    &(0..length / 2 + 1).map(|bin| noise(bin) + sound(bin)).collect::<Vec<_>>(),
                );
            }
            let energies = BandEnergies::new(&spectrogram, 1.0);
            let power = energies.noise().power;
            for b in [3, 15, 22] {
                let bins = (EDGES[b + 1] - EDGES[b]) * length as f64 / rate;
                let expected = 1e-6
                    * bins as f32
                    * (((EDGES[b] + EDGES[b + 1]) / 2.0 * length as f64 / rate) as f32).powf(-fall);
                assert!(
                    (power[b] / expected - 1.0).abs() < 0.3,
                    "fall {fall}, band {b}: {} {expected}",
                    power[b]
                );
            }
            assert!(energies.noise().allowance(0.0).whole < energies.allowance(0.0).whole);
        }
    }
}
