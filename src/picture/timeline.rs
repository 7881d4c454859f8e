//! When a clip is marked: the known mark, span by span.

use realfft::num_complex::Complex32;

use super::carrier::{Carrier, POINTS, TILE};
use super::evidence::{Span, SpanState, TimeRange};
use super::plane::Image;
use super::search::Finding;
use super::spectrum::{Readings, RealFft2};
use super::sync::{Whitened, score};
use super::warp::{Warp, unwarp};
use super::windows::Window;

/// What a typical marked span must score before a span can be called unmarked.
const PLAIN: f32 = 8.0;
/// Share of the typical residual energy below which a span (black, flat, faded) says nothing either way.
const SILENT: f32 = 0.3;

/// What is looked for in each span.
struct Known<'a> {
    finding: &'a Finding,
    warp: &'a Warp,
    word: Vec<f32>,
    dimensions: Vec<usize>,
    fold: Fold,
}

impl<'a> Known<'a> {
    fn new(warp: &'a Warp, finding: &'a Finding, carrier: &Carrier) -> Self {
        let (word, dimensions) = match finding.identified {
            Some((identified, _)) => (carrier.word(identified.mark), (0..2 * POINTS.len()).collect()),
            None => (carrier.signs(finding.peak.subpattern).to_vec(), carrier.sync.clone()),
        };
        Self { finding, warp, word, dimensions, fold: Fold::new() }
    }

    /// The score of a span, and its residual energy.
    fn measure(&mut self, window: &Window) -> (f32, f32) {
        let sign = if self.finding.peak.z < 0.0 { -1.0 } else { 1.0 };
        self.fold.read(&window.sum, self.warp, self.finding).map_or((0.0, 0.0), |(whitened, level)| (sign * score(&whitened.dimensions(), &self.word, &self.dimensions), level))
    }
}

/// Whether the mark of `finding` is plain in one span.
pub(crate) fn is_marked(window: &Window, warp: &Warp, finding: &Finding, carrier: &Carrier) -> bool {
    Known::new(warp, finding, carrier).measure(window).0 >= Span::MARKED
}

/// Whether the mark of `finding` is there, span by span. `frame` is the time that the last frame of a span is shown.
pub(crate) fn spans(windows: &[Window], warp: &Warp, finding: &Finding, carrier: &Carrier, frame: f64) -> Vec<Span> {
    let mut known = Known::new(warp, finding, carrier);
    let measured: Vec<(f32, f32)> = windows.iter().map(|w| known.measure(w)).collect();
    let marked: Vec<_> = measured.iter().filter(|m| m.0 >= Span::MARKED).collect();
    let typical = median(marked.iter().map(|m| m.0).collect());
    let energy = median(measured.iter().map(|m| m.1).collect());
    let state = |z: f32, e: f32| {
        if z >= Span::MARKED {
            SpanState::Marked
        } else if z < Span::UNMARKED && typical >= PLAIN && e >= SILENT * energy {
            SpanState::Unmarked
        } else {
            SpanState::Unknown
        }
    };
    let states: Vec<SpanState> = measured.iter().map(|&(z, e)| state(z, e)).collect();
    let span = |(i, (w, &(score, _))): (usize, (&Window, &(f32, f32)))| {
        // Up to the next span, unless that is where the mark ends.
        let ends_here = (states[i], states.get(i + 1)) == (SpanState::Marked, Some(&SpanState::Unmarked));
        let next = windows.get(i + 1).filter(|_| !ends_here);
        Span { start: w.range.start, end: next.map_or(w.range.end + frame, |next| next.range.start), score, state: states[i] }
    };
    windows.iter().zip(&measured).enumerate().map(span).collect()
}

/// The middle one, or the upper of the two; 0 if there are none.
pub(crate) fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Spans that are marked, joined; spans that say nothing go with their neighbours.
pub(crate) fn ranges(spans: &[Span]) -> Vec<TimeRange> {
    if spans.iter().all(|s| s.state != SpanState::Marked) {
        // The whole is marked, no span alone says so: the mark is weak, and where it lies cannot be told.
        let ends = spans.first().zip(spans.last());
        return ends.map(|(a, b)| TimeRange { start: a.start, end: b.end }).into_iter().collect();
    }
    let mut out: Vec<TimeRange> = Vec::new();
    let mut open = false;
    let mut pending: Option<f64> = None;
    for (i, span) in spans.iter().enumerate() {
        match span.state {
            SpanState::Unmarked => (open, pending) = (false, None),
            // Spans that say nothing belong to the marked ones before or after them.
            SpanState::Unknown if open => {
                if let Some(last) = out.last_mut() {
                    last.end = span.end;
                }
            }
            SpanState::Unknown => pending = pending.or(Some(span.start)),
            SpanState::Marked => {
                let (start, end) = within(spans, i);
                match out.last_mut() {
                    Some(last) if open => last.end = end,
                    _ => out.push(TimeRange { start: pending.unwrap_or(start), end }),
                }
                (open, pending) = (true, None);
            }
        }
    }
    out
}

/// The marked part of a marked span: between an unmarked neighbour and a marked one, the score tells how much of the span is marked.
fn within(spans: &[Span], i: usize) -> (f64, f64) {
    let Span { start, end, score, .. } = spans[i];
    let length = |marked: &Span| (end - start) * f64::from((score / marked.score).clamp(0.0, 1.0));
    match (i.checked_sub(1).and_then(|before| spans.get(before)), spans.get(i + 1)) {
        (Some(before), Some(after)) if (before.state, after.state) == (SpanState::Unmarked, SpanState::Marked) => (end - length(after), end),
        (Some(before), Some(after)) if (before.state, after.state) == (SpanState::Marked, SpanState::Unmarked) => (start, start + length(before)),
        _ => (start, end),
    }
}

/// Reads lattice points from a sum folded onto one tile: much quicker than a full spectrum, with the noise of the whole clip.
struct Fold {
    fft: RealFft2,
    tile: Image,
    spectrum: Vec<Complex32>,
}

impl Fold {
    fn new() -> Self {
        Self { fft: RealFft2::new(TILE, TILE), tile: Image::new(TILE, TILE), spectrum: Vec::new() }
    }

    fn read(&mut self, sum: &Image, warp: &Warp, finding: &Finding) -> Option<(Whitened, f32)> {
        let unwarped = unwarp(sum, warp)?;
        self.tile.data.fill(0.0);
        for (y, row) in unwarped.image.rows().enumerate() {
            let line = self.tile.row_mut(y % TILE);
            for part in row.chunks(TILE) {
                line.iter_mut().zip(part).for_each(|(t, &v)| *t += v);
            }
        }
        self.fft.forward(&self.tile, &mut self.spectrum);
        let value: Vec<Complex32> = POINTS.iter().map(|&(ky, kx)| self.spectrum[kx as usize * TILE + ky.rem_euclid(TILE as i32) as usize]).collect();
        // The span's own level of noise, with the whole clip's spectrum of it.
        let level = value_level(&value, &finding.noise);
        let noise = finding.noise.iter().map(|n| n * level).collect();
        let whitened = Whitened::new(&Readings { value, noise }, finding.orientation);
        let (ox, oy) = finding.orientation.back(unwarped.origin.0, unwarped.origin.1);
        Some((whitened.shifted(finding.origin.0 - ox, finding.origin.1 - oy), level))
    }
}

/// Mean power of readings over that of the noise.
fn value_level(value: &[Complex32], noise: &[f32]) -> f32 {
    let sum: f32 = value.iter().zip(noise).map(|(v, n)| v.norm_sqr() / n.max(f32::MIN_POSITIVE)).sum();
    (sum / value.len().max(1) as f32).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_say_nothing_go_with_their_marked_neighbours() {
        let told = |states: &str| {
            let state = |c| match c {
                'm' => SpanState::Marked,
                'u' => SpanState::Unmarked,
                _ => SpanState::Unknown,
            };
            let spans: Vec<Span> = states.chars().enumerate().map(|(i, c)| Span { start: i as f64, end: i as f64 + 1.0, score: 8.0, state: state(c) }).collect();
            ranges(&spans).iter().map(|r| (r.start, r.end)).collect::<Vec<_>>()
        };
        assert_eq!(told("?m?mu?u?m?"), [(0.0, 4.0), (7.0, 10.0)]);
        assert_eq!(told("u?u"), [(0.0, 3.0)], "weak: the whole");
        assert_eq!(told(""), []);
    }

    #[test]
    fn a_span_that_is_marked_in_part_says_how_much() {
        let span = |i: usize, score: f32| Span { start: i as f64, end: i as f64 + 1.0, score, state: if score < 4.0 { SpanState::Unmarked } else { SpanState::Marked } };
        let spans: Vec<Span> = [0.0, 6.0, 24.0, 20.0, 5.0, 0.0].into_iter().enumerate().map(|(i, score)| span(i, score)).collect();
        assert_eq!(ranges(&spans), [TimeRange { start: 1.75, end: 4.25 }]);
    }
}
