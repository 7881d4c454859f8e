//! `proofmark stamp -`: a stream on its way from whoever makes it to whoever takes it, and images
//! that are read like one.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use proofmark::media::{Container, Outlet};
use proofmark::stamp::{Job, Once, StampOptions, StreamOptions};
use proofmark::{Control, Stamper, report};

use super::intake::{self, PIPE};
use super::stamper::{StampWork, remarks};
use super::{Answer, is_cancelled};
use crate::args::{Global, PipeArgs, StampArgs, StreamFormat};
use crate::batch;
use crate::exit::Exit;
use crate::mark_state::MarkStateFile;
use crate::output;
use crate::progress::{Bar, cancel};
use crate::reporting::ReportFile;

/// What standard output is called.
const OUTPUT: &str = "standard output";

/// Whether a stream is to be stamped; half of one is refused.
pub(super) fn is_meant(args: &StampArgs) -> Result<bool> {
    let (comes, goes) = (intake::is_meant(args)?, args.output == Path::new(PIPE));
    let p = &args.pipe;
    if goes && !comes {
        bail!(
            "a stream to standard output comes from standard input; give - as the input too, as \
            in 'proofmark stamp - -o - < clip.mp4'"
        );
    }
    if !goes && (p.format.is_some() || p.sidecar.is_some()) {
        bail!(
            "--format and --sidecar are for what goes to standard output, -o -; a file's name says \
            what it is, and it holds its manifest or has it beside it"
        );
    }
    let said = [
        (p.input_pix_fmt.is_some(), "--input-pix-fmt says"),
        (p.size.is_some(), "--size says"),
        (p.rate.is_some(), "-r says"),
        (p.audio_input.is_some(), "--audio-input says"),
        (p.mark_state.is_some(), "--mark-state says"),
        (p.report.is_some(), "--report says"),
    ];
    if comes && !args.package.package.is_empty() {
        bail!(
            "a stream is not packaged on its way: --package wants a file, at which segments can be \
            hashed before they are signed; stamp the stream to a file, and package that"
        );
    }
    match said.iter().find(|(given, _)| *given && !comes) {
        Some((_, option)) => bail!(
            "{option} something of a stream, and a file says it itself; give - or images such as \
            frames/%05d.png as the input, or leave it out (--json prints the report of files)"
        ),
        None => Ok(comes),
    }
}

/// Refuses what has no place beside a stream, and streams that a person would type or read.
fn refuse(args: &StampArgs) -> Result<()> {
    let b = &args.batch;
    if b.files_from.is_some()
        || b.ledger.is_some()
        || b.resume.is_some()
        || b.failed.is_some()
        || b.shard.is_some()
        || b.time_limit.is_some()
        || args.base.is_some()
        || args.to.is_some()
    {
        bail!(
            "lists, shares, ledgers, time limits, --base and --to are for files, and this is a \
            stream; leave them out"
        );
    }
    if args.output == Path::new(PIPE) && std::io::stdout().is_terminal() {
        bail!(
            "standard output is a terminal; send it on, as in 'proofmark stamp - -o - | ffmpeg -i \
            - clip.mp4'"
        );
    }
    Ok(())
}

/// Standard output, ours to write without what the standard library keeps in between.
fn outlet() -> Result<Outlet> {
    let to = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("standard output cannot be written; open it")?;
    Ok(Outlet::new(to, &cancel()))
}

fn options(pipe: &PipeArgs) -> StreamOptions {
    let mut options = StreamOptions::default();
    options.container = pipe.format.map(|format| match format {
        StreamFormat::Y4m => Container::Y4m,
        StreamFormat::Mp4 => Container::Fragments,
        StreamFormat::Wav => Container::Wav,
    });
    options.sidecar.clone_from(&pipe.sidecar);
    options
}

pub(super) fn run(args: &StampArgs, global: &Global) -> Result<Exit> {
    refuse(args)?;
    let report_file = ReportFile::asked(args.pipe.report.as_deref(), args.force)?;
    let work = StampWork::new(args, super::Inspectors::none(), global);
    let began = Instant::now();
    let stamped = work.and_then(|work| {
        let stamped = stamp(args, &work, global);
        batch::count(&work, &stamped, began.elapsed());
        stamped.inspect(|answer| batch::done(&work, answer, began.elapsed()))
    });
    let (told, exit) = match stamped {
        Ok(answer) => {
            let told = answer.json.clone();
            let to_output = args.output == Path::new(PIPE);
            (told, if to_output { answer.tell_aside(global) } else { answer.tell(global)? })
        }
        Err(e) => {
            output::error(&e);
            let told = report::failure("stamp", &args.inputs[0], e.as_ref());
            if global.json && args.output == Path::new(PIPE) {
                output::aside(&format!("{told}\n"));
            } else if global.json {
                output::json::print(&told)?;
            }
            (told, if is_cancelled(&e) { Exit::Interrupted } else { Exit::Error })
        }
    };
    report_file.map_or(Ok(()), |file| file.write(&told))?;
    Ok(exit)
}

/// Who stamps a stream for a job. What went through a pipe cannot be looked at again, so that a job
/// that is run again is known as what went through last.
fn again(job: &Job, options: &StampOptions) -> Stamper {
    let mut options = options.clone();
    options.payload = Some(job.payload());
    options.overwrite = true;
    Stamper::new(job.key().clone()).options(options)
}

/// Stamps what comes in to where it is to go.
fn stamp(args: &StampArgs, work: &StampWork<'_>, global: &Global) -> Result<Answer> {
    let from = intake::inlet(args, &work.options.limits)?;
    let name = from.name().to_path_buf();
    let bar = Bar::new(global, "stamping", Path::new("stream"));
    let state = args.pipe.mark_state.as_deref().map(MarkStateFile::at).transpose()?;
    let mut how = work.options.clone();
    let ring = state.as_ref().map_or(Ok(work.ring.clone()), |s| s.apply(&work.ring, &mut how))?;
    let stamper = Stamper::of(ring).options(how.clone());
    let job = work.places.job.map(|name| stamper.job(name)).transpose()?;
    let (cancel, target) = (cancel(), args.output.as_path());
    let control = Control::new(&cancel, |p| bar.update(p));
    let (to, stamped) = if target == Path::new(PIPE) {
        let stamper = job.map_or(stamper, |job| again(&job, &how));
        let stamped = stamper.stamp_stream(from, outlet()?, &options(&args.pipe), control)?;
        (Path::new(OUTPUT), stamped)
    } else {
        let done = match job {
            None => Once::Done(stamper.stamp_inlet(from, target, control)?),
            Some(job) => job.stamp_inlet(from, target, control)?,
        };
        match done {
            Once::Done(stamped) => (target, stamped),
            Once::Before(e) => {
                return Ok(Answer::earlier("stamp", &args.inputs[0], target, &e, global.quiet));
            }
        }
    };
    let mut told = remarks(&name, to, &stamped);
    if let Some(state) = state {
        state.write(&how, &stamped)?;
        let unmarked = stamped.summary.info.has_audio.then(|| {
            format!(
                "{}: its sound is not marked: where pieces meet it would not be as in one go; mark \
                it whole, with 'stamp - -o -' of the sound alone",
                name.display()
            )
        });
        told.extend(unmarked);
    }
    Ok(Answer {
        exit: Exit::Success,
        seconds: Some(stamped.summary.seconds),
        json: report::stamp(&args.inputs[0], target, &stamped),
        text: output::human::stamp(&name, to, &stamped, global.quiet),
        remarks: told,
    })
}
