//! A job, done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use proofmark::ErrorKind;
use proofmark::evidence::Question;
use proofmark::media::{Container, Limits, VideoCodec, container_of};
use proofmark::provenance::{Placement, placement};
use proofmark::queue::{
    DeliverError, Delivered, Event, Finished, Hold, Job, LookTask, Outcome, Place, QueueError,
    Report, StampTask, State, StoreError, Stores, Task, Work, Workplace, deliver, resume,
};
use proofmark::registry::{Registration, Registry};
use proofmark::report::{self, Reworded};
use proofmark::stamp::{Remember, StampOptions};
use proofmark::video::DetectOptions;
use serde_json::Value;

use super::{Metrics, Scratch};
use crate::commands::detect::Finder;
use crate::commands::stamper::StampWork;
use crate::commands::verify::VerifyWork;
use crate::commands::{Answer, is_cancelled};
use crate::exit::Exit;
use crate::output;

/// Does jobs as the commands do, with the worker's home.
pub(crate) struct Desk<'a> {
    pub(crate) verifier: VerifyWork,
    /// Why not, where a home lacks what that takes: it is told of each job that asks for it.
    pub(crate) finder: Result<Finder<'static>>,
    pub(crate) stamper: Result<StampWork<'a>>,
    pub(crate) registry: Option<Arc<dyn Registry>>,
    pub(crate) limits: Limits,
    pub(crate) stores: Stores,
    pub(crate) scratch: Scratch,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl Work for Desk<'_> {
    fn run(&self, job: &Job, hold: &Hold<'_>) -> Outcome {
        let task = match job.task() {
            Ok(task) => task,
            Err(e) => {
                let told = |part: &str| job.task[part].as_str().unwrap_or("unknown").to_string();
                return failed(&told("verb"), &told("file"), &anyhow!(e));
            }
        };
        let file = task.file().to_string();
        match self.answer(job, &task, hold) {
            Ok(Some((Exit::Error, report))) => Outcome::Failed(report),
            Ok(Some((_, report))) => Outcome::Done(report),
            Ok(None) => Outcome::Stopped,
            Err(_) if hold.cancel().is_cancelled() => Outcome::Stopped,
            Err(e) if is_passing(&e) => Outcome::Again(format!("{e:#}").replace('\n', " ")),
            Err(e) => failed(task.verb(), &file, &e),
        }
    }

    fn abandon(&self, job: &Job) {
        if let Ok(Task::Stamp(task)) = job.task() {
            Workplace::clear(job, &task, self.scratch.path());
        }
    }

    fn hear(&self, event: &Event<'_>) {
        self.metrics.hear(event);
        match event {
            Event::Ended(job, state, took, why) => self.tell(job, *state, took.as_secs_f64(), *why),
            Event::Lost(job) => output::remark(&format!(
                "job {}: the lease was lost, so nothing was written: it was cancelled, or nothing \
                was heard of this worker for too long",
                job.id
            )),
            Event::Reaped(job) => output::remark(&format!(
                "job {}: {}; it is {} now",
                job.id,
                job.error.as_deref().unwrap_or_default(),
                job.state
            )),
            Event::Away(e) => output::remark(&format!("{e}; it is waited for")),
            Event::Back => output::remark("the queue answers again"),
            _ => {}
        }
    }
}

impl Desk<'_> {
    /// What an attempt came to, a line each.
    fn tell(&self, job: &Job, state: State, seconds: f64, why: Option<&str>) {
        let task = job.task().ok();
        let (verb, file) =
            task.as_ref().map_or(("unknown", String::new()), |t| (t.verb(), t.file().to_string()));
        // Whoever reads along may go: the work goes on.
        let _ = if self.json {
            let attempt =
                output::json::Attempt { id: job.id, state, verb, file: &file, seconds, error: why };
            output::json::print(&output::json::attempt(&attempt))
        } else if self.quiet {
            Ok(())
        } else {
            let why = why.map(|w| format!(": {w}")).unwrap_or_default();
            let told = output::plain(&format!(
                "job {} {state}: {verb} {file}, {seconds:.1} s{why}",
                job.id
            ));
            output::human::print(&(told + "\n"))
        };
    }

    /// The report of a job; `None` if it is not to be told, as the lease was lost.
    fn answer(&self, job: &Job, task: &Task, hold: &Hold<'_>) -> Result<Option<(Exit, Report)>> {
        if let Task::Stamp(task) = task {
            return self.stamp(job, task, hold);
        }
        let (Task::Verify(asked) | Task::Detect(asked)) = task else {
            bail!("this program does not know how to {}; update it", task.verb())
        };
        let copies = self.scratch.of(job)?;
        let file = self.fetch(&asked.file, copies.path(), hold)?;
        let options = question(asked);
        let mut answer = match task {
            Task::Verify(_) => self.verifier.verify_as(&file, options, hold.cancel()),
            _ => here(&self.finder)?.detect_as(&file, &options, hold.cancel(), &mut |_| {}),
        }
        .map_err(|e| renamed(e, &file, &asked.file))?;
        rename(&mut answer, &file, &asked.file);
        Ok(Some((answer.exit, kept(&answer))))
    }

    fn stamp(
        &self,
        job: &Job,
        task: &StampTask,
        hold: &Hold<'_>,
    ) -> Result<Option<(Exit, Report)>> {
        let stamper = here(&self.stamper)?;
        let registry = self.registry.as_deref().filter(|_| !task.no_register);
        // What a worker that died had made already.
        if let Some(report) = resume(job, self.scratch.path(), &self.stores, registry, task)? {
            return Ok(Some((Exit::Success, report)));
        }
        refuse_target(task, &self.stores)?;
        let place = Workplace::new(job, task, self.scratch.path())?;
        // A lease that is held now is lost to nobody but one who removes this folder.
        if !hold.still()? {
            return Ok(None);
        }
        let copies = self.scratch.of(job)?;
        let file = self.fetch(&task.file, copies.path(), hold)?;
        let clip = place.clip(task);
        let mut options = options(stamper.options(), task)?;
        options.remember = if registry.is_some() { Remember::File } else { Remember::Nowhere };
        let mut answer = stamper
            .stamp_as(&file, &clip, options, hold.cancel().into())
            .map_err(|e| renamed(renamed(e, &file, &task.file), &clip, &task.target))?;
        rename(&mut answer, &file, &task.file);
        rename(&mut answer, &clip, &task.target);
        answer.json["registered"] = registry.map_or(Value::Null, |r| r.location().into());
        let entry = registry.map(|_| read_registration(&clip)).transpose()?;
        let report = kept(&answer);
        let finished = Finished { mime: container_of(&clip)?.mime(), clip, entry };
        // A folder that is there no more is known to the next worker as the end of this one.
        match deliver(hold, &self.stores, registry, &finished, task, &report)? {
            Delivered::Here => Ok(Some((answer.exit, report))),
            Delivered::Lost => Ok(None),
        }
    }

    /// The file, or a copy of an object with its sidecar.
    fn fetch(&self, place: &Place, folder: &Path, hold: &Hold<'_>) -> Result<PathBuf> {
        let file = self.stores.fetch(place, folder, self.limits.bytes, hold.cancel())?;
        let apart = Container::of(Path::new(place.name()))
            .is_some_and(|c| placement(c) == Placement::Sidecar);
        if let (Place::Object { .. }, true) = (place, apart) {
            match self.stores.fetch(
                &place.sidecar(),
                folder,
                self.limits.manifest_bytes,
                hold.cancel(),
            ) {
                Ok(_) | Err(StoreError::Missing { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(file)
    }
}

/// A part of the desk, or why the home lacks it: another worker may have it, so that it counts as a
/// failure of the surroundings.
fn here<T>(part: &Result<T>) -> Result<&T> {
    part.as_ref().map_err(|e| std::io::Error::other(format!("{e:#}")).into())
}

fn question(asked: &LookTask) -> DetectOptions {
    let question = asked.expect.map_or(Question::Blind, Question::Expected);
    DetectOptions { question, search: !asked.no_search, ..DetectOptions::default() }
}

/// The worker's way of stamping, where the job has none of its own.
fn options(own: &StampOptions, task: &StampTask) -> Result<StampOptions> {
    let mut o = own.clone();
    o.payload = task.payload;
    o.labels = task.labels.clone();
    o.check = task.check;
    o.mark_sound = !task.no_audio_mark;
    o.manifest.title = task.title.clone();
    if let Some(strength) = &task.strength {
        o.strength = strength.parse().map_err(|e| anyhow!("{e}"))?;
    }
    if let Some(codec) = &task.video_codec {
        o.encode.codec = Some(VideoCodec::parse(codec).with_context(|| {
            format!("'{codec}' is no codec that can be written; use h264, h265, vp9, av1 or ffv1")
        })?);
    }
    if task.crf.is_some() || task.bitrate.is_some() {
        (o.encode.crf, o.encode.bitrate) = (task.crf, task.bitrate);
    }
    o.encode.preset = task.preset.clone().or(o.encode.preset);
    if task.no_c2pa {
        o.identity = None;
    }
    Ok(o)
}

/// Refuses before the work what could not be put in place after it.
fn refuse_target(task: &StampTask, stores: &Stores) -> Result<()> {
    if let Place::File(target) = &task.target {
        let folder =
            target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!(
                "{}: cannot be written: there is no folder {} on this machine; make it first",
                target.display(),
                folder.display()
            );
        }
        if target.is_dir() {
            bail!("{}: cannot be written: it is a folder; name a file", target.display());
        }
    }
    if task.file == task.target {
        bail!("{}: is the input itself; choose another target with -o", task.target);
    }
    if !task.force && stores.content(&task.target)?.is_some() {
        return Err(StoreError::Exists { place: task.target.clone() }.into());
    }
    Ok(())
}

/// What is to be remembered of a finished clip, which was written beside it.
fn read_registration(clip: &Path) -> Result<proofmark::registry::Entry> {
    let mut name = clip.as_os_str().to_owned();
    name.push(".registration.json");
    let text = std::fs::read_to_string(&name).with_context(|| {
        format!("{}: cannot be read; check the free space", Path::new(&name).display())
    })?;
    Registration::parse(&text).map_err(|e| anyhow!("{}: {e}", Path::new(&name).display()))
}

/// What is kept of an answer: plain text, whatever a terminal would have made of it.
fn kept(answer: &Answer) -> Report {
    let mut told = anstream::adapter::strip_str(&answer.text).to_string();
    answer.remarks.iter().for_each(|r| told.push_str(&format!("note: {r}\n")));
    Report::new(answer.exit.code(), answer.json.clone(), told)
}

fn failed(verb: &str, file: &str, e: &anyhow::Error) -> Outcome {
    let told = format!("error: {}\n", format!("{e:#}").replace('\n', " "));
    Outcome::Failed(Report::new(
        Exit::Error.code(),
        report::failure(verb, Path::new(file), e.as_ref()),
        told,
    ))
}

/// Whether an error is of the surroundings, and may pass.
fn is_passing(e: &anyhow::Error) -> bool {
    let store = |s: &StoreError| matches!(s, StoreError::Failed { .. } | StoreError::Local { .. });
    let other = |c: &(dyn std::error::Error + 'static)| {
        let delivery = c.downcast_ref().is_some_and(|e| match e {
            DeliverError::Store(s) => store(s),
            DeliverError::Registry(r) => r.kind() == ErrorKind::Retryable,
            _ => true,
        });
        let stored = c.downcast_ref().is_some_and(store);
        delivery || stored || c.is::<QueueError>() || c.is::<std::io::Error>()
    };
    match report::kind(e.as_ref()) {
        Some(kind) => kind == ErrorKind::Retryable,
        None => e.chain().any(other),
    }
}

/// Tells an error with the name that the job knows.
fn renamed(e: anyhow::Error, from: &Path, to: &Place) -> anyhow::Error {
    let (from, text) = (from.to_string_lossy(), format!("{e:#}"));
    if is_passing(&e) || is_cancelled(&e) || !text.contains(&*from) {
        return e;
    }
    Reworded::new(text.replace(&*from, &to.to_string()), e.as_ref()).into()
}

/// Tells the name that the job knows in place of that of a copy, and of what lies beside it.
fn rename(answer: &mut Answer, from: &Path, to: &Place) {
    let (from, to) = (from.to_string_lossy().into_owned(), to.to_string());
    if from == to {
        return;
    }
    answer.text = answer.text.replace(&from, &to);
    answer.remarks.iter_mut().for_each(|r| *r = r.replace(&from, &to));
    let stems = |name: &str| Path::new(name).with_extension("c2pa").to_string_lossy().into_owned();
    rename_value(&mut answer.json, &[(from.as_str(), to.as_str()), (&stems(&from), &stems(&to))]);
    answer.text = answer.text.replace(&stems(&from), &stems(&to));
}

fn rename_value(value: &mut Value, names: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            if let Some((_, to)) = names.iter().find(|(from, _)| text == from) {
                *text = (*to).into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| rename_value(v, names)),
        Value::Object(map) => map.values_mut().for_each(|v| rename_value(v, names)),
        _ => {}
    }
}
