//! What goes between the two workers of a file: frames and sound, from the one that decodes to the
//! one that knows the keys and opens no file.
//!
//! Picture and sound have a stream each, since they come at the same time. The one that decodes may
//! have been taken over: what it shows is held to what a frame and a piece of sound can be, and it
//! hears of nothing but whether frames are certain by now.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::wire::{packed, receive, send, unpacked};
use crate::audio::Format;
use crate::detect::{Audience, Detectors, Listen, Projector, Showing, Watch};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError};
use crate::video::{Canvas, Coding, DetectOptions, FramePlan, Planes};

/// Bytes of a message: a piece of sound is far shorter, and samples of frames come behind theirs.
const MESSAGE: u32 = 64 << 20;

/// What is shown, or played.
#[derive(Serialize, Deserialize)]
enum Piece {
    /// A frame, at so many seconds. Its samples follow, and whether they are certain comes back.
    Frame(FramePlan, f64, Coding),
    /// Sound of so many samples a second and channels. Whether that can carry a mark comes back.
    Sound(u32, usize),
    Samples(ByteBuf),
    /// There is no more.
    End,
    /// Nothing came of it, or there was none.
    Stop,
}

/// One end of such a stream.
struct Line<'a> {
    /// Not a copy of the handle: to that one nothing could be written.
    stream: &'a UnixStream,
    /// Whether the end was told, or nobody listens any more: who does not is missed by the parent.
    ended: bool,
}

impl Line<'_> {
    /// Sends a piece, with what follows it, and hears what comes back, if anything does.
    fn tell(&mut self, piece: &Piece, samples: &[u8], answered: bool) -> bool {
        if self.ended {
            return true;
        }
        let mut answer = [1; 1];
        let mut stream = self.stream;
        let told = send(&mut stream, piece).and_then(|()| stream.write_all(samples));
        let told =
            told.and_then(|()| if answered { stream.read_exact(&mut answer) } else { Ok(()) });
        self.ended |= told.is_err() || matches!(piece, Piece::End | Piece::Stop);
        answer[0] != 0
    }
}

impl Drop for Line<'_> {
    /// Whatever came of it, nobody is left to wait for more.
    fn drop(&mut self) {
        self.tell(&Piece::Stop, &[], false);
    }
}

/// Shows frames to the other worker.
pub(super) struct DistantWatch<'a> {
    line: Line<'a>,
    samples: Vec<u8>,
}

impl<'a> DistantWatch<'a> {
    pub(super) fn new(stream: &'a UnixStream) -> Self {
        Self { line: Line { stream, ended: false }, samples: Vec::new() }
    }
}

impl Watch for DistantWatch<'_> {
    fn frame(&mut self, frame: &mut dyn Canvas, time: f64, coding: Coding) -> bool {
        self.samples.clear();
        frame.save(&mut self.samples);
        self.line.tell(&Piece::Frame(frame.plan(), time, coding), &self.samples, true)
    }

    fn finish(&mut self) {
        self.line.tell(&Piece::End, &[], false);
    }
}

/// Plays sound to it.
pub(super) struct DistantListen<'a>(Line<'a>);

impl<'a> DistantListen<'a> {
    pub(super) fn new(stream: &'a UnixStream) -> Self {
        Self(Line { stream, ended: false })
    }
}

impl Listen for DistantListen<'_> {
    fn begin(&mut self, format: Format) -> bool {
        self.0.tell(&Piece::Sound(format.rate, format.channels), &[], true)
    }

    fn samples(&mut self, samples: &[f32]) {
        self.0.tell(&Piece::Samples(packed(samples)), &[], false);
    }

    fn finish(&mut self) {
        self.0.tell(&Piece::End, &[], false);
    }
}

fn senseless() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Has frames looked at as they come, until there are no more.
pub(super) fn watch(
    stream: &mut (impl Read + Write),
    watch: &mut dyn Watch,
    limits: &Limits,
) -> io::Result<()> {
    let mut planes = Planes::default();
    loop {
        match receive(stream, MESSAGE)? {
            Piece::Frame(plan, time, coding)
                if plan.is_possible(limits.pixels)
                    && is_time(time, limits)
                    && coding.bits.is_none_or(f32::is_finite) =>
            {
                planes.read(plan, stream)?;
                let certain = watch.frame(&mut planes, time, coding);
                stream.write_all(&[certain.into()])?;
            }
            Piece::End => {
                watch.finish();
                return Ok(());
            }
            Piece::Stop => return Ok(()),
            _ => return Err(senseless()),
        }
    }
}

/// Whether a frame can be shown then: a reader tells no time that is not within its limit, nor long
/// before the beginning.
fn is_time(seconds: f64, limits: &Limits) -> bool {
    seconds.is_finite() && seconds.abs() <= limits.seconds as f64 + 1.0
}

/// Has sound listened to as it comes.
pub(super) fn listen(stream: &mut (impl Read + Write), listen: &mut dyn Listen) -> io::Result<()> {
    loop {
        match receive(stream, MESSAGE)? {
            Piece::Sound(rate, channels) => {
                let can = listen.begin(Format { rate, channels });
                stream.write_all(&[can.into()])?;
            }
            Piece::Samples(bytes) => listen.samples(&unpacked(&bytes)),
            Piece::End => {
                listen.finish();
                return Ok(());
            }
            Piece::Stop => return Ok(()),
            Piece::Frame(..) => return Err(senseless()),
        }
    }
}

/// A stream that was recorded: it says what it said, whatever it is told.
struct Recorded<'a>(&'a [u8]);

impl Read for Recorded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Recorded<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What detectors make of a stream that another worker may have sent: of the picture, or else of
/// the sound. Whether it made sense to its end.
pub(crate) fn heard(stream: &[u8], picture: bool, ring: &KeyRing, limits: &Limits) -> bool {
    let mut detectors =
        Detectors::new(ring, &DetectOptions { search: false, ..DetectOptions::default() });
    let (mut watching, mut listening) = detectors.parts();
    let mut stream = Recorded(stream);
    if picture {
        watch(&mut stream, &mut watching, limits).is_ok()
    } else {
        listen(&mut stream, &mut listening).is_ok()
    }
}

/// A stream that is written down as it is read.
struct Overheard {
    stream: UnixStream,
    bytes: Vec<u8>,
}

impl Read for Overheard {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.bytes.extend_from_slice(&into[..read]);
        Ok(read)
    }
}

impl Write for Overheard {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The streams that a file is shown through, picture and sound.
///
/// # Errors
/// If it cannot be decoded.
pub(crate) fn said(
    path: &Path,
    ring: &KeyRing,
    limits: &Limits,
) -> Result<[Vec<u8>; 2], MediaError> {
    let failed = |reason: io::Error| MediaError::Open { path: path.into(), reason };
    let pair = || UnixStream::pair().map_err(failed);
    let ((picture, seen), (sound, heard)) = (pair()?, pair()?);
    let [mut seen, mut heard] = [seen, heard].map(|stream| Overheard { stream, bytes: Vec::new() });
    let mut detectors = Detectors::new(ring, &DetectOptions::default());
    let (mut watching, mut listening) = detectors.parts();
    std::thread::scope(|scope| {
        let watched = scope.spawn(|| watch(&mut seen, &mut watching, limits));
        let listened = scope.spawn(|| listen(&mut heard, &mut listening));
        let mut audience = Audience {
            watch: &mut DistantWatch::new(&picture),
            listen: &mut DistantListen::new(&sound),
        };
        let (rate, cancel) = (DetectOptions::default().rate, Cancel::default());
        let shown = Projector { path, rate, limits, cancel: &cancel }.show(
            Showing::ALL,
            &mut audience,
            &mut |_| {},
        );
        let ended = |told: std::thread::Result<io::Result<()>>| told.unwrap_or(Ok(()));
        ended(watched.join()).and(ended(listened.join())).map_err(failed).and(shown)
    })?;
    Ok([seen.bytes, heard.bytes])
}
