//! The parent's side: workers are asked, timed, and doubted.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_bytes::ByteBuf;

use super::end::SPENT;
use super::wire::{ANSWER, Answer, Asked, Request, receive, send};
use super::zygote::{PreparedZygote, Shared, Worker, Zygote};
use super::{Isolation, SandboxError, check};
use crate::detect::{Detected, Showing, Shown};
use crate::inspect::{InspectError, Inspection, Inspector, glance, unless_undecodable};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Still, Text};
use crate::provenance::{ManifestReport, Segmented, Trust};
use crate::video::DetectOptions;

/// Seconds beyond which no clock goes.
const FOREVER: u64 = 1 << 30;
/// Between two looks at the clock and at the flag that stops the work.
const TICK: Duration = Duration::from_millis(50);

/// Has a worker for each file: a process of this very program, with an empty environment.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Shop>);

#[derive(Debug)]
struct Shop {
    arguments: Vec<OsString>,
    zygote: Mutex<Option<Zygote>>,
}

impl Sandbox {
    /// Sandbox that are this program with `arguments`, at which its `main` calls
    /// [`serve`](super::serve). What they are copies of is there `early`, or started now, as it
    /// takes some hundredths of a second to load.
    #[must_use]
    pub fn new(arguments: Vec<OsString>, early: Option<PreparedZygote>) -> Self {
        // One that cannot be started now is told of when it is needed.
        let zygote = Mutex::new(early.map(|e| e.0).or_else(|| Zygote::start(&arguments).ok()));
        Self(Arc::new(Shop { arguments, zygote }))
    }
}

impl Shop {
    /// Of the zygote that there is, or of a new one if that is gone.
    fn worker(&self, shared: &Shared) -> io::Result<Worker> {
        let mut zygote = self.zygote.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(worker)) = zygote.as_mut().map(|n| n.worker(shared)) {
            return Ok(worker);
        }
        zygote.insert(Zygote::start(&self.arguments)?).worker(shared)
    }
}

impl Sandbox {
    /// A worker for the file at `path`, which it has not heard of yet, and what it shares with
    /// another one.
    pub(super) fn begin(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<(Peer, Shared), InspectError> {
        let begin = || -> io::Result<(Worker, Shared)> {
            let ((picture, their_picture), (sound, their_sound)) =
                (UnixStream::pair()?, UnixStream::pair()?);
            Ok((self.0.worker(&[their_picture, their_sound])?, [picture, sound]))
        };
        let (worker, shared) = begin().map_err(|reason| SandboxError::Start { reason })?;
        let deadline = Instant::now() + Duration::from_secs(limits.wall_seconds.clamp(1, FOREVER));
        Ok((
            Peer {
                worker: Some(worker),
                path: path.into(),
                limits: *limits,
                cancel: cancel.clone(),
                deadline,
            },
            shared,
        ))
    }
}

impl Inspector for Sandbox {
    fn open(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Inspection>, InspectError> {
        let began = Instant::now();
        let (mut decoder, shared) = self.begin(path, limits, cancel)?;
        let Answer::Ready(isolation, seconds) =
            decoder.ask(&Request::Open(place(path).as_path().into(), *limits), &mut |_| {})?
        else {
            return Err(decoder.senseless());
        };
        let seconds = seconds.filter(|s| s.is_finite());
        decoder.limits = limits.of_file(seconds, path.metadata().map_or(0, |m| m.len()));
        decoder.deadline =
            began + Duration::from_secs(decoder.limits.wall_seconds.clamp(1, FOREVER));
        Ok(Box::new(SandboxInspection {
            decoder,
            detector: None,
            shared: Some(shared),
            shop: self.0.clone(),
            seconds,
            isolation,
        }))
    }
}

/// Where the worker finds the file: its own standard input, and what is open in it, is not ours.
pub(super) fn place(path: &Path) -> PathBuf {
    let place = if path.starts_with("/dev") || path.starts_with("/proc") {
        path.canonicalize()
    } else {
        std::path::absolute(path)
    };
    place.unwrap_or_else(|_| path.into())
}

/// A worker that works on a file, as its parent sees it.
pub(super) struct Peer {
    /// `None` once it is dead.
    pub(super) worker: Option<Worker>,
    pub(super) path: PathBuf,
    pub(super) limits: Limits,
    pub(super) cancel: Cancel,
    pub(super) deadline: Instant,
}

impl Peer {
    /// The answer to a question; progress on the way to it goes to `progress`.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer, InspectError> {
        self.exchange(Some(request), progress)
    }

    /// Another answer to the last one.
    fn hear(&mut self) -> Result<Answer, InspectError> {
        self.exchange(None, &mut |_| {})
    }

    fn exchange(
        &mut self,
        request: Option<&Request>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer, InspectError> {
        let (cancel, deadline) = (self.cancel.clone(), self.deadline);
        let Some(worker) = &mut self.worker else { return Err(self.senseless()) };
        let mut patience = Patience { stream: &worker.stream, cancel: &cancel, deadline };
        let mut asked = patience
            .ready()
            .and_then(|()| request.map_or(Ok(()), |request| send(&mut patience, request)));
        loop {
            match asked.and_then(|()| receive(&mut patience, ANSWER)) {
                Ok(Answer::Progress(frames, seconds, total)) => {
                    progress(Progress { frames, seconds, total })
                }
                Ok(Answer::Failed(failure)) => {
                    return Err(failure.into_error(&self.path, &self.limits));
                }
                Ok(answer) => return Ok(answer),
                Err(e) => return Err(self.broken(&e)),
            }
            asked = Ok(());
        }
    }

    /// Why there is no answer.
    pub(super) fn broken(&mut self, e: &io::Error) -> InspectError {
        let path = self.path.clone();
        match e.kind() {
            STOPPED => MediaError::Cancelled { path }.into(),
            ErrorKind::TimedOut => {
                SandboxError::Slow { path, seconds: self.limits.wall_seconds }.into()
            }
            ErrorKind::InvalidData => self.senseless(),
            _ => match self.worker.take().and_then(Worker::last) {
                Some((status, words)) => self.ended(status, &words).into(),
                None => self.senseless(),
            },
        }
    }

    fn ended(&self, status: ExitStatus, words: &str) -> SandboxError {
        let path = self.path.clone();
        // What the standard library says when memory, or a thread, which is memory too, is not to
        // be had.
        let starved = [
            "memory allocation of ",
            "failed to spawn thread",
            "Cannot allocate memory",
            "Resource temporarily unavailable",
        ]
        .iter()
        .any(|w| words.contains(w));
        match status.signal() {
            Some(libc::SIGXCPU) => {
                SandboxError::Processor { path, seconds: self.limits.processor_seconds }
            }
            None if status.code() == Some(SPENT) => {
                SandboxError::Processor { path, seconds: self.limits.processor_seconds }
            }
            _ if starved => SandboxError::Memory { path, bytes: self.limits.memory_bytes },
            Some(signal) => SandboxError::Killed { path, signal: name(signal) },
            None => SandboxError::Failed {
                path,
                reason: if words.is_empty() { status.to_string() } else { words.into() },
            },
        }
    }

    pub(super) fn senseless(&self) -> InspectError {
        SandboxError::Answer { path: self.path.clone() }.into()
    }
}

/// A look at one file through two workers: one decodes it, and the other, which has the keys and
/// opens no file, looks for marks in what that one shows.
struct SandboxInspection {
    decoder: Peer,
    /// From the first time on that somebody asks for marks.
    detector: Option<Peer>,
    /// What the detector is to share with the decoder.
    shared: Option<Shared>,
    /// Where they come from, which must outlive them.
    shop: Arc<Shop>,
    seconds: Option<f64>,
    isolation: Isolation,
}

impl SandboxInspection {
    fn detector(&mut self) -> Result<&mut Peer, InspectError> {
        if self.detector.is_none() {
            let Some(shared) = self.shared.take() else { return Err(self.decoder.senseless()) };
            let worker =
                self.shop.worker(&shared).map_err(|reason| SandboxError::Start { reason })?;
            let Peer { path, limits, cancel, deadline, .. } = &self.decoder;
            let mut peer = Peer {
                worker: Some(worker),
                path: path.clone(),
                limits: *limits,
                cancel: cancel.clone(),
                deadline: *deadline,
            };
            let Answer::Ready(..) = peer.ask(&Request::Watch(*limits), &mut |_| {})? else {
                return Err(peer.senseless());
            };
            self.detector = Some(peer);
        }
        self.detector.as_mut().ok_or_else(|| self.decoder.senseless())
    }

    /// Has the one show what the other looks for marks in.
    fn find(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
        mut what: Showing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Detected, InspectError> {
        let asked = Request::Marks(Box::new(Asked::new(ring, how, what)));
        let detector = self.detector()?;
        let Answer::Has(has) = detector.ask(&asked, &mut |_| {})? else {
            return Err(detector.senseless());
        };
        if has {
            what.picture = None;
        }
        let shown = self.decoder.ask(&Request::Show(how.rate, what), progress);
        let detector = self.detector()?;
        let found = detector.hear();
        // One that is dead made the other one fail, if that did; else the other was the first to.
        if detector.worker.is_none() {
            found?;
            return Err(detector.senseless());
        }
        let Answer::Shown(shown) = shown? else { return Err(self.decoder.senseless()) };
        let found = found?.found(ring).ok_or_else(|| self.decoder.senseless())?;
        if check::shown(&shown) { Ok(shown.with(found)) } else { Err(self.decoder.senseless()) }
    }
}

impl Inspection for SandboxInspection {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        self.decoder
            .ask(&Request::Manifest(trust.clone()), &mut |_| {})?
            .manifest()
            .ok_or_else(|| self.decoder.senseless())
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        self.decoder
            .ask(&Request::Reference, &mut |_| {})?
            .reference()
            .ok_or_else(|| self.decoder.senseless())
    }

    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        self.decoder
            .ask(&Request::Texts, &mut |_| {})?
            .texts()
            .ok_or_else(|| self.decoder.senseless())
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        let store = ByteBuf::from(store);
        self.decoder
            .ask(&Request::Fetched(address.into(), store, trust.clone()), &mut |_| {})?
            .manifest()
            .flatten()
            .ok_or_else(|| self.decoder.senseless())
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        self.decoder
            .ask(&Request::Segments(lengths.to_vec(), trust.clone()), &mut |_| {})?
            .segments(lengths.len().saturating_sub(1))
            .ok_or_else(|| self.decoder.senseless())
    }

    fn marks(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
        what: Showing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Detected, InspectError> {
        self.find(ring, how, what, progress)
    }

    fn glimpse(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
    ) -> Result<Option<Detected>, InspectError> {
        let Some((how, beginning)) = glance(self, how) else { return Ok(None) };
        unless_undecodable(self.find(ring, &how, beginning, &mut |_| {}))
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError> {
        self.decoder
            .ask(&Request::Frame(seconds), &mut |_| {})?
            .frame()
            .ok_or_else(|| self.decoder.senseless())
    }

    fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    fn isolation(&self) -> Isolation {
        self.isolation
    }
}

/// The messages that tell findings.
pub(crate) fn told(found: Detected) -> Vec<u8> {
    let Detected { info, picture, sound, sketch, stills, recording } = found;
    let shown = Shown {
        info,
        picture: picture.is_some(),
        sound: sound.is_some(),
        sketch,
        stills,
        recording,
    };
    let mut messages = Vec::new();
    // Memory takes everything, and findings can always be written.
    let _ = send(&mut messages, &Answer::Shown(Box::new(shown)))
        .and_then(|()| send(&mut messages, &Answer::from((picture, sound))));
    messages
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

/// What it is when nobody wants the answer any more; the standard library tries again after an
/// interruption.
const STOPPED: ErrorKind = ErrorKind::ConnectionAborted;

/// A stream that waits no longer than until the deadline, and no longer than somebody wants the
/// answer.
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

    fn patiently(
        &self,
        mut step: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(STOPPED.into());
            }
            if Instant::now() >= self.deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            match step(self.stream) {
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
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
