//! The worker's side: it is asked by its parent, and looks.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::beside::{self, DistantListen, DistantWatch};
use super::confine::{Reach, confine};
use super::end::{Pace, leave_with_the_parent};
use super::failure::Failure;
use super::press::{filter, press};
use super::wire::{Answer, QUESTION, Request, receive, send};
use super::zygote::{PreparedZygote, Shared, Zygote, tend};
use crate::allocator;
use crate::inspect::{Audience, Decodes, Decoding, InspectError, again};
use crate::media::{Cancel, Limits, Progress};
use crate::press::Filtering;
use crate::provenance::ManifestReport;

/// Makes a copy of this process whenever the parent asks for one through standard input, which is a
/// socket, and returns when the parent is gone. A copy answers questions about the one file that is
/// named to it first, until there are no more, and returns as well; it does nothing before it is
/// [confined](super::Isolation). To be called first in `main`, before any thread is started.
///
/// # Errors
/// If the parent is gone in the middle of a question, or is none.
pub fn serve(files: &dyn Decodes) -> io::Result<()> {
    tend()?.map_or(Ok(()), |shared| work(files, shared))
}

/// What a process is after [`split`].
pub enum Split {
    /// The process itself, and what makes its workers.
    Original(Option<PreparedZygote>),
    /// A copy of it, whose work is done.
    Copy(io::Result<()>),
}

/// Copies this process for [`Sandbox`](super::Sandbox). To be called first of all in `main`, before
/// anything is read that a worker should not know, and before any thread is started. The copy
/// [serves](serve) and forgets the arguments and the environment. Its addresses are those of this
/// process: for one that looks at files of strangers all day, leave it out.
pub fn split(files: &dyn Decodes) -> Split {
    match Zygote::split() {
        Ok(Some(zygote)) => Split::Original(Some(PreparedZygote(zygote))),
        Ok(None) => Split::Copy(serve(files)),
        // Sandbox can still be had by starting the program anew, which will tell why not.
        Err(_) => Split::Original(None),
    }
}

/// Does what it is asked for first.
fn work(files: &dyn Decodes, shared: Shared) -> io::Result<()> {
    allocator::keep_freed_blocks();
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    match receive(&mut stream, QUESTION)? {
        Request::Open(place, limits) => {
            look(files, stream, &PathBuf::from(place), &limits, &shared)
        }
        Request::Watch(limits) => find(stream, &limits, shared),
        Request::Press(input, output, limits) => {
            press(stream, &PathBuf::from(input), &PathBuf::from(output), &limits)
        }
        Request::Filter(input, output, limits, run) => {
            let font = run.font.map(PathBuf::from);
            let how = Filtering {
                chain: &run.chain,
                font: font.as_deref(),
                encode: &run.encode,
                limits: &limits,
            };
            filter(stream, &PathBuf::from(input), &PathBuf::from(output), &how)
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Looks for marks in what the worker beside this one shows, with keys that it is told, and opens
/// no file.
fn find(mut stream: UnixStream, limits: &Limits, shared: Shared) -> io::Result<()> {
    let isolation = confine(
        &Reach::default(),
        limits,
        &[stream.as_fd(), shared[0].as_fd(), shared[1].as_fd()],
    )?;
    send(&mut stream, &Answer::Ready(isolation, None))?;
    leave_with_the_parent(&stream, limits.processor_seconds)?;
    let [mut picture, mut sound] = shared;
    let mut before = None;
    while let Some(request) = next(&mut stream)? {
        let asked = if let Request::Marks(asked) = request {
            Some(asked.what).zip(asked.into_parts())
        } else {
            None
        };
        let Some((what, (ring, how))) = asked else {
            send(&mut stream, &Answer::Failed(senseless()))?;
            continue;
        };
        let mut detectors = again(before.take(), &ring, &how, what.sketch);
        send(&mut stream, &Answer::Has(detectors.has_picture()))?;
        let (mut watching, mut listening) = detectors.parts();
        let (seen, heard) = std::thread::scope(|scope| {
            let heard = scope.spawn(|| beside::listen(&mut sound, &mut listening));
            (
                beside::watch(&mut picture, &mut watching, limits),
                heard.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            )
        });
        let found = detectors.evidence();
        // Of a picture that was shown in part nothing can be asked again, as in one process.
        let whole = found.0.is_some() && what.picture.is_some_and(f64::is_infinite);
        before = whole.then_some(detectors);
        let answer = match seen.and(heard) {
            Ok(()) => found.into(),
            Err(_) => Answer::Failed(Failure::Other(
                "the worker beside it shows what makes no sense".into(),
            )),
        };
        send(&mut stream, &answer)?;
    }
    Ok(())
}

/// The next question; `None` if there are no more.
fn next(stream: &mut UnixStream) -> io::Result<Option<Request>> {
    match receive(stream, QUESTION) {
        Ok(request) => Ok(Some(request)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

fn senseless() -> Failure {
    Failure::Other("a question that makes no sense".into())
}

/// Looks at one file.
fn look(
    files: &dyn Decodes,
    mut stream: UnixStream,
    path: &Path,
    limits: &Limits,
    shared: &Shared,
) -> io::Result<()> {
    let isolation =
        confine(&Reach::of(path), limits, &[stream.as_fd(), shared[0].as_fd(), shared[1].as_fd()])?;
    let mut look = match files.decode(path, limits, &Cancel::default()) {
        Ok(look) => {
            send(&mut stream, &Answer::Ready(isolation, look.seconds()))?;
            look
        }
        Err(e) => return send(&mut stream, &Answer::Failed(e.into())),
    };
    let allowed = limits.of_file(look.seconds(), path.metadata().map_or(0, |m| m.len()));
    leave_with_the_parent(&stream, allowed.processor_seconds)?;
    while let Some(request) = next(&mut stream)? {
        let answer =
            answer(look.as_mut(), request, &mut stream, shared).unwrap_or_else(Answer::Failed);
        send(&mut stream, &answer)?;
    }
    Ok(())
}

fn answer(
    look: &mut dyn Decoding,
    request: Request,
    stream: &mut UnixStream,
    shared: &Shared,
) -> Result<Answer, Failure> {
    let failed = |e: InspectError| Failure::from(e);
    match request {
        Request::Manifest(trust) => {
            let report: Option<ManifestReport> = look.manifest(&trust).map_err(failed)?;
            Ok(Answer::Manifest(report.map(|r| Box::new(r.into()))))
        }
        Request::Reference => Ok(Answer::Reference(look.reference().map_err(failed)?)),
        Request::Texts => Ok(Answer::Texts(look.texts().map_err(failed)?)),
        Request::Fetched(address, store, trust) => {
            let report = look.fetched(&address, &store, &trust).map_err(failed)?;
            Ok(Answer::Manifest(Some(Box::new(report.into()))))
        }
        Request::Segments(lengths, trust) => {
            let found = look.segments(&lengths, &trust).map_err(failed)?;
            Ok(Answer::Segments(found.map(|f| Box::new(f.into()))))
        }
        Request::Show(rate, how) => {
            // Where the parent is gone the process ends, whatever is told.
            let mut pace = Pace::default();
            let mut tell = |p: Progress| {
                if pace.now() {
                    let _ = send(stream, &Answer::from(p));
                }
            };
            let [picture, sound] = shared;
            let mut audience = Audience {
                watch: &mut DistantWatch::new(picture),
                listen: &mut DistantListen::new(sound),
            };
            let shown = look.show(rate, how, &mut audience, &mut tell);
            Ok(Answer::Shown(Box::new(shown.map_err(failed)?)))
        }
        Request::Frame(seconds) => Ok(look.frame(seconds).map_err(failed)?.into()),
        Request::Open(..) | Request::Watch(_) | Request::Press(..) | Request::Filter(..) => {
            Err(Failure::Other("two files for one worker".into()))
        }
        Request::Marks(_)
        | Request::Beginning(..)
        | Request::Transcode(_)
        | Request::Heard
        | Request::Track(_)
        | Request::Samples(_) => Err(senseless()),
    }
}
