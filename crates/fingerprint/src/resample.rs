//! Samples at another rate, by a windowed sinc.

use std::f64::consts::PI;

/// Zero crossings of the kernel on each side. What is hashed ends at 3.5 kHz, of 5.5 kHz that
/// 11,025 Hz can hold, so that the edge need not be steep.
const CROSSINGS: f64 = 6.0;
/// Places between two samples that the kernel is tabulated for; between those it is interpolated.
const PHASES: usize = 64;

/// Resamples one channel as it comes.
#[derive(Debug)]
pub(super) struct Resampler {
    /// Samples of the input from one of the output to the next.
    step: f64,
    /// Taps on each side of a place.
    half: usize,
    /// A row of `2 * half` taps for each phase, and one more.
    kernel: Vec<f32>,
    /// What is still needed of the input, with zeros before its beginning.
    waiting: Vec<f32>,
    /// Place of the next output sample, counted from the first one waiting.
    place: f64,
}

impl Resampler {
    /// With `step` samples of the input for each of the output.
    pub(super) fn new(step: f64) -> Self {
        let wide = step.max(1.0);
        let half = (CROSSINGS * wide).ceil() as usize;
        let tap = |phase: usize, i: usize| {
            let x = (i as f64 + 1.0 - half as f64 - phase as f64 / PHASES as f64) / wide;
            let window =
                if x.abs() < CROSSINGS { 0.5 + 0.5 * (PI * x / CROSSINGS).cos() } else { 0.0 };
            let sinc = if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
            (window * sinc / wide) as f32
        };
        let kernel =
            (0..=PHASES).flat_map(|phase| (0..2 * half).map(move |i| tap(phase, i))).collect();
        Self { step, half, kernel, waiting: vec![0.0; half], place: half as f64 }
    }

    /// Takes in samples, and adds those that are ready to `out`.
    pub(super) fn push(&mut self, samples: impl IntoIterator<Item = f32>, out: &mut Vec<f32>) {
        self.waiting.extend(samples);
        let width = 2 * self.half;
        loop {
            let first = self.place as usize;
            let Some(near) = self.waiting.get(first + 1 - self.half..first + 1 + self.half) else {
                break;
            };
            let phase = (self.place - first as f64) * PHASES as f64;
            let row = phase as usize;
            let share = (phase - row as f64) as f32;
            let (a, b) =
                (&self.kernel[row * width..][..width], &self.kernel[(row + 1) * width..][..width]);
            out.push(
                near.iter().zip(a.iter().zip(b)).map(|(s, (a, b))| s * (a + share * (b - a))).sum(),
            );
            self.place += self.step;
        }
        let done = (self.place as usize + 1 - self.half).min(self.waiting.len());
        self.waiting.drain(..done);
        self.place -= done as f64;
    }

    /// Adds what is still on its way.
    pub(super) fn finish(mut self, out: &mut Vec<f32>) {
        let half = self.half;
        self.push(std::iter::repeat_n(0.0, half), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, rate: f64, seconds: f64) -> Vec<f32> {
        (0..(rate * seconds) as usize)
            .map(|i| (2.0 * PI * frequency * i as f64 / rate).sin() as f32)
            .collect()
    }

    #[test]
    fn tones_keep_their_pitch_and_level_whatever_the_blocks() {
        for (rate, block) in
            [(48_000.0, 1), (44_100.0, 777), (16_000.0, 4096), (8_000.0, 31), (192_000.0, 50_000)]
        {
            let (input, mut out) = (tone(1000.0, rate, 0.5), Vec::new());
            let mut r = Resampler::new(rate / 11_025.0);
            input.chunks(block).for_each(|b| r.push(b.iter().copied(), &mut out));
            r.finish(&mut out);
            let expected = tone(1000.0, 11_025.0, 0.5);
            assert!(
                out.len().abs_diff(expected.len()) <= 1,
                "{rate}: {} and {}",
                out.len(),
                expected.len()
            );
            let inside = 100..expected.len() - 100;
            let worst = inside.map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 0.01, "{rate}: {worst}");
        }
    }

    #[test]
    fn what_would_fold_back_is_gone() {
        let (mut out, mut r) = (Vec::new(), Resampler::new(48_000.0 / 11_025.0));
        r.push(tone(9_000.0, 48_000.0, 0.5), &mut out);
        assert!(out.len() > 5_000 && out[100..].iter().all(|s| s.abs() < 0.01));
    }
}
