//! The search: at what place, speed and pitch the mark lies in a stretch of sound, and what it
//! says.

mod identify;

use std::sync::OnceLock;

use realfft::num_complex::Complex32;

use super::bands::{BandEnergies, HOP};
use super::carrier::{CELLS, Carrier, PERIOD, PERIOD_SECONDS};
use super::kernels::Wound;
use super::layout::PAIR;
use super::read::{Cells, Place, Weighing, standard};
use super::segment::Segment;
use crate::evidence::{Method, Question};
use crate::stats::PValue;
use proofmark_core::{Payload, parallel};

/// Offsets that are tried within a pair: every 4 ms.
const OFFSETS: usize = 10;
/// Seconds in the middle of a stretch that the search over speeds looks at.
const LOOK: f64 = 6.0;
/// Seconds by which the two ends of what is looked at may be off.
const DRIFT: f64 = 0.004;
/// Speeds that are searched when the pitch goes with them (resampled), and when it stays
/// (stretched).
const RESAMPLED: (f64, f64) = (0.78, 1.28);
const STRETCHED: (f64, f64) = (0.88, 1.12);
/// Pitches at an unchanged speed: four semitones either way and a little.
const SHIFTED: (f64, f64) = (0.78, 1.28);
/// Steps between searched pitches, as a share: a tenth of a band.
const PITCH_STEP: f64 = 0.01;
/// Sync scores under this are not worth decoding: chance gives the best of all that is looked at
/// more elsewhere, and at the expected speed and pitch about as much; a payload that barely decodes
/// has four and a half, give or take one.
const WORTH_DECODING: f32 = 3.6;
const WORTH_DECODING_AS_STAMPED: f32 = 3.0;
/// Places that are looked at closely, at the expected speed and pitch and elsewhere: a mark that
/// formants were kept from seldom has the best of all peaks.
const PEAKS: usize = 6;
const PEAKS_ELSEWHERE: usize = 20;
/// Ways in which cells are weighed, each in a search of its own at the expected speed and pitch.
/// Elsewhere places are found in the first one, and decoded in the second one too.
const READINGS: [Weighing; 3] = [Weighing::Heard, Weighing::Coded, Weighing::Noisy];
/// Looking closely follows the evidence: it counts as this many trials.
const REFINEMENT: f64 = 32.0;

/// How the sound lies relative to the one that was stamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeScale {
    pub(crate) place: Place,
    pub(crate) pitch: f64,
}

/// A place where something was found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) key: usize,
    pub(crate) stretch: TimeScale,
    /// How cells were weighed when it was found.
    pub(crate) weighing: Weighing,
    /// Score of the sync cells, or of the whole word where the payload is known.
    pub(crate) z: f32,
    pub(crate) p_value: PValue,
    pub(crate) payload: Option<(Payload, Method)>,
}

/// A peak of the sync score.
#[derive(Clone, Copy, Debug)]
struct Peak {
    key: usize,
    stretch: TimeScale,
    z: f32,
}

/// What is correlated: cells and their signs.
struct Pattern {
    key: usize,
    cells: Vec<(usize, Complex32)>,
}

impl Pattern {
    fn new(key: usize, carrier: &Carrier, cells: &[usize], signs: impl Fn(usize) -> f32) -> Self {
        let cells = cells
            .iter()
            .map(|&c| {
                (c, Complex32::from_polar(signs(c), -std::f32::consts::TAU * carrier.phases[c]))
            })
            .collect();
        Self { key, cells }
    }

    fn sync(key: usize, carrier: &Carrier) -> Self {
        Self::new(key, carrier, &carrier.sync, |_| 1.0)
    }

    fn word(key: usize, carrier: &Carrier, payload: Payload) -> Self {
        let word = carrier.word(payload);
        let all: Vec<usize> = (0..CELLS).collect();
        Self::new(key, carrier, &all, |c| word[c])
    }

    /// The pair of the period at which the pattern fits cells best that were counted from another
    /// one, and its score.
    fn best_shift(&self, cells: &Wound) -> (usize, f32) {
        cells
            .scores(&self.cells)
            .into_iter()
            .map(|(sum, variance)| standard(sum, variance))
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((0, 0.0))
    }

    fn score(&self, cells: &Cells) -> f32 {
        let (mut sum, mut variance) = (0.0, 0.0);
        for &(cell, turn) in &self.cells {
            sum += (cells.points[cell] * turn).re;
            variance += cells.points[cell].norm_sqr();
        }
        standard(sum, variance / 2.0)
    }
}

/// One pass over the sound: what is looked for, and how.
struct Pass<'a> {
    patterns: &'a [Pattern],
    /// How cells are weighed.
    weighing: Weighing,
    /// How many places are tried, which p-values count.
    trials: f64,
    /// The time that is looked at.
    wants: &'a (dyn Fn(f64) -> bool + Sync),
}

/// One search over a piece of sound.
pub(crate) struct Search<'a> {
    carriers: &'a [Carrier],
    segment: &'a Segment,
    question: &'a Question,
    /// Whether other speeds and pitches are searched, instead of the expected one.
    wide: bool,
    /// One over the search's share of the false-alarm budget.
    share: f64,
    /// The piece under the pitch of stamped sound.
    stamped: OnceLock<BandEnergies>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        carriers: &'a [Carrier],
        segment: &'a Segment,
        question: &'a Question,
        wide: bool,
        share: f64,
    ) -> Self {
        Self { carriers, segment, question, wide, share, stamped: OnceLock::new() }
    }

    fn stamped(&self) -> &BandEnergies {
        self.stamped.get_or_init(|| self.segment.energies(1.0))
    }

    /// The best finding in the time that `wants` names; the search ends with the first payload.
    pub(crate) fn run(&self, wants: &(dyn Fn(f64) -> bool + Sync)) -> Option<Finding> {
        let sync: Vec<Pattern> =
            self.carriers.iter().enumerate().map(|(key, c)| Pattern::sync(key, c)).collect();
        let best = self.look(&sync, wants);
        // With one payload in question its whole word can be looked for, which shows far less of
        // it.
        match self.question {
            Question::Expected(payload) if best.as_ref().is_none_or(|f| f.payload.is_none()) => {
                let words: Vec<Pattern> = self
                    .carriers
                    .iter()
                    .enumerate()
                    .map(|(key, c)| Pattern::word(key, c, *payload))
                    .collect();
                better(best, self.look(&words, wants))
            }
            _ => best,
        }
    }

    fn look(&self, patterns: &[Pattern], wants: &(dyn Fn(f64) -> bool + Sync)) -> Option<Finding> {
        if self.wide { self.elsewhere(patterns, wants) } else { self.expected(patterns, wants) }
    }

    /// Unchanged speed and pitch, any offset; ends with the first payload.
    fn expected(
        &self,
        patterns: &[Pattern],
        wants: &(dyn Fn(f64) -> bool + Sync),
    ) -> Option<Finding> {
        let trials = (READINGS.len() * OFFSETS * PERIOD * patterns.len()) as f64 * REFINEMENT;
        let mut best: Option<Finding> = None;
        for weighing in READINGS {
            let pass = Pass { patterns, weighing, trials, wants };
            let mut peaks = self.peaks(self.stamped(), (1.0, 1.0), &pass);
            best = better(best, self.examine(&mut peaks, &pass));
            if best.as_ref().is_some_and(|f| f.payload.is_some()) {
                break;
            }
        }
        best
    }

    /// Other speeds and pitches.
    fn elsewhere(
        &self,
        patterns: &[Pattern],
        wants: &(dyn Fn(f64) -> bool + Sync),
    ) -> Option<Finding> {
        let frames = self.segment.len();
        let look = ((LOOK / HOP) as usize).min(frames);
        let range = (frames - look) / 2..(frames - look) / 2 + look;
        let step = 2.0 * DRIFT / (look as f64 * HOP).max(1.0);
        // Each task is one pitch under which bands are read, and the speeds, with their own
        // pitches, that are close enough to it.
        let resampled: Vec<(f64, f64)> =
            steps(RESAMPLED, step).filter(|&s| s != 1.0).map(|s| (s, s)).collect();
        let stretched: Vec<(f64, f64)> =
            steps(STRETCHED, step).filter(|&s| s != 1.0).map(|s| (s, 1.0)).collect();
        let near = ((PITCH_STEP / step) as usize).max(1);
        let mut tasks: Vec<(f64, &[(f64, f64)])> =
            resampled.chunks(near).map(|c| (c[c.len() / 2].1, c)).collect();
        tasks.extend(stretched.chunks(16).map(|c| (1.0, c)));
        let shifted: Vec<(f64, f64)> =
            steps(SHIFTED, PITCH_STEP).filter(|&p| p != 1.0).map(|p| (1.0, p)).collect();
        tasks.extend(shifted.chunks(1).map(|c| (c[0].1, c)));
        let tried =
            tasks.iter().map(|t| t.1.len()).sum::<usize>() * OFFSETS * PERIOD * patterns.len();
        let pass =
            Pass { patterns, weighing: READINGS[0], trials: tried as f64 * REFINEMENT, wants };
        let spectra = self.segment.spectra(range, RESAMPLED);
        let found =
            parallel::map(&tasks, &mut vec![(); parallel::threads()], |(), (read, speeds)| {
                let energies = BandEnergies::new(&spectra, *read);
                speeds
                    .iter()
                    .flat_map(|&(speed, pitch)| {
                        self.peaks(&energies, (speed, pitch), &pass).into_iter().take(2)
                    })
                    .collect::<Vec<Peak>>()
            });
        drop(spectra);
        let mut peaks: Vec<Peak> = found.into_iter().flatten().collect();
        self.examine(&mut peaks, &pass)
    }

    /// The best peaks at one speed and pitch, one for each offset within a pair.
    fn peaks(
        &self,
        energies: &BandEnergies,
        (speed, pitch): (f64, f64),
        pass: &Pass<'_>,
    ) -> Vec<Peak> {
        let mut peaks = Vec::new();
        for i in 0..OFFSETS {
            let offset = i as f64 * PAIR / OFFSETS as f64;
            let cells = Cells::read(energies, Place { speed, offset }, pass.weighing, pass.wants);
            let cells = Wound::new(&cells.points);
            for pattern in pass.patterns {
                let (shift, z) = pattern.best_shift(&cells);
                peaks.push(Peak {
                    key: pattern.key,
                    stretch: TimeScale {
                        place: Place { speed, offset: offset + shift as f64 * PAIR },
                        pitch,
                    },
                    z,
                });
            }
        }
        peaks.sort_by(|a, b| b.z.total_cmp(&a.z));
        peaks
    }

    /// Looks closely at the best peaks and decodes; the first with a payload is the answer.
    fn examine(&self, peaks: &mut [Peak], pass: &Pass<'_>) -> Option<Finding> {
        let finding = |key, stretch, z| Finding {
            key,
            stretch,
            weighing: pass.weighing,
            z,
            p_value: PValue::of_score(f64::from(z), pass.trials).times(self.share()),
            payload: None,
        };
        peaks.sort_by(|a, b| b.z.total_cmp(&a.z));
        let mut taken: Vec<TimeScale> = Vec::new();
        let mut best: Option<Finding> = None;
        for peak in peaks.iter() {
            if taken.len() == self.places() || peak.z < self.worth_decoding() {
                break;
            }
            // Neighbours of what was looked at lead to the same.
            if taken.iter().any(|t| near(t, &peak.stretch)) {
                continue;
            }
            let Some(pattern) = pass.patterns.iter().find(|p| p.key == peak.key) else { continue };
            let (stretch, cells, z) = self.refine(*peak, pattern, pass);
            taken.push(stretch);
            let mut found = finding(peak.key, stretch, z);
            self.identify(&mut found, &cells, pattern, pass);
            best = better(best, Some(found));
            if best.as_ref().is_some_and(|f| f.payload.is_some()) {
                break;
            }
        }
        // What was merely seen from afar still is the evidence there is.
        best.or_else(|| peaks.first().map(|peak| finding(peak.key, peak.stretch, peak.z)))
    }

    /// Climbs to the best speed, pitch and offset near a peak, over all of the stretch.
    fn refine(&self, peak: Peak, pattern: &Pattern, pass: &Pass<'_>) -> (TimeScale, Cells, f32) {
        let middle = self.segment.seconds() / 2.0;
        // Of the pitches about the peak's: twice a step that is halved.
        let mut step =
            if peak.stretch.place.speed == 1.0 { PITCH_STEP / 2.0 } else { PITCH_STEP / 8.0 };
        let pitch = peak.stretch.pitch;
        let spectra = (pitch != 1.0).then(|| {
            self.segment.spectra(
                0..self.segment.len(),
                (pitch * (1.0 - 1.6 * step), pitch * (1.0 + 1.6 * step)),
            )
        });
        let raised = spectra.as_ref().map(|spectra| BandEnergies::new(spectra, pitch));
        let energies = raised.as_ref().unwrap_or_else(|| self.stamped());
        let at = |energies: &BandEnergies, place: Place| {
            let cells = Cells::read(energies, place, pass.weighing, pass.wants);
            let z = pattern.score(&cells);
            (cells, z)
        };
        let mut stretch = peak.stretch;
        let (mut cells, mut z) = at(energies, stretch.place);
        // A change of speed turns about the middle of what the peak was seen in.
        let turned = |place: Place, speed: f64| Place {
            speed,
            offset: (place.offset + (place.speed - speed) * middle).rem_euclid(PERIOD_SECONDS),
        };
        let (mut time, mut rate) = (0.002, DRIFT / (middle * 2.0).clamp(1.0, LOOK));
        for _ in 0..3 {
            let mut places: Vec<Place> = [-time, time]
                .iter()
                .map(|d| Place {
                    offset: (stretch.place.offset + d).rem_euclid(PERIOD_SECONDS),
                    ..stretch.place
                })
                .collect();
            if stretch.place.speed != 1.0 {
                places.extend(
                    [-2.0 * rate, -rate, rate, 2.0 * rate]
                        .iter()
                        .map(|d| turned(stretch.place, stretch.place.speed * (1.0 + d))),
                );
            }
            for place in places {
                let (c, score) = at(energies, place);
                if score > z {
                    (stretch.place, cells, z) = (place, c, score);
                }
            }
            (time, rate) = (time / 2.0, rate / 2.0);
        }
        drop(raised);
        if let Some(spectra) = &spectra {
            for _ in 0..2 {
                for pitch in [stretch.pitch * (1.0 - step), stretch.pitch * (1.0 + step)] {
                    let (c, score) = at(&BandEnergies::new(spectra, pitch), stretch.place);
                    if score > z {
                        (stretch.pitch, cells, z) = (pitch, c, score);
                    }
                }
                step /= 2.0;
            }
        }
        (stretch, cells, z)
    }

    /// Places that are looked at closely.
    fn places(&self) -> usize {
        if self.wide { PEAKS_ELSEWHERE } else { PEAKS }
    }

    /// Score from which on a place is worth decoding.
    fn worth_decoding(&self) -> f32 {
        if self.wide { WORTH_DECODING } else { WORTH_DECODING_AS_STAMPED }
    }

    /// One over the share that each pattern of a question has.
    fn share(&self) -> f64 {
        self.share * if matches!(self.question, Question::Expected(_)) { 2.0 } else { 1.0 }
    }
}

/// Values from one to the other in steps of a share, 1 among them.
fn steps((low, high): (f64, f64), step: f64) -> impl Iterator<Item = f64> {
    let (below, above) = ((low.ln() / step).ceil() as i64, (high.ln() / step).floor() as i64);
    (below..=above).map(move |i| if i == 0 { 1.0 } else { (i as f64 * step).exp() })
}

/// Whether two places are looked at together.
fn near(a: &TimeScale, b: &TimeScale) -> bool {
    let apart = (a.place.offset - b.place.offset).rem_euclid(PERIOD_SECONDS);
    let apart = apart.min(PERIOD_SECONDS - apart);
    (a.place.speed / b.place.speed).ln().abs() < 0.004
        && (a.pitch / b.pitch).ln().abs() < 0.02
        && apart < 0.016
}

pub(crate) fn better(a: Option<Finding>, b: Option<Finding>) -> Option<Finding> {
    match (a, b) {
        (Some(a), Some(b)) => Some(
            if (b.payload.is_some(), -b.p_value.ln()) > (a.payload.is_some(), -a.p_value.ln()) {
                b
            } else {
                a
            },
        ),
        (a, b) => a.or(b),
    }
}
