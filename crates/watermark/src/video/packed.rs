//! Marking pictures as programs hold them in arrays: red, green and blue side by side or apart, in
//! bytes, words or floats, full range.
//!
//! The mark is added to luma alone, and exactly: the same step to each of the three moves luma by
//! that step under any matrix, and nothing is converted.

use super::Marker;
use super::kernels::{self, DITHER};
use proofmark_core::video::{FrameMarker, FrameShape, Luma, SampleFormat, Samples};

/// How the samples of a picture lie: steps from one to the next, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// From a row to the one below.
    pub row: usize,
    /// From a pixel to the one on its right.
    pub pixel: usize,
    /// From red to green, and from green to blue.
    pub channel: usize,
    /// 1 for grey, 3 for red, green and blue. An alpha channel behind them is passed over by the
    /// step from pixel to pixel.
    pub channels: usize,
}

impl Layout {
    /// Pixel by pixel and row by row without gaps, each pixel of so many samples: 1 for grey, 3 for
    /// red, green and blue, 4 with alpha.
    #[must_use]
    pub fn interleaved(width: usize, samples: usize) -> Self {
        Self { row: width * samples, pixel: samples, channel: 1, channels: samples.min(3) | 1 }
    }

    /// Computes the luma of a picture (BT.709): H×W bytes of full range, without gaps. Whether it
    /// lies within `samples`.
    pub fn luma<T: Sample>(self, samples: &[T], shape: FrameShape, luma: &mut Vec<u8>) -> bool {
        let FrameShape { width, height, .. } = shape;
        if !self.fits(shape, samples.len()) {
            return false;
        }
        luma.resize(width * height, 0);
        for (y, row) in luma.chunks_exact_mut(width).enumerate() {
            look(&samples[y * self.row..], self, row);
        }
        true
    }

    /// Whether a picture of that size lies within `samples`.
    fn fits(self, FrameShape { width, height, .. }: FrameShape, samples: usize) -> bool {
        let steps = [(self.row, height), (self.pixel, width), (self.channel, self.channels)];
        let last = steps.iter().try_fold(0usize, |at, &(step, n)| {
            step.checked_mul(n.saturating_sub(1)).and_then(|far| at.checked_add(far))
        });
        width > 0 && height > 0 && last.is_some_and(|last| last < samples)
    }
}

/// A sample of a picture in full range.
pub trait Sample: Copy {
    /// Whether steps are in words of sixteen bits, rather than in bytes.
    const FINE: bool;
    /// As a byte, rounded.
    fn byte(self) -> u8;
    /// The row itself, if it is one of bytes.
    fn bytes(_row: &[Self]) -> Option<&[u8]> {
        None
    }
    /// Adds a step to each sample of a row, within what it can be.
    fn step(row: &mut [Self], steps: &[i16]);
}

impl Sample for u8 {
    const FINE: bool = false;
    fn byte(self) -> u8 {
        self
    }
    fn bytes(row: &[Self]) -> Option<&[u8]> {
        Some(row)
    }
    fn step(row: &mut [Self], steps: &[i16]) {
        kernels::step_bytes(row, steps);
    }
}

impl Sample for u16 {
    const FINE: bool = true;
    fn byte(self) -> u8 {
        (self >> 8) as u8
    }
    fn step(row: &mut [Self], steps: &[i16]) {
        kernels::step_words(row, steps);
    }
}

/// From 0 to 1; what lies beyond is left there.
impl Sample for f32 {
    const FINE: bool = true;
    fn byte(self) -> u8 {
        (self * 255.0 + 0.5) as u8
    }
    fn step(row: &mut [Self], steps: &[i16]) {
        kernels::step_floats(row, steps);
    }
}

/// What a row has in the middle of its range, so that no step is cut off.
const MIDDLE: [u16; 2] = [0x80, 0x8000];

impl Marker {
    /// Marks a picture in place: H×W pixels as `layout` says, full range. Floats go from 0 to 1.
    /// Whether it fits: a picture that does not lie within `samples` is left alone.
    pub fn embed_packed<T: Sample>(&mut self, samples: &mut [T], layout: Layout) -> bool {
        let shape = self.shape();
        let FrameShape { width, height, .. } = shape;
        if !layout.fits(shape, samples.len()) || ![1, 3].contains(&layout.channels) {
            return false;
        }
        self.analyse_packed(samples, layout);
        let format = SampleFormat { depth: 8, full_range: true };
        let mut steps = Steps::new(width);
        for y in 0..height {
            self.amplitude_at(y, format);
            steps.fill(self, y, T::FINE);
            let Steps { row, wide, .. } = &mut steps;
            add(&mut samples[y * layout.row..], layout, row, wide);
        }
        true
    }

    /// Measures the luma of the rows that the mask looks at.
    fn analyse_packed<T: Sample>(&mut self, samples: &[T], layout: Layout) {
        let FrameShape { width, height, .. } = self.shape();
        let mut luma = std::mem::take(&mut self.luma);
        luma.resize(width * height, 0);
        for y in (0..height).step_by(self.rows_apart()) {
            let row = &samples[y * layout.row..];
            look(row, layout, &mut luma[y * width..][..width]);
        }
        let samples = Samples::U8(&luma);
        let format = SampleFormat { depth: 8, full_range: true };
        self.analyse(&Luma { samples, width, height, stride: width, format });
        self.luma = luma;
    }
}

/// The steps of a row.
struct Steps {
    bytes: Vec<u8>,
    words: Vec<u16>,
    row: Vec<i16>,
    /// The same for each sample of a pixel.
    wide: Vec<i16>,
}

impl Steps {
    fn new(width: usize) -> Self {
        let (bytes, words) = (vec![0; width], vec![0; width]);
        Self { bytes, words, row: vec![0; width], wide: Vec::new() }
    }

    fn fill(&mut self, marker: &Marker, y: usize, fine: bool) {
        let (pattern, amplitude, dither): (_, _, &[i16; DITHER]) = marker.row(y);
        let [byte, word] = MIDDLE;
        if fine {
            self.words.fill(word);
            kernels::add_to_words(&mut self.words, pattern, amplitude, dither, 16);
            let steps = self.words.iter().map(|w| w.wrapping_sub(word) as i16);
            self.row.iter_mut().zip(steps).for_each(|(r, s)| *r = s);
        } else {
            self.bytes.fill(byte as u8);
            kernels::add_to_bytes(&mut self.bytes, pattern, amplitude, dither);
            let steps = self.bytes.iter().map(|&b| i16::from(b) - byte as i16);
            self.row.iter_mut().zip(steps).for_each(|(r, s)| *r = s);
        }
    }
}

/// Adds the steps of a row to its pixels. Where samples lie side by side, each is given its own step
/// first, so that one loop over all of them is vector code.
fn add<T: Sample>(row: &mut [T], layout: Layout, steps: &[i16], wide: &mut Vec<i16>) {
    match layout {
        Layout { pixel: 1, channel, channels, .. } => {
            for c in 0..channels {
                T::step(&mut row[c * channel..][..steps.len()], steps);
            }
        }
        Layout { pixel: 3, channel: 1, channels: 3, .. } => {
            wide.resize(3 * steps.len(), 0);
            kernels::spread(steps, wide);
            T::step(&mut row[..3 * steps.len()], wide);
        }
        Layout { pixel: 4, channel: 1, channels: 3, .. } => {
            wide.resize(4 * steps.len(), 0);
            kernels::spread_beside_alpha(steps, wide);
            // The last pixel of a picture may lack its alpha in what it was said to lie in.
            let all = row.len().min(4 * steps.len());
            T::step(&mut row[..all], &wide[..all]);
        }
        Layout { pixel, channel, channels, .. } => {
            for c in 0..channels {
                for (v, step) in row[c * channel..].iter_mut().step_by(pixel).zip(steps) {
                    T::step(std::slice::from_mut(v), std::slice::from_ref(step));
                }
            }
        }
    }
}

/// The luma of a row (BT.709).
fn look<T: Sample>(row: &[T], layout: Layout, luma: &mut [u8]) {
    let Layout { pixel, channel, channels, .. } = layout;
    if let Some(bytes) =
        T::bytes(row).filter(|_| channel == 1 && channels == 3 && [3, 4].contains(&pixel))
    {
        return kernels::luma_of_bytes(bytes, pixel, luma);
    }
    for (x, l) in luma.iter_mut().enumerate() {
        let at = x * pixel;
        *l = if channels == 1 {
            row[at].byte()
        } else {
            let [r, g, b] = [0, 1, 2].map(|c| u32::from(row[at + c * channel].byte()));
            ((54 * r + 183 * g + 19 * b) >> 8) as u8
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::WatermarkKey;
    use crate::video::Strength;
    use proofmark_core::Payload;

    const WIDTH: usize = 200;
    const HEIGHT: usize = 130;

    fn marker() -> Marker {
        let shape = FrameShape { width: WIDTH, height: HEIGHT, pixel_aspect: 1.0 };
        let payload = Payload::from_message(7);
        let key = WatermarkKey::from_secret([3; 32], 0);
        Marker::new(&key, payload, shape, Strength::default()).unwrap()
    }

    /// A picture of bytes in red, green and blue.
    fn picture() -> Vec<u8> {
        (0..WIDTH * HEIGHT)
            .flat_map(|i| {
                let (x, y) = (i % WIDTH, i / WIDTH);
                [60 + x / 4, 50 + y / 3, 90 + (x * 7 + y * 13) % 40].map(|v| v as u8)
            })
            .collect()
    }

    #[test]
    fn each_colour_moves_by_the_step_of_luma() {
        let before = picture();
        let mut after = before.clone();
        assert!(marker().embed_packed(&mut after, Layout::interleaved(WIDTH, 3)));
        let steps: Vec<[i16; 3]> = (before.as_chunks::<3>().0.iter())
            .zip(after.as_chunks::<3>().0)
            .map(|(b, a)| std::array::from_fn(|c| i16::from(a[c]) - i16::from(b[c])))
            .collect();
        assert!(steps.iter().all(|s| s[0] == s[1] && s[1] == s[2]));
        assert!(steps.iter().filter(|s| s[0] != 0).count() > WIDTH * HEIGHT / 4);
    }

    #[test]
    fn all_layouts_and_samples_carry_the_same_mark() {
        let rgb = picture();
        let mut marked = rgb.clone();
        marker().embed_packed(&mut marked, Layout::interleaved(WIDTH, 3));
        let pixels = || rgb.as_chunks::<3>().0.iter();

        let mut with_alpha: Vec<u8> = pixels().flat_map(|p| [p[0], p[1], p[2], 9]).collect();
        marker().embed_packed(&mut with_alpha, Layout::interleaved(WIDTH, 4));
        let expected: Vec<u8> =
            marked.as_chunks::<3>().0.iter().flat_map(|p| [p[0], p[1], p[2], 9]).collect();
        assert_eq!(with_alpha, expected);

        let mut apart: Vec<u8> = (0..3).flat_map(|c| pixels().map(move |p| p[c])).collect();
        let planes = Layout { row: WIDTH, pixel: 1, channel: WIDTH * HEIGHT, channels: 3 };
        marker().embed_packed(&mut apart, planes);
        let expected: Vec<u8> =
            (0..3).flat_map(|c| marked.as_chunks::<3>().0.iter().map(move |p| p[c])).collect();
        assert_eq!(apart, expected);

        let mut words: Vec<u16> = rgb.iter().map(|&v| u16::from(v) * 257).collect();
        let mut floats: Vec<f32> = rgb.iter().map(|&v| f32::from(v) / 255.0).collect();
        marker().embed_packed(&mut words, Layout::interleaved(WIDTH, 3));
        marker().embed_packed(&mut floats, Layout::interleaved(WIDTH, 3));
        for ((&byte, &word), &float) in marked.iter().zip(&words).zip(&floats) {
            // Bytes are dithered, the others have the step itself.
            assert!((f32::from(byte) - f32::from(word) / 257.0).abs() <= 1.1);
            assert!((f32::from(word) / 65535.0 - float).abs() < 2e-5);
        }
    }

    #[test]
    fn what_does_not_fit_is_left_alone_and_the_ends_hold() {
        let mut short = vec![9u8; WIDTH * HEIGHT * 3 - 1];
        assert!(!marker().embed_packed(&mut short, Layout::interleaved(WIDTH, 3)));
        assert!(short.iter().all(|&v| v == 9));
        let far = Layout { row: usize::MAX, ..Layout::interleaved(WIDTH, 3) };
        assert!(!marker().embed_packed(&mut short, far));
        for end in [0.0f32, 1.0, -2.0, 3.0, f32::NAN] {
            let mut flat = vec![end; WIDTH * HEIGHT];
            assert!(marker().embed_packed(&mut flat, Layout::interleaved(WIDTH, 1)));
            let within = |v: &f32| (end.min(0.0)..=end.max(1.0)).contains(v);
            assert!(end.is_nan() || flat.iter().all(within), "{end}");
        }
        let mut white = vec![255u8; WIDTH * HEIGHT];
        assert!(marker().embed_packed(&mut white, Layout::interleaved(WIDTH, 1)));
        assert!(white.iter().all(|&v| v > 240));
    }
}
