//! The worker's side: it is asked by its parent, and looks.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::confine::{Reach, confine};
use super::failure::Failure;
use super::nursery::{Nursery, tend};
use super::press::press;
use super::wire::{Answer, QUESTION, Request, receive, send};
use crate::allocator;
use crate::eyes::{Eyes, Look, LookError};
use crate::media::{Cancel, Progress};
use crate::provenance::ManifestReport;

/// Makes a copy of this process whenever the parent asks for one through standard input, which is a socket, and returns when the parent is gone. A copy
/// answers questions about the one file that is named to it first, until there are no more, and returns as well; it does nothing before it is
/// [confined](super::Isolation). To be called first in `main`, before any thread is started.
///
/// # Errors
/// If the parent is gone in the middle of a question, or is none.
pub fn serve(eyes: &dyn Eyes) -> io::Result<()> {
    if tend()? { look(eyes) } else { Ok(()) }
}

/// What a process is after [`split`].
pub enum Split {
    /// The process itself, and what makes its workers.
    Original(Option<Early>),
    /// A copy of it, whose work is done.
    Copy(io::Result<()>),
}

/// What makes workers without loading the program again, for [`Workers::new`](super::Workers::new). It ends when this is dropped.
#[derive(Debug)]
pub struct Early(pub(super) Nursery);

/// Copies this process for [`Workers`](super::Workers). To be called first of all in `main`, before anything is read that a worker should not know, and
/// before any thread is started. The copy [serves](serve) and forgets the arguments and the environment. Its addresses are those of this process:
/// for one that looks at files of strangers all day, leave it out.
pub fn split(eyes: &dyn Eyes) -> Split {
    match Nursery::split() {
        Ok(Some(nursery)) => Split::Original(Some(Early(nursery))),
        Ok(None) => Split::Copy(serve(eyes)),
        // Workers can still be had by starting the program anew, which will tell why not.
        Err(_) => Split::Original(None),
    }
}

/// Looks at one file.
fn look(eyes: &dyn Eyes) -> io::Result<()> {
    allocator::keep_freed_blocks();
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let (place, limits) = match receive(&mut stream, QUESTION)? {
        Request::Open(place, limits) => (place, limits),
        Request::Press(input, output, limits) => return press(stream, &PathBuf::from(input), &PathBuf::from(output), &limits),
        _ => return Err(wrong()),
    };
    let path = PathBuf::from(place);
    let isolation = confine(&Reach { input: &path, output: None }, &limits, stream.as_fd())?;
    let mut look = match eyes.open(&path, &limits, &Cancel::default()) {
        Ok(look) => {
            send(&mut stream, &Answer::Ready(isolation, look.seconds()))?;
            look
        }
        Err(e) => return send(&mut stream, &Answer::Failed(e.into())),
    };
    let allowed = limits.of_file(look.seconds(), path.metadata().map_or(0, |m| m.len()));
    leave_with_the_parent(&stream, allowed.processor_seconds)?;
    loop {
        let request = match receive(&mut stream, QUESTION) {
            Ok(request) => request,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        };
        let answer = answer(look.as_mut(), request, &mut stream).unwrap_or_else(Answer::Failed);
        send(&mut stream, &answer)?;
    }
}

fn answer(look: &mut dyn Look, request: Request, stream: &mut UnixStream) -> Result<Answer, Failure> {
    let failed = |e: LookError| Failure::from(e);
    let senseless = || Failure::Other("a question that makes no sense".into());
    match request {
        Request::Open(..) | Request::Press(..) => Err(Failure::Other("two files for one worker".into())),
        Request::Beginning(..) | Request::Transcode(_) | Request::Heard | Request::Track(_) | Request::Samples(_) => Err(senseless()),
        Request::Manifest(trust) => {
            let report: Option<ManifestReport> = look.manifest(&trust).map_err(failed)?;
            Ok(Answer::Manifest(report.map(|r| Box::new(r.into()))))
        }
        Request::Reference => Ok(Answer::Reference(look.reference().map_err(failed)?)),
        Request::Marks(asked) => {
            let sketch = asked.sketch;
            let (ring, how) = asked.into_parts().ok_or_else(senseless)?;
            // Where the parent is gone the process ends, whatever is told.
            let mut pace = Pace::default();
            let mut tell = |p: Progress| {
                if pace.now() {
                    let _ = send(stream, &Answer::from(p));
                }
            };
            let found = look.marks(&ring, &how, sketch, &mut tell);
            Ok(Answer::Marks(Box::new(found.map_err(failed)?)))
        }
        Request::Glimpse(asked) => {
            let (ring, how) = asked.into_parts().ok_or_else(senseless)?;
            Ok(Answer::Glimpse(look.glimpse(&ring, &how).map_err(failed)?.map(Box::new)))
        }
        Request::Frame(seconds) => Ok(look.frame(seconds).map_err(failed)?.into()),
    }
}

/// With what a worker ends whose file took more processor time than one of its length may: the kernel knows no more than what any file may.
pub(super) const SPENT: i32 = 77;
/// Between two looks at that time.
const WATCH: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// Ends this process when its parent is gone, even in the middle of a long thought, or when it has thought for so many seconds.
pub(super) fn leave_with_the_parent(stream: &UnixStream, seconds: u64) -> io::Result<()> {
    let stream = stream.try_clone()?;
    std::thread::Builder::new().name("parent".into()).stack_size(64 << 10).spawn(move || {
        let mut end = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::RDHUP)];
        while !rustix::event::poll(&mut end, Some(&WATCH)).is_ok_and(|happened| happened > 0) {
            if clock_gettime(ClockId::ProcessCPUTime).tv_sec >= seconds.min(i64::MAX as u64) as i64 {
                std::process::exit(SPENT);
            }
        }
        std::process::exit(1);
    })?;
    Ok(())
}

/// When progress was told last.
#[derive(Default)]
pub(super) struct Pace(Option<std::time::Instant>);

impl Pace {
    /// Whether it is time to tell again: what people see needs no more than ten times a second.
    pub(super) fn now(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed().as_millis() >= 100);
        if due {
            self.0 = Some(std::time::Instant::now());
        }
        due
    }
}
