//! The parent's side: workers are started, asked, timed and buried.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::wire::{ANSWER, Answer, Asked, Request, receive, send};
use super::{Isolation, WorkerError, check};
use crate::detect::Detected;
use crate::eyes::{Eyes, Look, LookError};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Still};
use crate::picture::DetectOptions;
use crate::provenance::{ManifestReport, Trust};

/// Between two looks at the clock and at the flag that stops the work.
const TICK: Duration = Duration::from_millis(50);
/// How long a worker whose end of the socket is closed may take to be dead.
const DYING: Duration = Duration::from_secs(2);
/// What is read of a worker's last words.
const WORDS: u64 = 4 << 10;
/// Pools that glibc's allocator may spread threads over. Each reserves 64 MiB of address space, and by default there are eight for every core.
const POOLS: &str = "4";

/// Starts a worker for each file: a process of this very program, with an empty environment.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Shop>);

#[derive(Debug)]
struct Shop {
    arguments: Vec<OsString>,
    /// One that was started ahead of its file, as most of a start is spent loading libraries.
    spare: Mutex<Option<Worker>>,
    /// Whether there is always to be one.
    ahead: AtomicBool,
    /// Those that were killed and not yet buried.
    dead: Mutex<Vec<Child>>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    stream: UnixStream,
}

impl Workers {
    /// Workers that are this program with `arguments`, at which its `main` calls [`serve`](super::serve). Starts one ahead.
    #[must_use]
    pub fn new(arguments: Vec<OsString>) -> Self {
        let workers = Self(Arc::new(Shop { arguments, spare: Mutex::default(), ahead: AtomicBool::new(false), dead: Mutex::default() }));
        workers.prepare();
        workers
    }

    /// Whether there are more files to come, so that the next worker is started while one looks.
    pub fn keep_ahead(&self, more: bool) {
        self.0.ahead.store(more, Ordering::Relaxed);
    }

    /// Starts one ahead of the next file, unless that was done.
    fn prepare(&self) {
        let mut spare = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.is_none() {
            // One that cannot be started now is told of when it is needed.
            *spare = self.0.start().ok();
        }
    }
}

impl Shop {
    fn start(&self) -> io::Result<Worker> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        let (stream, theirs) = UnixStream::pair()?;
        // What runs now, even where the file that it came from has been replaced.
        let mut command = Command::new("/proc/self/exe");
        command.args(&self.arguments).env_clear().env("MALLOC_ARENA_MAX", POOLS);
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        // In a group of its own it does not hear what is typed at the parent's terminal.
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped()).current_dir("/").process_group(0);
        Ok(Worker { child: command.spawn()?, stream })
    }

    /// The spare, if it is alive, or a new one.
    fn take(&self) -> io::Result<Worker> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        if spare.as_mut().is_some_and(|worker| !matches!(worker.child.try_wait(), Ok(None))) {
            spare = None;
        }
        spare.map_or_else(|| self.start(), Ok)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut spare) = self.spare.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = spare.child.kill();
            let _ = spare.child.wait();
        }
        for child in self.dead.get_mut().unwrap_or_else(PoisonError::into_inner) {
            let _ = child.wait();
        }
    }
}

impl Eyes for Workers {
    fn open(&self, path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Box<dyn Look>, LookError> {
        let start = |reason| WorkerError::Start { reason };
        let mut look = WorkerLook {
            worker: Some(self.0.take().map_err(start)?),
            shop: self.0.clone(),
            path: path.into(),
            limits: *limits,
            cancel: cancel.clone(),
            deadline: Instant::now() + Duration::from_secs(limits.wall_seconds.clamp(1, 1 << 30)),
            isolation: Isolation::default(),
        };
        match look.ask(&Request::Open(place(path).as_path().into(), *limits), &mut |_| {})? {
            Answer::Ready(isolation) => look.isolation = isolation,
            _ => return Err(look.senseless()),
        }
        if self.0.ahead.load(Ordering::Relaxed) {
            self.prepare();
        }
        Ok(Box::new(look))
    }
}

/// Where the worker finds the file: its own standard input, and what is open in it, is not ours.
fn place(path: &Path) -> PathBuf {
    let place = if path.starts_with("/dev") || path.starts_with("/proc") { path.canonicalize() } else { std::path::absolute(path) };
    place.unwrap_or_else(|_| path.into())
}

struct WorkerLook {
    /// `None` once it is dead.
    worker: Option<Worker>,
    shop: Arc<Shop>,
    path: PathBuf,
    limits: Limits,
    cancel: Cancel,
    deadline: Instant,
    isolation: Isolation,
}

impl WorkerLook {
    /// The answer to a question; progress on the way to it goes to `progress`.
    fn ask(&mut self, request: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Answer, LookError> {
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
    fn broken(&mut self, e: &io::Error) -> LookError {
        let path = self.path.clone();
        match e.kind() {
            STOPPED => MediaError::Cancelled { path }.into(),
            ErrorKind::TimedOut => WorkerError::Slow { path, seconds: self.limits.wall_seconds }.into(),
            ErrorKind::InvalidData => self.senseless(),
            _ => match self.worker.take().map(|worker| last(worker, &self.shop)) {
                Some((Some(status), words)) => self.ended(status, &words).into(),
                _ => self.senseless(),
            },
        }
    }

    fn ended(&self, status: ExitStatus, words: &str) -> WorkerError {
        let path = self.path.clone();
        // What the standard library says when memory, or a thread, which is memory too, is not to be had.
        let starved = ["memory allocation of ", "failed to spawn thread", "Cannot allocate memory", "Resource temporarily unavailable"].iter().any(|w| words.contains(w));
        match status.signal() {
            Some(libc::SIGXCPU) => WorkerError::Processor { path, seconds: self.limits.processor_seconds },
            _ if starved => WorkerError::Memory { path, bytes: self.limits.memory_bytes },
            Some(signal) => WorkerError::Killed { path, signal: name(signal) },
            None => WorkerError::Failed { path, reason: if words.is_empty() { status.to_string() } else { words.into() } },
        }
    }

    fn senseless(&self) -> LookError {
        WorkerError::Answer { path: self.path.clone() }.into()
    }
}

impl Look for WorkerLook {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, LookError> {
        match self.ask(&Request::Manifest(trust.clone()), &mut |_| {})? {
            Answer::Manifest(None) => Ok(None),
            Answer::Manifest(Some(told)) => told.into_report().map(Some).ok_or_else(|| self.senseless()),
            _ => Err(self.senseless()),
        }
    }

    fn marks(&mut self, ring: &KeyRing, how: &DetectOptions, sketch: bool, progress: &mut dyn FnMut(Progress)) -> Result<Detected, LookError> {
        match self.ask(&Request::Marks(Box::new(Asked::new(ring, how, sketch))), progress)? {
            Answer::Marks(found) if check::detected(&found, ring) => Ok(*found),
            _ => Err(self.senseless()),
        }
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, LookError> {
        match self.ask(&Request::Frame(seconds), &mut |_| {})? {
            Answer::Frame(width, height, data) => Some(Still { width, height, data: data.into_vec() }).filter(check::still).ok_or_else(|| self.senseless()),
            _ => Err(self.senseless()),
        }
    }

    fn isolation(&self) -> Isolation {
        self.isolation
    }
}

impl Drop for WorkerLook {
    fn drop(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            let _ = worker.child.kill();
            // Taking a process down takes milliseconds, which nobody needs to wait for.
            self.shop.dead.lock().unwrap_or_else(PoisonError::into_inner).push(worker.child);
        }
    }
}

/// How a worker ended that closed its end, and its last words in one line.
fn last(mut worker: Worker, shop: &Shop) -> (Option<ExitStatus>, String) {
    let since = Instant::now();
    while since.elapsed() < DYING {
        match worker.child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) => {
                let mut words = Vec::new();
                if let Some(pipe) = worker.child.stderr.take() {
                    // If anything of it still holds the other end, that is not waited for.
                    let _ = rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK);
                    let _ = pipe.take(WORDS).read_to_end(&mut words);
                }
                let words: String = String::from_utf8_lossy(&words).chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
                return (Some(status), words.trim().to_string());
            }
            Err(_) => break,
        }
    }
    let _ = worker.child.kill();
    shop.dead.lock().unwrap_or_else(PoisonError::into_inner).push(worker.child);
    (None, String::new())
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
struct Patience<'a> {
    stream: &'a UnixStream,
    cancel: &'a Cancel,
    deadline: Instant,
}

impl Patience<'_> {
    fn ready(&self) -> io::Result<()> {
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
