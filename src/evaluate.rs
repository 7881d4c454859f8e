//! Evaluation: media → mark → attacks → what survives.
//!
//! A clip is stamped with a key and a payload of its own, in temporary files. Each [`Attack`]
//! filters and encodes the stamped clip anew, and the detector reads the result blind.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use serde::Serialize;

use crate::attacks::{Attack, Group, attacks};
use crate::draft::DraftFolder;
use crate::inspect::{self, InspectError, Inspector, Showing};
use crate::key::{KeyRing, WatermarkKey};
use crate::media::{
    AudioInfo, Cancel, Container, EncodeOptions, Limits, MediaError, Progress, Rework, Summary,
};
use crate::payload::Payload;
use crate::press::{self, Filtering, Marks, Order, Presses};
use crate::stamp::{ClipMarker, StampError};
use crate::stats::PValue;
use crate::video::{Canvas, DetectOptions, Distortion, Strength};

/// What to evaluate, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EvaluateOptions {
    /// What happens to the clips; everything by default.
    pub attacks: Vec<&'static Attack>,
    /// Strength of the mark.
    pub strength: Strength,
    /// Seconds of each clip, from its start.
    pub seconds: f64,
    /// What a clip may ask of the machine.
    pub limits: Limits,
    /// Who decodes and encodes: this process, or workers that know no key.
    pub press: Arc<dyn Presses>,
    /// Who looks for what survives.
    pub inspector: Arc<dyn Inspector>,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            attacks: attacks().iter().collect(),
            strength: Strength::default(),
            seconds: 10.0,
            limits: Limits::default(),
            press: Arc::new(press::Own),
            inspector: Arc::new(inspect::InProcess),
        }
    }
}

/// What came of one attack on one clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The payload came back.
    Exact,
    /// Another payload came back.
    Wrong,
    /// The mark was found, but not its payload.
    Present,
    /// Nothing was found.
    Missed,
    /// This libav lacks the filter or the encoder, or they do not take this picture.
    NotRun,
}

/// One attack on one clip.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Trial {
    /// Which attack.
    pub attack: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// The detector's p-value; `null` if the attack was not run.
    pub p_value: Option<PValue>,
    /// Why the attack was not run; `null` if it was.
    pub reason: Option<String>,
}

/// One clip.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Evaluated {
    /// Width in stored pixels.
    pub width: u32,
    /// Height in stored pixels.
    pub height: u32,
    /// Frames that were marked.
    pub frames: u64,
    /// PSNR of luma in dB, marked against original, before encoding; `null` if nothing changed.
    pub psnr: f64,
    /// SSIM of luma, likewise.
    pub ssim: f64,
    /// Attack by attack, as chosen.
    pub trials: Vec<Trial>,
}

/// How far an evaluation is: the marking and every attack are a step each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Steps done.
    pub done: usize,
    /// Steps there are.
    pub of: usize,
}

/// Pixels of the frames of all attacks that run at a time. Encoders hold dozens of frames: the two
/// attacks on 4K that this allows take up to 4 GB.
const PIXELS_AT_ONCE: u64 = 16 << 20;

/// Marks the beginning of `clip` with `key` and a new payload, and tells what survives each attack.
/// Nothing is left behind.
///
/// # Errors
/// [`StampError`] if the clip cannot be read or marked, a temporary file cannot be written, or the
/// work was cancelled.
pub fn evaluate(
    clip: &Path,
    key: &WatermarkKey,
    options: &EvaluateOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Step),
) -> Result<Evaluated, StampError> {
    let folder = DraftFolder::beside(&std::env::temp_dir().join("evaluate"))
        .map_err(|e| MediaError::Write { path: std::env::temp_dir(), reason: e.to_string() })?;
    // Matroska holds whatever sound the clip has.
    let stamped = folder.path().join("stamped.mkv");
    let of = options.attacks.len() + 1;
    progress(Step { done: 0, of });
    let payload = Payload::random();
    let marker = ClipMarker::new(clip, key, payload.into(), options.strength);
    let (summary, distortion) = mark(clip, &stamped, marker, options, cancel)?;
    let course = Course {
        stamped: &stamped,
        folder: folder.path(),
        ring: KeyRing::from(key.clone()),
        payload,
        options,
        cancel,
    };
    let (width, height) = summary.info.picture.as_ref().map_or((0, 0), |p| (p.width, p.height));
    let at_once = (PIXELS_AT_ONCE / (u64::from(width) * u64::from(height)).max(1)).max(1) as usize;
    let trials = course.run(at_once, &mut |done| progress(Step { done: done + 1, of }))?;
    Ok(Evaluated {
        width,
        height,
        frames: summary.frames,
        psnr: distortion.psnr(),
        ssim: distortion.ssim(),
        trials,
    })
}

/// Stamps without a manifest, and measures the distortion.
fn mark(
    clip: &Path,
    target: &Path,
    marker: ClipMarker<'_>,
    options: &EvaluateOptions,
    cancel: &Cancel,
) -> Result<(Summary, Distortion), StampError> {
    let mut marks = Measured { marker, distortion: Distortion::default() };
    let order = Order {
        target,
        container: Container::Matroska,
        encode: &EncodeOptions::default(),
        seconds: Some(options.seconds),
        stills: false,
    };
    create(target)?;
    let (summary, _) =
        options.press.open(clip, target, &options.limits, cancel)?.transcode(&order, &mut marks)?;
    Ok((summary, marks.distortion))
}

/// An empty file, which others write to.
fn create(path: &Path) -> Result<(), MediaError> {
    std::fs::File::create(path)
        .map(drop)
        .map_err(|e| MediaError::Write { path: path.into(), reason: e.to_string() })
}

/// Marks frames, and measures what that does to them.
struct Measured<'a> {
    marker: ClipMarker<'a>,
    distortion: Distortion,
}

impl Marks for Measured<'_> {
    fn frame(&mut self, canvas: &mut dyn Canvas, _: f64) -> Result<(), StampError> {
        canvas.look(&mut |luma| self.distortion.before(luma));
        self.marker.mark(canvas)?;
        canvas.look(&mut |luma| self.distortion.after(luma));
        Ok(())
    }

    fn track(&mut self, _: &AudioInfo) -> Option<Box<dyn Rework>> {
        None
    }

    fn progress(&mut self, _: Progress) {}
}

/// What all attacks on a clip share.
struct Course<'a> {
    stamped: &'a Path,
    folder: &'a Path,
    ring: KeyRing,
    payload: Payload,
    options: &'a EvaluateOptions,
    cancel: &'a Cancel,
}

impl Course<'_> {
    /// All attacks, up to `at_once` at a time. `progress` is told how many are done.
    fn run(
        &self,
        at_once: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Trial>, StampError> {
        let attacks = &self.options.attacks;
        let next = AtomicUsize::new(0);
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(at_once);
        let (sender, receiver) = mpsc::channel();
        let mut trials: Vec<(usize, Trial)> = std::thread::scope(|scope| {
            for _ in 0..workers {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    while let Some((i, attack)) = Some(next.fetch_add(1, Ordering::Relaxed))
                        .and_then(|i| Some((i, attacks.get(i)?)))
                    {
                        // Nobody listens any more once an attack has failed.
                        if sender.send(self.attack(attack).map(|trial| (i, trial))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            progress(0);
            receiver
                .into_iter()
                .enumerate()
                .map(|(done, trial)| trial.inspect(|_| progress(done + 1)))
                .collect::<Result<_, _>>()
        })?;
        trials.sort_by_key(|t| t.0);
        Ok(trials.into_iter().map(|t| t.1).collect())
    }

    fn attack(&self, attack: &Attack) -> Result<Trial, StampError> {
        let file = self.folder.join(attack.name).with_extension("mp4");
        let trial =
            |outcome, p_value, reason| Trial { attack: attack.name, outcome, p_value, reason };
        create(&file)?;
        let EvaluateOptions { limits, press, inspector, .. } = self.options;
        let font = attack.font();
        let how = Filtering {
            chain: &attack.chain(font.as_deref()),
            font: font.as_deref(),
            encode: &attack.encode(),
            limits,
        };
        match press.filter(self.stamped, &file, &how, self.cancel) {
            Ok(()) => {}
            Err(InspectError::Media(MediaError::Filter { reason, .. })) => {
                return Ok(trial(
                    Outcome::NotRun,
                    None,
                    Some(format!("libav's filters: {reason}")),
                ));
            }
            Err(InspectError::Media(e)) if e.code() == "target.encoder" => {
                return Ok(trial(Outcome::NotRun, None, Some(e.to_string())));
            }
            Err(e) => return Err(e.into()),
        }
        let found = inspector.open(&file, limits, self.cancel)?.marks(
            &self.ring,
            &DetectOptions::default(),
            Showing::PICTURE,
            &mut |_| {},
        )?;
        let found = found.picture.ok_or_else(|| MediaError::NoVideo { path: file.clone() })?;
        // The folder goes in the end; until then the next attacks have the room.
        let _ = std::fs::remove_file(&file);
        let outcome = match found.payload {
            Some(payload) if payload == self.payload => Outcome::Exact,
            Some(_) => Outcome::Wrong,
            None if found.detected => Outcome::Present,
            None => Outcome::Missed,
        };
        Ok(trial(outcome, Some(found.p_value), None))
    }
}

/// Outcomes of several trials, counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// Trials that were run.
    pub run: usize,
    /// Trials that were not.
    pub not_run: usize,
    /// Payloads that came back.
    pub exact: usize,
    /// Marks that were found, with or without a payload.
    pub present: usize,
    /// Payloads that came back wrong.
    pub wrong: usize,
    /// The median p-value, the larger one of two; `null` if none was run.
    pub median_p_value: Option<PValue>,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of<'a>(trials: impl Iterator<Item = &'a Trial>) -> Self {
        let (mut outcomes, mut p_values) = (Vec::new(), Vec::new());
        for trial in trials {
            outcomes.push(trial.outcome);
            p_values.extend(trial.p_value);
        }
        let count = |outcome: Outcome| outcomes.iter().filter(|&&o| o == outcome).count();
        p_values.sort_by(|a, b| a.ln().total_cmp(&b.ln()));
        let (exact, wrong, not_run) =
            (count(Outcome::Exact), count(Outcome::Wrong), count(Outcome::NotRun));
        let median_p_value = p_values.get(p_values.len() / 2).copied();
        Self {
            run: outcomes.len() - not_run,
            not_run,
            exact,
            present: exact + wrong + count(Outcome::Present),
            wrong,
            median_p_value,
        }
    }
}

/// What came of a clip.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ClipOutcome {
    /// It was evaluated.
    Evaluated(Evaluated),
    /// It could not be.
    Failed {
        /// What, and what to do next.
        error: String,
    },
}

/// A clip of a [`Report`].
#[derive(Clone, Debug, Serialize)]
pub struct ClipReport {
    /// The clip.
    pub file: PathBuf,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ClipOutcome,
}

/// An attack of a [`Report`], over all clips.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AttackReport {
    /// The attack.
    #[serde(flatten)]
    pub attack: &'static Attack,
    /// What survived it.
    #[serde(flatten)]
    pub tally: Tally,
}

/// A group of attacks of a [`Report`], over all clips.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GroupReport {
    /// The group.
    pub group: Group,
    /// What survived its attacks.
    #[serde(flatten)]
    pub tally: Tally,
}

/// All of an evaluation.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Strength of the mark, to three digits.
    pub strength: f64,
    /// Seconds taken of each clip, at most.
    pub seconds: f64,
    /// Clip by clip.
    pub clips: Vec<ClipReport>,
    /// Attack by attack.
    pub attacks: Vec<AttackReport>,
    /// Group by group.
    pub groups: Vec<GroupReport>,
}

impl Report {
    /// Sums up what came of `clips`.
    #[must_use]
    pub fn new(options: &EvaluateOptions, clips: Vec<ClipReport>) -> Self {
        let mut report = Self {
            strength: (f64::from(options.strength.factor()) * 1000.0).round() / 1000.0,
            seconds: options.seconds,
            clips,
            attacks: Vec::new(),
            groups: Vec::new(),
        };
        report.attacks = options
            .attacks
            .iter()
            .map(|&attack| AttackReport {
                attack,
                tally: Tally::of(report.trials(|a| a == attack.name)),
            })
            .collect();
        let members = |group| options.attacks.iter().filter(move |a| a.group == group);
        let chosen = Group::ALL.into_iter().filter(|&g| members(g).next().is_some());
        report.groups = chosen
            .map(|group| GroupReport {
                group,
                tally: Tally::of(report.trials(|name| members(group).any(|a| a.name == name))),
            })
            .collect();
        report
    }

    /// The clips that were evaluated.
    pub fn evaluated(&self) -> impl Iterator<Item = (&Path, &Evaluated)> {
        self.clips.iter().filter_map(|c| match &c.outcome {
            ClipOutcome::Evaluated(e) => Some((c.file.as_path(), e)),
            ClipOutcome::Failed { .. } => None,
        })
    }

    fn trials(&self, of: impl Fn(&str) -> bool) -> impl Iterator<Item = &Trial> {
        self.evaluated().flat_map(|(_, e)| &e.trials).filter(move |t| of(t.attack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted() {
        let trial = |outcome, p: Option<f64>| Trial {
            attack: "mirror",
            outcome,
            p_value: p.map(|p| PValue::from_ln(p.ln())),
            reason: None,
        };
        let trials = [
            trial(Outcome::Exact, Some(1e-200)),
            trial(Outcome::Present, Some(1e-8)),
            trial(Outcome::Missed, Some(0.5)),
            trial(Outcome::Wrong, Some(1e-9)),
            trial(Outcome::NotRun, None),
        ];
        let tally = Tally::of(trials.iter());
        assert_eq!(
            (tally.run, tally.not_run, tally.exact, tally.present, tally.wrong),
            (4, 1, 1, 3, 1)
        );
        assert!((tally.median_p_value.unwrap().value() / 1e-8 - 1.0).abs() < 1e-9);
        assert_eq!(Tally::of([].iter()).median_p_value, None);
    }
}
