//! When a clip is marked: the known mark, span by span.

use realfft::num_complex::Complex32;

use super::carrier::{Carrier, POINTS};
use super::cells::{Cells, gather};
use super::hypothesis::Detection;
use super::image::Image;
use super::readings::Readings;
use super::spectrum::RealFft2;
use super::sync::{Whitened, score};
use super::tile::{BAND_HIGH, TILE};
use super::track::track;
use super::warp::{Unwarped, Warp, unwarp};
use super::windows::Windows;
use crate::evidence::{self, Span, SpanState};
use crate::stats::median;
use proofmark_core::TimeRange;

/// What a typical marked span must score before a span can be called unmarked.
const PLAIN: f32 = 8.0;
/// Share of the typical residual energy below which a span (black, flat, faded) says nothing either
/// way.
const SILENT: f32 = 0.3;

/// Share of the contrast of the span before it that a span keeps at most where a picture fades, and
/// of the typical one that is left at its end.
const FADING: f32 = 0.95;
const FADED: f32 = 0.35;

/// A mark whose spans are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) finding: &'a Detection,
    /// The carrier of its key.
    pub(crate) carrier: &'a Carrier,
    /// Words of other marks in the same place. Two words have a little in common, the same in every
    /// span: where the other mark is plain that would look like this one.
    pub(crate) diversity: &'a [Vec<f32>],
    /// Which cell begins at its origin, where its aperiodic part has something to say.
    pub(crate) cell: Option<(i32, i32)>,
}

/// What is looked for in each span.
struct Probe<'a> {
    known: Known<'a>,
    warp: &'a Warp,
    word: Vec<f32>,
    dimensions: Vec<usize>,
    fold: Fold,
}

impl<'a> Probe<'a> {
    fn new(warp: &'a Warp, known: Known<'a>) -> Self {
        let Known { finding, carrier, .. } = known;
        let (word, dimensions) = match finding.identified {
            // The sync pattern may be that of the mark beside it, too.
            Some((identified, _)) => (carrier.code_word(identified.mark), carrier.code.clone()),
            None => (carrier.signs(finding.peak.pattern).to_vec(), carrier.sync.clone()),
        };
        Self { known, warp, word, dimensions, fold: Fold::new() }
    }

    /// The score of a span, and the energy of its residual beside the mark.
    fn measure(&mut self, sum: &Image) -> (f32, f32) {
        let Known { finding, diversity: others, .. } = self.known;
        let sign = if finding.peak.z < 0.0 { -1.0 } else { 1.0 };
        let carrier = self.known.carrier;
        let Some(picture) = unwarp(sum, self.warp) else { return (0.0, 0.0) };
        let (periodic, level) = self.fold.read(&picture, finding);
        let aperiodic = self.known.cell.and_then(|cell| {
            let lies = finding.lies_under(self.warp);
            // A mark that lies as it was made lies so in the picture already.
            let placed = if lies == *self.warp { picture } else { unwarp(sum, &lies)? };
            gather(&[Cells::read(&placed)], carrier, cell)
        });
        let whitened = aperiodic.map_or(periodic.clone(), |part| periodic.with(&part));
        let values =
            others.iter().fold(whitened.dimensions(), |values, word| without(values, word));
        let z = score(&values, &self.word, &self.dimensions);
        (sign * z, level * diversity(z, self.dimensions.len()))
    }
}

/// The share of the energy in so many dimensions that does not lie along a word of score `z`. A
/// fresh mark is most of a span's residual: counted in, it would make spans without it look silent.
fn diversity(z: f32, dimensions: usize) -> f32 {
    (1.0 - z * z / dimensions.max(1) as f32).max(0.0)
}

/// Takes out of values what lies along a word of signs.
fn without(mut values: Vec<f32>, word: &[f32]) -> Vec<f32> {
    let along =
        values.iter().zip(word).map(|(v, s)| v * s).sum::<f32>() / values.len().max(1) as f32;
    values.iter_mut().zip(word).for_each(|(v, s)| *v -= along * s);
    values
}

/// Whether the mark of `finding` is plain in the sum of one span.
pub(crate) fn is_marked(sum: &Image, warp: &Warp, finding: &Detection, carrier: &Carrier) -> bool {
    Probe::new(warp, Known { finding, carrier, diversity: &[], cell: None }).measure(sum).0
        >= Span::MARKED
}

/// When a mark is there.
pub(crate) struct Timeline {
    pub(crate) spans: Vec<Span>,
    /// Whether it was found elsewhere in some spans than in others.
    pub(crate) moving: bool,
}

/// Whether a mark is there, span by span; `warp` and `factor` are those of the windows' sums.
/// `frame` is the time that the last frame of a span is shown. A mark that is not `steady`, since
/// it was found in one frame and not in the sum of all, may be anywhere in the spans that do not
/// have it there.
pub(crate) fn timeline(
    windows: &Windows,
    (factor, warp): (usize, &Warp),
    known: Known<'_>,
    frame: f64,
    steady: bool,
) -> Timeline {
    let mut probe = Probe::new(warp, known);
    let (mut scores, energies): (Vec<f32>, Vec<f32>) =
        (0..windows.len()).map(|i| probe.measure(&windows.sum(i))).unzip();
    let tracked = track(windows, (factor, warp), known.finding, known.carrier, &mut scores);
    let moving = tracked || (!steady && scores.iter().any(|&z| z < Span::MARKED));
    let typical = median(scores.iter().copied().filter(|&z| z >= Span::MARKED).collect());
    let energy = median(energies.clone());
    let state = |(&z, &e): (&f32, &f32)| {
        if z >= Span::MARKED {
            SpanState::Marked
        } else if z < Span::UNMARKED && typical >= PLAIN && e >= SILENT * energy && !moving {
            SpanState::Unmarked
        } else {
            SpanState::Unknown
        }
    };
    let mut states: Vec<SpanState> = scores.iter().zip(&energies).map(state).collect();
    evidence::doubt(&mut states, &scores, typical);
    fade(&mut states, &windows.contrasts());
    let ranges: Vec<TimeRange> = windows.ranges().collect();
    let span = |(i, (range, &score)): (usize, (&TimeRange, &f32))| {
        // Up to the next span, unless that is where the mark ends.
        let ends_here =
            (states[i], states.get(i + 1)) == (SpanState::Marked, Some(&SpanState::Unmarked));
        let next = ranges.get(i + 1).filter(|_| !ends_here);
        Span {
            start: range.start,
            end: next.map_or(range.end + frame, |next| next.start),
            score,
            state: states[i],
        }
    };
    let spans = ranges.iter().zip(&scores).enumerate().map(span).collect();
    Timeline { spans, moving }
}

/// Takes back what was said of the unmarked spans at an end of a clip over which its picture fades
/// to one colour: little of the mark is left in them, long before nothing is seen.
fn fade(states: &mut [SpanState], contrasts: &[f32]) {
    let marked: Vec<usize> =
        (0..states.len()).filter(|&i| states[i] == SpanState::Marked).collect();
    let (Some(&first), Some(&last)) = (marked.first(), marked.last()) else { return };
    let typical = median(marked.iter().map(|&i| contrasts[i]).collect());
    let ends: [Vec<usize>; 2] = [(0..=first).rev().collect(), (last..states.len()).collect()];
    for outward in ends {
        let falls =
            outward.windows(2).all(|pair| contrasts[pair[1]] <= FADING * contrasts[pair[0]]);
        if falls && outward.last().is_some_and(|&end| contrasts[end] <= FADED * typical) {
            outward[1..].iter().for_each(|&i| states[i] = SpanState::Unknown);
        }
    }
}

/// Reads lattice points from a sum folded onto one tile: much quicker than a full spectrum, with
/// the noise of the whole clip.
struct Fold {
    fft: RealFft2,
    tile: Image,
    spectrum: Vec<Complex32>,
}

impl Fold {
    fn new() -> Self {
        Self {
            fft: RealFft2::new(TILE, TILE).within(BAND_HIGH),
            tile: Image::new(TILE, TILE),
            spectrum: Vec::new(),
        }
    }

    fn read(&mut self, unwarped: &Unwarped, finding: &Detection) -> (Whitened, f32) {
        self.tile.data.fill(0.0);
        for (y, row) in unwarped.image.rows().enumerate() {
            let line = self.tile.row_mut(y % TILE);
            for part in row.chunks(TILE) {
                line.iter_mut().zip(part).for_each(|(t, &v)| *t += v);
            }
        }
        self.fft.forward(&self.tile, &mut self.spectrum);
        let value: Vec<Complex32> = POINTS
            .iter()
            .map(|&(ky, kx)| {
                self.spectrum[kx as usize * TILE + ky.rem_euclid(TILE as i32) as usize]
            })
            .collect();
        // The span's own level of noise, with the whole clip's spectrum of it.
        let level = value_level(&value, &finding.noise);
        let noise = finding.noise.iter().map(|n| n * level).collect();
        let whitened = Whitened::new(&Readings { value, noise }, finding.orientation);
        let (ox, oy) = finding.orientation.back(unwarped.origin.0, unwarped.origin.1);
        (whitened.shifted(finding.origin.0 - ox, finding.origin.1 - oy), level)
    }
}

/// Mean power of readings over that of the noise.
fn value_level(value: &[Complex32], noise: &[f32]) -> f32 {
    let sum: f32 =
        value.iter().zip(noise).map(|(v, n)| v.norm_sqr() / n.max(f32::MIN_POSITIVE)).sum();
    (sum / value.len().max(1) as f32).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::noise::Noise;

    #[test]
    fn a_fresh_mark_is_no_part_of_the_energy_that_others_are_held_against() {
        let n = 1932;
        let all: Vec<usize> = (0..n).collect();
        let word: Vec<f32> = (0..n)
            .map(|i| if i.wrapping_mul(2_654_435_761) >> 7 & 1 == 0 { 1.0 } else { -1.0 })
            .collect();
        let noise: Vec<f32> =
            (0..n).map(|i| if i.wrapping_mul(40_503) >> 5 & 1 == 0 { 1.0 } else { -1.0 }).collect();
        let level = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>() / n as f32;
        let energy = |strength: f32| {
            let values: Vec<f32> = word.iter().zip(&noise).map(|(w, e)| strength * w + e).collect();
            level(&values) * diversity(score(&values, &word, &all), n)
        };
        assert!(
            (energy(0.0) - 1.0).abs() < 0.02 && (energy(1.7) - energy(0.0)).abs() < 0.01,
            "{} {}",
            energy(0.0),
            energy(1.7)
        );
    }

    #[test]
    fn what_fades_away_at_an_end_is_not_called_unmarked() {
        use SpanState::{Marked, Unknown, Unmarked};
        let told = |mut states: Vec<SpanState>, contrasts: &[f32]| {
            fade(&mut states, contrasts);
            states
        };
        assert_eq!(
            told(vec![Unmarked, Marked, Marked, Unmarked, Unknown], &[8.0, 40.0, 50.0, 24.0, 8.0]),
            [Unknown, Marked, Marked, Unknown, Unknown]
        );
        // What was put in is as lively as the rest, ends at once, or lies between marked parts.
        assert_eq!(
            told(vec![Marked, Marked, Unmarked, Unmarked], &[40.0, 50.0, 24.0, 26.0]),
            [Marked, Marked, Unmarked, Unmarked]
        );
        assert_eq!(
            told(vec![Marked, Marked, Unmarked, Unmarked], &[40.0, 50.0, 45.0, 40.0]),
            [Marked, Marked, Unmarked, Unmarked]
        );
        assert_eq!(
            told(vec![Marked, Unmarked, Unmarked, Marked], &[40.0, 24.0, 8.0, 40.0]),
            [Marked, Unmarked, Unmarked, Marked]
        );
        assert_eq!(told(vec![Unmarked; 2], &[4.0, 1.0]), [Unmarked; 2]);
    }

    #[test]
    fn a_mark_beside_does_not_look_like_this_one() {
        let mut noise = Noise::new(1);
        let mut word = || -> Vec<f32> {
            (0..2000).map(|_| if noise.bits(1) == 0 { 1.0 } else { -1.0 }).collect()
        };
        let (this, mut other, noise) = (word(), word(), word());
        // As much in common as one pair in a thousand has.
        let mut shared = this.iter().zip(&other).map(|(a, b)| a * b).sum::<f32>();
        for (o, t) in other.iter_mut().zip(&this).filter(|(o, t)| **o != **t) {
            if shared >= 150.0 {
                break;
            }
            *o = *t;
            shared += 2.0;
        }
        let all: Vec<usize> = (0..this.len()).collect();
        let seen: Vec<f32> = other.iter().zip(&noise).map(|(o, n)| 2.0 * o + n).collect();
        let (before, after) =
            (score(&seen, &this, &all), score(&without(seen.clone(), &other), &this, &all));
        assert!(before > 0.8 * Span::UNMARKED && after.abs() < 0.7 * before, "{before} {after}");
        assert!(score(&without(seen, &this), &other, &all) > 20.0);
    }
}
