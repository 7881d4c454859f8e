//! `proofmark stamp - -o -`: a stream on its way from whoever makes it to whoever takes it.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result, bail};
use proofmark::media::{Container, Inlet, Limits, Outlet};
use proofmark::stamp::StreamOptions;
use proofmark::{Control, Stamper, report};

use super::stamper::{StampWork, remarks};
use super::{Answer, is_cancelled};
use crate::args::{Global, StampArgs, StreamFormat};
use crate::exit::Exit;
use crate::output;
use crate::progress::{Bar, cancel};

/// What stands for a stream.
const PIPE: &str = "-";
/// What its two ends are called.
const NAMES: [&str; 2] = ["standard input", "standard output"];

/// Whether a stream is to be stamped; half of one is refused.
pub(super) fn is_meant(args: &StampArgs) -> Result<bool> {
    let pipe = Path::new(PIPE);
    match (args.inputs.iter().any(|i| i == pipe), args.output == pipe) {
        (true, true) if args.inputs.len() == 1 => Ok(true),
        (true, true) => bail!("- is one stream, and other inputs are files; stamp them apart"),
        (true, false) => bail!(
            "a stream from standard input goes to standard output; give -o - too, or save it and \
            stamp the file"
        ),
        (false, true) => bail!(
            "a stream to standard output comes from standard input; give - as the input too, as \
            in 'proofmark stamp - -o - < clip.mp4'"
        ),
        (false, false) if args.pipe.format.is_some() || args.pipe.sidecar.is_some() => {
            bail!(
                "--format and --sidecar are for streams, stamp - -o -; a file's name says what it \
                is, and it holds its manifest or has it beside it"
            )
        }
        (false, false) => Ok(false),
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
            "lists, shares, ledgers, time limits, --base and --to are for files, and - is a \
            stream; leave them out"
        );
    }
    if std::io::stdin().is_terminal() {
        bail!(
            "standard input is a terminal; send a stream there, as in 'generator | proofmark \
            stamp - -o -'"
        );
    }
    if std::io::stdout().is_terminal() {
        bail!(
            "standard output is a terminal; send it on, as in 'proofmark stamp - -o - | ffmpeg -i \
            - clip.mp4'"
        );
    }
    Ok(())
}

/// Standard input and output, ours to read and write without what the standard library keeps in
/// between.
fn ends(limits: &Limits) -> Result<(Inlet, Outlet)> {
    let from = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("standard input cannot be read; open it")?;
    let to = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("standard output cannot be written; open it")?;
    Ok((Inlet::new(from, Path::new(NAMES[0]), limits, &cancel()), Outlet::new(to, &cancel())))
}

/// Who stamps. What went through a pipe cannot be looked at again, so that a job that is run again
/// is known as what went through last.
fn stamper_of(work: &StampWork<'_>) -> Result<Stamper> {
    let stamper = Stamper::of(work.ring.clone()).options(work.options.clone());
    let Some(name) = work.places.job else { return Ok(stamper) };
    let job = stamper.job(name)?;
    let mut options = work.options.clone();
    options.payload = Some(job.payload());
    options.overwrite = true;
    Ok(Stamper::new(job.key().clone()).options(options))
}

pub(super) fn run(args: &StampArgs, global: &Global) -> Result<Exit> {
    refuse(args)?;
    let stamper = StampWork::new(args, super::Inspectors::none(), global)?;
    let mut stream = StreamOptions::default();
    stream.container = args.pipe.format.map(|format| match format {
        StreamFormat::Y4m => Container::Y4m,
        StreamFormat::Mp4 => Container::Fragments,
    });
    stream.sidecar.clone_from(&args.pipe.sidecar);
    let (from, to) = ends(&stamper.options.limits)?;
    let bar = Bar::new(global, "stamping", Path::new("stream"));
    let control = Control::new(&cancel(), |p| bar.update(p));
    let stamped = stamper_of(&stamper)?.stamp_stream(from, to, &stream, control);
    drop(bar);
    let pipe = Path::new(PIPE);
    match stamped {
        Ok(stamped) => {
            let [from, to] = NAMES.map(Path::new);
            let answer = Answer {
                exit: Exit::Success,
                json: report::stamp(pipe, pipe, &stamped),
                text: output::human::stamp(from, to, &stamped, global.quiet),
                remarks: remarks(from, to, &stamped),
            };
            Ok(answer.tell_aside(global))
        }
        Err(e) => {
            let e = e.into();
            output::error(&e);
            if global.json {
                output::aside(&format!("{}\n", report::failure("stamp", pipe, e.as_ref())));
            }
            Ok(if is_cancelled(&e) { Exit::Interrupted } else { Exit::Error })
        }
    }
}
