//! When sound is marked: the known mark, span by span.

use realfft::num_complex::Complex32;

use super::bands::BandEnergies;
use super::carrier::{CELLS, Carrier, PERIOD};
use super::layout::{BANDS, PAIR};
use super::read::pairs;
use super::search::Finding;
use super::segment::Segment;
use crate::evidence::{self, Span, SpanState};
use crate::stats::median;

/// Seconds of a span.
const SPAN: f64 = 0.5;
/// What a typical marked span must score before one can be called unmarked.
const PLAIN: f32 = 7.0;

/// Whether the mark of `finding` is there, span by span.
pub(crate) fn timeline(segment: &Segment, finding: &Finding, carrier: &Carrier) -> Vec<Span> {
    let energies = segment.energies(finding.stretch.pitch);
    let pairs = follow(&energies, finding, carrier);
    let end = segment.seconds();
    let count = (end / SPAN).ceil() as usize;
    let mut sums = vec![(0.0f32, 0.0f32); count];
    for (time, sum, variance) in pairs {
        let s = &mut sums[((time / SPAN) as usize).min(count - 1)];
        *s = (s.0 + sum, s.1 + variance);
    }
    let scores: Vec<f32> = sums
        .iter()
        .map(|&(sum, variance)| if variance > 0.0 { sum / variance.sqrt() } else { 0.0 })
        .collect();
    let typical = median(scores.iter().copied().filter(|&z| z >= Span::MARKED).collect());
    let full = sums.iter().map(|s| s.1).fold(0.0, f32::max);
    let state = |z: f32, variance: f32| match z {
        z if z >= Span::MARKED => SpanState::Marked,
        z if z < Span::UNMARKED && typical >= PLAIN && variance >= 0.3 * full => {
            SpanState::Unmarked
        }
        _ => SpanState::Unknown,
    };
    let mut states: Vec<SpanState> =
        scores.iter().zip(&sums).map(|(&z, s)| state(z, s.1)).collect();
    evidence::doubt(&mut states, &scores, typical);
    let span = |(i, (&score, &state)): (usize, (&f32, &SpanState))| Span {
        start: i as f64 * SPAN,
        end: ((i + 1) as f64 * SPAN).min(end),
        score,
        state,
    };
    scores.iter().zip(&states).enumerate().map(span).collect()
}

/// What each pair says of the mark of `finding`: its middle in seconds, a sum, and the variance
/// that the sum has without the mark. Where the payload is not known, sync cells alone count.
fn follow(energies: &BandEnergies, finding: &Finding, carrier: &Carrier) -> Vec<(f64, f32, f32)> {
    let (word, mut used) = (
        finding.payload.map_or_else(|| vec![1.0; CELLS], |p| carrier.word(p.0)),
        vec![finding.payload.is_some(); CELLS],
    );
    carrier.sync.iter().for_each(|&c| used[c] = true);
    let place = finding.stretch.place;
    let turn: Vec<Complex32> = (0..CELLS)
        .map(|c| {
            if used[c] {
                Complex32::from_polar(word[c], -std::f32::consts::TAU * carrier.phases[c])
            } else {
                Complex32::default()
            }
        })
        .collect();
    let mut out = Vec::new();
    pairs(
        energies,
        place,
        finding.weighing,
        |_| true,
        |k, points, weights| {
            let at = k.rem_euclid(PERIOD as i64) as usize * BANDS;
            let (mut sum, mut variance) = (0.0, 0.0);
            for (b, (point, weight)) in points.iter().zip(weights).enumerate() {
                if turn[at + b] != Complex32::default() {
                    sum += (point * turn[at + b]).re;
                    variance += weight * weight / 2.0;
                }
            }
            out.push((place.begin(k) + PAIR / 2.0 / place.speed, sum, variance));
        },
    );
    out
}
