//! The detector: samples in, evidence out.

use super::carrier::{CELLS, Carrier, SYNC_CELLS};
use super::evidence::{AudioEvidence, Capacity, TimeScale};
use super::read::{Cells, Place, Weighing};
use super::search::{Finding, Search, better};
use super::segment::{PIECE, Segment};
use super::timeline::timeline;
use super::{decode, echo};
use crate::evidence::{self, PRESENCE, Question, SECOND_LOOK, SpanState};
use crate::key::{KeyRing, WatermarkKey};
use crate::stats::PValue;
use proofmark_core::{
    Payload, TimeRange,
    audio::{AudioError, Format, Mix},
};

/// How to search.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// What is asked.
    pub question: Question,
    /// Whether to search other speeds and pitches when the mark is not found as it was stamped.
    pub search: bool,
    /// Whether this sound was listened to before, and asked something else: a second look, which
    /// p-values count.
    pub again: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { question: Question::Blind, search: true, again: false }
    }
}

/// Marks that are looked for in one piece.
const MARKS: usize = 4;
/// Parts of a piece that are searched alone when the whole shows a mark that cannot be read:
/// several marks may be spliced.
const PARTS: [usize; 2] = [2, 3];
/// Echoes that are taken away one after the other.
const ECHOES: usize = 3;
/// One over the shares of the false-alarm budget: sound as it was stamped has half, so that it
/// needs little; other speeds and pitches have an eighth, sound without its echoes a quarter, sound
/// played backwards an eighth.
const SHARE_EXPECTED: f64 = 2.0;
const SHARE_STRETCHED: f64 = 8.0;
const SHARE_BACKWARDS: f64 = 8.0;
const SHARE_ECHOES: f64 = 4.0 * ECHOES as f64;
/// Seconds of a part, or of what a mark leaves, that are worth a search.
const LEAST: f64 = 1.5;
/// Evidence with which the payload can usually be read blind.
const READABLE: f32 = 250.0;

/// Turns evidence in sound that was played backwards round to the time in which it was heard.
fn turn(evidence: &mut AudioEvidence, seconds: f64) {
    evidence.ranges.reverse();
    evidence
        .ranges
        .iter_mut()
        .for_each(|r| (r.start, r.end) = (seconds - r.end, seconds - r.start));
    evidence.spans.reverse();
    evidence.spans.iter_mut().for_each(|s| (s.start, s.end) = (seconds - s.end, seconds - s.start));
}

/// Moves evidence to as many seconds later.
fn delay(evidence: &mut AudioEvidence, seconds: f64) {
    evidence
        .ranges
        .iter_mut()
        .for_each(|r| (r.start, r.end) = (r.start + seconds, r.end + seconds));
    evidence.spans.iter_mut().for_each(|s| (s.start, s.end) = (s.start + seconds, s.end + seconds));
}

/// Collects the sound of one clip and says what mark it carries.
///
/// Memory does not depend on its length.
pub struct Detector {
    format: Format,
    carriers: Vec<Carrier>,
    ring: KeyRing,
    options: ListenOptions,
    mix: Mix,
    segment: Segment,
    /// Seconds at which the piece begins.
    start: f64,
    segments: usize,
    marks: Vec<AudioEvidence>,
    /// The best p-value and score of what is no mark.
    least: (PValue, f32),
    /// Whether anything but silence was heard.
    heard: bool,
}

impl Detector {
    /// A detector for sound of the given format, looking for marks of any key of `ring`.
    ///
    /// # Errors
    /// [`AudioError`] if the sampling rate or the number of channels is out of range.
    pub fn new(ring: &KeyRing, format: Format, options: ListenOptions) -> Result<Self, AudioError> {
        format.check()?;
        let keeps = options.search;
        Ok(Self {
            carriers: ring.keys().iter().map(Carrier::new).collect(),
            ring: ring.clone(),
            options,
            mix: format.mix(),
            segment: Segment::new(f64::from(format.rate), keeps),
            format,
            start: 0.0,
            segments: 0,
            marks: Vec::new(),
            least: (PValue::ONE, 0.0),
            heard: false,
        })
    }

    /// The same sound asked about other keys, or another question, without listening again; of
    /// sound longer than half a minute, its last piece. Other speeds and pitches are searched only
    /// in sound that was taken in for that.
    #[must_use]
    pub fn again(&self, ring: &KeyRing, options: ListenOptions) -> Self {
        let options = ListenOptions { search: options.search && self.options.search, ..options };
        Self {
            carriers: ring.keys().iter().map(Carrier::new).collect(),
            ring: ring.clone(),
            options,
            format: self.format,
            mix: self.mix.clone(),
            segment: self.segment.clone(),
            marks: Vec::new(),
            ..*self
        }
    }

    /// Takes in interleaved samples, full scale being 1. A last frame without all channels is
    /// ignored.
    pub fn push(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(self.format.channels) {
            let sample = self.mix.of(frame);
            self.heard |= sample.abs() > 1e-5;
            self.segment.push(sample);
        }
        self.measure();
    }

    /// Makes the spectra that the samples allow, and searches them once they are a whole piece.
    fn measure(&mut self) {
        self.segment.measure();
        while self.segment.is_full() {
            self.search_piece();
            self.segment.measure();
        }
    }

    /// Searches what was collected, and lets it go.
    fn search_piece(&mut self) {
        let seconds = self.segment.seconds();
        for mut evidence in self.marks_in_piece() {
            if self.segment.is_backwards() {
                turn(&mut evidence, seconds);
            }
            delay(&mut evidence, self.start);
            self.keep(evidence);
        }
        self.segment.next();
        self.start += seconds;
        self.segments += 1;
    }

    /// The marks in what was collected, one after the other in the time that those before leave.
    /// The piece becomes the one that they were found in.
    fn marks_in_piece(&mut self) -> Vec<AudioEvidence> {
        let seconds = self.segment.seconds();
        // The shares of all pieces, however many there will be, make one whole.
        let share = ((self.segments + 1) * (self.segments + 2)) as f64
            * if self.options.again { SECOND_LOOK } else { 1.0 };
        let mut marked: Vec<TimeRange> = Vec::new();
        let mut found: Vec<AudioEvidence> = Vec::new();
        for round in 0..MARKS {
            let free = |t: f64| !marked.iter().any(|r| (r.start..r.end).contains(&t));
            let Some(finding) = self.search(
                share * if round == 0 { 1.0 } else { MARKS as f64 },
                seconds,
                round == 0,
                &free,
            ) else {
                break;
            };
            let (finding, changed) = finding;
            if let Some(changed) = changed {
                self.segment = changed;
            }
            let evidence = self.describe(&finding);
            if !evidence.detected || (round > 0 && evidence.payload.is_none()) {
                if round == 0 && finding.p_value < self.least.0 {
                    self.least = (finding.p_value, finding.z);
                }
                break;
            }
            marked.extend(
                evidence
                    .spans
                    .iter()
                    .filter(|s| s.state != SpanState::Unmarked)
                    .map(|s| TimeRange { start: s.start, end: s.end }),
            );
            let left = evidence
                .spans
                .iter()
                .filter(|s| s.state == SpanState::Unmarked)
                .map(|s| s.end - s.start)
                .sum::<f64>();
            let known = evidence.payload.is_some();
            found.push(evidence);
            if left < LEAST || !known {
                break;
            }
        }
        found
    }

    /// Looks for a mark in the time that is free; in the piece's first search in parts of it, and
    /// backwards, too. With the finding comes the piece that it was made in, if that had to be
    /// changed.
    fn search(
        &self,
        share: f64,
        seconds: f64,
        first: bool,
        free: &(dyn Fn(f64) -> bool + Sync),
    ) -> Option<(Finding, Option<Segment>)> {
        let search = |wide, share: f64| {
            Search::new(&self.carriers, &self.segment, &self.options.question, wide, share)
        };
        let open = |found: &Option<Finding>| found.as_ref().is_none_or(|f| f.payload.is_none());
        let mut best = search(false, SHARE_EXPECTED * share).run(free);
        // Several marks may be spliced: a mark that is there but cannot be read is looked for in
        // parts.
        if first && open(&best) && best.as_ref().is_some_and(|f| f.p_value.value() <= PRESENCE) {
            let parts = PARTS.iter().flat_map(|&n| {
                (0..n).map(move |i| (i as f64 / n as f64, (i + 1) as f64 / n as f64))
            });
            let count = PARTS.iter().sum::<usize>() as f64;
            let found =
                parts.filter(|(from, to)| (to - from) * seconds >= LEAST).find_map(|(from, to)| {
                    let inside =
                        move |t: f64| free(t) && (from * seconds..to * seconds).contains(&t);
                    search(false, SHARE_EXPECTED * share * count)
                        .run(&inside)
                        .filter(|f| f.payload.is_some())
                });
            best = better(best, found);
        }
        if self.options.search && open(&best) {
            match self.without_echoes(share, free) {
                Some((found, segment)) if found.payload.is_some() => {
                    return Some((found, Some(segment)));
                }
                weak => best = better(best, weak.map(|w| w.0)),
            }
        }
        if self.options.search && first && open(&best) {
            let segment = self.segment.reversed();
            let found = Search::new(
                &self.carriers,
                &segment,
                &self.options.question,
                false,
                SHARE_BACKWARDS * share,
            )
            .run(free);
            if let Some(found) = found.filter(|f| f.payload.is_some()) {
                return Some((found, Some(segment)));
            }
        }
        if self.options.search && open(&best) {
            best = better(best, search(true, SHARE_STRETCHED * share).run(free));
        }
        best.map(|finding| (finding, None))
    }

    /// The search once more, in the sound without its echoes, and that sound. Ends with the first
    /// payload.
    fn without_echoes(
        &self,
        share: f64,
        free: &(dyn Fn(f64) -> bool + Sync),
    ) -> Option<(Finding, Segment)> {
        let rate = f64::from(self.format.rate);
        let mut cleared: Option<Segment> = None;
        let mut best: Option<Finding> = None;
        for _ in 0..ECHOES {
            let Some(found) =
                echo::strongest(cleared.as_ref().unwrap_or(&self.segment).samples(), rate)
            else {
                break;
            };
            let segment = cleared.get_or_insert_with(|| self.segment.clone());
            segment.change(|samples| echo::remove(samples, found));
            best = better(
                best,
                Search::new(
                    &self.carriers,
                    segment,
                    &self.options.question,
                    false,
                    SHARE_ECHOES * share,
                )
                .run(free),
            );
            if best.as_ref().is_some_and(|b| b.payload.is_some()) {
                break;
            }
        }
        best.zip(cleared)
    }

    /// What can be said of a finding in the piece.
    fn describe(&self, finding: &Finding) -> AudioEvidence {
        let detected = finding.p_value.value() <= PRESENCE;
        let payload = finding.payload.filter(|_| detected);
        let spans = if detected {
            timeline(&self.segment, finding, &self.carriers[finding.key])
        } else {
            Vec::new()
        };
        let note = (detected && payload.is_none()).then(|| {
            let evidence = finding.z * finding.z * (CELLS as f32 / SYNC_CELLS as f32);
            let seconds = self.segment.seconds();
            let more = seconds * f64::from(READABLE / evidence - 1.0);
            if more > 0.0 && more < 4.0 * seconds.max(5.0) {
                format!(
                    "a mark is there, but too weak to be read; an excerpt that is {:.0} s \
                    longer, a better copy, or a list of candidates would help",
                    more.ceil()
                )
            } else {
                "a mark is there, but it cannot be read: several may lie over each other; a \
                better copy or a list of candidates would help"
                    .into()
            }
        });
        AudioEvidence {
            detected,
            payload: payload.map(|p| p.0),
            p_value: finding.p_value,
            method: payload.map(|p| p.1),
            key: detected.then(|| self.ring.keys()[finding.key].id().clone()),
            ranges: evidence::ranges(&spans),
            spans,
            geometry: detected.then_some(TimeScale {
                speed: finding.stretch.place.speed as f32,
                pitch: finding.stretch.pitch as f32,
                backwards: self.segment.is_backwards(),
            }),
            evidence: finding.z * finding.z,
            seconds: 0.0,
            note,
            others: Vec::new(),
        }
    }

    /// Adds a mark to those that were found, or to the same one of an earlier piece, or of the
    /// same: where sound was cut and joined, a mark is found once for each step that it is in.
    fn keep(&mut self, evidence: AudioEvidence) {
        let same =
            self.marks.iter_mut().find(|m| m.payload == evidence.payload && m.key == evidence.key);
        let Some(known) = same else { return self.marks.push(evidence) };
        known.p_value = known.p_value.min(evidence.p_value);
        known.evidence = known.evidence.max(evidence.evidence);
        let first = evidence.spans.first().map_or(f64::INFINITY, |s| s.start);
        let shared = known.spans.iter().rposition(|s| s.start < first).map_or(0, |i| i + 1);
        let mut spans = evidence.spans.into_iter();
        for (old, new) in known.spans[shared..].iter_mut().zip(&mut spans) {
            if new.score > old.score {
                *old = new;
            }
        }
        known.spans.extend(spans);
        known.ranges = evidence::ranges(&known.spans);
    }

    /// The evidence in all of the sound.
    #[must_use]
    pub fn finish(mut self) -> AudioEvidence {
        self.segment.end();
        self.measure();
        if self.segment.len() > 0 && self.heard {
            self.search_piece();
        } else {
            self.start += self.segment.seconds();
        }
        let length = |e: &AudioEvidence| e.ranges.iter().map(|r| r.end - r.start).sum::<f64>();
        // What is read before what is merely seen, what is long before what is short.
        self.marks.sort_by(|a, b| {
            b.payload.is_some().cmp(&a.payload.is_some()).then(length(b).total_cmp(&length(a)))
        });
        let mut marks = self.marks.into_iter();
        let mut first = marks.next().unwrap_or_else(|| AudioEvidence {
            detected: false,
            payload: None,
            p_value: self.least.0,
            method: None,
            key: None,
            ranges: Vec::new(),
            spans: Vec::new(),
            geometry: None,
            evidence: self.least.1 * self.least.1,
            seconds: 0.0,
            note: (!self.heard).then(|| "the sound is silent".to_string()),
            others: Vec::new(),
        });
        first.others = marks.filter(|m| m.payload.is_some()).collect();
        first.seconds = self.start;
        first
    }
}

/// Listens to freshly marked sound, and says how much it carries.
pub struct Meter {
    detector: Detector,
    payload: Payload,
    /// Cells of the pieces before.
    cells: Option<Cells>,
}

impl Meter {
    /// A meter for what a [`Marker`](super::Marker) with the same arguments puts out.
    ///
    /// # Errors
    /// [`AudioError`] if the sampling rate or the number of channels is out of range.
    pub fn new(key: &WatermarkKey, payload: Payload, format: Format) -> Result<Self, AudioError> {
        Ok(Self {
            detector: Detector::new(
                &KeyRing::from(key.clone()),
                format,
                ListenOptions { search: false, ..ListenOptions::default() },
            )?,
            payload,
            cells: None,
        })
    }

    /// Takes in interleaved samples. The first half minute is enough to say what there is to say.
    pub fn push(&mut self, samples: &[f32]) {
        if self.cells.is_none() {
            self.detector.push(samples);
            if self.detector.segment.seconds() > PIECE - 1.0 {
                self.cells = Some(self.read());
                // What was read is not needed any more.
                self.detector.segment = Segment::new(f64::from(self.detector.format.rate), false);
            }
        }
    }

    fn read(&self) -> Cells {
        Cells::read(
            &self.detector.segment.energies(1.0),
            Place { speed: 1.0, offset: 0.0 },
            Weighing::Heard,
            |_| true,
        )
    }

    /// What the sound carries.
    #[must_use]
    pub fn finish(mut self) -> Capacity {
        let cells = self.cells.take().unwrap_or_else(|| self.read());
        Capacity::of(
            decode::score_of(&cells, &self.detector.carriers[0], self.payload),
            !self.detector.heard,
        )
    }
}
