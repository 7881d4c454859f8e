//! The fingerprint of sound, and the recording that it is made of.

use rusty_chromaprint::{Configuration, Fingerprinter};

use super::resample::Resampler;
use crate::sound::{Format, Mix, SoundError};

/// Samples per second that are hashed. It is Chromaprint's own rate: at any other it would resample by itself, which can panic.
pub(super) const RATE: u32 = 11_025;
/// Samples in a window of Chromaprint's.
const FRAME: usize = 4096;
/// Samples from one hash to the next. Chromaprint's usual 1365 leave three hashes of 3 s, on which other clips come as near as copies; half of that leaves
/// 24, and a quarter adds nothing but work.
pub(super) const HOP: usize = 682;
/// Windows that a hash is made of: 16, and 5 that are averaged.
const WINDOWS: usize = 20;
/// Samples that a hash is made of, 1.55 s.
pub(super) const WIDTH: usize = FRAME + (WINDOWS - 1) * HOP;
/// Seconds that are kept: what is stamped is short, and of longer sound the beginning must do.
const SECONDS: usize = 300;
/// Hashes at most.
const MOST: usize = SECONDS * RATE as usize / HOP;
/// Peak under which there is nothing but the noise of a converter.
const FAINT: f32 = 1e-3;
/// Peak that sound is brought to, of 32,767.
const PEAK: f32 = 16_000.0;
/// Level, root mean square, under which a part is silent beside the peak: 40 dB.
const QUIET: f64 = 150.0;
/// What Chromaprint makes of digital silence. Such hashes are not compared.
pub(super) const SILENT: u32 = 627_964_279;
/// Share of bits by which hashes must differ along time; a tone has 0, and the sounds of `docs/BENCHMARKS.md` have 0.31 and more.
const VARIED: f32 = 0.2;
/// Hashes of an excerpt.
const EXCERPT: usize = 64;
/// Version of the stored form.
const VERSION: u8 = 1;

/// What sound is like: Chromaprint's hashes of 32 bits along time, sixteen a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundFingerprint {
    pub(super) hashes: Vec<u32>,
}

impl SoundFingerprint {
    /// Number of hashes, those of silence included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is nothing to compare: the sound is too short, silent, or one tone throughout.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let heard: Vec<u32> = self.hashes.iter().copied().filter(|&h| h != SILENT).collect();
        heard.len() < super::stretch::LEAST || [2, 3, 5].iter().all(|part| variety(&heard, heard.len() / part) < VARIED)
    }

    /// As it is stored: a version, then the hashes in order, each with the most significant byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        std::iter::once(VERSION).chain(self.hashes.iter().flat_map(|h| h.to_be_bytes())).collect()
    }

    /// Those in the middle, as [`Self::to_bytes`] stores them: 5.5 s in 257 bytes at most, short enough for a manifest.
    #[must_use]
    pub fn excerpt(&self) -> Vec<u8> {
        let count = EXCERPT.min(self.hashes.len());
        let start = (self.hashes.len() - count) / 2;
        Self { hashes: self.hashes[start..start + count].to_vec() }.to_bytes()
    }

    /// From [`Self::to_bytes`]; `None` if it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, hashes) = bytes.split_first()?;
        let (hashes, rest) = hashes.as_chunks::<4>();
        let sound = *version == VERSION && rest.is_empty() && hashes.len() <= MOST;
        sound.then(|| Self { hashes: hashes.iter().map(|&h| u32::from_be_bytes(h)).collect() })
    }
}

/// Share of bits by which hashes differ that lie `lag` apart.
fn variety(hashes: &[u32], lag: usize) -> f32 {
    let pairs = hashes.len() - lag;
    let bits: u32 = hashes.iter().zip(&hashes[lag..]).map(|(a, b)| (a ^ b).count_ones()).sum();
    bits as f32 / (32 * pairs.max(1)) as f32
}

/// Makes a [`Recording`] from the samples of a track, of whose beginning it keeps five minutes.
pub struct Recorder {
    channels: usize,
    mix: Mix,
    resampler: Resampler,
    samples: Vec<f32>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("channels", &self.channels).field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// For samples that come as `format` says.
    ///
    /// # Errors
    /// [`SoundError`] if the rate or the number of channels is out of range.
    pub fn new(format: Format) -> Result<Self, SoundError> {
        format.check()?;
        let resampler = Resampler::new(f64::from(format.rate) / f64::from(RATE));
        Ok(Self { channels: format.channels, mix: format.mix(), resampler, samples: Vec::new() })
    }

    /// Whether it keeps no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.samples.len() >= SECONDS * RATE as usize
    }

    /// Takes in whole frames of interleaved samples, full scale being 1.
    pub fn push(&mut self, samples: &[f32]) {
        // In pieces, so that a long block ends where enough is kept.
        for piece in samples.chunks(self.channels << 12) {
            if self.is_full() {
                return;
            }
            self.resampler.push(piece.chunks_exact(self.channels).map(|f| self.mix.of(f)), &mut self.samples);
        }
    }

    /// What was taken in, at a level of its own.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        self.resampler.finish(&mut self.samples);
        self.samples.truncate(SECONDS * RATE as usize);
        let peak = self.samples.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        let gain = if peak > FAINT { PEAK / peak } else { 0.0 };
        Recording { samples: self.samples.iter().map(|s| (s * gain) as i16).collect() }
    }
}

/// Sound in one channel of 11,025 Hz, of which all hashes can be made.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) samples: Vec<i16>,
}

impl Recording {
    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> SoundFingerprint {
        SoundFingerprint { hashes: hashes(&self.samples, HOP) }
    }
}

/// The hash of each place that has enough behind it, `hop` samples apart.
pub(super) fn hashes(samples: &[i16], hop: usize) -> Vec<u32> {
    let windows = Configuration::preset_test2().with_frame_size(FRAME).with_frame_overlap(FRAME.saturating_sub(hop));
    let mut printer = Fingerprinter::new(&windows);
    // At its own rate, in one channel, it begins whatever is behind it.
    if samples.len() < FRAME || printer.start(RATE, 1).is_err() {
        return Vec::new();
    }
    printer.consume(samples);
    printer.finish();
    let mut power = vec![0.0; samples.len() + 1];
    for (i, &s) in samples.iter().enumerate() {
        power[i + 1] = power[i] + f64::from(s).powi(2);
    }
    let loud = |i: usize| {
        let start = (i * hop).min(samples.len());
        let end = (start + FRAME + (WINDOWS - 1) * hop).min(samples.len());
        power[end] - power[start] >= QUIET * QUIET * (end - start) as f64
    };
    printer.fingerprint().iter().enumerate().map(|(i, &hash)| if loud(i) { hash } else { SILENT }).collect()
}
