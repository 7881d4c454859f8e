//! Echoes: what repeats itself a moment later, found in the cepstrum and taken away.
//!
//! An echo of gain g after d seconds multiplies the spectrum by 1 + g·exp(−iωd), a ripple whose
//! period does not change, whatever the sound is. In the mean logarithmic spectrum of some seconds
//! it stands alone, and its transform, the cepstrum, has a peak of g at d (Bogert, Healy and Tukey,
//! 1963).

use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

/// Seconds of a spectrum: several times the longest echo.
const WINDOW: f64 = 0.35;
/// Delays that are looked for, in seconds. Shorter ones are the pitch of voices, and blur no row.
const DELAYS: (f64, f64) = (0.010, 0.14);
/// Least gain, and how far the peak must stand out over the rest of the cepstrum, in standard
/// deviations.
const LEAST_GAIN: f32 = 0.08;
const LEAST_EXCESS: f32 = 7.0;
/// Gain at most, so that taking the echo away stays stable.
const MOST_GAIN: f32 = 0.9;

/// One echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Echo {
    /// Samples.
    pub(crate) delay: f32,
    pub(crate) gain: f32,
}

/// The strongest echo in `samples`, if one stands out.
pub(crate) fn strongest(samples: &[f32], rate: f64) -> Option<Echo> {
    let length = ((WINDOW * rate) as usize).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, backward) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let window: Vec<f32> = (0..length)
        .map(|i| (std::f32::consts::PI * (i as f32 + 0.5) / length as f32).sin().powi(2))
        .collect();
    let (mut frame, mut spectrum) = (forward.make_input_vec(), forward.make_output_vec());
    let mut mean = vec![0.0f32; spectrum.len()];
    let mut count = 0.0;
    for block in samples.windows(length).step_by(length / 2) {
        frame.iter_mut().zip(block.iter().zip(&window)).for_each(|(f, (s, w))| *f = s * w);
        if frame.iter().map(|v| v * v).sum::<f32>() < 1e-9 * length as f32 {
            continue;
        }
        // The lengths are those of the plans, so that they cannot fail.
        let _ = forward.process(&mut frame, &mut spectrum);
        mean.iter_mut().zip(&spectrum).for_each(|(m, x)| *m += x.norm_sqr().max(1e-12).ln());
        count += 1.0;
    }
    if count < 3.0 {
        return None;
    }
    let mut log: Vec<Complex32> =
        mean.iter().map(|m| Complex32::new(m / count / length as f32, 0.0)).collect();
    let _ = backward.process(&mut log, &mut frame);
    let (from, to) = ((DELAYS.0 * rate) as usize, (DELAYS.1 * rate) as usize);
    let cepstrum = &frame[from..to];
    let mut sizes: Vec<f32> = cepstrum.iter().map(|c| c.abs()).collect();
    let middle = sizes.len() / 2;
    let deviation = *sizes.select_nth_unstable_by(middle, f32::total_cmp).1 / 0.6745;
    let (at, peak) = cepstrum.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    // Of a late echo the window sees less; the neighbours of the peak hold what a fraction of a
    // sample moved there.
    let delay = from + at;
    let seen: f32 = window.iter().zip(&window[delay..]).map(|(a, b)| a * b).sum::<f32>()
        / window.iter().map(|w| w * w).sum::<f32>();
    let around = |i: usize| frame[i].max(0.0);
    let (before, after) = (around(delay - 1), around(delay + 1));
    let (whole, shift) = if before.max(after) > 0.3 * peak {
        (
            peak + before.max(after),
            if after > before { after / (peak + after) } else { -before / (peak + before) },
        )
    } else {
        (*peak, 0.0)
    };
    let gain = whole / seen.max(0.1);
    (gain >= LEAST_GAIN && *peak > LEAST_EXCESS * deviation)
        .then(|| Echo { delay: delay as f32 + shift, gain: gain.min(MOST_GAIN) })
}

/// Takes an echo away.
pub(crate) fn remove(samples: &mut [f32], echo: Echo) {
    let whole = echo.delay as usize;
    let part = echo.delay - whole as f32;
    for i in whole + 1..samples.len() {
        let before = samples[i - whole] * (1.0 - part) + samples[i - whole - 1] * part;
        samples[i] -= echo.gain * before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    #[test]
    fn an_echo_is_found_and_taken_away() {
        let rate = 16_000.0;
        let plain = noise(48_000);
        assert_eq!(strongest(&plain, rate), None);
        for (delay, gain) in [(400usize, 0.3f32), (960, 0.5)] {
            let mut heard: Vec<f32> = (0..plain.len())
                .map(|i| plain[i] + if i >= delay { gain * plain[i - delay] } else { 0.0 })
                .collect();
            let echo = strongest(&heard, rate).unwrap();
            assert!(
                (echo.delay - delay as f32).abs() < 0.1 && (echo.gain - gain).abs() < 0.06,
                "{echo:?} for {delay} and {gain}"
            );
            remove(&mut heard, Echo { delay: delay as f32, gain });
            let left = heard.iter().zip(&plain).map(|(a, b)| (a - b).powi(2)).sum::<f32>()
                / plain.iter().map(|b| b * b).sum::<f32>();
            assert!(left < 1e-3, "{left}");
        }
    }
}
