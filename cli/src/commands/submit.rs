//! `proofmark submit`: jobs for the queue, and on request their results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use proofmark::queue::{LookTask, Place, Request, StampTask, State, Submitted, Task};
use proofmark::{Queue, report};

use crate::args::Global;
use crate::exit::Exit;
use crate::home::Home;
use crate::progress::cancel;
use crate::queue::{SubmitArgs, SubmitLookArgs, SubmitStampArgs, SubmitTask};
use crate::target::{of_kind, refuse_other_kind};
use crate::{inputs, output};

/// How often it is asked whether a job has ended.
const ASK: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &SubmitArgs, global: &Global) -> Result<Exit> {
    let tasks = match &args.task {
        SubmitTask::Verify(a) => looks(a)?.into_iter().map(Task::Verify).collect(),
        SubmitTask::Detect(a) => looks(a)?.into_iter().map(Task::Detect).collect(),
        SubmitTask::Stamp(a) => stamps(a)?,
    };
    let several = tasks.len() > 1;
    let jobs: Vec<Request> = tasks
        .into_iter()
        .map(|task| {
            let key = args
                .key
                .as_ref()
                .map(|k| if several { format!("{k}:{}", task.file()) } else { k.clone() });
            let mut new = Request::new(task);
            (new.priority, new.key) = (args.priority, key);
            new
        })
        .collect();
    let home = Home::locate(global)?;
    let queue = home.queue(&args.queue, &home.config()?)?;
    let submitted = queue.submit(&jobs)?;
    if args.wait {
        return wait(&queue, &jobs, &submitted, global);
    }
    for (new, submitted) in jobs.iter().zip(&submitted) {
        let file = new.task.file().to_string();
        if global.json {
            output::json::print(&output::json::submitted(&file, *submitted))?;
        } else {
            output::human::print(&format!("{}\n", submitted.id))?;
            if !submitted.new && !global.quiet {
                output::remark(&format!(
                    "job {} had been submitted already, under the same key",
                    submitted.id
                ));
            }
        }
    }
    Ok(Exit::Success)
}

fn looks(args: &SubmitLookArgs) -> Result<Vec<LookTask>> {
    let ask = |file| {
        let mut task = LookTask::new(file);
        (task.expect, task.no_search) = (args.expect, args.no_search);
        task
    };
    Ok(expand(&args.inputs)?.into_iter().map(ask).collect())
}

fn stamps(args: &SubmitStampArgs) -> Result<Vec<Task>> {
    if let Some(crf) = args.crf.filter(|c| !(0.0..=63.0).contains(c)) {
        bail!("a constant quality of {crf} is outside 0 to 63");
    }
    let files = expand(&args.inputs)?;
    let folder = args.output.ends_with('/') || Path::new(&args.output).is_dir();
    if files.len() > 1 && !folder {
        bail!("{}: is no folder; give one as the target for several inputs", args.output);
    }
    if !folder {
        refuse_other_kind(Path::new(&args.output), args.to.as_ref())?;
    }
    if files.len() > 1 && args.payload.is_some() {
        bail!("--payload names one clip; leave it out for several, and each gets its own number");
    }
    let mut writers: HashMap<String, String> = HashMap::new();
    files
        .into_iter()
        .map(|file| {
            let name = || {
                args.to.as_ref().map_or_else(
                    || file.name().into(),
                    |kind| of_kind(Path::new(file.name()), kind).to_string_lossy().into_owned(),
                )
            };
            let target = if folder {
                format!("{}/{}", args.output.trim_end_matches('/'), name())
            } else {
                args.output.clone()
            };
            if let Some(other) = writers.insert(target.clone(), file.to_string()) {
                bail!(
                    "{target}: both {other} and {file} would be stamped to it; rename one of \
                    them, or submit them for different folders"
                );
            }
            let mut task = StampTask::new(file, place(&target)?);
            task.payload = args.payload;
            task.force = args.force;
            task.strength.clone_from(&args.strength);
            task.check = args.check;
            task.no_audio_mark = args.no_audio_mark;
            task.no_c2pa = args.no_c2pa;
            task.no_register = args.no_register;
            task.title.clone_from(&args.title);
            task.labels = args.labels.iter().cloned().collect();
            task.video_codec.clone_from(&args.video_codec);
            (task.crf, task.bitrate) = (args.crf, args.bitrate);
            task.preset.clone_from(&args.preset);
            Ok(Task::Stamp(Box::new(task)))
        })
        .collect()
}

/// Where the inputs are: folders of this machine as the media files in them.
fn expand(inputs: &[String]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for input in inputs {
        match place(input)? {
            Place::File(path) => {
                for file in inputs::expand(&[path])? {
                    places.push(utf8(file)?);
                }
            }
            object => places.push(object),
        }
    }
    Ok(places)
}

/// A place that another process understands.
fn place(text: &str) -> Result<Place> {
    match text.parse::<Place>().map_err(|e| anyhow!(e))? {
        Place::File(path) => utf8(
            std::path::absolute(&path)
                .with_context(|| format!("{}: cannot be found", path.display()))?,
        ),
        object => Ok(object),
    }
}

fn utf8(path: PathBuf) -> Result<Place> {
    if path.to_str().is_none_or(|p| p.contains("://")) {
        bail!(
            "{}: a job can only name files whose names are UTF-8 and hold no ://; rename it",
            path.display()
        );
    }
    Ok(Place::File(path))
}

/// Answers as the command itself would, in the order of the files.
fn wait(queue: &Queue, jobs: &[Request], submitted: &[Submitted], global: &Global) -> Result<Exit> {
    let stop = cancel();
    let mut exits = Vec::with_capacity(jobs.len());
    for (new, Submitted { id, .. }) in jobs.iter().zip(submitted) {
        let job = loop {
            match queue.job(*id)? {
                Some(job) if job.state.is_end() => break job,
                Some(_) if stop.is_cancelled() => {
                    output::remark(&format!(
                        "job {id} goes on without being waited for; see 'proofmark jobs show {id}'"
                    ));
                    return Ok(Exit::Interrupted);
                }
                Some(_) => std::thread::sleep(ASK),
                None => bail!("job {id} is gone: somebody removed it"),
            }
        };
        let file = new.task.file().to_string();
        exits.push(match queue.result(*id)? {
            Some(result) if job.state == State::Done => {
                if global.json {
                    output::json::print(&result.report.report)?;
                } else {
                    output::human::print(&result.report.told)?;
                }
                Exit::of_code(result.report.exit).unwrap_or(Exit::Error)
            }
            result => {
                let report = result.map(|r| r.report.report);
                let why = report.as_ref().and_then(|r| r["error"].as_str());
                let e = anyhow!(
                    "{}",
                    why.map_or_else(
                        || format!(
                            "job {id} is {}: {}",
                            job.state,
                            job.error.as_deref().unwrap_or("on request")
                        ),
                        str::to_string
                    )
                );
                output::error(&e);
                if global.json {
                    // What the worker wrote has the code of what was wrong.
                    let told = report.filter(|r| r["error"].is_string()).unwrap_or_else(|| {
                        report::failure(new.task.verb(), Path::new(&file), e.as_ref())
                    });
                    output::json::print(&told)?;
                }
                Exit::Error
            }
        });
    }
    Ok(Exit::of_batch(&exits))
}
