//! The mask: how far the level of a band may be moved without being heard.

use super::bands::{EDGES, PerBand, WINDOW};
use super::carrier::CYCLE;

/// Decibels that a row may be moved at most: what half a cycle takes.
const MOST: f32 = CYCLE * 0.5 * std::f32::consts::FRAC_1_SQRT_2;
/// Mean share of that which the bands may move. The loud ones, under whose masking the others lie, move less, in proportion to their power: they
/// would make nearly all of the distortion and carry little of the mark. Where the spectrum is flat, as in noise, which hides most, all move alike.
const SHARE: f32 = 0.62;
/// A band with this share of the power of all moves fully in any case: what is added stays that far below the sound, which is what simultaneous
/// masking hides.
const MASKED: f32 = 0.002;
/// Share of the movement that a pure tone keeps: its steady level hides less than noise does.
const TONAL: f32 = 0.6;
/// Share of the movement just before an attack, where the loud part's change would be heard ahead of it, and the rise in power that is one.
const BEFORE_ATTACK: f32 = 0.35;
const ATTACK: f32 = 100.0;
/// Power of a band under which nothing is moved: silence stays silent.
pub(crate) const SILENCE: f32 = 1e-10;
/// How much of the spectrum before is kept from pair to pair: it follows within two seconds, so that a loud moment moves less than a quiet one.
const MEMORY: f32 = 0.98;

/// Follows the sound and says up to which power a band is moved fully; one above is moved by the share of its power that this is.
#[derive(Default)]
pub(crate) struct Ceiling {
    /// The spectrum of the last seconds, and the pairs it is of.
    spectrum: PerBand<f32>,
    pairs: u32,
}

impl Ceiling {
    /// The ceiling of a pair of rows of the given mean power.
    pub(crate) fn follow(&mut self, mean: &PerBand<f32>) -> f32 {
        let kept = MEMORY.min(self.pairs as f32 / (self.pairs + 1) as f32);
        self.pairs = self.pairs.saturating_add(1);
        self.spectrum.iter_mut().zip(mean).for_each(|(s, m)| *s = kept * *s + (1.0 - kept) * m);
        power_of_share(&self.spectrum).max(MASKED * self.spectrum.iter().sum::<f32>())
    }
}

/// Says how far each band may be moved.
#[derive(Default)]
pub(crate) struct Mask {
    ceiling: Ceiling,
}

impl Mask {
    /// Decibels by which each band of a pair of rows may be moved, from the power of its `frames` and of the first frames behind it.
    pub(crate) fn limits(&mut self, frames: &[PerBand<f32>]) -> PerBand<f32> {
        let count = frames.len().max(1) as f32;
        let total = |f: &PerBand<f32>| f.iter().sum::<f32>();
        let mean: PerBand<f32> = std::array::from_fn(|b| frames.iter().map(|f| f[b]).sum::<f32>() / count);
        let ceiling = self.ceiling.follow(&mean);
        let rises = frames.windows(3).any(|f| total(&f[2]) > ATTACK * total(&f[0]).max(SILENCE));
        let attack = if rises { BEFORE_ATTACK } else { 1.0 };
        std::array::from_fn(|b| {
            let masked = (ceiling / mean[b].max(f32::MIN_POSITIVE)).min(1.0);
            // A steady power is a tone's; that of noise varies by about its mean over the square root of its degrees of freedom.
            let variance = frames.iter().map(|f| (f[b] - mean[b]).powi(2)).sum::<f32>() / count;
            let unsteady = (variance.sqrt() / mean[b].max(f32::MIN_POSITIVE) * (freedom(b) / 2.0).sqrt()).min(1.0);
            if mean[b] < SILENCE { 0.0 } else { MOST * masked * (TONAL + (1.0 - TONAL) * unsteady) * attack }
        })
    }
}

/// The power up to which a band moves fully, so that all bands of a spectrum that have sound together move [`SHARE`].
fn power_of_share(spectrum: &PerBand<f32>) -> f32 {
    let mut rising: Vec<f64> = spectrum.iter().filter(|&&p| p > SILENCE).map(|&p| f64::from(p)).collect();
    rising.sort_by(f64::total_cmp);
    let wanted = f64::from(SHARE) * rising.len() as f64;
    // With the bands below the k-th moving fully, each of the others moves by the sought power over its own.
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

/// Degrees of freedom of noise in one band of one window.
fn freedom(band: usize) -> f32 {
    ((EDGES[band + 1] - EDGES[band]) * WINDOW) as f32 + 1.0
}

#[cfg(test)]
mod tests {
    use super::super::bands::BANDS;
    use super::*;

    #[test]
    fn the_share_is_kept() {
        for slope in [0.0, 0.3, 2.0, 5.0] {
            let spectrum: PerBand<f32> = std::array::from_fn(|b| (-slope * b as f32).exp().max(1e-9));
            let power = power_of_share(&spectrum);
            let share = spectrum.iter().map(|p| (power / p).min(1.0)).sum::<f32>() / BANDS as f32;
            assert!((share - SHARE).abs() < 0.02, "{slope}: {share}");
        }
    }

    #[test]
    fn silence_is_left_alone_and_loud_bands_move_least() {
        assert_eq!(Mask::default().limits(&[[0.0; BANDS]; 10]), [0.0; BANDS]);
        let frames: Vec<PerBand<f32>> = (0..10).map(|i| std::array::from_fn(|b| if b % 2 == 0 { 1e-2 } else { 1e-6 } * if i % 2 == 0 { 0.1 } else { 1.9 })).collect();
        let limits = Mask::default().limits(&frames);
        assert!(limits[2] < 0.35 * limits[3], "{limits:?}");
        assert!((limits[3] - MOST).abs() < 1e-3, "{limits:?}");
    }

    #[test]
    fn tones_and_what_comes_before_an_attack_are_moved_less() {
        let noise = |level: f32| (0..10).map(|i| [level * if i % 2 == 0 { 0.1 } else { 1.9 }; BANDS]).collect::<Vec<_>>();
        let tone = vec![[1e-4; BANDS]; 10];
        let limits = |frames: &[PerBand<f32>]| Mask::default().limits(frames)[10];
        assert!(limits(&tone) < 0.7 * limits(&noise(1e-4)));
        let attack = [vec![[1e-8; BANDS]; 6], vec![[1e-4; BANDS]; 4]].concat();
        assert!(limits(&attack) < 0.4 * limits(&noise(1e-4)));
    }
}
