//! The picture of an input, frame by frame, and what comes in between.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ffmpeg_next::{Packet, frame, media};

use super::frames::{self, Frames};
use super::muxer::Muxer;
use super::pipe::{Beside, Incoming, Trouble};
use super::reader::VideoDecoder;
use super::source::Source;
use super::{Container, Limits, MediaError};

/// Packets that wait for the output to be opened.
#[derive(Default)]
pub(super) struct Waiting(pub(super) VecDeque<Packet>, usize);

impl Waiting {
    /// Bytes that may come before the first frame of a picture.
    const MOST: usize = 256 << 20;

    pub(super) fn add(&mut self, input: &Path, packet: Packet) -> Result<(), MediaError> {
        // Each takes some room of its own, too.
        self.1 += packet.size() + 256;
        if self.1 > Self::MOST {
            return Err(MediaError::Decode {
                path: input.into(),
                reason: "its first frame does not come before 256 MB of other streams".into(),
            });
        }
        self.0.push_back(packet);
        Ok(())
    }
}

/// The picture of an input, frame by frame, and what comes in between.
pub(super) struct Feed {
    pub(super) input: PathBuf,
    pub(super) source: Source,
    pub(super) decoder: VideoDecoder,
    /// What became of the pipe that it comes through, if it does.
    pipe: Option<Trouble>,
    /// What was said of its frames.
    frames: Option<Frames>,
    /// The files that its images are in, if they are in files.
    files: Option<Arc<[PathBuf]>>,
    /// Sound that comes through a pipe of its own.
    pub(super) aside: Option<Aside>,
    /// Seconds of a unit of the picture's time stamps.
    base: f64,
    /// Whether the last packet of the picture was cut off, and where it ends.
    pub(super) torn: bool,
    end: u64,
    /// From when to when all packets of the picture go.
    pub(super) shown: (f64, f64),
    ended: bool,
}

impl Feed {
    pub(super) fn new(incoming: Incoming, limits: &Limits) -> Result<Self, MediaError> {
        let Incoming { name: input, source, trouble: pipe, frames, files, sound } = incoming;
        let index = source.picture_stream(&input)?;
        let aside = sound.map(|sound| Aside::new(&input, &source, sound)).transpose()?;
        let decoder = VideoDecoder::new(&input, &source, index, limits)?;
        let base = source.stream(index).map_or(1.0, |s| f64::from(s.time_base()));
        Ok(Self {
            input,
            source,
            decoder,
            pipe,
            frames,
            files,
            aside,
            base,
            torn: false,
            end: 0,
            shown: (f64::INFINITY, 0.0),
            ended: false,
        })
    }

    /// The next frame and its time in seconds from the first; packets of other streams go to
    /// `aside`.
    pub(super) fn next(
        &mut self,
        frame: &mut frame::Video,
        aside: &mut dyn FnMut(Packet) -> Result<(), MediaError>,
    ) -> Result<Option<f64>, MediaError> {
        loop {
            let received = self.decoder.receive(frame)?;
            if frames::are_images(&self.source) && self.pipe.is_some() {
                self.check_images(received.is_none() && self.ended)?;
            }
            if received.is_some() || self.ended {
                return Ok(received);
            }
            match self.source.next_packet() {
                Some(packet) if packet.stream() == self.decoder.stream() => {
                    (self.torn, self.end) = (
                        packet.is_corrupt(),
                        u64::try_from(packet.position()).unwrap_or(0) + packet.size() as u64,
                    );
                    if let Some(time) = packet.pts() {
                        let end = time.saturating_add(packet.duration());
                        self.shown = (
                            f64::min(self.shown.0, time as f64 * self.base),
                            f64::max(self.shown.1, end as f64 * self.base),
                        );
                    }
                    self.decoder.send(Some(&packet))?;
                }
                Some(packet) => aside(packet)?,
                None => {
                    self.ended = true;
                    self.check_end()?;
                    self.decoder.send(None)?;
                }
            }
        }
    }

    /// An error if what came through a pipe broke off. libav leaves out a last frame of Y4M that is
    /// not whole.
    fn check_end(&self) -> Result<(), MediaError> {
        let Some(pipe) = &self.pipe else { return Ok(()) };
        pipe.check()?;
        let whole = !self.torn
            && (self.source.format().name() != Container::Y4m.muxer()
                || pipe.taken() <= self.end + Y4M_FRAME);
        match self.frames.as_ref().and_then(Frames::bytes) {
            _ if whole => Ok(()),
            Some(bytes) => Err(MediaError::Unfit {
                path: self.input.clone(),
                what: format!(
                    "ends within a frame, of which each has {bytes} bytes: whatever makes it \
                    broke off, or --size and --input-pix-fmt are not what it sends"
                ),
            }),
            None => Err(MediaError::CutOff { path: self.input.clone() }),
        }
    }

    /// An error if an image is not like the first or cannot be decoded: whoever makes images one by
    /// one means each, and would not hear of it otherwise.
    fn check_images(&self, at_end: bool) -> Result<(), MediaError> {
        let (frames, errors) = self.decoder.counts();
        let of = |number: u64| {
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            let file = self.files.as_ref().and_then(|files| files.get(at));
            file.map_or_else(
                || (self.input.clone(), format!("image {}: ", number + 1)),
                |file| (file.clone(), String::new()),
            )
        };
        if let Some((own, first)) = self.decoder.other_size() {
            let (path, which) = of(frames.saturating_sub(1));
            let what = format!(
                "{which}is {}x{}, and the sequence began with {}x{}; make all of them alike",
                own.0, own.1, first.0, first.1
            );
            return Err(MediaError::Unfit { path, what });
        }
        let damaged = self.decoder.damage().is_some();
        let short = at_end && self.files.as_ref().is_some_and(|files| files.len() as u64 > frames);
        if damaged || short || errors > 0 {
            let (path, which) = of(if damaged { frames.saturating_sub(1) } else { frames });
            let what = format!("{which}cannot be decoded; make it again");
            return Err(MediaError::Unfit { path, what });
        }
        Ok(())
    }

    /// Why there is no frame.
    pub(super) fn nothing(&self) -> MediaError {
        let (path, reason) = (self.input.clone(), "not one whole frame in it".into());
        match self.pipe {
            Some(_) => MediaError::NotStream { path, reason },
            None => MediaError::Decode { path, reason },
        }
    }

    /// How long the picture is, as the file says.
    pub(super) fn announced(&self) -> Option<f64> {
        let own =
            self.source.stream(self.decoder.stream()).map(|s| s.duration()).filter(|&d| d > 0);
        own.map(|d| d as f64 * self.base).or(self
            .source
            .describe_sound()
            .seconds
            .filter(|_| self.source.nb_streams() == 1))
    }
}

/// Bytes of Y4M's head of a frame without parameters.
const Y4M_FRAME: u64 = 6;

/// Sound that comes through a pipe of its own, as far as the picture has come.
pub(super) struct Aside {
    pub(super) name: PathBuf,
    pub(super) source: Source,
    trouble: Trouble,
    /// The track that is taken, and seconds of a unit of its time stamps.
    pub(super) index: usize,
    base: f64,
    /// A packet that is too early.
    next: Option<Packet>,
    ended: bool,
    /// Where the last packet ends, in seconds.
    end: f64,
}

impl Aside {
    /// What is added to the indices of its streams, beyond those of any picture's input.
    pub(super) const STREAMS: usize = 1 << 16;

    /// Beside the picture of `source`, called `input`.
    fn new(input: &Path, source: &Source, sound: Beside) -> Result<Self, MediaError> {
        let Beside { source: own, trouble, name } = sound;
        if source.describe_sound().has_audio {
            let what = format!(
                "has sound of its own, and {} is another; leave one of them out",
                name.display()
            );
            return Err(MediaError::Unfit { path: input.into(), what });
        }
        let best = own.streams().best(media::Type::Audio);
        let (index, base) = best
            .map(|s| (s.index(), f64::from(s.time_base())))
            .ok_or_else(|| MediaError::NoSound { path: name.clone() })?;
        Ok(Self { name, source: own, trouble, index, base, next: None, ended: false, end: 0.0 })
    }

    /// Hands on its packets up to `time` seconds, waiting for them if need be.
    pub(super) fn until(
        &mut self,
        time: f64,
        take: &mut dyn FnMut(Packet) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        while !self.ended {
            let Some(mut packet) = self.next.take().or_else(|| self.source.next_packet()) else {
                self.ended = true;
                return self.trouble.check();
            };
            if packet.stream() != self.index {
                continue;
            }
            let begins = packet.pts().map_or(self.end, |pts| pts as f64 * self.base);
            if begins > time {
                self.next = Some(packet);
                return Ok(());
            }
            self.end = begins + packet.duration() as f64 * self.base;
            packet.set_stream(Self::STREAMS + self.index);
            take(packet)?;
        }
        Ok(())
    }

    /// A line on an end that is not the picture's, which comes at `seconds`.
    pub(super) fn difference(&self, seconds: f64) -> Option<String> {
        ((self.end - seconds).abs() > APART).then(|| {
            format!(
                "the sound ends at {:.1} s, and the picture at {seconds:.1} s: both are as they \
                came",
                self.end
            )
        })
    }
}

/// Seconds by which sound and picture may end apart without being remarked on.
const APART: f64 = 0.5;
