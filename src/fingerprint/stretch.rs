//! How far sound and a fingerprint are apart, as it is and under guesses of how it was stretched.

use multiversion::multiversion;
use serde::Serialize;

use super::resample::Resampler;
use super::sound::{HOP, RATE, Recording, SILENT, SoundFingerprint, WIDTH, hashes};

/// Hashes that must lie beside each other to count: those of 2.9 s.
pub(super) const LEAST: usize = 22;
/// Seconds of sound that guesses are tried on. Over more of it a guess that is a little off falls out of step.
const EXCERPT: usize = 8;
/// From one guess to the next, as a logarithm. Half of it costs copies a seventh of their bits.
const STEP: f64 = 0.02;
/// Steps by which the best guess is moved about.
const FINER: [f64; 2] = [0.01, 0.005];
/// Range of speeds, of tempos and of pitches, as logarithms: 0.8 to 1.25, 0.9 to 1.11, two semitones.
const SPEEDS: f64 = 0.223;
const TEMPOS: f64 = 0.105;
const PITCHES: f64 = 0.116;
/// Share of bits over which a guess is not worth moving about.
const CLOSER: f32 = 0.3;
/// Of the excerpt's hashes, each so many-th is compared at a glance: neighbours are made of nearly the same sound.
const SPARSE: usize = 4;

/// How far sound and a fingerprint are apart, at the best guess of how it was stretched if that makes them alike, else as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SoundResemblance {
    /// Share of the bits that differ, of hashes beside each other.
    pub distance: f32,
    /// The same of the quarter of the hashes that differs least: sound that was laid over still leaves pauses.
    pub nearest: f32,
    /// Seconds that were beside each other.
    pub seconds: f32,
    /// Speed at which the sound runs, as guessed; 1 for an unchanged one.
    pub speed: f32,
    /// Pitch over the registered one, as guessed.
    pub pitch: f32,
}

impl SoundResemblance {
    /// Most that copies differ by which run at their own speed. Chosen, as those below, on the clips of `docs/BENCHMARKS.md`.
    pub const SAME: f32 = 0.19;
    /// The same at a guessed speed, tempo or pitch: among that many guesses other clips come nearer.
    pub const SAME_STRETCHED: f32 = 0.17;
    /// From where on sounds are different ones, in their nearest quarter.
    pub const DIFFERENT: f32 = 0.3;

    /// Whether it is a copy.
    #[must_use]
    pub fn same(&self) -> bool {
        let most = if self.is_stretched() { Self::SAME_STRETCHED } else { Self::SAME };
        self.distance <= most
    }

    /// Whether it was taken to run at another speed, tempo or pitch.
    #[must_use]
    pub fn is_stretched(&self) -> bool {
        self.speed != 1.0 || self.pitch != 1.0
    }

    /// How alike they are, in per cent: 0 is what chance makes of sounds that have nothing to do with each other.
    #[must_use]
    pub fn score(&self) -> u8 {
        (100.0 * (1.0 - 2.0 * self.distance)).round().clamp(0.0, 100.0) as u8
    }

    /// Whether it is none, as it is.
    #[must_use]
    pub fn different(&self) -> bool {
        !self.is_stretched() && self.nearest >= Self::DIFFERENT
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
            (-steps..=steps).filter(|&i| i != 0).map(move |i| range * f64::from(i) / f64::from(steps))
        };
        let speeds = around(SPEEDS).map(|v| Self { speed: v, pitch: v });
        let tempos = around(TEMPOS).map(|speed| Self { speed, pitch: 0.0 });
        speeds.chain(tempos).chain(around(PITCHES).map(|pitch| Self { speed: 0.0, pitch })).collect()
    }

    /// The next ones of the same kind.
    fn neighbours(self, step: f64) -> [Self; 2] {
        [-step, step].map(|d| {
            let moved = |v: f64| if v == 0.0 { 0.0 } else { v + d };
            Self { speed: moved(self.speed), pitch: moved(self.pitch) }
        })
    }

    /// The hashes of sound with the stretch undone: resampled to its own pitch, and hashed at steps that make up for the time.
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

/// Sound, ready to be compared with many fingerprints.
#[derive(Debug)]
pub struct SoundQuery {
    plain: SoundFingerprint,
    /// What guesses are made on.
    excerpt: Vec<i16>,
    /// The guesses, with the hashes that the excerpt would have had; made when they are first asked for.
    guesses: Vec<(Stretch, Vec<u32>)>,
}

impl SoundQuery {
    /// For a recording; `None` if it has too little to compare.
    #[must_use]
    pub fn new(sound: &Recording) -> Option<Self> {
        let plain = sound.fingerprint();
        if plain.is_empty() {
            return None;
        }
        // Where most of it is heard.
        let length = (EXCERPT * RATE as usize).min(sound.samples.len());
        let span = (length.saturating_sub(WIDTH) / HOP).clamp(1, plain.len());
        let heard = |start: usize| plain.hashes[start..start + span].iter().filter(|&&h| h != SILENT).count();
        let middle = (plain.len() - span) / 2;
        let first = (0..=plain.len() - span).max_by_key(|&i| (heard(i), std::cmp::Reverse(i.abs_diff(middle)))).unwrap_or(0);
        let start = (first * HOP).min(sound.samples.len() - length);
        Some(Self { plain, excerpt: sound.samples[start..start + length].to_vec(), guesses: Vec::new() })
    }

    /// Share of bits by which the sound differs from a fingerprint as it is: which fingerprints are worth a closer look.
    #[must_use]
    pub fn glance(&self, other: &SoundFingerprint) -> f32 {
        align(&self.plain.hashes, &other.hashes, LEAST, 1).map_or(1.0, |a| a.distance)
    }

    /// The same at the best guess of how it was stretched: some thirty times the work.
    #[must_use]
    pub fn glance_stretched(&mut self, other: &SoundFingerprint) -> f32 {
        self.guess();
        let distances = self.guesses.iter().filter_map(|(_, hashes)| align(hashes, &other.hashes, LEAST, SPARSE)).map(|a| a.distance);
        distances.min_by(f32::total_cmp).unwrap_or(1.0)
    }

    fn guess(&mut self) {
        if self.guesses.is_empty() {
            self.guesses = Stretch::guesses().into_iter().map(|s| (s, s.undone(&self.excerpt))).collect();
        }
    }

    /// How far the sound is from a fingerprint; `None` if they have too little in common to be compared.
    #[must_use]
    pub fn resemblance(&mut self, other: &SoundFingerprint) -> Option<SoundResemblance> {
        if other.is_empty() {
            return None;
        }
        let plain = align(&self.plain.hashes, &other.hashes, LEAST, 1).map(|a| a.told(Stretch { speed: 0.0, pitch: 0.0 }));
        if plain.is_some_and(|p| p.same()) {
            return plain;
        }
        self.stretched(other).filter(SoundResemblance::same).or(plain)
    }

    /// The best guess, moved about until it fits best.
    fn stretched(&mut self, other: &SoundFingerprint) -> Option<SoundResemblance> {
        self.guess();
        let tried = self.guesses.iter().filter_map(|(s, hashes)| Some((align(hashes, &other.hashes, LEAST, 1)?, *s)));
        let (mut best, mut stretch) = tried.min_by(|a, b| a.0.distance.total_cmp(&b.0.distance)).filter(|b| b.0.distance <= CLOSER)?;
        for step in FINER {
            for moved in stretch.neighbours(step) {
                if let Some(found) = align(&moved.undone(&self.excerpt), &other.hashes, LEAST, 1).filter(|f| f.distance < best.distance) {
                    (best, stretch) = (found, moved);
                }
            }
        }
        Some(best.told(stretch))
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
    fn told(self, stretch: Stretch) -> SoundResemblance {
        let seconds = ((self.count - 1) * HOP + WIDTH) as f32 / RATE as f32;
        let factor = |v: f64| v.exp() as f32;
        SoundResemblance { distance: self.distance, nearest: self.nearest, seconds, speed: factor(stretch.speed), pitch: factor(stretch.pitch) }
    }
}

/// The offset at which two sequences differ least, of those where `least` hashes or more are heard in both; of the first one each `sparse`-th is looked at.
fn align(ours: &[u32], theirs: &[u32], least: usize, sparse: usize) -> Option<Alignment> {
    let looked: Vec<u32> = ours.iter().copied().step_by(sparse).collect();
    let least = least.div_ceil(sparse);
    let (first, last) = (0isize.checked_sub_unsigned(ours.len())? + 1, isize::try_from(theirs.len()).ok()?);
    let (offset, bits, count) = nearest_offset(&looked, theirs, sparse, first..last, least)?;
    let mut beside: Vec<u32> = pairs(&looked, theirs, sparse, offset).filter(|(a, b)| *a != SILENT && *b != SILENT).map(|(a, b)| (a ^ b).count_ones()).collect();
    beside.sort_unstable();
    let quarter = &beside[..beside.len().div_ceil(4)];
    let share = |bits: u32, count: usize| bits as f32 / (32 * count.max(1)) as f32;
    Some(Alignment { distance: share(bits, count), nearest: share(quarter.iter().sum(), quarter.len()), count })
}

/// Hashes beside each other where the first of ours lies at `offset` of theirs.
#[inline(always)]
fn pairs<'a>(ours: &'a [u32], theirs: &'a [u32], sparse: usize, offset: isize) -> impl Iterator<Item = (u32, u32)> + 'a {
    // The first of ours that is beside one of theirs, and where that is.
    let skipped = offset.min(0).unsigned_abs().div_ceil(sparse);
    let start = offset.saturating_add_unsigned(skipped * sparse).max(0).unsigned_abs();
    let (ours, theirs) = (ours.get(skipped..).unwrap_or_default(), theirs.get(start..).unwrap_or_default());
    ours.iter().copied().zip(theirs.iter().copied().step_by(sparse))
}

/// Offset, bits that differ and number of pairs. A search spends its time here: counting bits has an instruction on most machines.
#[multiversion(targets("x86_64+avx2+popcnt", "aarch64+neon"))]
fn nearest_offset(ours: &[u32], theirs: &[u32], sparse: usize, offsets: std::ops::Range<isize>, least: usize) -> Option<(isize, u32, usize)> {
    let mut best: Option<(isize, u32, usize)> = None;
    for offset in offsets {
        let (mut bits, mut count) = (0, 0);
        for (a, b) in pairs(ours, theirs, sparse, offset) {
            let heard = u32::from(a != SILENT && b != SILENT);
            bits += heard * (a ^ b).count_ones();
            count += heard;
        }
        let better = |(_, bits_best, count_best): (isize, u32, usize)| u64::from(bits) * (count_best as u64) < u64::from(bits_best) * u64::from(count);
        if count as usize >= least && best.is_none_or(better) {
            best = Some((offset, bits, count as usize));
        }
    }
    best
}
