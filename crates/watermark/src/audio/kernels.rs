//! The loops that a search spends its time in, compiled for each vector unit and chosen at run
//! time: it reads millions of pairs.
//!
//! Logarithm, cosine and sine are polynomials, which vector units take; the test holds them to
//! those of the standard library.

use multiversion::multiversion;
use realfft::num_complex::Complex32;

use super::carrier::{PERIOD, STEP, phase_of_octaves};
use super::layout::{BANDS, PerBand};
use super::mask::{Allowance, SILENCE};

/// Weight, beside what the mask let it move, of a cell whose power hardly rises over the band's
/// floor.
const LEAST_WEIGHT: f32 = 0.15;

/// One value per band, and as many more as make whole vectors.
pub(super) type Lanes = [f32; BANDS.next_multiple_of(16)];

/// The lanes that some bands fill.
pub(super) fn lanes(bands: &PerBand<f32>) -> Lanes {
    let mut lanes = Lanes::default();
    lanes[..BANDS].copy_from_slice(bands);
    lanes
}

/// Fills lanes with what lies between two sums.
pub(super) fn fill(lanes: &mut Lanes, from: &PerBand<f64>, to: &PerBand<f64>) {
    lanes
        .iter_mut()
        .zip(from.iter().zip(to))
        .for_each(|(lane, (from, to))| *lane = (to - from) as f32);
}

/// What the two rows of a pair hold, and what is known of their bands.
pub(super) struct Rows {
    /// Power in each band, times the spectra of a row.
    pub(super) first: Lanes,
    pub(super) second: Lanes,
    /// Power that a band hardly ever falls below.
    pub(super) floor: Lanes,
    /// Power up to which a band was moved fully.
    pub(super) ceiling: f32,
    /// Spectra of a row.
    pub(super) spectra: f32,
}

/// Each band's place in the cycle, a weighted point on the circle, and the weight.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn read(rows: &Rows, points: &mut PerBand<Complex32>, weights: &mut PerBand<f32>) {
    let ceiling = rows.ceiling * rows.spectra;
    let silence = SILENCE * rows.spectra;
    let [mut real, mut imaginary, mut weight] = [Lanes::default(); 3];
    for b in 0..weight.len() {
        let (first, second) = (rows.first[b], rows.second[b]);
        let least = first.min(second);
        let share = (ceiling * 2.0 / (first + second)).min(1.0);
        let heard =
            moved(share) * (1.0 - rows.floor[b] * rows.spectra / least).clamp(LEAST_WEIGHT, 1.0);
        weight[b] = if least > silence { heard } else { 0.0 };
        let point = turn(phase_of_octaves(log2(second / first))) * weight[b];
        (real[b], imaginary[b]) = (point.re, point.im);
    }
    weights.copy_from_slice(&weight[..BANDS]);
    points
        .iter_mut()
        .zip(real.iter().zip(&imaginary))
        .for_each(|(p, (&re, &im))| *p = Complex32::new(re, im));
}

/// Sums at a part of the way from one to the other.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn between(a: &PerBand<f64>, b: &PerBand<f64>, part: f64, out: &mut PerBand<f64>) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(o, (a, b))| *o = a + part * (b - a));
}

/// Cells of a period, wound round twice so that a pattern finds those of any shift in one run: band
/// by band, real and imaginary parts and squares.
pub(super) struct Wound([Vec<f32>; 3]);

impl Wound {
    /// Of points that are in the order of cells.
    pub(super) fn new(points: &[Complex32]) -> Self {
        let [mut re, mut im, mut square] = std::array::from_fn(|_| vec![0.0; 2 * points.len()]);
        for (pair, bands) in points.chunks_exact(BANDS).enumerate() {
            for (point, at) in bands.iter().zip((pair..).step_by(2 * PERIOD)) {
                (re[at], im[at], square[at]) = (point.re, point.im, point.norm_sqr());
            }
        }
        for part in [&mut re, &mut im, &mut square] {
            for band in part.chunks_exact_mut(2 * PERIOD) {
                band.copy_within(..PERIOD, PERIOD);
            }
        }
        Self([re, im, square])
    }

    /// The sum over the cells of a pattern, and the variance that it has for another key, for each
    /// pair of the period from which they may be counted.
    pub(super) fn scores(&self, pattern: &[(usize, Complex32)]) -> [(f32, f32); PERIOD] {
        let [mut sums, mut variances] = [[0.0; PERIOD]; 2];
        add(&self.0, pattern, &mut sums, &mut variances);
        // The last of a run is the one that nothing is shifted in.
        std::array::from_fn(|shift| (sums[PERIOD - 1 - shift], variances[PERIOD - 1 - shift] / 2.0))
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn add(
    wound: &[Vec<f32>; 3],
    pattern: &[(usize, Complex32)],
    sums: &mut [f32; PERIOD],
    variances: &mut [f32; PERIOD],
) {
    for &(cell, turn) in pattern {
        let at = cell % BANDS * 2 * PERIOD + cell / BANDS + 1;
        let [re, im, square] = wound.each_ref().map(|part| &part[at..at + PERIOD]);
        for j in 0..PERIOD {
            sums[j] += re[j] * turn.re - im[j] * turn.im;
            variances[j] += square[j];
        }
    }
}

/// What is left of a mark where a codec had few bits, as powers of what a cell shows, fitted to
/// readings whose signs were known: of how far it was moved, below all of it and beyond; of its
/// level difference from so many turns on, as levels that leap were put there by the codec; and of
/// its power over that of the four bands beside it.
const MOVED: (f32, f32) = (0.63, -0.07);
const LEAP: (f32, f32) = (0.6, -1.15);
const RISING: f32 = 0.22;
/// What the last of these ranges over.
const RISES: (f32, f32) = (0.03, 8.0);

/// Weighs what was [`read`] anew, for sound that a codec had few bits for. How far a band lies over
/// its floor says nothing there: what lies low was left out rather than drowned.
pub(super) fn weigh_as_coded(
    rows: &Rows,
    points: &mut PerBand<Complex32>,
    weights: &mut PerBand<f32>,
) {
    let power: PerBand<f32> = std::array::from_fn(|b| rows.first[b] + rows.second[b]);
    for (b, (point, weight)) in points.iter_mut().zip(weights).enumerate() {
        if *weight > 0.0 {
            let near = &power[b.saturating_sub(2)..(b + 3).min(power.len())];
            let beside = (near.iter().sum::<f32>() - power[b]) / (near.len() - 1) as f32;
            let share = rows.ceiling * rows.spectra * 2.0 / power[b];
            let leap = phase_of_octaves(log2(rows.second[b] / rows.first[b])).abs() / LEAP.0;
            let coded = share.min(1.0).powf(MOVED.0)
                * share.max(1.0).powf(MOVED.1)
                * leap.max(1.0).powf(LEAP.1)
                * (power[b] / beside).clamp(RISES.0, RISES.1).powf(RISING);
            *point *= coded / *weight;
            *weight = coded;
        }
    }
}

/// Decibels by which noise as strong as the sound shifts a level, in the root of the mean square,
/// as measured: the quieter moments of a row count more than its mean.
const SHIFT: f32 = 5.0;
/// Weight of a loud band over that of another which moved as far of its cycle, and the least weight
/// that noise leaves.
const LOUD_WEIGHT: f32 = 0.7;
const LEAST_IN_NOISE: f32 = 0.02;

/// Reads what was [`read`] anew, for sound under white noise of some power in each band: a level
/// that it shifts by so much of the cycle says less, and loud bands, which it does not reach, are
/// in a narrower one.
pub(super) fn read_in_noise(
    rows: &Rows,
    allowance: Allowance,
    noise: &PerBand<f32>,
    points: &mut PerBand<Complex32>,
    weights: &mut PerBand<f32>,
) {
    for (b, (point, weight)) in points.iter_mut().zip(weights).enumerate() {
        if *weight > 0.0 {
            let (first, second) = (rows.first[b] / rows.spectra, rows.second[b] / rows.spectra);
            let mean = (first + second) / 2.0;
            let loud = allowance.loud_cycle(mean);
            let cycle = loud.unwrap_or(STEP);
            let ratio = noise[b] * (1.0 / first + 1.0 / second) / 2.0;
            // The mean cosine of a normal angle.
            let left = (-0.5 * ratio * (std::f32::consts::TAU * SHIFT / cycle).powi(2)).exp();
            *weight = if loud.is_some() {
                LOUD_WEIGHT * left
            } else {
                moved(allowance.share(mean)) * left.max(LEAST_IN_NOISE)
            };
            *point = turn(phase_of_octaves(log2(second / first)) * STEP / cycle) * *weight;
        }
    }
}

/// Mean cosine that what moves by a share of half a cycle, from anywhere, ends up at.
#[inline(always)]
fn moved(share: f32) -> f32 {
    share + turn(share / 2.0).im / std::f32::consts::PI
}

/// Logarithm to base 2 of a positive number, to 2e-5; finite for any.
#[inline(always)]
fn log2(x: f32) -> f32 {
    const MANTISSA: u32 = (1 << 23) - 1;
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let m = f32::from_bits(bits & MANTISSA | 1f32.to_bits()) - 1.0;
    exponent as f32
        + m * polynomial(
            m,
            &[1.442_683_2, -0.720_442_4, 0.469_301_7, -0.303_389_7, 0.146_433_6, -0.034_595_2],
        )
}

/// The point on the circle after some turns, at most two million, to 5e-5.
#[inline(always)]
pub(super) fn turn(phase: f32) -> Complex32 {
    // Adding it leaves no digits behind the point.
    const ROUNDER: f32 = 12_582_912.0;
    let x = phase - ((phase + ROUNDER) - ROUNDER);
    let square = x * x;
    let cosine = polynomial(square, &[0.999_959, -19.730_942, 64.671_44, -82.390_81, 45.621_05]);
    Complex32::new(
        cosine,
        x * polynomial(square, &[6.283_161, -41.336_83, 81.447_71, -74.909_42, 33.548_355]),
    )
}

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_wound_round_are_those_of_every_shift() {
        let points: Vec<Complex32> = (0..PERIOD * BANDS)
            .map(|i| Complex32::from_polar(1.0 + i as f32 / 500.0, i as f32 * 0.7))
            .collect();
        let pattern: Vec<(usize, Complex32)> = (0..40)
            .map(|i| (i * 997 % points.len(), Complex32::from_polar(1.0, i as f32 * 1.3)))
            .collect();
        let scores = Wound::new(&points).scores(&pattern);
        for (shift, &(sum, variance)) in scores.iter().enumerate() {
            let shifted = |cell: usize| {
                points[(cell / BANDS + PERIOD - shift) % PERIOD * BANDS + cell % BANDS]
            };
            let expected =
                pattern.iter().map(|&(cell, turn)| (shifted(cell) * turn).re).sum::<f32>();
            let squares = pattern.iter().map(|&(cell, _)| shifted(cell).norm_sqr()).sum::<f32>();
            assert!(
                (sum - expected).abs() < 1e-3 && (variance - squares / 2.0).abs() < 1e-3 * squares,
                "{shift}: {sum} {expected}"
            );
        }
    }

    #[test]
    fn polynomials_are_the_functions() {
        for i in 1..20_000 {
            let x = (i as f32 / 300.0 - 30.0).exp2();
            assert!((log2(x) - x.log2()).abs() < 5e-5, "{x}: {}", log2(x));
            let phase = i as f32 / 100.0 - 100.0;
            let exact = Complex32::from_polar(1.0, std::f32::consts::TAU * phase.fract());
            assert!((turn(phase) - exact).norm() < 2e-4, "{phase}: {}", turn(phase));
        }
    }

    #[test]
    fn of_coded_sound_what_rises_counts_more_and_what_leaps_less() {
        let first: PerBand<f32> = std::array::from_fn(|b| if b % 8 == 4 { 1e-3 } else { 1e-5 });
        let mut second = first;
        second[12] = 0.0;
        second[16] *= 1e-2;
        let rows = Rows {
            first: lanes(&first),
            second: lanes(&second),
            floor: lanes(&[1e-9; BANDS]),
            ceiling: 1.0,
            spectra: 8.0,
        };
        let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
        read(&rows, &mut points, &mut weights);
        let heard = weights;
        weigh_as_coded(&rows, &mut points, &mut weights);
        let factor = |b: usize| weights[b] / heard[b];
        assert!(factor(4) > 1.8 * factor(5), "{} {}", factor(4), factor(5));
        // One that has no loud neighbour counts more than one that has.
        assert!(factor(0) > 1.2 * factor(5), "{} {}", factor(0), factor(5));
        assert!(factor(16) < 0.6 * factor(24), "{} {}", factor(16), factor(24));
        assert_eq!((weights[12], points[12]), (0.0, Complex32::default()));
        for (point, weight) in points.iter().zip(weights) {
            assert!((point.norm() - weight).abs() <= 1e-3 * weight, "{point} {weight}");
        }
    }

    #[test]
    fn noise_leaves_loud_bands_and_they_are_in_a_narrower_cycle() {
        let first: PerBand<f32> = std::array::from_fn(|b| if b == 3 { 1.0 } else { 1e-4 });
        let second = first.map(|p| 1.2 * p);
        let (allowance, noise) = (Allowance { ceiling: 1e-3, whole: 1.1 }, [1e-4; BANDS]);
        let rows = Rows {
            first: lanes(&first),
            second: lanes(&second),
            floor: Lanes::default(),
            ceiling: 1e-3,
            spectra: 1.0,
        };
        let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
        read(&rows, &mut points, &mut weights);
        let heard = weights;
        read_in_noise(&rows, allowance, &noise, &mut points, &mut weights);
        // In the whole cycle the loud band was hardly moved, and the others stood over no floor.
        assert!(
            weights[3] > 10.0 * heard[3]
                && weights[3] > 10.0 * weights[4]
                && weights[4] < 0.1 * heard[4],
            "{weights:?}"
        );
        let cycle = allowance.loud_cycle(1.1).unwrap();
        assert!(cycle < 0.2 * STEP, "{cycle}");
        let expected = Complex32::from_polar(
            weights[3],
            std::f32::consts::TAU * phase_of_octaves(1.2f32.log2()) * STEP / cycle,
        );
        assert!((points[3] - expected).norm() < 1e-2, "{} {expected}", points[3]);
    }

    #[test]
    fn readings_are_weighed_and_silence_says_nothing() {
        let first: PerBand<f32> = std::array::from_fn(|b| 1e-3 * (1.0 + b as f32));
        let mut second: PerBand<f32> = std::array::from_fn(|b| 2e-3 * (1.0 + b as f32));
        second[3] = 0.0;
        let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
        read(
            &Rows {
                first: lanes(&first),
                second: lanes(&second),
                floor: lanes(&[1e-5; BANDS]),
                ceiling: 1e-3,
                spectra: 8.0,
            },
            &mut points,
            &mut weights,
        );
        let expected = Complex32::from_polar(1.0, std::f32::consts::TAU * phase_of_octaves(1.0));
        for (b, (point, weight)) in points.iter().zip(weights).enumerate() {
            assert_eq!(weight > 0.0, b != 3);
            assert!((point - expected * weight).norm() < 1e-3, "band {b}: {point}");
        }
        // What was hardly moved says little.
        assert!(weights[BANDS - 1] < 0.9 * weights[0], "{weights:?}");
        read(
            &Rows {
                first: Lanes::default(),
                second: Lanes::default(),
                floor: Lanes::default(),
                ceiling: 0.0,
                spectra: 8.0,
            },
            &mut points,
            &mut weights,
        );
        assert!(points.iter().all(|p| *p == Complex32::default()), "{points:?}");
    }
}
