//! The two ends of a pipe: read and written once, in order, as fast as the other side goes. Neither
//! waits for it longer than somebody wants the work.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ffmpeg_next::format::context::StreamIo;
use ffmpeg_next::format::input_from_stream;
use ffmpeg_next::{Dictionary, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::muxer::Muxer;
use super::source::{Source, check};
use super::{Cancel, Container, Limits, MediaError};

/// Between two looks at the flag that stops the work.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// Bytes that a pipe takes without waiting once it is ready (POSIX's `PIPE_BUF`, on Linux): more of
/// them would wait for the reader, whatever the flag says.
const READY: usize = 4096;
/// libav's buffer at either end.
const BUFFER: usize = 1 << 16;

/// Waits until `file` is ready for `what`.
fn wait(file: &File, what: PollFlags, cancel: &Cancel) -> io::Result<()> {
    loop {
        if cancel.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        match poll(&mut [PollFd::new(file, what)], Some(&TICK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}

/// The end that is read.
pub struct Inlet {
    file: File,
    /// What it is called in messages.
    name: PathBuf,
    limits: Limits,
    cancel: Cancel,
    trouble: Trouble,
    watch: Option<Watch>,
}

/// Is shown all that is read, and says whether to read on.
type Watch = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// What became of an inlet: how many bytes it gave, and why no more, if that was not the end. libav
/// keeps both to itself.
#[derive(Clone, Default)]
pub(super) struct Trouble {
    told: Arc<Mutex<Option<MediaError>>>,
    taken: Arc<AtomicU64>,
    /// Whether frames come as they are, of which a few minutes are more bytes than any file has.
    uncompressed: Arc<AtomicBool>,
}

impl Trouble {
    /// Bytes that were read.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// An error if there was one.
    pub(super) fn check(&self) -> Result<(), MediaError> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl Inlet {
    /// Reads `from`, called `name` in messages.
    #[must_use]
    pub fn new(from: OwnedFd, name: &Path, limits: &Limits, cancel: &Cancel) -> Self {
        Self {
            file: from.into(),
            name: name.into(),
            limits: *limits,
            cancel: cancel.clone(),
            trouble: Trouble::default(),
            watch: None,
        }
    }

    /// Shows `watch` all that is read, which ends where it says no, as if the work had been
    /// cancelled.
    pub fn watched(self, watch: impl FnMut(&[u8]) -> bool + Send + 'static) -> Self {
        Self { watch: Some(Box::new(watch)), ..self }
    }

    pub(super) fn name(&self) -> PathBuf {
        self.name.clone()
    }

    /// Opens what comes for libav, which must know what it is from its beginning.
    pub(super) fn open(self) -> Result<(Source, Trouble), MediaError> {
        super::start(&self.limits);
        let (name, limits, trouble) = (self.name.clone(), self.limits, self.trouble.clone());
        let fail = |e| MediaError::NotStream { path: name.clone(), reason: super::reason(e) };
        let mut options = Dictionary::new();
        options.set("protocol_whitelist", "none");
        options.set("max_streams", &limits.streams.to_string());
        let io = StreamIo::from_read_with_capacity(self, BUFFER).map_err(fail)?;
        let opened = input_from_stream(io, None, Some(options));
        trouble.check()?;
        let input = opened.map_err(fail)?;
        check(&name, "a number of streams", u64::from(input.nb_streams()), limits.streams)?;
        let source = Source::new(input);
        // Frames and their size have limits of their own.
        let uncompressed = source.format().name() == Container::Y4m.muxer();
        trouble.uncompressed.store(uncompressed, Ordering::Relaxed);
        Ok((source, trouble))
    }

    fn take(&mut self, into: &mut [u8]) -> Result<usize, MediaError> {
        let cancelled = |_| MediaError::Cancelled { path: self.name.clone() };
        wait(&self.file, PollFlags::IN, &self.cancel).map_err(cancelled)?;
        let read = self
            .file
            .read(into)
            .map_err(|reason| MediaError::Open { path: self.name.clone(), reason })?;
        if read == 0 && self.trouble.taken() == 0 {
            return Err(MediaError::Empty { path: self.name.clone() });
        }
        let taken = self.trouble.taken.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        if !self.trouble.uncompressed.load(Ordering::Relaxed) {
            check(&self.name, "a file size (bytes)", taken, self.limits.bytes)?;
        }
        if self.watch.as_mut().is_some_and(|goes_on| !goes_on(&into[..read])) {
            return Err(MediaError::Cancelled { path: self.name.clone() });
        }
        Ok(read)
    }
}

impl Read for Inlet {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.take(into).map_err(|e| {
            *self.trouble.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
            io::Error::other("told elsewhere")
        })
    }
}

/// The end that is written.
pub struct Outlet {
    file: File,
    cancel: Cancel,
}

impl Outlet {
    /// Writes to `to`.
    #[must_use]
    pub fn new(to: OwnedFd, cancel: &Cancel) -> Self {
        Self { file: to.into(), cancel: cancel.clone() }
    }
}

impl Write for Outlet {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        wait(&self.file, PollFlags::OUT, &self.cancel)?;
        self.file.write(from.get(..READY).unwrap_or(from))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `to` as libav writes to it.
pub(super) fn sink(to: impl Write + Send + 'static) -> Result<StreamIo, Error> {
    StreamIo::from_write_with_capacity(to, BUFFER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn waiting_for_the_other_side_ends_when_the_work_is_stopped() {
        let (reader, writer) = io::pipe().unwrap();
        let cancel = Cancel::default();
        let (mut inlet, mut outlet) = (
            Inlet::new(reader.into(), Path::new("in"), &Limits::default(), &cancel),
            Outlet::new(writer.into(), &cancel),
        );
        outlet.write_all(b"abc").unwrap();
        let mut bytes = [0; 8];
        assert_eq!((inlet.read(&mut bytes).unwrap(), &bytes[..3]), (3, &b"abc"[..]));
        let stopper = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            stopper.cancel();
        });
        let began = Instant::now();
        // Nobody reads: it fills up, and then waits.
        assert!(outlet.write_all(&[0; 1 << 20]).is_err());
        assert!(inlet.read(&mut bytes).is_err());
        assert!(matches!(inlet.trouble.check(), Err(MediaError::Cancelled { .. })));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_side_that_went_away_and_one_that_gives_too_much_are_told() {
        let cancel = Cancel::default();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(
            Outlet::new(writer.into(), &cancel).write_all(b"abc").unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        let (reader, writer) = io::pipe().unwrap();
        drop(writer);
        let mut empty = Inlet::new(reader.into(), Path::new("in"), &Limits::default(), &cancel);
        assert!(empty.read(&mut [0; 8]).is_err());
        assert!(matches!(empty.trouble.check(), Err(MediaError::Empty { .. })));
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[0; 100]).unwrap();
        let limits = Limits { bytes: 60, ..Limits::default() };
        let mut long = Inlet::new(reader.into(), Path::new("in"), &limits, &cancel);
        assert_eq!(long.read(&mut [0; 50]).unwrap(), 50);
        assert!(long.read(&mut [0; 50]).is_err());
        assert!(matches!(
            long.trouble.check(),
            Err(MediaError::Limit { found: 100, limit: 60, .. })
        ));
    }
}
