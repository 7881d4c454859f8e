//! The fingerprint of sound, and the recording that it is made of.

use half::f16;
use rusty_chromaprint::{Configuration, Fingerprinter};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::resample::Resampler;
use proofmark_core::audio::{AudioError, Format, Mix};

/// Samples per second that are hashed. It is Chromaprint's own rate: at any other it would resample
/// by itself, which can panic.
pub(super) const RATE: u32 = 11_025;
/// Hashes that must lie beside each other to count: those of 2.9 s.
pub(super) const LEAST: usize = 22;
/// Samples in a window of Chromaprint's.
const FRAME: usize = 4096;
/// Samples from one hash to the next. Chromaprint's usual 1365 leave three hashes of 3 s, on which
/// other clips come as near as copies; half of that leaves 24, and a quarter adds nothing but work.
pub(super) const HOP: usize = 682;
/// Windows that a hash is made of: 16, and 5 that are averaged.
const WINDOWS: usize = 20;
/// Samples that a hash is made of, 1.55 s.
pub(super) const WIDTH: usize = FRAME + (WINDOWS - 1) * HOP;
/// Seconds that are kept: what is stamped is short, and of longer sound the beginning must do.
const SECONDS: usize = 300;
/// Samples at most.
const ROOM: usize = SECONDS * RATE as usize;
/// Hashes at most.
const MOST: usize = ROOM / HOP;
/// Samples that other speeds and pitches are tried on, 8 s. Over more of it a guess that is a
/// little off falls out of step.
const PROBE: usize = 8 * RATE as usize;
/// Peak under which there is nothing but the noise of a converter.
const FAINT: f32 = 1e-3;
/// Peak that sound is brought to, of 32,767.
const PEAK: f32 = 16_000.0;
/// Level, root mean square, under which a part is silent beside the peak: 40 dB.
const QUIET: u64 = 150;
/// What Chromaprint makes of digital silence. Such hashes are not compared.
pub(super) const SILENT: u32 = 627_964_279;
/// Share of bits by which hashes must differ along time; a tone has 0, and the sounds of
/// `docs/results/log/fingerprints-of-sound.md` have 0.31 and more.
pub(super) const VARIED: f32 = 0.2;
/// Hashes of an excerpt.
const EXCERPT: usize = 64;
/// Version of the stored form.
const VERSION: u8 = 1;

/// What sound is like: Chromaprint's hashes of 32 bits along time, sixteen a second.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioFingerprint {
    pub(super) hashes: Vec<u32>,
    /// Share of bits by which hashes differ that lie far apart in it, 0 if there are too few: what
    /// other parts of the same sound have in common, and with them other sounds of its kind. It is
    /// 0.45 for most, and less for noise and what hardly moves.
    pub(super) variety: f32,
}

impl AudioFingerprint {
    pub(super) fn new(hashes: Vec<u32>) -> Self {
        let heard: Vec<u32> = hashes.iter().copied().filter(|&h| h != SILENT).collect();
        // At several distances, as a loop is like itself at some.
        let variety = if heard.len() < LEAST {
            0.0
        } else {
            [2, 3, 5]
                .map(|part| variety(&heard, heard.len() / part))
                .into_iter()
                .fold(0.0, f32::max)
        };
        Self { hashes, variety }
    }

    /// Number of hashes, those of silence included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is nothing to compare: the sound is too short, silent, or one tone throughout.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variety < VARIED
    }

    /// Seconds that the sound lasts, at least and at most; `None` if it is longer than what is kept
    /// of it.
    #[must_use]
    pub fn lasts(&self) -> Option<[f32; 2]> {
        let heard = self.hashes.len().checked_sub(1)? * HOP + WIDTH;
        (self.hashes.len() < MOST)
            .then_some([heard, heard + HOP].map(|samples| samples as f32 / RATE as f32))
    }

    /// As it is stored: a version, then the hashes in order, each with the most significant byte
    /// first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        std::iter::once(VERSION).chain(self.hashes.iter().flat_map(|h| h.to_be_bytes())).collect()
    }

    /// Those in the middle, as [`Self::to_bytes`] stores them: 5.5 s in 257 bytes at most, short
    /// enough for a manifest.
    #[must_use]
    pub fn excerpt(&self) -> Vec<u8> {
        let count = EXCERPT.min(self.hashes.len());
        let start = (self.hashes.len() - count) / 2;
        Self::new(self.hashes[start..start + count].to_vec()).to_bytes()
    }

    /// From [`Self::to_bytes`]; `None` if it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, hashes) = bytes.split_first()?;
        let (hashes, rest) = hashes.as_chunks::<4>();
        let sound = *version == VERSION && rest.is_empty() && hashes.len() <= MOST;
        sound.then(|| Self::new(hashes.iter().map(|&h| u32::from_be_bytes(h)).collect()))
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
    /// In half the memory, and with as many digits at any level as hashes tell apart.
    samples: Vec<f16>,
    /// What the resampler put out last.
    block: Vec<f32>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("channels", &self.channels)
            .field("samples", &self.samples.len())
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// For samples that come as `format` says.
    ///
    /// # Errors
    /// [`AudioError`] if the rate or the number of channels is out of range.
    pub fn new(format: Format) -> Result<Self, AudioError> {
        format.check()?;
        let resampler = Resampler::new(f64::from(format.rate) / f64::from(RATE));
        Ok(Self {
            channels: format.channels,
            mix: format.mix(),
            resampler,
            samples: Vec::with_capacity(ROOM),
            block: Vec::new(),
        })
    }

    /// Whether it keeps no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.samples.len() >= ROOM
    }

    /// Takes in whole frames of interleaved samples, full scale being 1.
    pub fn push(&mut self, samples: &[f32]) {
        // In pieces, so that a long block ends where enough is kept.
        for piece in samples.chunks(self.channels << 12) {
            if self.is_full() {
                return;
            }
            self.resampler
                .push(piece.chunks_exact(self.channels).map(|f| self.mix.of(f)), &mut self.block);
            keep(&mut self.block, &mut self.samples);
        }
    }

    /// What was taken in, at a level of its own.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        self.resampler.finish(&mut self.block);
        keep(&mut self.block, &mut self.samples);
        let peak = self.samples.iter().fold(0.0f32, |peak, s| peak.max(s.to_f32().abs()));
        let gain = if peak > FAINT { PEAK / peak } else { 0.0 };
        Recording::new(
            &self.samples.into_iter().map(|s| (s.to_f32() * gain) as i16).collect::<Vec<i16>>(),
        )
    }
}

/// Moves as much as there is room for.
fn keep(block: &mut Vec<f32>, samples: &mut Vec<f16>) {
    let left = ROOM - samples.len();
    samples.extend(block.drain(..).take(left).map(f16::from_f32));
}

/// What is left of a track: its hashes, and some seconds of which those of the track at another
/// speed can be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "ByteBuf", try_from = "ByteBuf")]
pub struct Recording {
    print: AudioFingerprint,
    /// One channel of 11,025 Hz.
    pub(super) probe: Vec<i16>,
}

impl Recording {
    fn new(samples: &[i16]) -> Self {
        let print = AudioFingerprint::new(hashes(samples, HOP));
        // Where most of it is heard.
        let length = PROBE.min(samples.len());
        let span = (length.saturating_sub(WIDTH) / HOP).clamp(1, print.len().max(1));
        let starts = 0..(print.len() + 1).saturating_sub(span);
        let heard = |start: usize| {
            print.hashes[start..start + span].iter().filter(|&&h| h != SILENT).count()
        };
        let middle = starts.end.saturating_sub(1) / 2;
        let first =
            starts.max_by_key(|&i| (heard(i), std::cmp::Reverse(i.abs_diff(middle)))).unwrap_or(0);
        let start = (first * HOP).min(samples.len() - length);
        Self { print, probe: samples[start..start + length].to_vec() }
    }

    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> AudioFingerprint {
        self.print.clone()
    }
}

/// As it travels between processes: how many bytes the hashes take, those, and the samples.
impl From<Recording> for ByteBuf {
    fn from(recording: Recording) -> Self {
        let print = recording.print.to_bytes();
        let mut out = Vec::with_capacity(4 + print.len() + 2 * recording.probe.len());
        out.extend((print.len() as u32).to_be_bytes());
        out.extend(print);
        out.extend(recording.probe.into_iter().flat_map(i16::to_be_bytes));
        Self::from(out)
    }
}

impl TryFrom<ByteBuf> for Recording {
    type Error = &'static str;

    fn try_from(bytes: ByteBuf) -> Result<Self, &'static str> {
        let parts = || {
            let (length, rest) = bytes.split_first_chunk()?;
            let (print, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            let (samples, over) = rest.as_chunks::<2>();
            let print = AudioFingerprint::from_bytes(print)?;
            (over.is_empty() && samples.len() <= PROBE).then(|| Self {
                print,
                probe: samples.iter().map(|&s| i16::from_be_bytes(s)).collect(),
            })
        };
        parts().ok_or("this is no recording")
    }
}

/// The hash of each place that has enough behind it, `hop` samples apart.
pub(super) fn hashes(samples: &[i16], hop: usize) -> Vec<u32> {
    let windows = Configuration::preset_test2()
        .with_frame_size(FRAME)
        .with_frame_overlap(FRAME.saturating_sub(hop));
    let mut printer = Fingerprinter::new(&windows);
    // At its own rate, in one channel, it begins whatever is behind it.
    if samples.len() < FRAME || printer.start(RATE, 1).is_err() {
        return Vec::new();
    }
    printer.consume(samples);
    printer.finish();
    // The power of what is under a hash, as that moves along.
    let square = |s: &i16| u64::from(s.unsigned_abs()).pow(2);
    let (mut begun, mut ended, mut power) = (0, 0, 0u64);
    let mut loud = |i: usize| {
        let start = (i * hop).min(samples.len());
        let end = (start + FRAME + (WINDOWS - 1) * hop).min(samples.len());
        power += samples[ended..end].iter().map(square).sum::<u64>();
        power -= samples[begun..start].iter().map(square).sum::<u64>();
        (begun, ended) = (start, end);
        power >= QUIET * QUIET * (end - start) as u64
    };
    printer
        .fingerprint()
        .iter()
        .enumerate()
        .map(|(i, &hash)| if loud(i) { hash } else { SILENT })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::AudioQuery;

    /// Chords that change twice a second, as each seed has them, at another speed and pitch if
    /// asked.
    pub(in super::super) fn melody(seed: u64, seconds: f64, speed: f64, pitch: f64) -> Vec<f32> {
        let note = |beat: u64, voice: u64| {
            let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ beat.wrapping_mul(0xbf58_476d_1ce4_e5b9)
                ^ voice.wrapping_mul(0x94d0_49bb_1331_11eb);
            x = (x ^ x >> 31).wrapping_mul(0xd6e8_feb8_6659_fd93);
            // In the middle of a semitone of Chromaprint's, so that a little out of tune is not
            // another one.
            226.4 * (((x ^ x >> 32) % 30) as f64 / 12.0).exp2()
        };
        let at = |i: usize| {
            let time = i as f64 / 16_000.0;
            let beat = (time * speed * 2.0) as u64;
            let voices = (0..3).map(|v| {
                (2.0 * PI * note(beat, v) * pitch * time).sin()
                    + 0.4 * (4.0 * PI * note(beat, v) * pitch * time).sin()
            });
            (voices.sum::<f64>() * 0.1) as f32
        };
        (0..(seconds * 16_000.0) as usize).map(at).collect()
    }

    pub(in super::super) fn recorded(samples: &[f32]) -> Recording {
        let mut recorder = Recorder::new(Format { rate: 16_000, channels: 1 }).unwrap();
        recorder.push(samples);
        recorder.finish()
    }

    fn noise(seconds: usize, mut state: u64) -> Vec<f32> {
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..seconds * 16_000).map(|_| next()).collect()
    }

    #[test]
    fn sixteen_hashes_a_second_and_a_bound() {
        let recording = recorded(&melody(1, 10.0, 1.0, 1.0));
        assert_eq!(recording.fingerprint().len(), (10 * RATE as usize - WIDTH) / HOP + 1);
        let mut recorder = Recorder::new(Format { rate: 8_000, channels: 2 }).unwrap();
        let block = vec![0.1; 2 * 8_000];
        for _ in 0..SECONDS + 20 {
            recorder.push(&block);
        }
        assert!(recorder.is_full() && recorder.samples.len() == ROOM);
        let recording = recorder.finish();
        assert_eq!(
            (recording.print.len(), recording.probe.len()),
            ((ROOM - WIDTH) / HOP + 1, PROBE)
        );
        assert!(
            Recorder::new(Format { rate: 4_000_000_000, channels: 2 }).is_err()
                && Recorder::new(Format { rate: 48_000, channels: 0 }).is_err()
        );
    }

    #[test]
    fn a_recording_travels_whole_or_not_at_all() {
        let recording = recorded(&melody(1, 3.0, 1.0, 1.0));
        let bytes: ByteBuf = recording.clone().into();
        let back = Recording::try_from(bytes.clone()).unwrap();
        assert_eq!((back.print, back.probe), (recording.print, recording.probe));
        for wrong in [
            &bytes[..3],
            &bytes[..bytes.len() - 1],
            &bytes[1..],
            &[0; 4],
            &[bytes.to_vec(), vec![0; 2 * PROBE]].concat(),
        ] {
            assert!(Recording::try_from(ByteBuf::from(wrong.to_vec())).is_err());
        }
    }

    #[test]
    fn the_probe_is_where_most_is_heard() {
        let quiet = vec![0.0; 20 * 16_000];
        let sound = [quiet.clone(), melody(1, 9.0, 1.0, 1.0), quiet].concat();
        let recording = recorded(&sound);
        assert!(recording.probe.iter().filter(|s| s.abs() > 100).count() > PROBE / 2);
        assert_eq!(recorded(&sound[..16_000]).probe.len(), RATE as usize);
        assert!(recorded(&[]).probe.is_empty());
    }

    #[test]
    fn level_and_channels_do_not_matter() {
        let mono = melody(1, 6.0, 1.0, 1.0);
        let stereo: Vec<f32> = mono.iter().flat_map(|s| [s * 0.1; 2]).collect();
        let mut recorder = Recorder::new(Format { rate: 16_000, channels: 2 }).unwrap();
        stereo.chunks(1234).for_each(|b| recorder.push(b));
        let (a, b) = (recorded(&mono).fingerprint(), recorder.finish().fingerprint());
        let bits: u32 = a.hashes.iter().zip(&b.hashes).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert!(
            a.len() == b.len() && bits as usize <= a.len() / 4,
            "{bits} bits of {} hashes",
            a.len()
        );
    }

    #[test]
    fn silence_tones_and_what_is_short_have_nothing_to_compare() {
        let tone = |f: f64| {
            (0..10 * 16_000)
                .map(|i| (2.0 * PI * f * f64::from(i) / 16_000.0).sin() as f32 * 0.5)
                .collect::<Vec<_>>()
        };
        let faint: Vec<f32> = noise(10, 1).iter().map(|s| s * 1e-3).collect();
        for (what, samples) in [
            ("silence", vec![0.0; 160_000]),
            ("a converter's noise", faint),
            ("a tone", tone(440.0)),
            ("another", tone(1000.0)),
            ("too little", melody(1, 2.5, 1.0, 1.0)),
            ("nothing", Vec::new()),
        ] {
            let recording = recorded(&samples);
            assert!(
                recording.fingerprint().is_empty() && AudioQuery::new(&recording).is_none(),
                "{what}"
            );
        }
        assert!(!recorded(&melody(1, 3.0, 1.0, 1.0)).fingerprint().is_empty());
        assert!(hashes(&[0; 40_000], HOP).iter().all(|&h| h == SILENT));
    }

    #[test]
    fn noises_are_not_alike() {
        for seconds in [4, 10] {
            let other = recorded(&noise(seconds, 2)).fingerprint();
            let query = AudioQuery::new(&recorded(&noise(10, 1))).unwrap();
            assert!(
                query.resemblance(&other).is_none_or(|r| !r.same()),
                "{seconds} s: {:?}",
                query.resemblance(&other)
            );
        }
    }

    #[test]
    fn bytes_and_back() {
        let f = recorded(&melody(1, 10.0, 1.0, 1.0)).fingerprint();
        let bytes = f.to_bytes();
        assert_eq!(AudioFingerprint::from_bytes(&bytes), Some(f.clone()));
        for wrong in [&bytes[..bytes.len() - 1], &[], &[2, 0, 0, 0, 0], &vec![1; 5 + 4 * MOST]] {
            assert_eq!(AudioFingerprint::from_bytes(wrong), None);
        }
        let excerpt = AudioFingerprint::from_bytes(&f.excerpt()).unwrap();
        assert_eq!(excerpt.len(), EXCERPT);
        assert!(f.hashes.windows(EXCERPT).any(|w| w == excerpt.hashes));
    }
}
