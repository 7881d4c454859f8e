//! From one file to another, each frame through a closure, everything else as it was.

use std::io::Write;
use std::path::Path;

use ffmpeg_next::{Error, Rational, Stream, frame, media};

use super::audio::{AsItIs, AudioDecoder, Rework};
use super::audio_track::AudioSource;
use super::convert::{Converter, markable};
use super::feed::{Aside, Feed, Waiting};
use super::frame::Picture;
use super::job::{Job, Plan, Summary};
use super::muxer::Muxer;
use super::pipe::{self, Incoming, Inlet};
use super::source::{Source, check};
use super::video_format::VideoFormat;
use super::writer::{Kept, Sink, Writer, failed};
use super::{Container, MediaError, Progress, guard, side_data};
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
    let incoming = Incoming::file(input, job.limits)?;
    write(incoming, Sink::File(output), container, job, process)
}

/// [`transcode`] from a pipe into a file, which is written in place.
///
/// # Errors
/// As for [`transcode`].
pub fn transcode_inlet<E: From<MediaError>>(
    from: Inlet,
    output: &Path,
    container: Container,
    job: Job<'_>,
    process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    write(from.open_source()?, Sink::File(output), container, job, process)
}

/// [`transcode`] from one pipe to another, without a copy on the way and no faster than either side
/// goes. If no `container` is given, Y4M stays what it is, sound alone becomes WAV, and anything
/// else fragments of MP4. The end is written only if the input came to its own.
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
    let incoming = from.open_source()?;
    let container = container.unwrap_or_else(|| usual(&incoming));
    let sink = Sink::Stream(pipe::sink(to).map_err(|e| failed(job.target, &e))?);
    let summary = write(incoming, sink, container, job, process)?;
    Ok((summary, container))
}

/// What is made of a stream where nobody says.
fn usual(incoming: &Incoming) -> Container {
    let Incoming { source, name, sound, .. } = incoming;
    if source.picture_stream(name).is_err() && source.describe_sound().has_audio {
        Container::Wav
    } else if source.format().name() == Container::Y4m.muxer() && sound.is_none() {
        Container::Y4m
    } else {
        Container::Fragments
    }
}

/// Writes what comes: a picture and all that goes with it, or sound alone.
fn write<E: From<MediaError>>(
    incoming: Incoming,
    sink: Sink<'_>,
    container: Container,
    job: Job<'_>,
    process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    if incoming.sound.is_some()
        && (container.is_sound() || container.is_still() || container == Container::Y4m)
    {
        return Err(MediaError::CannotHold {
            path: job.target.into(),
            container: container.name(),
            what: "a picture with sound".into(),
            advice: "write MP4, or leave out --audio-input",
        }
        .into());
    }
    if container.is_sound() {
        return Ok(transcode_sound(incoming, sink, container, job)?);
    }
    let feed = Feed::new(incoming, job.limits)?;
    pass(feed, sink, container, job, process)
}

/// Passes the picture of an input that is open through `process`, and everything else on. A
/// stream's trouble is asked at its end whether it was one.
fn pass<E: From<MediaError>>(
    mut feed: Feed,
    sink: Sink<'_>,
    container: Container,
    mut job: Job<'_>,
    mut process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let (input, index) = (&feed.input.clone(), feed.decoder.stream());
    let mut info = feed.source.describe(index, feed.decoder.decoder());
    info.has_audio |= feed.aside.is_some();
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
        if let Some(aside) = &mut feed.aside {
            aside.until(time, &mut |packet| picture.writer.take(packet))?;
        }
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
    if let Some(aside) = &mut feed.aside {
        aside
            .until(if ended { limit } else { f64::INFINITY }, &mut |packet| writer.take(packet))?;
        writer.remark(aside.difference(f64::max(feed.shown.1 - feed.shown.0, seconds)));
    }
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
        feed: &Feed,
        first: &frame::Video,
        sink: Sink<'_>,
        container: Container,
        job: &mut Job<'a>,
    ) -> Result<Self, MediaError> {
        let (input, index) = (feed.input.as_path(), feed.decoder.stream());
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
        let aside = feed.aside.as_ref().map(|a| beside(a, container, job)).transpose()?;
        let writer = Writer::open(
            sink,
            Plan { path: job.target, container, options: job.options },
            Some(&format),
            Some(Kept { source: &feed.source, picture: Some(index), tracks, aside }),
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
        writer.remark(writer.losses(&format, container));
        writer.remark(dolby);
        writer
    }
}

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

/// The track that comes through a pipe of its own, which is always encoded anew.
fn beside<'a>(
    aside: &'a Aside,
    container: Container,
    job: &mut Job<'_>,
) -> Result<(&'a Source, AudioSource), MediaError> {
    let found = sound_tracks(&aside.name, &aside.source, Some(aside.index), container, job)?.pop();
    let track = match found {
        Some(track) => track,
        None => {
            let stream = aside.source.stream(aside.index);
            let stream = stream.ok_or_else(|| MediaError::NoSound { path: aside.name.clone() })?;
            let decoder = AudioDecoder::new(&aside.name, &stream, job.limits)?;
            AudioSource { index: aside.index, decoder, rework: Box::new(AsItIs) }
        }
    };
    Ok((&aside.source, track))
}

/// The sound of an input alone.
fn transcode_sound(
    incoming: Incoming,
    sink: Sink<'_>,
    container: Container,
    mut job: Job<'_>,
) -> Result<Summary, MediaError> {
    let Incoming { name, mut source, trouble, .. } = incoming;
    let input = name.as_path();
    let best = source
        .streams()
        .best(media::Type::Audio)
        .map(|s| s.index())
        .ok_or_else(|| MediaError::NoSound { path: input.into() })?;
    let info = source.describe_sound();
    let tracks = sound_tracks(input, &source, Some(best), container, &mut job)?;
    let mut writer = Writer::open(
        sink,
        Plan { path: job.target, container, options: job.options },
        None,
        Some(Kept { source: &source, picture: None, tracks, aside: None }),
    )?;
    let base = source.stream(best).map_or(Rational(1, 1), |s| s.time_base());
    let limit = job.seconds.unwrap_or(f64::INFINITY);
    let block = source.stream(best).map_or(0, |s| block(&s));
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
            // libav asks for more samples at a time than are left where a head says no length.
            torn = packet.is_corrupt() && !packet.size().is_multiple_of(block);
            if seconds > limit {
                break;
            }
            check(input, "a duration (seconds)", seconds.max(0.0) as u64, job.limits.seconds)?;
        }
        writer.take(packet)?;
        (job.progress)(Progress { frames: 0, seconds, total: info.seconds });
    }
    if let Some(trouble) = trouble {
        trouble.check()?;
        if first.is_none() {
            let reason = "its head says that no sound follows".into();
            return Err(MediaError::NotStream { path: input.into(), reason });
        }
        if torn {
            return Err(MediaError::CutOff { path: input.into() });
        }
    }
    writer.remark(early(torn, seconds, info.seconds.filter(|_| seconds <= limit)));
    writer.finish(info, seconds)
}

/// Bytes of the least that can be decoded of a sound by itself; 0 where that is a packet.
fn block(stream: &Stream<'_>) -> usize {
    // SAFETY: the stream is valid; only a plain field is read.
    usize::try_from(unsafe { (*(*stream.as_ptr()).codecpar).block_align }).unwrap_or(0)
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
