//! Copies among many others, told by picture and sound alone: cargo bench --bench likeness --
//! FOLDER [OTHERS]
//!
//! FOLDER holds `<clip>@original.<ext>` for each registered clip and `<clip>@<attack>.<ext>` for
//! each copy, as `scripts/recovery.py --keep` and `scripts/sound_likeness.py` leave them. Beside
//! the originals, OTHERS clips [default: 10000] are registered that were painted and composed for
//! it, none of them made from a real one. For each copy the registry is asked which clips look like
//! it and which sound like it; printed is how often its original is the first answer (recall),
//! which other clips were named (precision), and what the searches took.
//!
//! The pictures of the others are dead leaves (Lee, Mumford and Huang 2001,
//! doi:10.1023/A:1011109015675): discs that cover one another, with radii of a power law, whose
//! statistics are near those of photographs. A camera pans and zooms over them for six seconds,
//! with a cut in half of them. Their sounds are chords and noise that change several times a
//! second. Registries are kept in FOLDER and used again.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints, and stops at what is wrong"
)]

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Instant;

use proofmark::Payload;
use proofmark::audio::Format;
use proofmark::fingerprint::{
    AudioFingerprint, AudioQuery, Query, Recorder, Recording, Sketch, Sketcher, VideoFingerprint,
};
use proofmark::media::{AudioReader, Limits, Reader};
use proofmark::recovery::{match_audio, match_video};
use proofmark::registry::{self, Entry, Registry};
use proofmark::video::{Luma, SampleFormat, Samples};

/// Entries that are made and put in at once.
const PAGE: usize = 1000;
/// Side of a painted scene.
const CANVAS: usize = 320;
/// Discs on it: nothing of the ground is left.
const DISCS: usize = 2500;
/// Samples per second of the others' sounds.
const RATE: u32 = 11_025;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        println!("likeness: give a folder of copies; see the head of benches/likeness.rs");
        return;
    };
    let others: usize = arguments.next().map_or(10_000, |n| n.parse().unwrap());
    let registry = registry_of_others(&folder, others);
    let mut clips: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if let Some((clip, attack)) = name.split_once('@') {
            clips.entry(clip.into()).or_default().insert(attack.into(), path);
        }
    }
    let mut ids = BTreeMap::new();
    for (clip, files) in &clips {
        let Some((sketch, recording)) = files.get("original").map(|p| looked_at(p)) else {
            continue;
        };
        let mut entry = Entry::new(Payload::random(), [1; 32].into(), "video/mp4".into(), 0);
        entry.picture = sketch.map(|s| s.fingerprint()).filter(|f| !f.is_empty());
        entry.sound = recording.map(|r| r.fingerprint()).filter(|f| !f.is_empty());
        println!(
            "{clip}: {} frames, {} hashes of sound",
            entry.picture.as_ref().map_or(0, VideoFingerprint::len),
            entry.sound.as_ref().map_or(0, AudioFingerprint::len)
        );
        ids.insert(entry.id.clone(), clip.clone());
        registry.put(&entry, true).unwrap();
    }
    let (mut picture, mut sound) = (Tally::default(), Tally::default());
    for (clip, files) in &clips {
        for (attack, path) in files.iter().filter(|f| f.0 != "original") {
            let (sketch, recording) = looked_at(path);
            if let Some(query) = sketch.as_ref().map(Query::new) {
                let begin = Instant::now();
                let found =
                    match_video(registry.as_ref(), &query, &Default::default(), &Limits::default())
                        .unwrap();
                picture.count(
                    clip,
                    attack,
                    found.iter().map(|r| ids.get(&r.id)),
                    begin.elapsed().as_secs_f64(),
                );
            }
            if let Some(query) = recording.as_ref().and_then(AudioQuery::new) {
                let begin = Instant::now();
                let found =
                    match_audio(registry.as_ref(), &query, &Default::default(), &Limits::default())
                        .unwrap();
                sound.count(
                    clip,
                    attack,
                    found.iter().map(|r| ids.get(&r.id)),
                    begin.elapsed().as_secs_f64(),
                );
            }
        }
    }
    for id in ids.keys() {
        registry.delete(id).unwrap();
    }
    picture.print("picture", others);
    sound.print("sound", others);
}

/// What became of the copies.
#[derive(Default)]
struct Tally {
    copies: usize,
    first: usize,
    wrong: Vec<String>,
    lost: Vec<String>,
    seconds: Vec<f64>,
}

impl Tally {
    fn count<'a>(
        &mut self,
        clip: &str,
        attack: &str,
        found: impl Iterator<Item = Option<&'a String>>,
        seconds: f64,
    ) {
        self.copies += 1;
        self.seconds.push(seconds);
        let mut first = false;
        for (place, name) in found.enumerate() {
            match name {
                Some(name) if name == clip => first |= place == 0,
                other => self.wrong.push(format!(
                    "{clip}@{attack} taken for {}",
                    other.map_or("a painted one", |n| n)
                )),
            }
        }
        self.first += usize::from(first);
        if !first {
            self.lost.push(format!("{clip}@{attack}"));
        }
    }

    fn print(&mut self, what: &str, others: usize) {
        if self.copies == 0 {
            return;
        }
        self.seconds.sort_by(f64::total_cmp);
        let precision = 100.0 * self.first as f64 / (self.first + self.wrong.len()).max(1) as f64;
        println!(
            "\n{what}, among {others} others: first in {} of {} (recall {:.1} %), precision \
            {precision:.2} %",
            self.first,
            self.copies,
            100.0 * self.first as f64 / self.copies as f64
        );
        println!(
            "a search: median {:.2} s, most {:.2} s",
            self.seconds[self.seconds.len() / 2],
            self.seconds.last().unwrap()
        );
        println!("not found: {}\nwrong: {}", self.lost.join(", "), self.wrong.join(", "));
    }
}

/// What a file looks and sounds like.
fn looked_at(path: &Path) -> (Option<Sketch>, Option<Recording>) {
    let limits = Limits::default();
    let sketch = Reader::open(path, &limits).ok().map(|mut reader| {
        let mut sketcher = Sketcher::default();
        while let Some((mut picture, time)) = reader.next_frame(|t| sketcher.wants(t)).unwrap() {
            picture.with_luma(|luma| sketcher.push(luma, time));
        }
        sketcher.finish()
    });
    let recording = AudioReader::open(path, &limits).ok().flatten().map(|mut reader| {
        let mut recorder =
            Recorder::new(Format { rate: reader.info().rate, channels: reader.info().channels })
                .unwrap();
        while let Some(samples) = reader.next_block().unwrap() {
            recorder.push(samples);
        }
        recorder.finish()
    });
    (sketch, recording)
}

/// A registry of clips that nobody shot, made unless it is there.
fn registry_of_others(folder: &Path, count: usize) -> std::sync::Arc<dyn Registry> {
    let path = folder.join(format!("others-{count}.db"));
    let registry = registry::open(path.to_str().unwrap()).unwrap();
    let made = registry.count().unwrap() as usize;
    let begin = Instant::now();
    for start in (made..count).step_by(PAGE) {
        let end = count.min(start + PAGE);
        let middle = start.midpoint(end);
        let make =
            |range: std::ops::Range<usize>| range.map(|i| other(i as u64)).collect::<Vec<_>>();
        let page = std::thread::scope(|scope| {
            let second = scope.spawn(|| make(middle..end));
            let mut page = make(start..middle);
            page.extend(second.join().unwrap());
            page
        });
        registry.put_all(&page, false).unwrap();
    }
    if made < count {
        println!("{} others made in {:.0} s", count - made, begin.elapsed().as_secs_f64());
    }
    registry
}

fn other(i: u64) -> Entry {
    let mut random = Random::new(i);
    let mut entry = Entry::new(Payload::random(), [0; 32].into(), "video/mp4".into(), i);
    entry.picture = Some(painted(&mut random));
    entry.sound = Some(composed(&mut random));
    entry
}

/// Six seconds over one or two scenes.
fn painted(random: &mut Random) -> VideoFingerprint {
    let (width, height) = [(160, 90), (160, 90), (90, 160), (120, 90), (120, 120)][random.below(5)];
    let mut sketcher = Sketcher::default();
    let cut = if random.below(2) == 0 { 12 } else { 3 + random.below(7) };
    let mut frame = vec![0u8; width * height];
    for shot in [0..cut, cut..12] {
        let scene = scene(random);
        // Pixels of the scene for one of the frame, and where the frame begins: from first to last.
        let most = (CANVAS - 1) as f32 / width.max(height) as f32;
        let ends = [(); 2].map(|()| {
            let zoom = most * (0.5 + 0.5 * random.unit());
            let room = |side: usize| CANVAS as f32 - 1.0 - zoom * side as f32;
            (zoom, room(width) * random.unit(), room(height) * random.unit())
        });
        let frames = shot.len().max(1) as f32;
        for (n, index) in shot.enumerate() {
            let share = n as f32 / frames;
            let mix = |a: f32, b: f32| a + share * (b - a);
            let (zoom, left, top) =
                (mix(ends[0].0, ends[1].0), mix(ends[0].1, ends[1].1), mix(ends[0].2, ends[1].2));
            for (i, pixel) in frame.iter_mut().enumerate() {
                let (x, y) = (left + zoom * (i % width) as f32, top + zoom * (i / width) as f32);
                *pixel = scene[(y.max(0.0) as usize).min(CANVAS - 1) * CANVAS
                    + (x.max(0.0) as usize).min(CANVAS - 1)];
            }
            sketcher.push(
                &Luma {
                    samples: Samples::U8(&frame),
                    width,
                    height,
                    stride: width,
                    format: SampleFormat::REFERENCE,
                },
                index as f64 / 2.0,
            );
        }
    }
    sketcher.finish().fingerprint()
}

/// Discs that cover one another, each with a slope of light over it.
fn scene(random: &mut Random) -> Vec<u8> {
    let mut canvas = vec![0u8; CANVAS * CANVAS];
    let (least, most) = (3.0f32, 160.0f32);
    for _ in 0..DISCS {
        // Radii of density r^-3 between the two.
        let u = random.unit();
        let radius = (least.powi(-2) + u * (most.powi(-2) - least.powi(-2))).powf(-0.5);
        let (x, y) = (CANVAS as f32 * random.unit(), CANVAS as f32 * random.unit());
        let (level, slope) = (20.0 + 215.0 * random.unit(), 60.0 * (random.unit() - 0.5));
        let (first, last) =
            ((y - radius).max(0.0) as usize, ((y + radius) as usize).min(CANVAS - 1));
        for row in first..=last {
            let half = (radius * radius - (row as f32 - y).powi(2)).max(0.0).sqrt();
            let (from, to) = ((x - half).max(0.0) as usize, ((x + half) as usize).min(CANVAS - 1));
            if from <= to {
                canvas[row * CANVAS + from..=row * CANVAS + to]
                    .fill((level + slope * (row as f32 - y) / radius).clamp(0.0, 255.0) as u8);
            }
        }
    }
    canvas
}

/// Six seconds of chords over noise.
fn composed(random: &mut Random) -> AudioFingerprint {
    let mut recorder = Recorder::new(Format { rate: RATE, channels: 1 }).unwrap();
    let noisy = 0.3 * random.unit().powi(2);
    let mut left = 6 * RATE as usize;
    while left > 0 {
        let length = ((0.1 + 0.5 * random.unit()) * RATE as f32) as usize;
        let length = length.min(left);
        left -= length;
        // Each voice as a phasor that turns by its step, with an overtone that is its square.
        let mut voices: Vec<([f32; 2], [f32; 2], f32)> = (0..1 + random.below(4))
            .map(|_| {
                let step = TAU * 80.0 * (random.unit() * 4.5).exp2() / RATE as f32;
                ([1.0, 0.0], [step.cos(), step.sin()], 0.3 * random.unit())
            })
            .collect();
        let level = random.unit();
        let samples: Vec<f32> = (0..length)
            .map(|_| {
                let mut sum = noisy * (random.unit() - 0.5);
                for (now, step, loud) in &mut voices {
                    *now =
                        [now[0] * step[0] - now[1] * step[1], now[0] * step[1] + now[1] * step[0]];
                    sum += *loud * (now[1] + now[0] * now[1]);
                }
                sum * level
            })
            .collect();
        recorder.push(&samples);
    }
    recorder.finish().fingerprint()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
