//! The registry as it grows: cargo bench --bench registry -- [ENTRIES...]
//!
//! Each registry is filled with entries of six seconds: twelve random hashes of the picture that
//! change by 23 bits from one to the next, and 72 of the sound that change by four. A clip that is
//! in none of them is looked up by its fingerprints: what that takes depends on their number alone,
//! how alike they are does not matter. The search by sound is the longer one, under guesses of how
//! it was stretched, as nothing is found without.
#![allow(
    clippy::too_many_lines,
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a library"
)]

use std::path::Path;
use std::time::Instant;

use proofmark::Payload;
use proofmark::audio::Format;
use proofmark::fingerprint::{
    AudioFingerprint, AudioQuery, Query, Recorder, Sketcher, VideoFingerprint,
};
use proofmark::media::{AudioReader, Limits, Reader};
use proofmark::recovery::{match_audio, match_video};
use proofmark::registry::{self, Entry};
use tempfile::TempDir;

/// Frames of a clip of six seconds, and hashes of its sound.
const FRAMES: usize = 12;
const HASHES: usize = 72;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bigbuckbunny.mp4");
    let mut reader = Reader::open(&clip, &Limits::default()).unwrap();
    let mut sketcher = Sketcher::default();
    while let Some((mut picture, time)) = reader.next_frame(|t| sketcher.wants(t)).unwrap() {
        picture.with_luma(|luma| sketcher.push(luma, time));
    }
    let sketch = sketcher.finish();
    let mut reader = AudioReader::open(&clip, &Limits::default()).unwrap().unwrap();
    let mut recorder =
        Recorder::new(Format { rate: reader.info().rate, channels: reader.info().channels })
            .unwrap();
    while let Some(samples) = reader.next_block().unwrap() {
        recorder.push(samples);
    }
    let recording = recorder.finish();
    println!(
        "| entries | on disk, MB | put, s | search by picture, s | by sound, s | all payloads, s \
        | by payload, ms | peak memory, MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for count in if sizes.is_empty() { vec![1000, 10_000] } else { sizes } {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("registry.db");
        let r = registry::open(path.to_str().unwrap()).unwrap();
        let mut random = Random(88_172_645_463_325_252);
        let (_, put) = timed(|| {
            for start in (0..count).step_by(1000) {
                let page: Vec<Entry> = (start..count.min(start + 1000))
                    .map(|i| entry(i as u64, &mut random))
                    .collect();
                r.put_all(&page, false).unwrap();
            }
        });
        let (found, search) = timed(|| {
            match_video(r.as_ref(), &Query::new(&sketch), &Default::default(), &Limits::default())
                .unwrap()
        });
        assert!(found.is_empty(), "nothing random looks like a clip");
        let (heard, listen) = timed(|| {
            match_audio(
                r.as_ref(),
                &AudioQuery::new(&recording).unwrap(),
                &Default::default(),
                &Limits::default(),
            )
            .unwrap()
        });
        assert!(heard.is_empty(), "nothing random sounds like a clip");
        let (payloads, all) = timed(|| r.payloads(count).unwrap());
        let (_, each) = timed(|| {
            payloads
                .iter()
                .step_by((count / 1000).max(1))
                .for_each(|&p| assert!(r.by_payload(p).unwrap().is_some()))
        });
        let megabytes = std::fs::metadata(&path).unwrap().len() as f64 / 1e6;
        println!(
            "| {count} | {megabytes:.0} | {put:.1} | {search:.2} | {listen:.2} | {all:.2} | {:.3} \
            | {:.0} |",
            1e3 * each / 1000.0,
            peak_memory()
        );
    }
}

fn entry(i: u64, random: &mut Random) -> Entry {
    let mut hash: [u64; 4] = std::array::from_fn(|_| random.next());
    let mut hashes = vec![1];
    hashes.extend((16.0f32 / 9.0).to_be_bytes());
    for frame in 0..FRAMES {
        hashes.extend((frame as f32 / 2.0).to_be_bytes());
        hash.iter().for_each(|w| hashes.extend(w.to_be_bytes()));
        for _ in 0..23 {
            let bit = random.next() as usize % 256;
            hash[bit / 64] ^= 1 << (bit % 64);
        }
    }
    let mut e = Entry::new(Payload::random(), [0; 32].into(), "video/mp4".into(), i);
    e.picture = VideoFingerprint::from_parts(&hashes, vec![0; FRAMES * 32 * 32]);
    let mut hash = random.next() as u32;
    let mut sound = vec![1];
    for _ in 0..HASHES {
        sound.extend(hash.to_be_bytes());
        (0..4).for_each(|_| hash ^= 1 << (random.next() % 32));
    }
    e.sound = AudioFingerprint::from_bytes(&sound);
    e
}

/// Marsaglia's xorshift, which is random enough here.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let out = f();
    (out, start.elapsed().as_secs_f64())
}

/// In megabytes, of this process so far.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |k| k / 1e3)
}
