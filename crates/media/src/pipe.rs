//! The two ends of a pipe: read and written once, in order, as fast as the other side goes. Neither
//! waits for it longer than somebody wants the work.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ffmpeg_next::format::context::StreamIo;
use ffmpeg_next::format::input_from_stream;
use ffmpeg_next::{Dictionary, Error};
use rustix::event::PollFlags;
use rustix::fs::OFlags;

use super::frames::{self, FrameRate, Frames};
use super::muxer::Muxer;
use super::ready::wait;
use super::sequence::Sequence;
use super::source::{self, Source, check};
use super::spool::Spool;
use super::{Cancel, Container, Limits, MediaError};

/// Bytes that a pipe takes without waiting once it is ready (POSIX's `PIPE_BUF`, on Linux): more of
/// them would wait for the reader, whatever the flag says.
const READY: usize = 4096;
/// libav's buffer at either end.
const BUFFER: usize = 1 << 16;

/// The end that is read.
pub struct Inlet {
    from: Origin,
    /// What it is called in messages.
    name: PathBuf,
    limits: Limits,
    cancel: Cancel,
    trouble: Trouble,
    watch: Option<Watch>,
    frames: Option<Frames>,
    /// What the sound comes through, where that has a pipe of its own.
    sound: Option<Box<Self>>,
}

/// Where its bytes come from.
enum Origin {
    End(File),
    Spool(Spool),
    Sequence(Sequence),
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
        Self::of(Origin::End(from.into()), name, limits, cancel)
    }

    /// Reads a FIFO, which nobody need have opened for writing yet, a descriptor such as
    /// `/dev/fd/3`, or a file.
    ///
    /// # Errors
    /// [`MediaError`] if there is none that can be read.
    pub fn open(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Self, MediaError> {
        // Whoever writes a FIFO may want to open it only after it has written something else:
        // without the flag we would wait for that here.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let opened = File::options().read(true).custom_flags(flags).open(path);
        let file = opened.map_err(|reason| MediaError::Open { path: path.into(), reason })?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(MediaError::NotAFile { path: path.into() });
        }
        Ok(Self::of(Origin::End(file), path, limits, cancel))
    }

    /// Reads the images of a sequence, called `name` in messages, which follow each other at
    /// `rate`.
    #[must_use]
    pub fn of_sequence(
        sequence: Sequence,
        name: &Path,
        rate: FrameRate,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Self {
        Self::of(Origin::Sequence(sequence), name, limits, cancel)
            .of_frames(Frames::Images { rate })
    }

    fn of(from: Origin, name: &Path, limits: &Limits, cancel: &Cancel) -> Self {
        Self {
            from,
            name: name.into(),
            limits: *limits,
            cancel: cancel.clone(),
            trouble: Trouble::default(),
            watch: None,
            frames: None,
            sound: None,
        }
    }

    /// What comes are these frames, which do not say so themselves.
    #[must_use]
    pub fn of_frames(self, frames: Frames) -> Self {
        Self { frames: Some(frames), ..self }
    }

    /// The sound comes through `sound`. Neither pipe waits for the other: whoever writes both may
    /// write them in any order.
    #[must_use]
    pub fn with_sound(self, sound: Self) -> Self {
        Self { sound: Some(Box::new(sound)), ..self }
    }

    /// Shows a watch of its own all that is read through each pipe, which ends where that says no,
    /// as if the work had been cancelled. Raw frames are not shown: they are samples alone.
    #[must_use]
    pub fn watched<W: FnMut(&[u8]) -> bool + Send + 'static>(
        mut self,
        watch: impl Fn() -> W,
    ) -> Self {
        if let Some(sound) = &mut self.sound {
            sound.watch = Some(Box::new(watch()));
        }
        if !matches!(self.frames, Some(Frames::Raw { .. })) {
            self.watch = Some(Box::new(watch()));
        }
        self
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Opens what comes for libav, which must know what it is from its beginning.
    pub(super) fn open_source(mut self) -> Result<Incoming, MediaError> {
        super::start(&self.limits);
        let sound = self.sound.take().map(|sound| self.beside(*sound)).transpose()?;
        let files = match &self.from {
            Origin::Sequence(sequence) => Some(sequence.files()),
            _ => None,
        };
        let (name, frames, trouble) = (self.name.clone(), self.frames, self.trouble.clone());
        let source = self.probe()?;
        frames::check(&name, &source, frames.as_ref())?;
        // Frames and their size have limits of their own.
        let raw = [Container::Y4m.muxer(), "rawvideo"].contains(&source.format().name());
        trouble.uncompressed.store(raw || frames::are_images(&source), Ordering::Relaxed);
        let sound = sound
            .map(|sound| {
                let (name, trouble) = (sound.name.clone(), sound.trouble.clone());
                Ok::<_, MediaError>(Beside { source: sound.probe()?, trouble, name })
            })
            .transpose()?;
        Ok(Incoming { name, source, trouble: Some(trouble), frames, files, sound })
    }

    /// Has this pipe and that of the sound read side by side.
    fn beside(&mut self, mut sound: Self) -> Result<Self, MediaError> {
        let (Origin::End(picture), Origin::End(heard)) = (&self.from, &sound.from) else {
            // Files of a sequence wait for nobody.
            return Ok(sound);
        };
        let failed = |reason| MediaError::Open { path: sound.name.clone(), reason };
        let pipes = [picture.try_clone().map_err(failed)?, heard.try_clone().map_err(failed)?];
        let [picture, heard] =
            Spool::pair(pipes, self.limits.bytes, &self.cancel).map_err(failed)?;
        self.from = Origin::Spool(picture);
        sound.from = Origin::Spool(heard);
        Ok(sound)
    }

    /// Has libav see what it is.
    fn probe(self) -> Result<Source, MediaError> {
        let (name, limits, trouble) = (self.name.clone(), self.limits, self.trouble.clone());
        let fail = |e| MediaError::NotStream { path: name.clone(), reason: super::reason(e) };
        let mut options = Dictionary::new();
        options.set("protocol_whitelist", "none");
        options.set("max_streams", &limits.streams.to_string());
        let demuxer = self.frames.as_ref().and_then(Frames::demuxer);
        if let Some(pixels) = self.frames.as_ref().and_then(Frames::pixels) {
            check(&name, "a frame size (pixels)", pixels, limits.pixels)?;
        }
        self.frames.iter().for_each(|frames| frames.tell(&mut options));
        let io = StreamIo::from_read_with_capacity(self, BUFFER).map_err(fail)?;
        let opened = match demuxer {
            Some(demuxer) => source::open_as(io, demuxer, options),
            None => input_from_stream(io, None, Some(options)),
        };
        trouble.check()?;
        let input = opened.map_err(fail)?;
        check(&name, "a number of streams", u64::from(input.nb_streams()), limits.streams)?;
        Ok(Source::new(input))
    }

    fn take(&mut self, into: &mut [u8]) -> Result<usize, MediaError> {
        let path = || self.name.clone();
        let read = match &mut self.from {
            Origin::End(file) => {
                wait(file, PollFlags::IN, || self.cancel.is_cancelled())
                    .map_err(|_| MediaError::Cancelled { path: path() })?;
                file.read(into)
            }
            Origin::Spool(spool) => spool.read(into),
            Origin::Sequence(_) if self.cancel.is_cancelled() => {
                return Err(MediaError::Cancelled { path: path() });
            }
            Origin::Sequence(sequence) => Ok(sequence.read(into)?),
        };
        let read = read.map_err(|reason| match self.cancel.is_cancelled() {
            true => MediaError::Cancelled { path: path() },
            false => MediaError::Open { path: path(), reason },
        })?;
        if read == 0 && self.trouble.taken() == 0 {
            return Err(MediaError::Empty { path: path() });
        }
        let taken = self.trouble.taken.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        if !self.trouble.uncompressed.load(Ordering::Relaxed) {
            check(&self.name, "a file size (bytes)", taken, self.limits.bytes)?;
        }
        if self.watch.as_mut().is_some_and(|goes_on| !goes_on(&into[..read])) {
            return Err(MediaError::Cancelled { path: path() });
        }
        Ok(read)
    }
}

/// An input that is open.
pub(super) struct Incoming {
    /// What it is called in messages.
    pub(super) name: PathBuf,
    pub(super) source: Source,
    /// What became of the pipe that it comes through, if it does.
    pub(super) trouble: Option<Trouble>,
    /// What was said of its frames.
    pub(super) frames: Option<Frames>,
    /// The files that its images are in, if they are in files.
    pub(super) files: Option<Arc<[PathBuf]>>,
    pub(super) sound: Option<Beside>,
}

impl Incoming {
    /// A file.
    pub(super) fn file(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let source = Source::open(path, limits)?;
        let (trouble, frames, files, sound) = (None, None, None, None);
        Ok(Self { name: path.into(), source, trouble, frames, files, sound })
    }
}

/// Sound that comes through a pipe of its own.
pub(super) struct Beside {
    pub(super) source: Source,
    pub(super) trouble: Trouble,
    pub(super) name: PathBuf,
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
        wait(&self.file, PollFlags::OUT, || self.cancel.is_cancelled())?;
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
