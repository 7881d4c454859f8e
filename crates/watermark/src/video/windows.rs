//! Residual sums per span of time, in bounded memory.

use super::image::Image;
use super::reliability::Reliability;
use proofmark_core::TimeRange;

/// Length of a span at first, in seconds: the resolution of time ranges for clips of up to half a
/// minute.
const SPAN: f64 = 0.5;
/// Most spans; when they are used up, neighbours are merged and the length doubles.
const MOST: usize = 64;

/// A sum in half bytes, an eighth of its size. Rounding adds a hundredth to the noise that is in a
/// span anyway.
#[derive(Clone, Debug, Default)]
struct Packed {
    width: usize,
    height: usize,
    step: f32,
    /// Two samples a byte, the first in the lower half.
    data: Vec<u8>,
}

impl Packed {
    /// The sixteen levels lie at odd multiples of half a step.
    const MIDDLE: f32 = 7.5;
    /// The step in standard deviations that rounds normal samples best. J. Max, "Quantizing for
    /// minimum distortion", 1960.
    const STEP: f32 = 0.3352;

    fn new(sum: &Image) -> Self {
        let power = sum.data.iter().map(|v| v * v).sum::<f32>() / sum.data.len().max(1) as f32;
        let step = Self::STEP * power.sqrt();
        // What lies beyond the levels is cut off; without any power, that is no number, and level 0
        // of no step.
        let level = |v: f32| (v / step + Self::MIDDLE).round().clamp(0.0, 15.0) as u8;
        let data = sum
            .data
            .chunks(2)
            .map(|pair| level(pair[0]) | pair.get(1).map_or(0, |&v| level(v)) << 4)
            .collect();
        Self { width: sum.width, height: sum.height, step, data }
    }

    fn unpack(&self) -> Image {
        let sample = |level: u8| self.step * (f32::from(level) - Self::MIDDLE);
        let mut data: Vec<f32> =
            self.data.iter().flat_map(|&pair| [sample(pair & 15), sample(pair >> 4)]).collect();
        data.truncate(self.width * self.height);
        Image { width: self.width, height: self.height, data }
    }
}

/// A span. Its sum is packed once it is over.
#[derive(Clone, Debug)]
struct Window {
    range: TimeRange,
    sum: Packed,
    /// Sum of its frames' contrasts, and their number.
    contrast: (f32, u32),
}

/// Residual sums per span of time.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    span: f64,
    list: Vec<Window>,
    /// The sum of the last span.
    open: Image,
    /// The sum of all that are over, unrounded.
    closed: Image,
    weights: Option<Reliability>,
}

impl Windows {
    pub(crate) fn new() -> Self {
        Self {
            span: SPAN,
            list: Vec::new(),
            open: Image::default(),
            closed: Image::default(),
            weights: None,
        }
    }

    /// The sum that a frame at `time` seconds belongs to.
    pub(crate) fn at(&mut self, time: f64) -> &mut Image {
        let fits = |w: &Window, span: f64| time < w.range.start + span;
        match self.list.last_mut() {
            Some(last) if fits(last, self.span) => last.range.end = last.range.end.max(time),
            last => {
                if let Some(last) = last {
                    last.sum = Packed::new(&self.open);
                    self.closed.add(&self.open, 1.0);
                    self.open = Image::default();
                }
                while self.list.len() >= MOST {
                    self.merge();
                }
                self.list.push(Window {
                    range: TimeRange { start: time, end: time },
                    sum: Packed::default(),
                    contrast: (0.0, 0),
                });
            }
        }
        &mut self.open
    }

    /// Notes the contrast of a frame in the last span.
    pub(crate) fn saw(&mut self, contrast: f32) {
        if let Some(last) = self.list.last_mut() {
            last.contrast = (last.contrast.0 + contrast, last.contrast.1 + 1);
        }
    }

    /// The mean contrast of each span's frames, in order.
    pub(crate) fn contrasts(&self) -> Vec<f32> {
        self.list.iter().map(|w| w.contrast.0 / w.contrast.1.max(1) as f32).collect()
    }

    fn merge(&mut self) {
        self.span *= 2.0;
        let mut merged: Vec<Window> = Vec::with_capacity(MOST);
        for w in self.list.drain(..) {
            match merged.last_mut() {
                // By where it starts: frames are so far apart at times that it ends beyond the
                // span.
                Some(last) if w.range.start < last.range.start + self.span => {
                    last.range.end = w.range.end;
                    last.contrast =
                        (last.contrast.0 + w.contrast.0, last.contrast.1 + w.contrast.1);
                    let mut sum = last.sum.unpack();
                    sum.add(&w.sum.unpack(), 1.0);
                    last.sum = Packed::new(&sum);
                }
                _ => merged.push(w),
            }
        }
        self.list = merged;
    }

    /// Weighs the places of all sums from here on.
    pub(crate) fn weigh(&mut self, reliability: Reliability) {
        self.weights = Some(reliability);
    }

    /// Whether that was done.
    pub(crate) fn are_weighed(&self) -> bool {
        self.weights.is_some()
    }

    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// When each span is, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = TimeRange> {
        self.list.iter().map(|w| w.range)
    }

    /// The sum of the span at `place` in the list.
    pub(crate) fn sum(&self, place: usize) -> Image {
        self.weighed(self.unweighed(place))
    }

    fn unweighed(&self, place: usize) -> Image {
        if place + 1 == self.list.len() { self.open.clone() } else { self.list[place].sum.unpack() }
    }

    fn weighed(&self, mut sum: Image) -> Image {
        if let Some(weights) = &self.weights {
            weights.apply(&mut sum);
        }
        sum
    }

    /// The sum over all spans.
    pub(crate) fn total(&self) -> Image {
        let mut total = self.closed.clone();
        total.add(&self.open, 1.0);
        self.weighed(total)
    }

    /// The sum over the spans whose place in the list is wanted.
    pub(crate) fn sum_where(&self, wanted: impl Fn(usize) -> bool) -> Image {
        let mut total = Image::default();
        for place in (0..self.list.len()).filter(|&i| wanted(i)) {
            total.add(&self.unweighed(place), 1.0);
        }
        self.weighed(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::noise::Noise;

    /// Nearly normal samples, of unit power: sums of twelve even numbers.
    fn noise(seed: u64) -> Image {
        let (mut noise, mut image) = (Noise::new(seed), Image::new(64, 64));
        image.data.fill_with(|| (0..12).map(|_| noise.even()).sum());
        image
    }

    /// Power of what `rounded` lacks of `exact`, as a share of it.
    fn lost(exact: &Image, rounded: &Image) -> f32 {
        let power = |data: &mut dyn Iterator<Item = f32>| data.map(|v| v * v).sum::<f32>();
        power(&mut exact.data.iter().zip(&rounded.data).map(|(a, b)| a - b))
            / power(&mut exact.data.iter().copied())
    }

    #[test]
    fn a_long_clip_keeps_its_sum_in_few_windows() {
        let mut windows = Windows::new();
        let mut exact = Image::default();
        for i in 0..600 {
            let frame = noise(i);
            windows.at(i as f64 * 0.5).add(&frame, 1.0);
            exact.add(&frame, 1.0);
        }
        assert!(windows.len() <= MOST);
        assert!(lost(&exact, &windows.total()) < 1e-9);
        let ranges: Vec<_> = windows.ranges().collect();
        assert!(ranges.windows(2).all(|r| r[0].end < r[1].start));
        // Rounded, and merged four times.
        let parts = windows.sum_where(|_| true);
        assert!(lost(&exact, &parts) < 0.06, "{}", lost(&exact, &parts));
        assert_eq!(windows.sum(windows.len() - 1), windows.sum_where(|i| i + 1 == windows.len()));
    }

    #[test]
    fn windows_stay_few_however_far_apart_frames_are() {
        for rate in [30.0, 15.0, 12.5, 5.0, 0.5, 0.01] {
            let mut windows = Windows::new();
            for i in 0..5_000 {
                let sum = windows.at(f64::from(i) / rate);
                if sum.data.is_empty() {
                    *sum = Image::new(1, 1);
                }
                sum.data[0] += 1.0;
                assert!(
                    windows.len() <= MOST,
                    "{} windows at {rate} frames a second",
                    windows.len()
                );
            }
            assert!(
                windows.len() >= MOST / 4,
                "{} windows at {rate} frames a second",
                windows.len()
            );
            assert_eq!(windows.total().data, [5_000.0]);
            let ranges: Vec<_> = windows.ranges().collect();
            assert!(ranges.windows(2).all(|r| r[0].end < r[1].start), "at {rate} frames a second");
        }
    }

    #[test]
    fn rounding_is_far_below_the_noise() {
        let noise = noise(1);
        let lost = lost(&noise, &Packed::new(&noise).unpack());
        assert!(lost < 0.0125, "{lost}");
        let nothing = Image::new(3, 3);
        assert_eq!(Packed::new(&nothing).unpack(), nothing);
    }
}
