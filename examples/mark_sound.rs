//! Marks sound in memory, and finds the mark again.
//!
//! `cargo run --release --example mark_sound`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use proofmark::audio::{Detector, Format, ListenOptions, Marker};
use proofmark::{KeyRing, Payload, WatermarkKey};

const RATE: u32 = 48_000;

/// Ten seconds of something that is heard all over the spectrum: noise that swells and fades.
fn sound() -> Vec<f32> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let swell = |i: u32| 0.2 + 0.1 * (i as f32 / RATE as f32 * 3.0).sin();
    (0..10 * RATE).map(|i| swell(i) * noise()).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = WatermarkKey::generate(0)?;
    let payload = Payload::random();
    let format = Format { rate: RATE, channels: 1 };

    // Samples come and go in pieces of any length, full scale being 1.
    let mut marker = Marker::new(&key, payload, format)?;
    let mut marked = Vec::new();
    for piece in sound().chunks(4096) {
        marked.extend_from_slice(marker.push(piece));
    }
    marked.extend(marker.finish());

    let mut detector = Detector::new(&KeyRing::from(key), format, ListenOptions::default())?;
    detector.push(&marked);
    let found = detector.finish();
    assert_eq!(found.payload, Some(payload));
    println!("{payload} came back, p ≤ {}", found.p_value);
    Ok(())
}
