//! The mask: how far the level of a band may be moved without being heard.

use super::bands::{EDGES, PerBand, WINDOW};

/// Decibels that a row may be moved at most: what half a cycle takes.
pub(crate) const MOST: f32 = 2.2;
/// A band with this share of the power of all is moved that far; a louder one less, in proportion, so that what is added stays this far below the
/// sound: simultaneous masking.
const MASKED: f32 = 0.0056;
/// Share of the movement that a pure tone keeps: its steady level hides less than noise does.
const TONAL: f32 = 0.6;
/// Share of the movement just before an attack, where the loud part's change would be heard ahead of it, and the rise in power that is one.
const BEFORE_ATTACK: f32 = 0.35;
const ATTACK: f32 = 100.0;
/// Power of a band under which nothing is moved: silence stays silent.
pub(crate) const SILENCE: f32 = 1e-10;
/// How quickly the loudness of what went before fades, per pair of rows.
const FADING: f32 = 0.92;

/// Follows the sound and says how far each band may be moved.
#[derive(Default)]
pub(crate) struct Mask {
    /// Power that is heard together: of this pair, or of what has just been heard.
    heard: f32,
}

impl Mask {
    /// Decibels by which each band of a pair of rows may be moved, from the power of its `frames` and of the first frames behind it.
    pub(crate) fn limits(&mut self, frames: &[PerBand<f32>]) -> PerBand<f32> {
        let count = frames.len().max(1) as f32;
        let total = |f: &PerBand<f32>| f.iter().sum::<f32>();
        let mean: PerBand<f32> = std::array::from_fn(|b| frames.iter().map(|f| f[b]).sum::<f32>() / count);
        self.heard = (self.heard * FADING).max(total(&mean));
        let rises = frames.windows(3).any(|f| total(&f[2]) > ATTACK * total(&f[0]).max(SILENCE));
        let attack = if rises { BEFORE_ATTACK } else { 1.0 };
        std::array::from_fn(|b| {
            let loud = (MASKED * self.heard / mean[b].max(f32::MIN_POSITIVE)).min(1.0);
            // A steady power is a tone's; that of noise varies by about its mean over the square root of its degrees of freedom.
            let variance = frames.iter().map(|f| (f[b] - mean[b]).powi(2)).sum::<f32>() / count;
            let unsteady = (variance.sqrt() / mean[b].max(f32::MIN_POSITIVE) * (freedom(b) / 2.0).sqrt()).min(1.0);
            if mean[b] < SILENCE { 0.0 } else { MOST * loud * (TONAL + (1.0 - TONAL) * unsteady) * attack }
        })
    }
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
    fn silence_is_left_alone_and_loud_bands_move_least() {
        let mut mask = Mask::default();
        assert_eq!(mask.limits(&[[0.0; BANDS]; 10]), [0.0; BANDS]);
        let frames: Vec<PerBand<f32>> = (0..10).map(|i| std::array::from_fn(|b| if b == 3 { 1e-2 } else { 1e-6 } * if i % 2 == 0 { 0.1 } else { 1.9 })).collect();
        let limits = mask.limits(&frames);
        assert!(limits[3] < 0.05 * limits[4], "{limits:?}");
        assert!((limits[4] - MOST).abs() < 1e-3, "{limits:?}");
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
