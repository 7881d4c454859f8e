//! How far sound and a fingerprint are apart, as it is and under guesses of how it was stretched.

use std::sync::OnceLock;

use multiversion::multiversion;
use serde::Serialize;

use super::audio::{AudioFingerprint, HOP, LEAST, RATE, Recording, SILENT, VARIED, WIDTH, hashes};
use super::resample::Resampler;
use proofmark_core::parallel;

/// From one guess to the next, as a logarithm. Half of it costs copies a seventh of their bits.
const STEP: f64 = 0.02;
/// Steps by which the best guess is moved about.
const FINER: [f64; 2] = [0.01, 0.005];
/// Range of speeds, of tempos and of pitches, as logarithms: 0.8 to 1.25, 0.9 to 1.11, two
/// semitones.
const SPEEDS: f64 = 0.223;
const TEMPOS: f64 = 0.105;
const PITCHES: f64 = 0.116;
/// Distance, chance being one, over which a guess is not worth moving about.
const CLOSER: f32 = 0.65;
/// Of the probe's hashes, each so many-th is compared at a glance: neighbours are made of nearly
/// the same sound.
const SPARSE: usize = 4;

/// How far sound and a fingerprint are apart, at the best guess of how it was stretched if that
/// makes them alike, else as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AudioResemblance {
    /// Share of the bits that differ, of hashes beside each other.
    pub distance: f32,
    /// Share that would differ in other sound of this kind: by which hashes differ that lie far
    /// apart in one of the two, the steadier one.
    pub chance: f32,
    /// The same of the quarter of the hashes that differs least: sound that was laid over still
    /// leaves pauses.
    pub nearest: f32,
    /// Seconds that were beside each other.
    pub seconds: f32,
    /// Speed at which the sound runs, as guessed; 1 for an unchanged one.
    pub speed: f32,
    /// Pitch over the registered one, as guessed.
    pub pitch: f32,
}

impl AudioResemblance {
    /// Most that copies differ by which run at their own speed, in shares of what chance makes.
    /// Chosen, as those below, on the clips of `docs/results/log/fingerprints-of-sound.md`.
    pub const SAME: f32 = 0.45;
    /// The same at a guessed speed, tempo or pitch: among that many guesses other clips come
    /// nearer.
    pub const SAME_STRETCHED: f32 = 0.42;
    /// From where on sounds are different ones, in their nearest quarter. A high pass at 500 Hz
    /// leaves all copies below, one at 1 kHz one of 26 above.
    pub const DIFFERENT: f32 = 0.75;

    /// One that is so far apart, over ten seconds, for tests of what is made of it.
    #[doc(hidden)]
    #[must_use]
    pub fn example(distance: f32, nearest: f32) -> Self {
        Self { distance, chance: 0.5, nearest, seconds: 10.0, speed: 1.0, pitch: 1.0 }
    }

    /// Whether it is a copy.
    #[must_use]
    pub fn same(&self) -> bool {
        let most = if self.is_stretched() { Self::SAME_STRETCHED } else { Self::SAME };
        self.distance <= most * self.chance
    }

    /// Whether it was taken to run at another speed, tempo or pitch.
    #[must_use]
    pub fn is_stretched(&self) -> bool {
        self.speed != 1.0 || self.pitch != 1.0
    }

    /// How alike they are, in per cent: 0 is what chance makes of sounds that have nothing to do
    /// with each other.
    #[must_use]
    pub fn score(&self) -> u8 {
        (100.0 * (1.0 - self.distance / self.chance)).round().clamp(0.0, 100.0) as u8
    }

    /// Whether it is none, as it is.
    #[must_use]
    pub fn different(&self) -> bool {
        !self.is_stretched() && self.nearest >= Self::DIFFERENT * self.chance
    }
}

/// A guess of how sound was stretched, both as logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    speed: f64,
    pitch: f64,
}

impl Stretch {
    /// All guesses: resampled, or one of tempo and pitch changed alone.
    fn guesses() -> Vec<Self> {
        let around = |range: f64| {
            let steps = (range / STEP).ceil() as i32;
            (-steps..=steps)
                .filter(|&i| i != 0)
                .map(move |i| range * f64::from(i) / f64::from(steps))
        };
        let speeds = around(SPEEDS).map(|v| Self { speed: v, pitch: v });
        let tempos = around(TEMPOS).map(|speed| Self { speed, pitch: 0.0 });
        speeds
            .chain(tempos)
            .chain(around(PITCHES).map(|pitch| Self { speed: 0.0, pitch }))
            .collect()
    }

    /// The next ones of the same kind.
    fn neighbours(self, step: f64) -> [Self; 2] {
        [-step, step].map(|d| {
            let moved = |v: f64| if v == 0.0 { 0.0 } else { v + d };
            Self { speed: moved(self.speed), pitch: moved(self.pitch) }
        })
    }

    /// The hashes of sound with the stretch undone: resampled to its own pitch, and hashed at steps
    /// that make up for the time.
    fn undone(self, samples: &[i16]) -> Vec<u32> {
        let hop = (HOP as f64 * (self.pitch - self.speed).exp()).round() as usize;
        if self.pitch == 0.0 {
            return hashes(samples, hop);
        }
        let (mut moved, mut resampler) = (Vec::new(), Resampler::new((-self.pitch).exp()));
        resampler.push(samples.iter().map(|&s| f32::from(s)), &mut moved);
        resampler.finish(&mut moved);
        let moved: Vec<i16> = moved.iter().map(|&s| s as i16).collect();
        hashes(&moved, hop)
    }
}

/// Sound, ready to be compared with many fingerprints, from any thread.
#[derive(Debug)]
pub struct AudioQuery {
    plain: AudioFingerprint,
    /// Its hashes.
    whole: Comb,
    /// What guesses are made on.
    probe: Vec<i16>,
    /// Made when they are first asked for.
    guesses: OnceLock<Vec<Guess>>,
}

/// A guess, and the hashes that the probe would have had.
#[derive(Clone, Debug)]
struct Guess {
    stretch: Stretch,
    whole: Comb,
    sparse: Comb,
}

impl Guess {
    fn new(stretch: Stretch, probe: &[i16]) -> Self {
        let hashes = stretch.undone(probe);
        Self { stretch, whole: Comb::new(&hashes, 1), sparse: Comb::new(&hashes, SPARSE) }
    }
}

impl AudioQuery {
    /// For a recording; `None` if it has too little to compare.
    #[must_use]
    pub fn new(sound: &Recording) -> Option<Self> {
        let plain = sound.fingerprint();
        (!plain.is_empty()).then(|| Self {
            whole: Comb::new(&plain.hashes, 1),
            plain,
            probe: sound.probe.clone(),
            guesses: OnceLock::new(),
        })
    }

    /// How far the sound is from a fingerprint as it is, in shares of what chance makes: which
    /// fingerprints are worth a closer look.
    #[must_use]
    pub fn glance(&self, other: &AudioFingerprint) -> f32 {
        nearest_offset(&self.whole, &Comb::new(&other.hashes, 1), LEAST)
            .map_or(1.0, |best| share(best.bits, best.count) / self.chance(other))
    }

    fn chance(&self, other: &AudioFingerprint) -> f32 {
        self.plain.variety.min(other.variety).max(VARIED)
    }

    /// The same at the best guess of how it was stretched: some fifteen times the work.
    #[must_use]
    pub fn glance_stretched(&self, other: &AudioFingerprint) -> f32 {
        let theirs = Comb::new(&other.hashes, SPARSE);
        let distances = self
            .guesses()
            .iter()
            .filter_map(|g| nearest_offset(&g.sparse, &theirs, LEAST.div_ceil(SPARSE)))
            .map(|best| share(best.bits, best.count));
        distances.min_by(f32::total_cmp).map_or(1.0, |d| d / self.chance(other))
    }

    fn guesses(&self) -> &[Guess] {
        let make = || {
            parallel::map(&Stretch::guesses(), &mut vec![(); parallel::threads()], |(), s| {
                Guess::new(*s, &self.probe)
            })
        };
        self.guesses.get_or_init(make)
    }

    /// How far the sound is from a fingerprint; `None` if they have too little in common to be
    /// compared.
    #[must_use]
    pub fn resemblance(&self, other: &AudioFingerprint) -> Option<AudioResemblance> {
        if other.is_empty() {
            return None;
        }
        let chance = self.chance(other);
        let plain = align(&self.whole, &Comb::new(&other.hashes, 1))
            .map(|a| a.told(Stretch { speed: 0.0, pitch: 0.0 }, chance));
        if plain.is_some_and(|p| p.same()) {
            return plain;
        }
        self.stretched(other).filter(AudioResemblance::same).or(plain)
    }

    /// The best guess, moved about until it fits best.
    fn stretched(&self, other: &AudioFingerprint) -> Option<AudioResemblance> {
        let theirs = Comb::new(&other.hashes, 1);
        let tried =
            self.guesses().iter().filter_map(|g| Some((align(&g.whole, &theirs)?, g.stretch)));
        let (mut best, mut stretch) = tried
            .min_by(|a, b| a.0.distance.total_cmp(&b.0.distance))
            .filter(|b| b.0.distance <= CLOSER * self.chance(other))?;
        for step in FINER {
            for moved in stretch.neighbours(step) {
                let whole = Comb::new(&moved.undone(&self.probe), 1);
                if let Some(found) = align(&whole, &theirs).filter(|f| f.distance < best.distance) {
                    (best, stretch) = (found, moved);
                }
            }
        }
        Some(best.told(stretch, self.chance(other)))
    }
}

/// Two sequences of hashes beside each other.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Alignment {
    distance: f32,
    nearest: f32,
    count: usize,
}

impl Alignment {
    fn told(self, stretch: Stretch, chance: f32) -> AudioResemblance {
        let seconds = ((self.count - 1) * HOP + WIDTH) as f32 / RATE as f32;
        let factor = |v: f64| v.exp() as f32;
        AudioResemblance {
            distance: self.distance,
            chance,
            nearest: self.nearest,
            seconds,
            speed: factor(stretch.speed),
            pitch: factor(stretch.pitch),
        }
    }
}

/// Share of the bits of `count` hashes.
fn share(bits: u32, count: u32) -> f32 {
    bits as f32 / (32 * count.max(1)) as f32
}

/// Two combs with one tooth each, where they differ least.
fn align(ours: &Comb, theirs: &Comb) -> Option<Alignment> {
    let best = nearest_offset(ours, theirs, LEAST)?;
    let (a, b) = beside(ours, theirs, best.offset);
    let mut bits: Vec<u32> = a
        .iter()
        .zip(b)
        .filter(|(a, b)| **a != SILENT && **b != SILENT)
        .map(|(a, b)| (a ^ b).count_ones())
        .collect();
    bits.sort_unstable();
    let quarter = &bits[..bits.len().div_ceil(4)];
    Some(Alignment {
        distance: share(best.bits, best.count),
        nearest: share(quarter.iter().sum(), quarter.len() as u32),
        count: bits.len(),
    })
}

/// Hashes that are compared at once.
const LANES: usize = 8;

/// Hashes dealt out to teeth, each so many-th to the same, so that those which a sparse search
/// compares lie side by side. Behind each tooth there is silence.
#[derive(Clone, Debug)]
struct Comb {
    teeth: Vec<Vec<u32>>,
    count: usize,
}

impl Comb {
    fn new(hashes: &[u32], teeth: usize) -> Self {
        let tooth = |first: usize| {
            hashes.iter().skip(first).step_by(teeth).copied().chain([SILENT; LANES]).collect()
        };
        Self { teeth: (0..teeth).map(tooth).collect(), count: hashes.len() }
    }
}

/// Hashes beside each other, and silence behind them, where the first of ours lies at `offset` of
/// theirs; of ours those of the first tooth.
#[inline(always)]
fn beside<'a>(ours: &'a Comb, theirs: &'a Comb, offset: isize) -> (&'a [u32], &'a [u32]) {
    let teeth = theirs.teeth.len();
    // The first of ours that is beside one of theirs, and where that is.
    let skipped = offset.min(0).unsigned_abs().div_ceil(teeth);
    let start = offset.saturating_add_unsigned(skipped * teeth).max(0).unsigned_abs();
    let ours = ours.teeth.first().and_then(|tooth| tooth.get(skipped..)).unwrap_or_default();
    let theirs = theirs
        .teeth
        .get(start % teeth)
        .and_then(|tooth| tooth.get(start / teeth..))
        .unwrap_or_default();
    let whole = ours.len().min(theirs.len()) / LANES * LANES;
    (&ours[..whole], &theirs[..whole])
}

/// Where two sequences differ least.
struct Nearest {
    offset: isize,
    bits: u32,
    count: u32,
}

/// The offset at which two sequences differ least, of those where `least` hashes or more of ours
/// are heard in both. A search spends its time here.
#[multiversion(targets("x86_64+avx2+popcnt", "aarch64+neon"))]
fn nearest_offset(ours: &Comb, theirs: &Comb, least: usize) -> Option<Nearest> {
    let mut best: Option<Nearest> = None;
    for offset in 1 - ours.count as isize..theirs.count as isize {
        let (a, b) = beside(ours, theirs, offset);
        let (mut bits, mut count) = ([0u32; LANES], [0u32; LANES]);
        for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let heard = u32::from((a[lane] != SILENT) & (b[lane] != SILENT));
                bits[lane] += heard * (a[lane] ^ b[lane]).count_ones();
                count[lane] += heard;
            }
        }
        let (bits, count): (u32, u32) = (bits.iter().sum(), count.iter().sum());
        let better = |best: &Nearest| {
            u64::from(bits) * u64::from(best.count) < u64::from(best.bits) * u64::from(count)
        };
        if count as usize >= least && best.as_ref().is_none_or(better) {
            best = Some(Nearest { offset, bits, count });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::audio::tests::{melody, recorded};
    use super::*;

    fn query(samples: &[f32]) -> AudioQuery {
        AudioQuery::new(&recorded(samples)).unwrap()
    }

    #[test]
    fn copies_are_found_however_they_were_stretched() {
        let registered = recorded(&melody(7, 14.0, 1.0, 1.0)).fingerprint();
        for (speed, pitch) in [
            (1.0, 1.0),
            (1.07, 1.07),
            (0.83, 0.83),
            (1.23, 1.23),
            (0.93, 1.0),
            (1.06, 1.0),
            (1.0, 1.1),
            (1.0, 0.91),
        ] {
            let r = query(&melody(7, 9.0, speed, pitch)).resemblance(&registered).unwrap();
            assert!(r.same() && !r.different(), "{speed} {pitch}: {r:?}");
            // A tempo a little off is near enough as it is.
            assert!(
                !r.is_stretched() && pitch == 1.0
                    || (f64::from(r.speed) / speed - 1.0).abs() < 0.015
                        && (f64::from(r.pitch) / pitch - 1.0).abs() < 0.015,
                "{speed} {pitch}: {r:?}"
            );
        }
    }

    #[test]
    fn excerpts_are_found_and_others_are_not() {
        let samples = melody(7, 14.0, 1.0, 1.0);
        let registered = recorded(&samples).fingerprint();
        let r = query(&samples[5 * 16_000..8 * 16_000 + 800]).resemblance(&registered).unwrap();
        assert!(r.same() && (2.8..3.2).contains(&r.seconds), "{r:?}");
        for seed in 100..120 {
            let other = query(&melody(seed, 10.0, 1.0, 1.0));
            let r = other.resemblance(&registered).unwrap();
            assert!(
                !r.same() && other.glance(&registered) > AudioResemblance::SAME,
                "{seed}: {r:?}"
            );
        }
    }

    #[test]
    fn a_glance_under_guesses_is_close_to_a_look() {
        let registered = recorded(&melody(7, 14.0, 1.0, 1.0)).fingerprint();
        let copy = query(&melody(7, 9.0, 1.05, 1.05));
        assert!(copy.glance(&registered) > AudioResemblance::SAME);
        let (glance, look) =
            (copy.glance_stretched(&registered), copy.resemblance(&registered).unwrap());
        assert!(glance < 0.55 && look.same() && look.is_stretched(), "{glance} {look:?}");
        assert_eq!(copy.glance_stretched(&AudioFingerprint::new(Vec::new())), 1.0);
    }

    #[test]
    fn silence_in_between_counts_for_nothing() {
        let mut samples = melody(7, 12.0, 1.0, 1.0);
        samples[4 * 16_000..8 * 16_000].fill(0.0);
        let mut other = melody(8, 12.0, 1.0, 1.0);
        other[4 * 16_000..8 * 16_000].fill(0.0);
        let registered = recorded(&samples).fingerprint();
        assert!(registered.hashes.contains(&SILENT));
        assert!(query(&samples).resemblance(&registered).unwrap().same());
        assert!(!query(&other).resemblance(&registered).unwrap().same());
    }

    #[test]
    fn the_best_offset_is_that_of_a_plain_search() {
        let mut state = 1u64;
        let mut word = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let theirs: Vec<u32> = (0..50).map(|i| if i % 7 == 0 { SILENT } else { word() }).collect();
        let ours: Vec<u32> = (0..40).map(|i| if i % 5 == 0 { SILENT } else { word() }).collect();
        for sparse in [1, 4] {
            let plain = |offset: isize| {
                let beside = (0..ours.len()).step_by(sparse).filter_map(|i| {
                    Some((ours[i], *theirs.get(usize::try_from(i as isize + offset).ok()?)?))
                });
                let heard: Vec<u32> = beside
                    .filter(|(a, b)| *a != SILENT && *b != SILENT)
                    .map(|(a, b)| (a ^ b).count_ones())
                    .collect();
                (heard.len() >= 12usize.div_ceil(sparse))
                    .then(|| heard.iter().sum::<u32>() as f32 / (32 * heard.len()) as f32)
            };
            let best = (-40..50).filter_map(plain).min_by(f32::total_cmp);
            let found = nearest_offset(
                &Comb::new(&ours, sparse),
                &Comb::new(&theirs, sparse),
                12usize.div_ceil(sparse),
            );
            assert_eq!(found.map(|n| share(n.bits, n.count)), best, "{sparse}");
        }
        assert!(nearest_offset(&Comb::new(&ours, 1), &Comb::new(&[], 1), 12).is_none());
    }
}
