//! The parent's side: workers are asked, timed, and doubted.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::nursery::{Nursery, Worker};
use super::serve::{Early, SPENT};
use super::wire::{ANSWER, Answer, Asked, Request, receive, send};
use super::{Isolation, WorkerError, check};
use crate::detect::Detected;
use crate::eyes::{Eyes, Look, LookError};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Still};
use crate::picture::DetectOptions;
use crate::provenance::{ManifestReport, Trust};

/// Seconds beyond which no clock goes.
const FOREVER: u64 = 1 << 30;
/// Between two looks at the clock and at the flag that stops the work.
const TICK: Duration = Duration::from_millis(50);

/// Has a worker for each file: a process of this very program, with an empty environment.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Shop>);

#[derive(Debug)]
struct Shop {
    arguments: Vec<OsString>,
    nursery: Mutex<Option<Nursery>>,
}

impl Workers {
    /// Workers that are this program with `arguments`, at which its `main` calls [`serve`](super::serve). What they are copies of is there `early`, or
    /// started now, as it takes some hundredths of a second to load.
    #[must_use]
    pub fn new(arguments: Vec<OsString>, early: Option<Early>) -> Self {
        // One that cannot be started now is told of when it is needed.
        let nursery = Mutex::new(early.map(|e| e.0).or_else(|| Nursery::start(&arguments).ok()));
        Self(Arc::new(Shop { arguments, nursery }))
    }
}

impl Shop {
    /// Of the nursery that there is, or of a new one if that is gone.
    fn worker(&self) -> io::Result<Worker> {
        let mut nursery = self.nursery.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(worker)) = nursery.as_mut().map(Nursery::worker) {
            return Ok(worker);
        }
        nursery.insert(Nursery::start(&self.arguments)?).worker()
    }
}

impl Workers {
    /// A worker for the file at `path`, which it has not heard of yet.
    pub(super) fn begin(&self, path: &Path, limits: &Limits, cancel: &Cancel) -> Result<WorkerLook, LookError> {
        Ok(WorkerLook {
            worker: Some(self.0.worker().map_err(|reason| WorkerError::Start { reason })?),
            _shop: self.0.clone(),
            path: path.into(),
            limits: *limits,
            cancel: cancel.clone(),
            deadline: Instant::now() + Duration::from_secs(limits.wall_seconds.clamp(1, FOREVER)),
            seconds: None,
            isolation: Isolation::default(),
        })
    }
}

impl Eyes for Workers {
    fn open(&self, path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Box<dyn Look>, LookError> {
        let began = Instant::now();
        let mut look = self.begin(path, limits, cancel)?;
        match look.ask(&Request::Open(place(path).as_path().into(), *limits), &mut |_| {})? {
            Answer::Ready(isolation, seconds) => {
                look.isolation = isolation;
                look.seconds = seconds.filter(|s| s.is_finite());
                look.limits = limits.of_file(look.seconds, path.metadata().map_or(0, |m| m.len()));
                look.deadline = began + Duration::from_secs(look.limits.wall_seconds.clamp(1, FOREVER));
            }
            _ => return Err(look.senseless()),
        }
        Ok(Box::new(look))
    }
}

/// Where the worker finds the file: its own standard input, and what is open in it, is not ours.
pub(super) fn place(path: &Path) -> PathBuf {
    let place = if path.starts_with("/dev") || path.starts_with("/proc") { path.canonicalize() } else { std::path::absolute(path) };
    place.unwrap_or_else(|_| path.into())
}

pub(super) struct WorkerLook {
    /// `None` once it is dead.
    pub(super) worker: Option<Worker>,
    /// Where it came from, which must outlive it.
    _shop: Arc<Shop>,
    pub(super) path: PathBuf,
    pub(super) limits: Limits,
    pub(super) cancel: Cancel,
    pub(super) deadline: Instant,
    seconds: Option<f64>,
    pub(super) isolation: Isolation,
}

impl WorkerLook {
    /// The answer to a question; progress on the way to it goes to `progress`.
    pub(super) fn ask(&mut self, request: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Answer, LookError> {
        let (cancel, deadline) = (self.cancel.clone(), self.deadline);
        let Some(worker) = &mut self.worker else { return Err(self.senseless()) };
        let mut patience = Patience { stream: &worker.stream, cancel: &cancel, deadline };
        let mut asked = patience.ready().and_then(|()| send(&mut patience, request));
        loop {
            match asked.and_then(|()| receive(&mut patience, ANSWER)) {
                Ok(Answer::Progress(frames, seconds, total)) => progress(Progress { frames, seconds, total }),
                Ok(Answer::Failed(failure)) => return Err(failure.into_error(&self.path, &self.limits)),
                Ok(answer) => return Ok(answer),
                Err(e) => return Err(self.broken(&e)),
            }
            asked = Ok(());
        }
    }

    /// Why there is no answer.
    pub(super) fn broken(&mut self, e: &io::Error) -> LookError {
        let path = self.path.clone();
        match e.kind() {
            STOPPED => MediaError::Cancelled { path }.into(),
            ErrorKind::TimedOut => WorkerError::Slow { path, seconds: self.limits.wall_seconds }.into(),
            ErrorKind::InvalidData => self.senseless(),
            _ => match self.worker.take().and_then(Worker::last) {
                Some((status, words)) => self.ended(status, &words).into(),
                None => self.senseless(),
            },
        }
    }

    fn ended(&self, status: ExitStatus, words: &str) -> WorkerError {
        let path = self.path.clone();
        // What the standard library says when memory, or a thread, which is memory too, is not to be had.
        let starved = ["memory allocation of ", "failed to spawn thread", "Cannot allocate memory", "Resource temporarily unavailable"].iter().any(|w| words.contains(w));
        match status.signal() {
            Some(libc::SIGXCPU) => WorkerError::Processor { path, seconds: self.limits.processor_seconds },
            None if status.code() == Some(SPENT) => WorkerError::Processor { path, seconds: self.limits.processor_seconds },
            _ if starved => WorkerError::Memory { path, bytes: self.limits.memory_bytes },
            Some(signal) => WorkerError::Killed { path, signal: name(signal) },
            None => WorkerError::Failed { path, reason: if words.is_empty() { status.to_string() } else { words.into() } },
        }
    }

    pub(super) fn senseless(&self) -> LookError {
        WorkerError::Answer { path: self.path.clone() }.into()
    }
}

impl Look for WorkerLook {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, LookError> {
        self.ask(&Request::Manifest(trust.clone()), &mut |_| {})?.manifest().ok_or_else(|| self.senseless())
    }

    fn reference(&mut self) -> Result<Option<String>, LookError> {
        self.ask(&Request::Reference, &mut |_| {})?.reference().ok_or_else(|| self.senseless())
    }

    fn marks(&mut self, ring: &KeyRing, how: &DetectOptions, sketch: bool, progress: &mut dyn FnMut(Progress)) -> Result<Detected, LookError> {
        self.ask(&Request::Marks(Box::new(Asked::new(ring, how, sketch))), progress)?.marks(ring).ok_or_else(|| self.senseless())
    }

    fn glimpse(&mut self, ring: &KeyRing, how: &DetectOptions) -> Result<Option<Detected>, LookError> {
        self.ask(&Request::Glimpse(Box::new(Asked::new(ring, how, false))), &mut |_| {})?.glimpse(ring).ok_or_else(|| self.senseless())
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, LookError> {
        self.ask(&Request::Frame(seconds), &mut |_| {})?.frame().ok_or_else(|| self.senseless())
    }

    fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    fn isolation(&self) -> Isolation {
        self.isolation
    }
}

/// What the parent makes of an answer to each question; `None` where it makes no sense.
impl Answer {
    fn manifest(self) -> Option<Option<ManifestReport>> {
        match self {
            Self::Manifest(None) => Some(None),
            Self::Manifest(Some(told)) => told.into_report().map(Some),
            _ => None,
        }
    }

    fn reference(self) -> Option<Option<String>> {
        match self {
            Self::Reference(told) => Some(told).filter(|told| told.as_deref().is_none_or(check::reference)),
            _ => None,
        }
    }

    fn marks(self, ring: &KeyRing) -> Option<Detected> {
        match self {
            Self::Marks(found) => check::detected(&found, ring).then_some(*found),
            _ => None,
        }
    }

    fn glimpse(self, ring: &KeyRing) -> Option<Option<Detected>> {
        match self {
            Self::Glimpse(None) => Some(None),
            Self::Glimpse(Some(found)) => check::detected(&found, ring).then_some(Some(*found)),
            _ => None,
        }
    }

    fn frame(self) -> Option<Still> {
        match self {
            Self::Frame(width, height, data) => Some(Still { width, height, data: data.into_vec() }).filter(check::still),
            _ => None,
        }
    }
}

/// What a parent makes of a message from a worker, without its length: `None` if it does not believe it, and of what it believes the findings.
pub(crate) fn believed(message: &[u8], ring: &KeyRing) -> Option<Option<Detected>> {
    let length = u32::try_from(message.len()).ok()?.to_le_bytes();
    match receive(&mut length.as_slice().chain(message), ANSWER).ok()? {
        answer @ Answer::Marks(_) => answer.marks(ring).map(Some),
        answer @ Answer::Glimpse(_) => answer.glimpse(ring),
        answer @ Answer::Manifest(_) => answer.manifest().map(|_| None),
        answer @ Answer::Reference(_) => answer.reference().map(|_| None),
        answer @ Answer::Frame(..) => answer.frame().map(|_| None),
        // What goes to and fro while a clip is made anew is asked for by nobody else.
        _ => Some(None),
    }
}

/// The message that tells findings.
pub(crate) fn told(found: Detected) -> Vec<u8> {
    let mut message = Vec::new();
    // Memory takes everything, and findings can always be written.
    let _ = send(&mut message, &Answer::Marks(Box::new(found)));
    message.split_off(4)
}

/// A signal as people know it.
fn name(signal: i32) -> String {
    let known = [
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGXFSZ, "SIGXFSZ"),
    ];
    known.iter().find(|k| k.0 == signal).map_or_else(|| format!("signal {signal}"), |k| k.1.into())
}

/// What it is when nobody wants the answer any more; the standard library tries again after an interruption.
const STOPPED: ErrorKind = ErrorKind::ConnectionAborted;

/// A stream that waits no longer than until the deadline, and no longer than somebody wants the answer.
pub(super) struct Patience<'a> {
    pub(super) stream: &'a UnixStream,
    pub(super) cancel: &'a Cancel,
    pub(super) deadline: Instant,
}

impl Patience<'_> {
    pub(super) fn ready(&self) -> io::Result<()> {
        self.stream.set_read_timeout(Some(TICK))?;
        self.stream.set_write_timeout(Some(TICK))
    }

    fn patiently(&self, mut step: impl FnMut(&UnixStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(STOPPED.into());
            }
            if Instant::now() >= self.deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            match step(self.stream) {
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                other => return other,
            }
        }
    }
}

impl Read for Patience<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.patiently(|mut stream| stream.read(into))
    }
}

impl Write for Patience<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.patiently(|mut stream| stream.write(from))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
