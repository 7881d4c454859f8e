//! Residual sums per span of time, in bounded memory.

use super::equalise::Equaliser;
use super::plane::Image;
use crate::evidence::TimeRange;

/// Length of a span at first, in seconds: the resolution of time ranges for clips of up to half a minute.
const SPAN: f64 = 0.5;
/// Most spans; when they are used up, neighbours are merged and the length doubles.
const MOST: usize = 64;

/// A span's sum.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) range: TimeRange,
    pub(crate) sum: Image,
}

/// Residual sums per span of time.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    span: f64,
    list: Vec<Window>,
}

impl Windows {
    pub(crate) fn new() -> Self {
        Self { span: SPAN, list: Vec::new() }
    }

    /// The sum that a frame at `time` seconds belongs to.
    pub(crate) fn at(&mut self, time: f64) -> &mut Image {
        let open = self.list.last().is_some_and(|w| time < w.range.start + self.span);
        if !open {
            if self.list.len() == MOST {
                self.merge();
                return self.at(time);
            }
            self.list.push(Window { range: TimeRange { start: time, end: time }, sum: Image::default() });
        }
        let last = self.list.len() - 1;
        let window = &mut self.list[last];
        window.range.end = window.range.end.max(time);
        &mut window.sum
    }

    fn merge(&mut self) {
        self.span *= 2.0;
        let mut merged: Vec<Window> = Vec::with_capacity(MOST);
        for w in self.list.drain(..) {
            match merged.last_mut() {
                Some(last) if w.range.end < last.range.start + self.span => {
                    last.range.end = w.range.end;
                    last.sum.data.iter_mut().zip(&w.sum.data).for_each(|(a, b)| *a += b);
                }
                _ => merged.push(w),
            }
        }
        self.list = merged;
    }

    /// Weighs the places of all sums.
    pub(crate) fn weigh(&mut self, equaliser: &Equaliser) {
        self.list.iter_mut().for_each(|w| equaliser.apply(&mut w.sum));
    }

    /// All spans, in order.
    pub(crate) fn list(&self) -> &[Window] {
        &self.list
    }

    /// The sum over all spans.
    pub(crate) fn total(&self) -> Image {
        self.sum_where(|_| true)
    }

    /// The sum over the spans whose place in the list is wanted.
    pub(crate) fn sum_where(&self, wanted: impl Fn(usize) -> bool) -> Image {
        let mut list = self.list.iter().enumerate().filter(|&(i, _)| wanted(i)).map(|(_, w)| &w.sum);
        let mut total = list.next().cloned().unwrap_or_default();
        for sum in list {
            total.data.iter_mut().zip(&sum.data).for_each(|(a, b)| *a += b);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_clip_keeps_its_sum_in_few_windows() {
        let mut windows = Windows::new();
        for i in 0..10_000 {
            let sum = windows.at(f64::from(i) * 0.1);
            if sum.data.is_empty() {
                *sum = Image::new(1, 1);
            }
            sum.data[0] += 1.0;
        }
        assert!(windows.list().len() <= MOST);
        assert_eq!(windows.total().data, [10_000.0]);
        let ranges: Vec<_> = windows.list().iter().map(|w| w.range).collect();
        assert!(ranges.windows(2).all(|r| r[0].end < r[1].start));
    }
}
