//! Embedding one frame of 720p, 1080p and 4K, as a ratio to copying its luma plane in the same run:
//! `cargo bench -p proofmark-watermark --bench video`.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::hint::black_box;
use std::time::Instant;

use proofmark_watermark::{
    Payload, WatermarkKey,
    video::{FrameShape, Marker, Strength},
};

/// Median seconds of a call.
fn time(mut f: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..61)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn main() {
    for (name, width, height) in [("720p", 1280, 720), ("1080p", 1920, 1080), ("4K", 3840, 2160)] {
        measure(name, width, height);
    }
}

fn measure(name: &str, width: usize, height: usize) {
    let shape = FrameShape { width, height, pixel_aspect: 1.0 };
    let mut marker = Marker::new(
        &WatermarkKey::from_secret([1; 32], 0),
        Payload::random(),
        shape,
        Strength::default(),
    )
    .unwrap();
    let source: Vec<u8> = (0..width * height)
        .map(|i| {
            (i % width / 8 + i / width / 8) as u8 / 2
                + (i as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0] / 16
        })
        .collect();
    let mut frame = source.clone();
    let copy = time(|| black_box(&mut frame).copy_from_slice(black_box(&source)));
    let embed = time(|| {
        frame.copy_from_slice(&source);
        marker.embed(black_box(&mut frame), width);
    }) - copy;
    println!(
        "embedding one {name} frame: {:.2} ms, copying its luma plane: {:.3} ms, ratio {:.1}; \
        {:.0} million pixels a second",
        embed * 1e3,
        copy * 1e3,
        embed / copy,
        (width * height) as f64 / embed / 1e6
    );
}
