//! Marking and detecting sound, as multiples of real time: `taskset -c 0 cargo bench --bench
//! sound`.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::hint::black_box;
use std::time::Instant;

use proofmark_watermark::{
    KeyRing, Payload, WatermarkKey,
    audio::{Detector, Format, ListenOptions, Marker},
};

const FORMAT: Format = Format { rate: 48_000, channels: 2 };
const BLOCK: usize = 1024;

/// Median of some runs, in seconds.
fn time(mut f: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..7)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

/// Notes over noise that comes and goes, in stereo.
fn sound(seconds: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..seconds * FORMAT.rate as usize)
        .flat_map(|i| {
            let t = i as f32 / FORMAT.rate as f32;
            let level = 0.05 + 0.04 * (t * 9.0).sin();
            let tone = (t * std::f32::consts::TAU * 220.0 * (1.0 + (t as usize % 5) as f32 * 0.25))
                .sin()
                * 0.2;
            [tone + level * noise(), tone * 0.7 + level * noise()]
        })
        .collect()
}

fn mark(key: &WatermarkKey, samples: &[f32]) -> Vec<f32> {
    let mut marker = Marker::new(key, Payload::random(), FORMAT).unwrap();
    let mut out = Vec::with_capacity(samples.len());
    for block in samples.chunks(BLOCK * FORMAT.channels) {
        out.extend_from_slice(marker.push(block));
    }
    out.extend(marker.finish());
    out
}

fn detect(ring: &KeyRing, samples: &[f32]) -> bool {
    let mut detector = Detector::new(ring, FORMAT, ListenOptions::default()).unwrap();
    samples.chunks(BLOCK * FORMAT.channels).for_each(|block| detector.push(block));
    detector.finish().payload.is_some()
}

fn main() {
    let key = WatermarkKey::from_secret([1; 32], 0);
    let ring = KeyRing::from(key.clone());
    let (minute, ten) = (sound(60), sound(10));
    let marked = mark(&key, &ten);
    assert!(detect(&ring, &marked) && !detect(&ring, &ten));
    let embed = time(|| drop(black_box(mark(&key, &minute))));
    let found = time(|| assert!(detect(&ring, black_box(&marked))));
    let searched = time(|| assert!(!detect(&ring, black_box(&ten))));
    println!(
        "marking 48 kHz stereo: {:.0} × real time; detecting 10 s: marked {:.0} ×, unmarked with \
        the whole search {:.0} ×",
        60.0 / embed,
        10.0 / found,
        10.0 / searched
    );
}
