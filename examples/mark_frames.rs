//! Marks frames in memory, and finds the mark again: no file, no registry, no manifest.
//!
//! `cargo run --release --example mark_frames`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use proofmark::video::{
    DetectOptions, Detector, FrameShape, Luma, Marker, SampleFormat, Samples, Strength,
};
use proofmark::{KeyRing, Payload, WatermarkKey};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// A frame of luma, eight bits, limited range: waves that move.
fn frame(number: usize) -> Vec<u8> {
    let at = |x: usize, y: usize| {
        let (x, y, t) = (x as f32, y as f32, number as f32);
        128.0 + 50.0 * ((x + 2.0 * t) * 0.05).sin() * (y * 0.04).cos() + 9.0 * (x * y * 0.01).sin()
    };
    (0..WIDTH * HEIGHT).map(|i| at(i % WIDTH, i / WIDTH) as u8).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Keep the key: whoever has it finds the mark, and nobody else does.
    let key = WatermarkKey::generate(0)?;
    let payload = Payload::random();
    let shape = FrameShape { width: WIDTH, height: HEIGHT, pixel_aspect: 1.0 };

    let mut marker = Marker::new(&key, payload, shape, Strength::default())?;
    let mut detector = Detector::new(&KeyRing::from(key), shape, DetectOptions::default());
    for number in 0..48 {
        let mut luma = frame(number);
        marker.embed(&mut luma, WIDTH);
        // Here frames would be encoded, sent, and decoded again.
        let (samples, format) = (Samples::U8(&luma), SampleFormat::REFERENCE);
        let seen = Luma { samples, width: WIDTH, height: HEIGHT, stride: WIDTH, format };
        detector.push(&seen, number as f64 / 24.0);
    }
    let found = detector.finish();
    assert_eq!(found.payload, Some(payload));
    println!("{payload} came back, p ≤ {}", found.p_value);
    Ok(())
}
