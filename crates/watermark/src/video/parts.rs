//! The evidence of either part of a mark, which tells one that was copied from one that was made.

use super::carrier::{Carrier, Pattern, dimensions};
use super::cells::{PLACES, fits, gather};
use super::evidence::Parts;
use super::hypothesis::{Detection, Projection, Sum};
use super::sync::Orientation;
use crate::stats::{PValue, unsaturated};

/// Least evidence of the aperiodic part over that of the periodic one in a marked clip, whatever
/// was done to it: in 500 copies of the harness it was .195 at the least, .39 in the median;
/// a tile that was averaged over few flat cells, where most of it comes from, brings up to .05.
const BESIDE_PERIODIC: f32 = 0.15;
/// Evidence, of the kind that does not saturate, beyond which no more of it is expected: in a fresh
/// mark the parts are each other's noise.
const PLAIN: f32 = 2000.0;

/// Whether the aperiodic part is there, too: a mark of 0.2 has none.
pub(crate) fn are_two(parts: Parts) -> bool {
    parts.aperiodic > BESIDE_PERIODIC * parts.periodic
}

/// The evidence of either part of a mark that was found, in the sum that it was found in.
pub(crate) fn parts(sum: Sum<'_>, found: &Detection, carrier: &Carrier) -> Option<Parts> {
    let (identified, _) = found.identified?;
    let word = Pattern::new(carrier.word(identified.mark));
    let view = Projection::new(sum, found.factor, found.lies())?;
    let (x, y) = view.unwarped.origin;
    let periodic = view.whitened(Orientation::UPRIGHT).shifted(-x, -y);
    let cells = view.cells();
    // Who subtracts too much of the periodic part leaves it inverted, and the other as it was.
    let (aperiodic, tried) = match found.cell {
        Some(cell) => (gather(&cells, carrier, cell)?.fit(&word).abs(), 1.0),
        None => (fits(&cells, carrier, &word).fold(0.0, |z, fit| fit.0.abs().max(z)), PLACES),
    };
    let periodic = periodic.fit(&word);
    let most = dimensions() as f32;
    let expected = (unsaturated(periodic, most) * BESIDE_PERIODIC).min(PLAIN);
    let missing = ((expected / (1.0 + expected / most)).sqrt() - aperiodic).max(0.0);
    Some(Parts {
        periodic: periodic * periodic,
        aperiodic: aperiodic * aperiodic,
        copied: PValue::of_score(f64::from(missing), tried),
    })
}

#[cfg(test)]
mod tests {
    use super::super::noise::Noise;
    use super::super::tile::TILE;
    use super::super::{DetectOptions, Detector, Marker, Strength, VideoEvidence};
    use crate::WatermarkKey;
    use crate::evidence::Question;
    use proofmark_core::Payload;
    use proofmark_core::video::{FrameShape, Luma, Placement, SampleFormat, Samples};

    const SHAPE: FrameShape = FrameShape { width: 640, height: 360, pixel_aspect: 1.0 };
    const FRAMES: usize = 24;

    fn secret() -> WatermarkKey {
        WatermarkKey::from_secret([5; 32], 0)
    }

    /// Frames of noise, and the same marked.
    fn clip(payload: Payload) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut noise = Noise::new(11);
        let mut marker = Marker::new(&secret(), payload, SHAPE, Strength::default()).unwrap();
        let plain: Vec<Vec<u8>> =
            (0..FRAMES).map(|_| noise.frame(SHAPE.width * SHAPE.height, 4)).collect();
        let mut marked = plain.clone();
        marked.iter_mut().for_each(|frame| marker.embed(frame, SHAPE.width));
        (plain, marked)
    }

    /// What whoever has one clip can learn of its mark at best: the mean of all repetitions of the
    /// tile.
    fn averaged(plain: &[Vec<u8>], marked: &[Vec<u8>]) -> Vec<f32> {
        let mut tile = vec![(0.0, 0.0); TILE * TILE];
        for (a, b) in plain.iter().zip(marked) {
            for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
                let (x, y) = (i % SHAPE.width % TILE, i / SHAPE.width % TILE);
                let sum = &mut tile[y * TILE + x];
                *sum = (sum.0 + f32::from(b) - f32::from(a), sum.1 + 1.0);
            }
        }
        tile.into_iter().map(|(sum, count)| sum / count).collect()
    }

    /// The frames with a tile laid over them, which is rounded by noise.
    fn laid(frames: &[Vec<u8>], tile: &[f32], times: f32) -> Vec<Vec<u8>> {
        let mut noise = Noise::new(3);
        let mut one = |(i, &v): (usize, &u8)| {
            let (x, y) = (i % SHAPE.width % TILE, i / SHAPE.width % TILE);
            let rounding = noise.bits(8) as f32 / 256.0;
            (f32::from(v) + times * tile[y * TILE + x] + rounding).floor() as u8
        };
        frames.iter().map(|frame| frame.iter().enumerate().map(&mut one).collect()).collect()
    }

    /// What is found in a part of the frames.
    fn detect(frames: &[Vec<u8>], part: (usize, usize, usize, usize)) -> VideoEvidence {
        ask(frames, part, DetectOptions::default())
    }

    fn ask(
        frames: &[Vec<u8>],
        (left, top, width, height): (usize, usize, usize, usize),
        options: DetectOptions,
    ) -> VideoEvidence {
        let shape = FrameShape { width, height, pixel_aspect: 1.0 };
        let mut detector = Detector::new(&secret().into(), shape, options);
        for (i, frame) in frames.iter().enumerate() {
            let samples = Samples::U8(&frame[top * SHAPE.width + left..]);
            let format = SampleFormat::REFERENCE;
            let luma = Luma { samples, width, height, stride: SHAPE.width, format };
            detector.push(&luma, i as f64 / 15.0);
        }
        detector.finish()
    }

    fn mirrored(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let turned =
            |f: &Vec<u8>| f.chunks(SHAPE.width).flat_map(|row| row.iter().rev().copied()).collect();
        frames.iter().map(turned).collect()
    }

    const WHOLE: (usize, usize, usize, usize) = (0, 0, SHAPE.width, SHAPE.height);

    #[test]
    fn a_tile_that_was_averaged_and_subtracted_leaves_the_aperiodic_part() {
        let payload = Payload::random();
        let (plain, marked) = clip(payload);
        let found = detect(&laid(&marked, &averaged(&plain, &marked), -1.0), WHOLE);
        assert_eq!(found.payload, Some(payload));
        let parts = found.parts.unwrap();
        assert!(parts.aperiodic > 4.0 * parts.periodic && parts.copied.value() > 0.1, "{parts:?}");
        assert!(!found.ranges.is_empty());
    }

    #[test]
    fn a_tile_that_was_copied_is_told_from_a_mark_however_that_lies() {
        let payload = Payload::random();
        let (plain, marked) = clip(payload);
        let tile = averaged(&plain, &marked);
        let inverted = detect(&laid(&marked, &tile, -3.0), WHOLE);
        assert!(inverted.parts.unwrap().copied.value() > 0.1, "{:?}", inverted.parts);
        let copied = laid(&plain, &tile, 1.2);
        let found = detect(&copied, WHOLE);
        assert_eq!(found.payload, Some(payload));
        assert!(found.parts.unwrap().copied.value() < 1e-9, "{:?}", found.parts);
        let mirrored = mirrored(&marked);
        for (frames, part) in [
            (&marked, WHOLE),
            (&mirrored, WHOLE),
            (&marked, (250, 90, 380, 260)),
            (&mirrored, (33, 41, 500, 300)),
        ] {
            let found = detect(frames, part);
            assert_eq!(found.payload, Some(payload));
            let parts = found.parts.unwrap();
            assert!(
                parts.aperiodic > 0.2 * parts.periodic && parts.copied.value() == 1.0,
                "{part:?} {parts:?}"
            );
        }
    }

    #[test]
    fn what_averaging_leaves_is_found_in_a_crop_where_its_picture_is_said_to_lie() {
        let payload = Payload::random();
        let (plain, marked) = clip(payload);
        let erased = laid(&marked, &averaged(&plain, &marked), -1.0);
        let part = (57, 31, 500, 290);
        let placement = |mirrored| Placement {
            // Off by some pixels, and by half a per cent of its size.
            corner: [(-57.0 + 4.0) / 500.0, (-31.0 - 3.0) / 290.0],
            size: [1.005 * SHAPE.width as f32 / 500.0, 1.004 * SHAPE.height as f32 / 290.0],
            aspect: SHAPE.width as f32 / SHAPE.height as f32,
            mirrored,
        };
        let asked = |frames: &[Vec<u8>], placement| {
            let question = Question::Expected(payload);
            ask(
                frames,
                part,
                DetectOptions { question, placement, again: true, ..Default::default() },
            )
        };
        assert_eq!(asked(&erased, None).payload, None, "no lattice is left");
        assert_eq!(asked(&erased, Some(placement(false))).payload, Some(payload));
        let turned = mirrored(&erased);
        assert_eq!(asked(&turned, Some(placement(true))).payload, Some(payload));
        assert_eq!(asked(&turned, Some(placement(false))).payload, None, "not this way round");
        assert_eq!(asked(&plain, Some(placement(false))).payload, None, "no mark");
    }
}
