//! Embedding one 1080p frame, as a ratio to copying its luma plane in the same run: `cargo bench
//! --bench embed`.
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
    let (width, height) = (1920, 1080);
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
        "embedding one 1080p frame: {:.2} ms, copying its luma plane: {:.3} ms, ratio {:.1}",
        embed * 1e3,
        copy * 1e3,
        embed / copy
    );
}
