//! The mask: how far the level of a band may be moved without being heard.

use super::carrier::STEP;
use super::layout::{EDGES, PerBand, WINDOW};

/// Mean share of half a cycle that the bands may move. The loud ones, under whose masking the
/// others lie, move less, in proportion to their power: they would make nearly all of the
/// distortion and carry little of the mark. Where the spectrum is flat, as in noise, which hides
/// most, all move alike.
const SHARE: f32 = 0.545;
/// Power, as a share of the sound's, that may be added in any case: what lies that far below the
/// sound is hidden by simultaneous masking. The movements in the whole cycle may be expected to add
/// it; in truth it is half of that, as tones and the louder rows move less, and what is left of it,
/// by what was added in truth, is for loud bands in a narrower cycle.
const MASKED: f32 = 1.2e-3;
/// Share of the sound's power from which on a band is loud, where it would move less than
/// [`LEAST_MOVED`] in the whole cycle. It stands far over noise that drowns the others, so that a
/// narrow cycle can be told there. The cycle is [`LOUD_CYCLE`] decibels, and half of it for each
/// [`LOUDER`] times that share: noise shifts a level by the root of its ratio to the sound.
const LOUD: f32 = 0.03;
const LEAST_MOVED: f32 = 0.1;
const LOUD_CYCLE: f32 = 3.0;
const LOUDER: f32 = 3.0;
const HALVINGS: f32 = 3.0;
/// Share of half a narrow cycle under which moving is not worth it.
const LEAST_LOUD: f32 = 0.15;
/// Share of the movement that a pure tone keeps: its steady level hides less than noise does.
const TONAL: f32 = 0.6;
/// Share of the movement just before an attack, where the loud part's change would be heard ahead
/// of it, and the rise in power that is one.
const BEFORE_ATTACK: f32 = 0.35;
const ATTACK: f32 = 100.0;
/// Power of a band under which nothing is moved: silence stays silent.
pub(crate) const SILENCE: f32 = 1e-10;
/// How much of the spectrum before is kept from pair to pair: it follows within two seconds, so
/// that a loud moment moves less than a quiet one.
const MEMORY: f32 = 0.98;

/// Decibels that a row may be moved at most: what half a cycle takes.
const fn most(cycle: f32) -> f32 {
    cycle * 0.5 * std::f32::consts::FRAC_1_SQRT_2
}

/// Mean square of a movement to a place anywhere in the cycle, in half cycles, where no more than a
/// share of half a cycle is moved.
const fn square(share: f32) -> f32 {
    share * share * (1.0 - share * (2.0 / 3.0))
}

/// Power that is expected to be added to a band of power 1 that moves a share of half its cycle, in
/// decibels.
fn added(cycle: f32, share: f32) -> f32 {
    const PER_DECIBEL: f32 = std::f32::consts::LN_10 / 20.0;
    (PER_DECIBEL * most(cycle)).powi(2) * square(share)
}

/// What the sound of the last seconds hides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// Power up to which a band is moved fully; one above is moved by the share of its power that
    /// this is.
    pub(crate) ceiling: f32,
    /// Power of all bands.
    pub(crate) whole: f32,
}

impl Allowance {
    /// Share of half a cycle that a band of such power may move.
    pub(crate) fn share(self, power: f32) -> f32 {
        (self.ceiling / power.max(f32::MIN_POSITIVE)).min(1.0)
    }

    /// Power that the bands of a spectrum are expected to add that move in the whole cycle.
    fn adds(self, spectrum: &PerBand<f32>) -> f32 {
        spectrum.iter().map(|&p| p * added(STEP, self.share(p))).sum()
    }

    /// The narrower cycle of a loud band, in decibels.
    pub(crate) fn loud_cycle(self, power: f32) -> Option<f32> {
        let share = power / self.whole.max(f32::MIN_POSITIVE);
        let halvings = ((share / LOUD).ln() / LOUDER.ln()).floor().min(HALVINGS);
        (share > LOUD && self.share(power) < LEAST_MOVED).then(|| LOUD_CYCLE * (-halvings).exp2())
    }
}

/// Follows the sound and says what it hides.
#[derive(Default)]
pub(crate) struct Ceiling {
    /// The spectrum of the last seconds, and the pairs it is of.
    spectrum: PerBand<f32>,
    pairs: u32,
}

impl Ceiling {
    /// What is hidden in a pair of rows of the given mean power.
    pub(crate) fn follow(&mut self, mean: &PerBand<f32>) -> Allowance {
        let kept = MEMORY.min(self.pairs as f32 / (self.pairs + 1) as f32);
        self.pairs = self.pairs.saturating_add(1);
        self.spectrum.iter_mut().zip(mean).for_each(|(s, m)| *s = kept * *s + (1.0 - kept) * m);
        Allowance {
            ceiling: power_of_share(&self.spectrum).max(power_of_budget(&self.spectrum)),
            whole: self.spectrum.iter().sum(),
        }
    }
}

/// How far a band may be moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) decibels: f32,
    /// The cycle in which it is moved, in decibels.
    pub(crate) cycle: f32,
}

/// Says how far each band may be moved.
#[derive(Default)]
pub(crate) struct Mask {
    ceiling: Ceiling,
    /// Power that was added in the last seconds, what it was expected to be, and what it is in the
    /// pair at hand.
    added: f32,
    expected: f32,
    foreseen: f32,
}

impl Mask {
    /// Takes in the power that was added to the pair whose limits were asked for last.
    pub(crate) fn learn(&mut self, added: f32) {
        self.added = MEMORY * self.added + added;
        self.expected = MEMORY * self.expected + self.foreseen;
    }

    /// Share of half their cycle that the loud bands may move.
    fn loud_share(&mut self, allowance: Allowance) -> f32 {
        /// What is added in truth of what is expected, before it is known, and the pairs that this
        /// counts as.
        const BEFORE: f32 = 0.4;
        const PAIRS: f32 = 20.0;
        let spectrum = &self.ceiling.spectrum;
        let others = allowance.adds(spectrum);
        let loud: f32 = spectrum
            .iter()
            .filter_map(|&p| allowance.loud_cycle(p).map(|cycle| p * added(cycle, 1.0)))
            .sum();
        let truth = ((self.added + BEFORE * PAIRS * others)
            / (self.expected + PAIRS * others).max(f32::MIN_POSITIVE))
        .clamp(0.1, 1.5);
        let left =
            (MASKED * allowance.whole / truth - others).max(0.0) / loud.max(f32::MIN_POSITIVE);
        let share = rising(0.0, 1.0, |share| square(share) < left * square(1.0));
        let share = if share < LEAST_LOUD { 0.0 } else { share };
        self.foreseen = others + loud * square(share) / square(1.0);
        share
    }

    /// How far each band of a pair of rows may be moved, from the power of its `frames` and of the
    /// first frames behind it.
    pub(crate) fn limits(&mut self, frames: &[PerBand<f32>]) -> PerBand<Limit> {
        let count = frames.len().max(1) as f32;
        let total = |f: &PerBand<f32>| f.iter().sum::<f32>();
        let mean: PerBand<f32> =
            std::array::from_fn(|b| frames.iter().map(|f| f[b]).sum::<f32>() / count);
        let allowance = self.ceiling.follow(&mean);
        let loud_share = self.loud_share(allowance);
        let rises = frames.windows(3).any(|f| total(&f[2]) > ATTACK * total(&f[0]).max(SILENCE));
        let attack = if rises { BEFORE_ATTACK } else { 1.0 };
        std::array::from_fn(|b| {
            // A steady power is a tone's; that of noise varies by about its mean over the square
            // root of its degrees of freedom.
            let variance = frames.iter().map(|f| (f[b] - mean[b]).powi(2)).sum::<f32>() / count;
            let unsteady = (variance.sqrt() / mean[b].max(f32::MIN_POSITIVE)
                * (freedom(b) / 2.0).sqrt())
            .min(1.0);
            let (cycle, share) = match allowance.loud_cycle(mean[b]).filter(|_| loud_share > 0.0) {
                Some(cycle) => (cycle, loud_share),
                None => (STEP, allowance.share(mean[b])),
            };
            let decibels = if mean[b] < SILENCE {
                0.0
            } else {
                most(cycle) * share * (TONAL + (1.0 - TONAL) * unsteady) * attack
            };
            Limit { decibels, cycle }
        })
    }
}

/// The power up to which a band moves fully, so that all bands of a spectrum that have sound
/// together move [`SHARE`].
fn power_of_share(spectrum: &PerBand<f32>) -> f32 {
    let mut rising: Vec<f64> =
        spectrum.iter().filter(|&&p| p > SILENCE).map(|&p| f64::from(p)).collect();
    rising.sort_by(f64::total_cmp);
    let wanted = f64::from(SHARE) * rising.len() as f64;
    // With the bands below the k-th moving fully, each of the others moves by the sought power over
    // its own.
    let mut inverse: f64 = rising.iter().map(|p| 1.0 / p).sum();
    for (k, p) in rising.iter().enumerate() {
        let power = (wanted - k as f64) / inverse;
        if power <= *p {
            return power as f32;
        }
        inverse -= 1.0 / p;
    }
    0.0
}

/// The power up to which a band moves fully, so that all bands of a spectrum together add
/// [`MASKED`] of it.
fn power_of_budget(spectrum: &PerBand<f32>) -> f32 {
    let whole: f32 = spectrum.iter().sum();
    let at = |octaves: f32| Allowance { ceiling: whole * octaves.exp2(), whole };
    // By octaves from the whole down.
    at(rising(-30.0, 0.0, |octaves| at(octaves).adds(spectrum) < MASKED * whole)).ceiling
}

/// The greatest value between two, to a part in a million of what lies between, up to which
/// something holds.
fn rising(mut from: f32, mut to: f32, holds: impl Fn(f32) -> bool) -> f32 {
    for _ in 0..20 {
        let middle = (from + to) / 2.0;
        if holds(middle) { from = middle } else { to = middle }
    }
    from
}

/// Degrees of freedom of noise in one band of one window.
fn freedom(band: usize) -> f32 {
    ((EDGES[band + 1] - EDGES[band]) * WINDOW) as f32 + 1.0
}

#[cfg(test)]
mod tests {
    use super::super::layout::BANDS;
    use super::*;

    #[test]
    fn the_share_is_kept() {
        for slope in [0.0, 0.3, 2.0, 5.0] {
            let spectrum: PerBand<f32> =
                std::array::from_fn(|b| (-slope * b as f32).exp().max(1e-9));
            let power = power_of_share(&spectrum);
            let share = spectrum.iter().map(|p| (power / p).min(1.0)).sum::<f32>() / BANDS as f32;
            assert!((share - SHARE).abs() < 0.02, "{slope}: {share}");
        }
    }

    #[test]
    fn silence_is_left_alone_and_loud_bands_move_least() {
        assert!(
            Mask::default().limits(&[[0.0; BANDS]; 10]).iter().all(|limit| limit.decibels == 0.0)
        );
        let frames: Vec<PerBand<f32>> = (0..10)
            .map(|i| {
                std::array::from_fn(
                    |b| if b % 2 == 0 { 1e-2 } else { 1e-6 } * if i % 2 == 0 { 0.1 } else { 1.9 },
                )
            })
            .collect();
        let limits = Mask::default().limits(&frames).map(|limit| limit.decibels);
        assert!(limits[2] < 0.35 * limits[3], "{limits:?}");
        assert!((limits[3] - most(STEP)).abs() < 1e-3, "{limits:?}");
    }

    #[test]
    fn loud_bands_move_in_a_narrow_cycle_as_far_as_the_sound_hides_it() {
        // A spectrum that falls steeply, as a low voice does: what moves fully makes hardly any of
        // the distortion.
        let steep: PerBand<f32> = std::array::from_fn(|b| (-0.7 * b as f32).exp());
        let frames: Vec<PerBand<f32>> =
            (0..10).map(|i| steep.map(|p| p * if i % 2 == 0 { 0.5 } else { 1.5 })).collect();
        let mut mask = Mask::default();
        let limits = mask.limits(&frames);
        assert!(
            limits[0].cycle < limits[2].cycle && limits[2].cycle < STEP && limits[20].cycle == STEP,
            "{limits:?}"
        );
        assert!(limits[0].decibels > 0.2 * most(limits[0].cycle), "{limits:?}");
        // Where far more was added than was foreseen, less is allowed.
        (0..100).for_each(|_| mask.learn(0.01));
        let less = mask.limits(&frames);
        assert!(less[0].decibels < 0.5 * limits[0].decibels, "{limits:?} {less:?}");
    }

    #[test]
    fn tones_and_what_comes_before_an_attack_are_moved_less() {
        let noise = |level: f32| {
            (0..10).map(|i| [level * if i % 2 == 0 { 0.1 } else { 1.9 }; BANDS]).collect::<Vec<_>>()
        };
        let tone = vec![[1e-4; BANDS]; 10];
        let limits = |frames: &[PerBand<f32>]| Mask::default().limits(frames)[10].decibels;
        assert!(limits(&tone) < 0.7 * limits(&noise(1e-4)));
        let attack = [vec![[1e-8; BANDS]; 6], vec![[1e-4; BANDS]; 4]].concat();
        assert!(limits(&attack) < 0.4 * limits(&noise(1e-4)));
    }
}
