//! Marking: samples in, marked samples out, a moment later.

use std::collections::VecDeque;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::bands::{Analyser, band_power, copy, fft_length, positions, sums_upward};
use super::carrier::{CELLS, Carrier, PERIOD, STEP, phase};
use super::layout::{BANDS, EDGES, PAIR, PerBand, ROW, WINDOW};
use super::mask::{Limit, Mask, SILENCE};
use crate::key::WatermarkKey;
use proofmark_core::{
    Payload,
    audio::{AudioError, Format, Mix},
};

/// Seconds between the powers that a gain is chosen from, and their number in a row and a pair.
const INTERVAL: f64 = ROW / 5.0;
const PER_ROW: usize = 5;
const PER_PAIR: usize = 2 * PER_ROW;
/// Seconds that one gain lasts: half a row.
const SLOT: f64 = ROW / 2.0;
/// Slots of a pair: two of each row.
const SLOTS: usize = 4;
/// Slots before and behind a pair that its frames still hear.
const MARGIN: usize = 2;
/// Steps towards the wanted level difference; the first two leave a tenth of a decibel.
const STEPS: usize = 3;
/// How much further a gain may go than the level is to move, as the windows smooth it.
const OVERSHOOT: f32 = 1.6;
/// Part of a movement that each row has at least, however loud it is.
const LEAST_PART: f32 = 0.1;

/// Marks the sound of one clip, block by block. All channels are moved alike, so that any mix of
/// them keeps the mark.
///
/// What is pushed comes out marked about [`Marker::latency`] samples later; with [`Marker::finish`]
/// as many samples have come out as went in.
pub struct Marker {
    format: Format,
    targets: Vec<f32>,
    mask: Mask,
    analyser: Analyser,
    positions: [(usize, f32); BANDS + 1],
    mix: Mix,
    /// The last samples, per channel and mixed, and the number of the first of them.
    channels: Vec<VecDeque<f32>>,
    mixed: VecDeque<f32>,
    first: usize,
    /// Samples that were pushed.
    pushed: usize,
    /// Powers by step, from the step `power_first` on.
    powers: VecDeque<PerBand<f32>>,
    power_first: usize,
    /// Gains by slot, in decibels of amplitude, from the slot `gain_first` on.
    gains: VecDeque<PerBand<f32>>,
    gain_first: usize,
    /// Pairs whose gains are chosen.
    chosen: usize,
    hearing: [[f32; SLOTS + 2 * MARGIN]; PER_PAIR],
    shaper: Shaper,
    /// Frames that were put together.
    shaped: i64,
    /// Sums that later frames still add to, per channel; they begin where the output ends.
    pending: Vec<VecDeque<f32>>,
    output: Vec<f32>,
    sums: Vec<f32>,
    block: Vec<f32>,
}

/// Applies gains to a frame.
struct Shaper {
    half: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    /// Per bin the bands in which its lower and its upper part lie, [`BANDS`] outside all, and the
    /// share of the lower part.
    band: Vec<(usize, usize, f32)>,
    frame: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Shaper {
    fn new(rate: f64) -> Self {
        let length = fft_length(2.0 * SLOT * rate);
        let mut planner = RealFftPlanner::new();
        let (forward, backward) =
            (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        let window = (0..length)
            .map(|i| (std::f64::consts::PI * (i as f64 + 0.5) / length as f64).sin() as f32)
            .collect();
        let width = rate / length as f64;
        // A bin reaches half of its width to both sides, and is narrower than any band.
        let band = |bin: usize| {
            let (from, to) = ((bin as f64 - 0.5) * width, (bin as f64 + 0.5) * width);
            let first = EDGES.partition_point(|&e| e <= from);
            let edge = EDGES.get(first).map_or(to, |e| e.min(to));
            let outside =
                |edges: usize| if (1..=BANDS).contains(&edges) { edges - 1 } else { BANDS };
            (outside(first), outside(first + 1), ((edge - from) / width) as f32)
        };
        let band = (0..=length / 2).map(band).collect();
        let (spectrum, scratch) = (
            forward.make_output_vec(),
            vec![Complex32::default(); forward.get_scratch_len().max(backward.get_scratch_len())],
        );
        Self {
            half: length / 2,
            frame: vec![0.0; length],
            forward,
            backward,
            window,
            band,
            spectrum,
            scratch,
        }
    }

    /// The frame of `samples` with `gains`, ready to be added.
    fn apply(&mut self, samples: impl Iterator<Item = f32>, gains: &[f32; BANDS + 1]) -> &[f32] {
        // The plan leaves a factor of the length, the windows of overlapping frames add up to 1.
        let scale = 0.5 / self.half as f32;
        self.frame
            .iter_mut()
            .zip(samples.zip(&self.window))
            .for_each(|(f, (s, w))| *f = s * w * scale);
        // The lengths are those of the plans, so that they cannot fail.
        let _ = self.forward.process_with_scratch(
            &mut self.frame,
            &mut self.spectrum,
            &mut self.scratch,
        );
        self.spectrum
            .iter_mut()
            .zip(&self.band)
            .for_each(|(x, &(a, b, share))| *x *= gains[b] + share * (gains[a] - gains[b]));
        let _ = self.backward.process_with_scratch(
            &mut self.spectrum,
            &mut self.frame,
            &mut self.scratch,
        );
        self.frame.iter_mut().zip(&self.window).for_each(|(f, w)| *f *= w);
        &self.frame
    }
}

/// How much of each slot, two before the pair to two behind it, each step of a pair hears: the
/// window of the one over that of the other.
fn hearing() -> [[f32; SLOTS + 2 * MARGIN]; PER_PAIR] {
    use std::f64::consts::PI;
    let heard = |distance: f64| -> f64 {
        let fine = (-24..=24).map(|i| f64::from(i) / 48.0 * WINDOW);
        fine.map(|t| {
            let at = distance + t;
            let slot = if at.abs() < SLOT { (PI * at / (2.0 * SLOT)).cos().powi(2) } else { 0.0 };
            (PI * t / WINDOW).cos().powi(4) * slot
        })
        .sum()
    };
    std::array::from_fn(|i| {
        let row: [f64; SLOTS + 2 * MARGIN] = std::array::from_fn(|j| {
            heard((i as f64 + 0.5) * INTERVAL - (j as f64 - MARGIN as f64 + 0.5) * SLOT)
        });
        let whole: f64 = row.iter().sum();
        row.map(|w| (w / whole) as f32)
    })
}

/// Amplitude of a gain in decibels.
fn amplitude(decibels: f32) -> f32 {
    (decibels * (std::f32::consts::LN_10 / 20.0)).exp()
}

impl Marker {
    /// A marker for sound of the given format.
    ///
    /// # Errors
    /// [`AudioError`] if the sampling rate or the number of channels is out of range.
    pub fn new(key: &WatermarkKey, payload: Payload, format: Format) -> Result<Self, AudioError> {
        format.check()?;
        let rate = f64::from(format.rate);
        let analyser = Analyser::new(rate);
        let shaper = Shaper::new(rate);
        let bins = analyser.len() / 2 + 1;
        let mut marker = Self {
            targets: Carrier::new(key).targets(payload),
            mask: Mask::default(),
            positions: positions(rate, analyser.len(), 1.0, bins),
            mix: format.mix(),
            channels: vec![VecDeque::new(); format.channels],
            mixed: VecDeque::new(),
            first: 0,
            pushed: 0,
            powers: VecDeque::new(),
            power_first: 0,
            gains: VecDeque::new(),
            gain_first: 0,
            chosen: 0,
            hearing: hearing(),
            shaped: -1,
            pending: vec![VecDeque::new(); format.channels],
            output: Vec::new(),
            sums: Vec::new(),
            block: vec![0.0; analyser.len()],
            analyser,
            shaper,
            format,
        };
        // Silence from before the beginning, for the windows that reach there.
        marker.pad(marker.before());
        marker.pending.iter_mut().for_each(|p| p.resize(2 * marker.shaper.half, 0.0));
        Ok(marker)
    }

    /// Samples of silence that are kept before the first one.
    fn before(&self) -> usize {
        self.analyser.len().max(2 * self.shaper.half)
    }

    /// Samples, per channel, by which the output lags behind the input at most.
    #[must_use]
    pub fn latency(&self) -> usize {
        ((2.0 * PAIR + WINDOW + 2.0 * SLOT) * f64::from(self.format.rate)).ceil() as usize + 2
    }

    fn pad(&mut self, samples: usize) {
        self.mixed.extend(std::iter::repeat_n(0.0, samples));
        self.channels.iter_mut().for_each(|c| c.extend(std::iter::repeat_n(0.0, samples)));
    }

    /// Takes in interleaved samples, full scale being 1, and returns those that are done. A last
    /// frame without all channels is ignored.
    pub fn push(&mut self, samples: &[f32]) -> &[f32] {
        for frame in samples.chunks_exact(self.format.channels) {
            self.mixed.push_back(self.mix.of(frame));
            self.channels
                .iter_mut()
                .zip(frame)
                .for_each(|(c, s)| c.push_back(if s.is_finite() { *s } else { 0.0 }));
        }
        self.pushed += samples.len() / self.format.channels;
        self.output.clear();
        self.run(false);
        &self.output
    }

    /// The rest.
    pub fn finish(mut self) -> Vec<f32> {
        self.pad(self.latency() + self.before() + 2 * self.shaper.half);
        self.output.clear();
        self.run(true);
        self.output
    }

    /// Samples that are there to work with, counted from the first one pushed.
    fn there(&self) -> usize {
        self.first + self.mixed.len() - self.before()
    }

    /// Does what the samples allow.
    fn run(&mut self, ended: bool) {
        self.measure();
        self.choose(ended);
        self.shape();
        self.forget();
    }

    fn measure(&mut self) {
        let (rate, length) = (f64::from(self.format.rate), self.analyser.len());
        loop {
            let step = self.power_first + self.powers.len();
            let centre = ((step as f64 + 0.5) * INTERVAL * rate) as usize;
            if centre + length / 2 > self.there() {
                break;
            }
            let begin = self.before() + centre - length / 2 - self.first;
            copy(&self.mixed, begin, &mut self.block);
            let power = self.analyser.power(&self.block);
            self.sums.clear();
            sums_upward(power, &mut self.sums);
            self.powers.push_back(band_power(&self.sums, &self.positions));
        }
    }

    /// Chooses the gains of all pairs whose own sound and that of the next one is known; at the end
    /// those of all that are whole.
    fn choose(&mut self, ended: bool) {
        let rate = f64::from(self.format.rate);
        loop {
            let known = self.power_first + self.powers.len();
            let whole = ((self.chosen + 1) as f64 * PAIR * rate) as usize <= self.pushed;
            if known < (self.chosen + 2) * PER_PAIR || (ended && !whole) {
                break;
            }
            let begin = self.chosen * PER_PAIR - self.power_first;
            let frames: Vec<PerBand<f32>> =
                self.powers.range(begin..begin + 2 * PER_PAIR).copied().collect();
            let (own, next) = frames.split_at(PER_PAIR);
            let limits = self.mask.limits(&frames[..PER_PAIR + 2]);
            // Half of the slots that are heard behind the pair belong to the next one, whose own
            // choice is foreseen.
            let cell = |pair: usize, b: usize| self.targets[(pair % PERIOD * BANDS + b) % CELLS];
            let before: PerBand<f32> = self.gains.back().copied().unwrap_or([0.0; BANDS]);
            let movement: PerBand<[f32; 2]> = std::array::from_fn(|b| {
                let next = Movement::new(next, b);
                let Limit { decibels: most, cycle } = limits[b];
                let foreseen = next
                    .wanted(cell(self.chosen + 1, b), cycle)
                    .map_or(0.0, |d| next.gains(d.clamp(-most, most))[0]);
                Movement::new(own, b).solve(
                    cell(self.chosen, b),
                    limits[b],
                    (before[b], foreseen),
                    &self.hearing,
                )
            });
            self.mask.learn((0..BANDS).map(|b| Movement::new(own, b).added(movement[b])).sum());
            for slot in 0..SLOTS {
                self.gains.push_back(movement.map(|m| m[slot / 2]));
            }
            self.chosen += 1;
        }
        if ended {
            // Behind the last whole pair nothing is moved.
            let slots = (self.there() as f64 / rate / SLOT) as usize + 4;
            let have = self.gain_first + self.gains.len();
            self.gains.extend(std::iter::repeat_n([0.0; BANDS], slots.saturating_sub(have)));
        }
    }

    fn shape(&mut self) {
        let (rate, half) = (f64::from(self.format.rate), self.shaper.half as i64);
        loop {
            // Frame j has its centre at (j + 1/2) · half.
            let begin = self.shaped * half - half / 2;
            let slot = ((self.shaped as f64 + 0.5) * half as f64 / rate / SLOT).floor();
            let gains =
                match (slot >= 0.0).then(|| (slot as usize).checked_sub(self.gain_first)).flatten()
                {
                    Some(i) if i < self.gains.len() => self.gains[i],
                    None if slot < 0.0 => [0.0; BANDS],
                    _ => break,
                };
            if begin + 2 * half > self.there() as i64 {
                break;
            }
            let from = (begin + self.before() as i64 - self.first as i64) as usize;
            let mut amplitudes = [1.0; BANDS + 1];
            amplitudes.iter_mut().zip(gains).for_each(|(a, g)| *a = amplitude(g));
            for (channel, pending) in self.channels.iter().zip(&mut self.pending) {
                let shaped = self
                    .shaper
                    .apply(channel.range(from..from + 2 * half as usize).copied(), &amplitudes);
                pending.iter_mut().zip(shaped).for_each(|(p, s)| *p += s);
            }
            self.emit(begin);
            self.shaped += 1;
        }
    }

    /// Puts out the first half of what is pending, which no later frame adds to; it begins at
    /// sample `begin`.
    fn emit(&mut self, begin: i64) {
        for i in 0..self.shaper.half {
            let sample = begin + i as i64;
            let inside = (0..self.pushed as i64).contains(&sample);
            let at = (sample + self.before() as i64 - self.first as i64) as usize;
            for (pending, channel) in self.pending.iter_mut().zip(&self.channels) {
                let value = pending.pop_front().unwrap_or(0.0);
                pending.push_back(0.0);
                if inside {
                    // No sample passes full scale that did not before.
                    let most = channel[at].abs().max(1.0);
                    self.output.push(value.clamp(-most, most));
                }
            }
        }
    }

    /// Lets go of what is not needed any more.
    fn forget(&mut self) {
        let rate = f64::from(self.format.rate);
        let shaping = self.shaped * self.shaper.half as i64 - self.shaper.half as i64 / 2
            + self.before() as i64;
        let measuring = ((self.power_first + self.powers.len()) as f64 * INTERVAL * rate) as i64
            + self.before() as i64
            - self.analyser.len() as i64;
        let free =
            (shaping.min(measuring) - self.first as i64).clamp(0, self.mixed.len() as i64) as usize;
        self.mixed.drain(..free);
        self.channels.iter_mut().for_each(|c| drop(c.drain(..free)));
        self.first += free;
        let powers =
            (self.chosen * PER_PAIR).saturating_sub(self.power_first).min(self.powers.len());
        self.powers.drain(..powers);
        self.power_first += powers;
        // The last pair's gains are still heard by the next one.
        let slot = ((self.shaped.max(0) as f64) * self.shaper.half as f64 / rate / SLOT) as usize;
        let gains = slot
            .saturating_sub(self.gain_first + 2 * SLOTS)
            .min(self.gains.len().saturating_sub(SLOTS));
        self.gains.drain(..gains);
        self.gain_first += gains;
    }
}

/// How one band of a pair is moved.
struct Movement {
    /// Power by step.
    powers: [f32; PER_PAIR],
    rows: [f32; 2],
}

impl Movement {
    fn new(frames: &[PerBand<f32>], band: usize) -> Self {
        let powers: [f32; PER_PAIR] = std::array::from_fn(|i| frames[i][band]);
        Self { rows: [powers[..PER_ROW].iter().sum(), powers[PER_ROW..].iter().sum()], powers }
    }

    /// Decibels by which the rows are to move apart, halved, for the level difference to come to
    /// its `target` in a cycle of so many decibels by the shortest way; `None` where there is
    /// nothing to move.
    fn wanted(&self, target: f32, cycle: f32) -> Option<f32> {
        if self.rows[0].min(self.rows[1]) < SILENCE * PER_ROW as f32 {
            return None;
        }
        let off = target - phase(self.rows[0], self.rows[1]) * STEP / cycle;
        // Half of the difference for each row: √2 of the normalised one.
        Some((off - off.round()) * cycle * std::f32::consts::FRAC_1_SQRT_2)
    }

    /// Gains of both rows, in decibels, that move them apart by twice `half`: the louder row moves
    /// less, in proportion, which makes the least difference to the sound, and their power together
    /// stays as it was.
    fn gains(&self, half: f32) -> [f32; 2] {
        let second =
            (self.rows[1] / (self.rows[0] + self.rows[1])).clamp(LEAST_PART, 1.0 - LEAST_PART);
        let gains = [-2.0 * half * second, 2.0 * half * (1.0 - second)];
        let moved: f32 = self.rows.iter().zip(gains).map(|(row, g)| row * amplitude(2.0 * g)).sum();
        let rise = 10.0 * (moved / (self.rows[0] + self.rows[1])).log10();
        gains.map(|g| g - rise)
    }

    /// Mean power that such gains add.
    fn added(&self, gains: [f32; 2]) -> f32 {
        self.rows
            .iter()
            .zip(gains)
            .map(|(row, gain)| row * (amplitude(gain) - 1.0).powi(2))
            .sum::<f32>()
            / PER_PAIR as f32
    }

    /// The gains that move the level difference to its target, as far as the limit allows, with the
    /// gains before and behind known.
    fn solve(
        &self,
        target: f32,
        Limit { decibels: limit, cycle }: Limit,
        (before, behind): (f32, f32),
        hearing: &[[f32; SLOTS + 2 * MARGIN]; PER_PAIR],
    ) -> [f32; 2] {
        // The wanted place is chosen from the sound as it is, so that the movement is the shortest.
        let Some(distance) = self.wanted(target, cycle) else { return [0.0; 2] };
        let distance = distance.clamp(-limit, limit);
        let goal = phase(self.rows[0], self.rows[1]) + distance * std::f32::consts::SQRT_2 / STEP;
        let (before, behind) = (amplitude(before), amplitude(behind));
        let most = OVERSHOOT * limit;
        let mut half = distance;
        for _ in 0..STEPS {
            let [down, up] = self.gains(half).map(amplitude);
            let mut rows = [0.0; 2];
            for (i, (power, h)) in self.powers.iter().zip(hearing).enumerate() {
                let heard = (h[0] + h[1]) * before
                    + (h[2] + h[3]) * down
                    + (h[4] + h[5]) * up
                    + (h[6] + h[7]) * behind;
                rows[i / PER_ROW] += power * heard * heard;
            }
            half = (half
                + (goal - phase(rows[0], rows[1])) * STEP * std::f32::consts::FRAC_1_SQRT_2)
                .clamp(-most, most);
        }
        self.gains(half)
    }
}
