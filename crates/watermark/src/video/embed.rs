//! Embedding: the carrier at frame size, times the mask, added with dithered rounding.

use super::carrier::{Carrier, frame_scale};
use super::kernels::{self, DITHER, FRACTION, LARGEST_AMPLITUDE};
use super::mask::{Mask, MaskState};
use super::{Strength, VideoError};
use crate::key::WatermarkKey;
use crate::mark::Mark;
use proofmark_core::video::{FrameMarker, FrameShape, Luma, SampleFormat, SamplesMut};
use serde::{Deserialize, Serialize};

/// Carrier of root mean square 1 in integer units: 4 standard deviations fit a byte, which keeps
/// the pattern of a large frame in cache.
const PATTERN_UNIT: f32 = 32.0;
/// Amplitude of one grey level, as an integer.
const AMPLITUDE_UNIT: f32 = (1 << FRACTION) as f32 / PATTERN_UNIT;

/// How far a [`Marker`] has come, so that another one can go on from there: in another process, or
/// with the next piece of a clip that is encoded in pieces. It tells nothing of the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkerState {
    width: usize,
    height: usize,
    mask: MaskState,
}

/// Puts one mark into the frames of one clip: a payload, or a [`Mark`] of a later generation.
///
/// ```no_run
/// # use proofmark_watermark::video::*; use proofmark_watermark::{Payload, WatermarkKey};
/// # fn frames() -> Vec<Vec<u8>> { vec![] }
/// let key = WatermarkKey::generate(0)?;
/// let shape = FrameShape { width: 1280, height: 720, pixel_aspect: 1.0 };
/// let mut marker = Marker::new(&key, Payload::random(), shape, Strength::default())?;
/// for mut luma in frames() {
///     marker.embed(&mut luma, 1280);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Marker {
    shape: FrameShape,
    /// The carrier at frame size, in [`PATTERN_UNIT`].
    pattern: Vec<i8>,
    dither: Vec<[i16; DITHER]>,
    mask: Mask,
    /// Weights of the right-hand one of two blocks, from centre to centre.
    ramp: Vec<i16>,
    line: Vec<i16>,
    /// Amplitude rows of the grid, expanded to the frame's width: the two around the current pixel
    /// row.
    expanded: [(usize, Vec<i16>); 2],
    amplitude_line: Vec<i16>,
    /// Luma of what comes in other colours.
    pub(super) luma: Vec<u8>,
}

impl Marker {
    /// Smallest side of a frame that can carry the mark.
    pub const LEAST_SIDE: usize = 128;
    /// Largest side: sizes beyond it would take too much memory.
    pub const LARGEST_SIDE: usize = 16_384;

    /// A marker for frames of `shape`.
    ///
    /// # Errors
    /// [`VideoError::Size`] for frames under 128 or over 16,384 pixels on a side.
    pub fn new(
        key: &WatermarkKey,
        mark: impl Into<Mark>,
        shape: FrameShape,
        strength: Strength,
    ) -> Result<Self, VideoError> {
        let FrameShape { width, height, .. } = shape;
        if width.min(height) < Self::LEAST_SIDE || width.max(height) > Self::LARGEST_SIDE {
            return Err(VideoError::Size { width, height });
        }
        let mask = Mask::new(width, height, strength.factor());
        let block = mask.block() as i16;
        Ok(Self {
            shape,
            pattern: render(&Carrier::new(key), mark.into(), shape),
            dither: dither(),
            mask,
            ramp: (0..block).map(|i| (64 * (2 * i + 1)) / block).collect(),
            line: Vec::new(),
            expanded: [(usize::MAX, vec![0; width]), (usize::MAX, vec![0; width])],
            amplitude_line: vec![0; width],
            luma: Vec::new(),
        })
    }

    /// How far it has come.
    #[must_use]
    pub fn state(&self) -> MarkerState {
        let FrameShape { width, height, .. } = self.shape;
        MarkerState { width, height, mask: self.mask.state() }
    }

    /// Goes on where another marker stopped, whose frames came before.
    ///
    /// # Errors
    /// [`VideoError::State`] if that one was for frames of another size, or the state is damaged.
    pub fn resume(mut self, state: &MarkerState) -> Result<Self, VideoError> {
        let FrameShape { width, height, .. } = self.shape;
        if (state.width, state.height) != (width, height) || !self.mask.resume(&state.mask) {
            return Err(VideoError::State { width, height });
        }
        Ok(self)
    }

    /// The shape of the frames this marker is for.
    #[must_use]
    pub fn shape(&self) -> FrameShape {
        self.shape
    }

    /// Marks an eight-bit, limited-range luma plane in place: H×W, row-major, `stride` samples from
    /// row to row.
    pub fn embed(&mut self, luma: &mut [u8], stride: usize) {
        let FrameShape { width, height, .. } = self.shape;
        let format = SampleFormat::REFERENCE;
        self.analyse(&Luma { samples: super::Samples::U8(luma), width, height, stride, format });
        self.apply(&mut SamplesMut::U8(luma), stride, format);
    }

    /// Distance of the rows that are measured.
    pub(super) fn rows_apart(&self) -> usize {
        self.mask.step()
    }

    /// Makes ready the amplitudes of pixel row `y`, which comes after those above it.
    pub(super) fn amplitude_at(&mut self, y: usize, format: SampleFormat) {
        // Grey levels are the same in all depths; the kernels know the depth.
        let gain = SampleFormat { depth: 8, ..format }.steps_per_level();
        if y.is_multiple_of(self.mask.step()) {
            self.amplitude_row(y, gain);
        }
    }

    /// Pattern, amplitudes and dither of a row whose amplitudes are ready.
    pub(super) fn row(&self, y: usize) -> (&[i8], &[i16], &[i16; DITHER]) {
        let width = self.shape.width;
        let pattern = &self.pattern[y * width..(y + 1) * width];
        (pattern, &self.amplitude_line, &self.dither[y % DITHER])
    }

    /// Interpolates the amplitudes of pixel row `y` into `amplitude_line`.
    fn amplitude_row(&mut self, y: usize, gain: f32) {
        let block = self.mask.block() as f32;
        let amplitude = self.mask.amplitude();
        let last = amplitude.height.saturating_sub(1);
        let u = ((y as f32 + self.mask.step() as f32 / 2.0) / block - 0.5).clamp(0.0, last as f32);
        let upper = u as usize;
        let lower = (upper + 1).min(last);
        for row in [upper, lower] {
            let slot = &mut self.expanded[row % 2];
            if slot.0 != row {
                slot.0 = row;
                let unit = AMPLITUDE_UNIT * gain;
                self.line.clear();
                self.line.extend(
                    amplitude
                        .row(row)
                        .iter()
                        .map(|&a| (a * unit + 0.5).min(f32::from(LARGEST_AMPLITUDE)) as i16),
                );
                kernels::expand(&mut slot.1, &self.line, &self.ramp);
            }
        }
        let weight = ((u - upper as f32) * 128.0) as i16;
        kernels::mix(
            &mut self.amplitude_line,
            &self.expanded[upper % 2].1,
            &self.expanded[lower % 2].1,
            weight,
        );
    }
}

impl FrameMarker for Marker {
    /// Measures the frame that is marked next: its mask follows from its luma. `luma` must have the
    /// marker's size.
    fn analyse(&mut self, luma: &Luma<'_>) {
        self.mask.update(luma);
        self.expanded.iter_mut().for_each(|e| e.0 = usize::MAX);
    }

    /// Adds the mark, as analysed, to a plane of the marker's size. For luma and chroma that is the
    /// luma plane; for red, green and blue each of the three, which moves luma alone.
    fn apply(&mut self, plane: &mut SamplesMut<'_>, stride: usize, format: SampleFormat) {
        let FrameShape { width, height, .. } = self.shape;
        for y in 0..height {
            self.amplitude_at(y, format);
            let (pattern, amplitude, dither) = self.row(y);
            match plane {
                SamplesMut::U8(data) => kernels::add_to_bytes(
                    &mut data[y * stride..][..width],
                    pattern,
                    amplitude,
                    dither,
                ),
                SamplesMut::U16(data) => kernels::add_to_words(
                    &mut data[y * stride..][..width],
                    pattern,
                    amplitude,
                    dither,
                    format.depth.clamp(9, 16),
                ),
            }
        }
    }
}

/// What is added to a frame, as integers.
fn render(carrier: &Carrier, mark: Mark, shape: FrameShape) -> Vec<i8> {
    let (sx, sy) = frame_scale(&shape);
    let size = |pixels: usize, scale: f32| (pixels as f32 / scale).ceil() as usize + 1;
    let (width, height) = (size(shape.width, sx), size(shape.height, sy));
    let small = carrier.pattern(mark, width, height);
    let columns: Vec<_> = (0..shape.width).map(|x| cubic_taps(x, sx, width)).collect();
    let mut pattern = Vec::with_capacity(shape.width * shape.height);
    let mut line = vec![0.0f32; width];
    for y in 0..shape.height {
        let (rows, weights) = cubic_taps(y, sy, height);
        let rows = rows.map(|row| small.row(row));
        for (x, o) in line.iter_mut().enumerate() {
            *o = rows.iter().zip(weights).map(|(row, w)| w * row[x]).sum();
        }
        pattern.extend(columns.iter().map(|(taps, weights)| {
            let v: f32 = taps.iter().zip(weights).map(|(&t, w)| w * line[t]).sum();
            (v * PATTERN_UNIT).round() as i8
        }));
    }
    pattern
}

/// Tile pixels around frame pixel `i`, of `n`, and their Catmull–Rom weights.
fn cubic_taps(i: usize, scale: f32, n: usize) -> ([usize; 4], [f32; 4]) {
    let u = (i as f32 + 0.5) / scale - 0.5;
    let base = u.floor();
    let t = u - base;
    let tap = |d: i32| (base as i32 + d).clamp(0, n as i32 - 1) as usize;
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ];
    ([tap(-1), tap(0), tap(1), tap(2)], weights)
}

/// Rounding offsets in fractions of a step, spread evenly over any neighbourhood: the additive
/// recurrence on the plastic number of M. Roberts, "The unreasonable effectiveness of quasirandom
/// sequences" (2018).
fn dither() -> Vec<[i16; DITHER]> {
    const ALPHA: (f64, f64) = (0.754_877_666_246_693, 0.569_840_290_998_053);
    let at = |x: usize, y: usize| (x as f64 * ALPHA.0 + y as f64 * ALPHA.1).fract();
    (0..DITHER)
        .map(|y| std::array::from_fn(|x| (at(x, y) * f64::from(1 << FRACTION)) as i16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofmark_core::Payload;

    fn marker(width: usize, height: usize) -> Result<Marker, VideoError> {
        let shape = FrameShape { width, height, pixel_aspect: 1.0 };
        Marker::new(
            &WatermarkKey::from_secret([3; 32], 0),
            Payload::random(),
            shape,
            Strength::default(),
        )
    }

    #[test]
    fn small_frames_are_refused() {
        assert!(matches!(marker(127, 400), Err(VideoError::Size { width: 127, height: 400 })));
        assert!(marker(128, 128).is_ok());
    }

    #[test]
    fn the_change_has_no_mean_and_the_floor_amplitude_on_flat_frames() {
        let mut marker = marker(320, 200).unwrap();
        let mut frame = vec![120u8; 330 * 200];
        marker.embed(&mut frame, 330);
        let changes: Vec<f32> =
            frame.chunks(330).flat_map(|r| &r[..320]).map(|&v| f32::from(v) - 120.0).collect();
        let mean = changes.iter().sum::<f32>() / changes.len() as f32;
        let rms = (changes.iter().map(|c| c * c).sum::<f32>() / changes.len() as f32).sqrt();
        assert!(mean.abs() < 0.05, "mean {mean}");
        assert!((0.5..0.8).contains(&rms), "rms {rms}");
        assert!(
            frame.chunks(330).all(|r| r[320..].iter().all(|&v| v == 120)),
            "padding was written to"
        );
    }

    #[test]
    fn a_clip_in_pieces_is_marked_as_in_one() {
        let shape = FrameShape { width: 320, height: 200, pixel_aspect: 1.0 };
        let (key, payload) = (WatermarkKey::from_secret([3; 32], 0), Payload::from_message(7));
        let marker = || Marker::new(&key, payload, shape, Strength::default()).unwrap();
        let frame = |i: usize| -> Vec<u8> {
            (0..320 * 200).map(|p| (100 + i * i + (p * 7 + i * 13) % (5 + 9 * i)) as u8).collect()
        };
        let marked = |marker: &mut Marker, i: usize| {
            let mut frame = frame(i);
            marker.embed(&mut frame, 320);
            frame
        };
        let mut whole = marker();
        let expected: Vec<_> = (0..9).map(|i| marked(&mut whole, i)).collect();
        let mut state = marker().state();
        for piece in [0..3, 3..4, 4..9] {
            let mut next = marker().resume(&state).unwrap();
            for i in piece {
                assert!(marked(&mut next, i) == expected[i], "frame {i}");
            }
            let text = serde_json::to_string(&next.state()).unwrap();
            state = serde_json::from_str(&text).unwrap();
        }
        assert!(marked(&mut marker(), 3) != expected[3], "that a piece goes on is seen");
        let other = FrameShape { width: 328, ..shape };
        let other = Marker::new(&key, payload, other, Strength::default()).unwrap();
        assert!(matches!(other.resume(&state), Err(VideoError::State { width: 328, height: 200 })));
        state.mask = whole.state().mask;
        let mut damaged = serde_json::to_value(&state).unwrap();
        damaged["mask"]["amplitude"][3] = (-1.0).into();
        let damaged = serde_json::from_value(damaged).unwrap();
        assert!(marker().resume(&damaged).is_err());
    }

    #[test]
    fn ten_bits_carry_the_same_mark_as_eight() {
        let shape = FrameShape { width: 256, height: 160, pixel_aspect: 1.0 };
        let (key, payload) = (WatermarkKey::from_secret([3; 32], 0), Payload::random());
        let ramp = |x: usize, y: usize| 60 + (x / 4 + y / 3) as u16;
        let mut eight: Vec<u8> = (0..256 * 160).map(|i| ramp(i % 256, i / 256) as u8).collect();
        let mut ten: Vec<u16> = (0..256 * 160).map(|i| ramp(i % 256, i / 256) * 4).collect();
        Marker::new(&key, payload, shape, Strength::default()).unwrap().embed(&mut eight, 256);
        let format = SampleFormat { depth: 10, full_range: false };
        let mut marker = Marker::new(&key, payload, shape, Strength::default()).unwrap();
        marker.analyse(&Luma {
            samples: crate::video::Samples::U16(&ten),
            width: 256,
            height: 160,
            stride: 256,
            format,
        });
        marker.apply(&mut SamplesMut::U16(&mut ten), 256, format);
        let worst = eight
            .iter()
            .zip(&ten)
            .map(|(&a, &b)| (f32::from(a) - f32::from(b) / 4.0).abs())
            .fold(0.0, f32::max);
        assert!(worst <= 1.0, "{worst}");
    }
}
