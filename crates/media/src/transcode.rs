//! From one file to another, each frame through a closure, everything else as it was.

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;

use ffmpeg_next::{Error, Packet, Rational, frame, media};

use super::audio::{AsItIs, AudioDecoder, Rework};
use super::audio_track::AudioSource;
use super::convert::{Converter, markable};
use super::frame::Picture;
use super::job::{Job, Plan, Summary};
use super::muxer::Muxer;
use super::pipe::{self, Inlet, Trouble};
use super::reader::VideoDecoder;
use super::source::{Source, check};
use super::video_format::VideoFormat;
use super::writer::{Kept, Sink, Writer, failed};
use super::{Container, Limits, MediaError, Progress, guard, side_data};
use proofmark_core::video::Coding;

/// Decodes the picture of `input`, passes each frame with its time in seconds through `process`,
/// and writes it, encoded anew, to `output` as a file of kind `container`. Sound goes the same way
/// where the job has something to do to it. Other sound, subtitles, chapters, metadata, time
/// stamps, colour and rotation stay as they were. Into a container for sound alone the picture does
/// not go. `output` is written in place: the caller gives a temporary file and renames it.
///
/// # Errors
/// [`MediaError`] if reading, decoding, encoding or writing fails or was cancelled, or what
/// `process` returns.
pub fn transcode<E: From<MediaError>>(
    input: &Path,
    output: &Path,
    container: Container,
    job: Job<'_>,
    process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let source = Source::open(input, job.limits)?;
    if container.is_sound() {
        return Ok(transcode_sound(input, output, container, job, source)?);
    }
    let feed = Feed::new(input, source, None, job.limits)?;
    pass(feed, Sink::File(output), container, job, process)
}

/// [`transcode`] from one pipe to another, without a copy on the way and no faster than either side
/// goes. `container` is that of the input, Y4M or fragments of MP4, if none is given. The end is
/// written only if the input came to its own.
///
/// # Errors
/// As for [`transcode`].
pub fn transcode_stream<E: From<MediaError>>(
    from: Inlet,
    to: impl Write + Send + 'static,
    container: Option<Container>,
    job: Job<'_>,
    process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<(Summary, Container), E> {
    let input = from.name();
    let (source, trouble) = from.open()?;
    let own = if source.format().name() == Container::Y4m.muxer() {
        Container::Y4m
    } else {
        Container::Fragments
    };
    let container = container.unwrap_or(own);
    let feed = Feed::new(&input, source, Some(trouble), job.limits)?;
    let sink = Sink::Stream(pipe::sink(to).map_err(|e| failed(job.target, &e))?);
    let summary = pass(feed, sink, container, job, process)?;
    Ok((summary, container))
}

/// Passes the picture of an input that is open through `process`, and everything else on. A
/// stream's trouble is asked at its end whether it was one.
fn pass<E: From<MediaError>>(
    mut feed: Feed<'_>,
    sink: Sink<'_>,
    container: Container,
    mut job: Job<'_>,
    mut process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let (input, index) = (feed.input, feed.decoder.stream());
    let info = feed.source.describe(index, feed.decoder.decoder());
    // The first frame says what the picture is; what comes before waits for the file to be opened
    // for it.
    let mut frame = frame::Video::empty();
    let mut waiting = Waiting::default();
    let Some(mut time) = feed.next(&mut frame, &mut |packet| waiting.add(input, packet))? else {
        return Err(feed.nothing().into());
    };
    let announced = feed.announced().filter(|_| !container.is_still());
    let mut picture = PictureWriter::open(&feed, &frame, sink, container, &mut job)?;
    waiting.0.drain(..).try_for_each(|packet| picture.writer.take(packet))?;

    let (limit, total) = (
        job.seconds.unwrap_or(f64::INFINITY),
        info.seconds.map(|s| s.min(job.seconds.unwrap_or(s))),
    );
    let (mut seconds, mut ended) = (0.0, false);
    loop {
        if job.cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: input.into() }.into());
        }
        if time >= limit {
            ended = true;
            break;
        }
        if container.is_still() && picture.writer.frames() > 0 {
            return Err(too_many_frames(job.target, container).into());
        }
        picture.write(input, &mut frame, time, &mut process)?;
        seconds = f64::max(seconds, time);
        (job.progress)(Progress { frames: picture.writer.frames(), seconds: time, total });
        match feed.next(&mut frame, &mut |packet| picture.writer.take(packet))? {
            Some(next) => time = next,
            None => break,
        }
    }
    let mut writer = picture.finish(container);
    writer.remark(feed.decoder.change());
    writer.remark(feed.decoder.damage());
    if !ended {
        writer.remark(early(feed.torn, (feed.shown.1 - feed.shown.0).max(seconds), announced));
    }
    Ok(writer.finish(info, seconds)?)
}

/// An error for a still that would have more than one frame.
fn too_many_frames(target: &Path, container: Container) -> MediaError {
    MediaError::CannotHold {
        path: target.into(),
        container: container.name(),
        what: "more than one frame".into(),
        advice: "give a video target such as .mp4",
    }
}

/// Frames on their way from the decoder into the output.
struct PictureWriter<'a> {
    writer: Writer<'a>,
    format: VideoFormat,
    converter: Converter,
    scratch: Vec<u16>,
    /// A line on Dolby Vision that is lost.
    dolby: Option<String>,
}

impl<'a> PictureWriter<'a> {
    /// Opens the output for a picture whose first frame is `first`, and for all that goes with it.
    fn open(
        feed: &Feed<'_>,
        first: &frame::Video,
        sink: Sink<'_>,
        container: Container,
        job: &mut Job<'a>,
    ) -> Result<Self, MediaError> {
        let (input, index) = (feed.input, feed.decoder.stream());
        let stream =
            feed.source.stream(index).ok_or_else(|| MediaError::NoVideo { path: input.into() })?;
        let dolby = side_data::dolby_vision(&stream)
            .map_err(|reason| MediaError::Unwritable { path: input.into(), reason })?;
        side_data::adopt_light_metadata(&stream, first);
        let format = VideoFormat::of_stream(feed.decoder.decoder(), &stream, first);
        let tracks = if container.is_still() || container == Container::Y4m {
            Vec::new()
        } else {
            sound_tracks(input, &feed.source, None, container, job)?
        };
        let writer = Writer::open(
            sink,
            Plan { path: job.target, container, options: job.options },
            Some(&format),
            Some(Kept { source: &feed.source, picture: Some(index), tracks }),
        )?;
        let (converter, scratch) = Default::default();
        Ok(Self { writer, format, converter, scratch, dolby })
    }

    /// Passes a frame of `input` through `process` and encodes it.
    fn write<E: From<MediaError>>(
        &mut self,
        input: &Path,
        frame: &mut frame::Video,
        time: f64,
        process: &mut impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
    ) -> Result<(), E> {
        let fail = |e: Error| MediaError::Decode { path: input.into(), reason: e.to_string() };
        self.writer.crop(frame);
        self.format.look(frame);
        // Mark in the encoder's own format where that has planes, else in the nearest that has.
        let converted =
            self.converter.convert(frame, markable(self.writer.format())).map_err(fail)?;
        guard::own(converted).map_err(fail)?;
        if let Some(mut picture) = Picture::new(converted, &mut self.scratch, Coding::default()) {
            process(&mut picture, time)?;
        }
        let (pts, duration) = (converted.pts(), converted.packet().duration);
        Ok(self.writer.encode(converted, pts, duration)?)
    }

    /// Notes what the picture lost on its way, and gives back the output.
    fn finish(self, container: Container) -> Writer<'a> {
        let Self { mut writer, format, dolby, .. } = self;
        writer.remark(
            writer
                .codec()
                .map(|codec| format.losses(writer.format(), codec, container))
                .unwrap_or_default(),
        );
        writer.remark(dolby);
        writer
    }
}

/// Packets that wait for the output to be opened.
#[derive(Default)]
struct Waiting(VecDeque<Packet>, usize);

impl Waiting {
    /// Bytes that may come before the first frame of a picture.
    const MOST: usize = 256 << 20;

    fn add(&mut self, input: &Path, packet: Packet) -> Result<(), MediaError> {
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
struct Feed<'a> {
    input: &'a Path,
    source: Source,
    decoder: VideoDecoder,
    /// What became of the pipe that it comes through, if it does.
    pipe: Option<Trouble>,
    /// Seconds of a unit of the picture's time stamps.
    base: f64,
    /// Whether the last packet of the picture was cut off, and where it ends.
    torn: bool,
    end: u64,
    /// From when to when all packets of the picture go.
    shown: (f64, f64),
    ended: bool,
}

impl<'a> Feed<'a> {
    fn new(
        input: &'a Path,
        source: Source,
        pipe: Option<Trouble>,
        limits: &Limits,
    ) -> Result<Self, MediaError> {
        let index = source.picture_stream(input)?;
        let decoder = VideoDecoder::new(input, &source, index, limits)?;
        let base = source.stream(index).map_or(1.0, |s| f64::from(s.time_base()));
        Ok(Self {
            input,
            source,
            decoder,
            pipe,
            base,
            torn: false,
            end: 0,
            shown: (f64::INFINITY, 0.0),
            ended: false,
        })
    }

    /// The next frame and its time in seconds from the first; packets of other streams go to
    /// `aside`.
    fn next(
        &mut self,
        frame: &mut frame::Video,
        aside: &mut dyn FnMut(Packet) -> Result<(), MediaError>,
    ) -> Result<Option<f64>, MediaError> {
        loop {
            if let Some(time) = self.decoder.receive(frame)? {
                return Ok(Some(time));
            }
            if self.ended {
                return Ok(None);
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
        if whole { Ok(()) } else { Err(MediaError::CutOff { path: self.input.into() }) }
    }

    /// Why there is no frame.
    fn nothing(&self) -> MediaError {
        let (path, reason) = (self.input.into(), "not one whole frame in it".into());
        match self.pipe {
            Some(_) => MediaError::NotStream { path, reason },
            None => MediaError::Decode { path, reason },
        }
    }

    /// How long the picture is, as the file says.
    fn announced(&self) -> Option<f64> {
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
/// Seconds, and share of all, by which an input may end before it says so without being remarked
/// on.
const TAIL: (f64, f64) = (0.5, 0.02);

/// Says that an input ends at `seconds`, before it should: in the middle of a packet, or long
/// before the end that it announces.
fn early(torn: bool, seconds: f64, announced: Option<f64>) -> Option<String> {
    match announced {
        Some(all) if all - seconds > TAIL.0.max(TAIL.1 * all) => Some(format!(
            "what should follow {seconds:.1} s was left out: the input ends there, \
                though it announces {all:.1} s, and may have been cut off"
        )),
        _ => torn.then(|| {
            format!(
                "what should follow {seconds:.1} s was left out: the input ends \
            there within a frame, and may have been cut off"
            )
        }),
    }
}

/// Opens a decoder for each sound track that there is something to do to, or that the target does
/// not hold as it is; of all tracks, or of `one` alone.
fn sound_tracks(
    input: &Path,
    source: &Source,
    one: Option<usize>,
    container: Container,
    job: &mut Job<'_>,
) -> Result<Vec<AudioSource>, MediaError> {
    let mut tracks = Vec::new();
    for stream in source.streams().filter(|s| {
        s.parameters().medium() == media::Type::Audio && one.is_none_or(|i| i == s.index())
    }) {
        // A track that cannot be decoded is copied like one that is not to be reworked.
        let Ok(decoder) = AudioDecoder::new(input, &stream, job.limits) else { continue };
        // One that was asked for is not given by a copy.
        let asked = job.options.audio_encoder.is_some() || job.options.audio_bitrate.is_some();
        let held = !asked && container.holds(stream.parameters().id());
        let as_it_is =
            || -> Option<Box<dyn Rework>> { if held { None } else { Some(Box::new(AsItIs)) } };
        if let Some(rework) = (job.rework)(&decoder.info(source)).or_else(as_it_is) {
            tracks.push(AudioSource { index: stream.index(), decoder, rework });
        }
    }
    Ok(tracks)
}

/// The sound of `input` alone.
fn transcode_sound(
    input: &Path,
    output: &Path,
    container: Container,
    mut job: Job<'_>,
    mut source: Source,
) -> Result<Summary, MediaError> {
    let best = source
        .streams()
        .best(media::Type::Audio)
        .map(|s| s.index())
        .ok_or_else(|| MediaError::NoSound { path: input.into() })?;
    let info = source.describe_sound();
    let tracks = sound_tracks(input, &source, Some(best), container, &mut job)?;
    let mut writer = Writer::open(
        Sink::File(output),
        Plan { path: job.target, container, options: job.options },
        None,
        Some(Kept { source: &source, picture: None, tracks }),
    )?;
    let base = source.stream(best).map_or(Rational(1, 1), |s| s.time_base());
    let limit = job.seconds.unwrap_or(f64::INFINITY);
    let (mut first, mut seconds, mut torn) = (None, 0.0, false);
    while let Some(packet) = source.next_packet() {
        if job.cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: input.into() });
        }
        if packet.stream() == best {
            let time = packet.pts().map_or(seconds, |t| t as f64 * f64::from(base));
            seconds = f64::max(
                seconds,
                time - *first.get_or_insert(time) + packet.duration() as f64 * f64::from(base),
            );
            torn = packet.is_corrupt();
            if seconds > limit {
                break;
            }
            check(input, "a duration (seconds)", seconds.max(0.0) as u64, job.limits.seconds)?;
        }
        writer.take(packet)?;
        (job.progress)(Progress { frames: 0, seconds, total: info.seconds });
    }
    writer.remark(early(torn, seconds, info.seconds.filter(|_| seconds <= limit)));
    writer.finish(info, seconds)
}

#[cfg(test)]
mod tests {
    use super::early;

    #[test]
    fn inputs_that_end_early_are_remarked_on() {
        assert!(
            early(false, 2.0, Some(4.0)).unwrap().contains("2.0 s was left out")
                && early(true, 2.0, Some(2.01)).unwrap().contains("within a frame")
        );
        assert_eq!(
            [
                early(false, 3.6, Some(4.0)),
                early(false, 99.0, Some(100.5)),
                early(false, 4.0, None)
            ],
            [None, None, None]
        );
    }
}
