//! The loop over the bands of a pair, compiled for each vector unit and chosen at run time: a search reads millions.
//!
//! Logarithm, cosine and sine are polynomials, which vector units take; the test holds them to those of the standard library.

use multiversion::multiversion;
use realfft::num_complex::Complex32;

use super::bands::PerBand;
use super::carrier::turns_of_octaves;
use super::mask::SILENCE;

/// Weight, beside what the mask let it move, of a cell whose power hardly rises over the band's floor.
const LEAST_WEIGHT: f32 = 0.15;

/// What the two rows of a pair hold, and what is known of their bands.
pub(super) struct Rows {
    /// Power in each band, times the spectra of a row.
    pub(super) first: PerBand<f32>,
    pub(super) second: PerBand<f32>,
    /// Power that a band hardly ever falls below.
    pub(super) floor: PerBand<f32>,
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
    for (((point, weight), (&first, &second)), &floor) in points.iter_mut().zip(weights).zip(rows.first.iter().zip(&rows.second)).zip(&rows.floor) {
        let least = first.min(second);
        // What moves by a share s of half a cycle, from anywhere, ends up at a mean cosine of s + sin(πs)/π.
        let share = (ceiling * 2.0 / (first + second)).min(1.0);
        let moved = share + turn(share / 2.0).im / std::f32::consts::PI;
        let heard = moved * (1.0 - floor * rows.spectra / least).clamp(LEAST_WEIGHT, 1.0);
        *weight = if least > silence { heard } else { 0.0 };
        *point = turn(turns_of_octaves(log2(second / first))) * *weight;
    }
}

/// Weight, beside what the mask let it move, of a cell near the floor where a codec may have left it, and what is made of the floor there.
const LEAST_KEPT: f32 = 0.25;
const FLOOR_KEPT: f32 = 0.6;
/// Powers of a cell's share of the sound, and of its share among its neighbours, by which it counts there, and what these shares range over.
const LOUD: (f32, f32, f32) = (0.1, 1e-5, 0.16);
const RISING: (f32, f32, f32) = (0.2, 0.01, 0.5);

/// Weighs what was [`read`] anew, for sound that a codec had few bits for: what is left of a mark is left in the loud bands, and in those that rise over their neighbours, and
/// what lies low was left out rather than drowned in noise.
pub(super) fn weigh_as_coded(rows: &Rows, points: &mut PerBand<Complex32>, weights: &mut PerBand<f32>) {
    let power: PerBand<f32> = std::array::from_fn(|b| rows.first[b] + rows.second[b]);
    let whole = power.iter().sum::<f32>();
    for (b, (point, weight)) in points.iter_mut().zip(weights).enumerate() {
        if *weight > 0.0 {
            let near = &power[b.saturating_sub(2)..(b + 3).min(power.len())];
            let of = |share: f32, (exponent, least, most): (f32, f32, f32)| share.clamp(least, most).powf(exponent);
            let low = rows.floor[b] * rows.spectra / rows.first[b].min(rows.second[b]);
            let floor = (1.0 - FLOOR_KEPT * low).clamp(LEAST_KEPT, 1.0) / (1.0 - low).clamp(LEAST_WEIGHT, 1.0);
            let factor = floor * of(power[b] / whole, LOUD) * of(power[b] / near.iter().sum::<f32>(), RISING);
            *weight *= factor;
            *point *= factor;
        }
    }
}

/// Logarithm to base 2 of a positive number, to 2e-5; finite for any.
#[inline(always)]
fn log2(x: f32) -> f32 {
    const MANTISSA: u32 = (1 << 23) - 1;
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let m = f32::from_bits(bits & MANTISSA | 1f32.to_bits()) - 1.0;
    exponent as f32 + m * polynomial(m, &[1.442_683_2, -0.720_442_4, 0.469_301_7, -0.303_389_7, 0.146_433_6, -0.034_595_2])
}

/// The point on the circle after some turns, at most two million, to 5e-5.
#[inline(always)]
pub(super) fn turn(turns: f32) -> Complex32 {
    // Adding it leaves no digits behind the point.
    const ROUNDER: f32 = 12_582_912.0;
    let x = turns - ((turns + ROUNDER) - ROUNDER);
    let square = x * x;
    let cosine = polynomial(square, &[0.999_959, -19.730_942, 64.671_44, -82.390_81, 45.621_05]);
    Complex32::new(cosine, x * polynomial(square, &[6.283_161, -41.336_83, 81.447_71, -74.909_42, 33.548_355]))
}

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::super::bands::BANDS;
    use super::*;

    #[test]
    fn polynomials_are_the_functions() {
        for i in 1..20_000 {
            let x = (i as f32 / 300.0 - 30.0).exp2();
            assert!((log2(x) - x.log2()).abs() < 5e-5, "{x}: {}", log2(x));
            let turns = i as f32 / 100.0 - 100.0;
            let exact = Complex32::from_polar(1.0, std::f32::consts::TAU * turns.fract());
            assert!((turn(turns) - exact).norm() < 2e-4, "{turns}: {}", turn(turns));
        }
    }

    #[test]
    fn of_coded_sound_the_loud_bands_count_more() {
        let first: PerBand<f32> = std::array::from_fn(|b| if b % 8 == 4 { 1e-3 } else { 1e-5 });
        let mut second = first;
        second[12] = 0.0;
        let rows = Rows { first, second, floor: [1e-9; BANDS], ceiling: 1.0, spectra: 8.0 };
        let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
        read(&rows, &mut points, &mut weights);
        let heard = weights;
        weigh_as_coded(&rows, &mut points, &mut weights);
        let factor = |b: usize| weights[b] / heard[b];
        assert!(factor(4) > 1.8 * factor(5), "{} {}", factor(4), factor(5));
        // One that has no loud neighbour counts more than one that has.
        assert!(factor(0) > 1.2 * factor(5), "{} {}", factor(0), factor(5));
        assert_eq!((weights[12], points[12]), (0.0, Complex32::default()));
        for (point, weight) in points.iter().zip(weights) {
            assert!((point.norm() - weight).abs() <= 1e-3 * weight, "{point} {weight}");
        }
    }

    #[test]
    fn readings_are_weighed_and_silence_says_nothing() {
        let first: PerBand<f32> = std::array::from_fn(|b| 1e-3 * (1.0 + b as f32));
        let mut second: PerBand<f32> = std::array::from_fn(|b| 2e-3 * (1.0 + b as f32));
        second[3] = 0.0;
        let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
        read(&Rows { first, second, floor: [1e-5; BANDS], ceiling: 1e-3, spectra: 8.0 }, &mut points, &mut weights);
        let expected = Complex32::from_polar(1.0, std::f32::consts::TAU * turns_of_octaves(1.0));
        for (b, (point, weight)) in points.iter().zip(weights).enumerate() {
            assert_eq!(weight > 0.0, b != 3);
            assert!((point - expected * weight).norm() < 1e-3, "band {b}: {point}");
        }
        // What was hardly moved says little.
        assert!(weights[29] < 0.9 * weights[0], "{weights:?}");
        read(&Rows { first: [0.0; BANDS], second: [0.0; BANDS], floor: [0.0; BANDS], ceiling: 0.0, spectra: 8.0 }, &mut points, &mut weights);
        assert!(points.iter().all(|p| *p == Complex32::default()), "{points:?}");
    }
}
