//! From one file to another, each frame through a closure, everything else as it was.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::color::TransferCharacteristic;
use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::format::context::{Input, Output, StreamIo};
use ffmpeg_next::format::{Pixel, output_as, output_to_stream};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, encoder, frame, media};

use super::encoder::{EncodeOptions, PictureEncoder, PictureFormat, VideoCodec};
use super::frame::{Layout, Picture};
use super::pipe::{self, Inlet, Trouble};
use super::reader::{self, Converter, MediaInfo, PictureDecoder, Reader, describe, describe_sound, markable};
use super::sound::{Rework, SoundDecoder, SoundInfo, SoundTrack};
use super::streams::{self, Copied};
use super::{Container, Limits, MediaError};
use crate::picture::Coding;

/// A flag that another thread or a signal handler sets to stop the work.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the work to stop at the next frame.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Frames done.
    pub frames: u64,
    /// Seconds of picture done.
    pub seconds: f64,
    /// Seconds there are, if the file says.
    pub total: Option<f64>,
}

/// What was done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// What the input is.
    pub info: MediaInfo,
    /// Frames written.
    pub frames: u64,
    /// Seconds from the first frame to the last, or of sound where there is no picture.
    pub seconds: f64,
    /// Name of the picture's codec that was written; `None` where there is no picture.
    pub codec: Option<&'static str>,
    /// Sound tracks that were reworked.
    pub tracks: usize,
    /// A line for each thing that could not be kept.
    pub left_out: Vec<String>,
}

/// What to do and whom to tell, for [`transcode`].
pub struct Job<'a> {
    /// The name of the target in messages: the file that is written has a temporary one.
    pub target: &'a Path,
    /// How to encode.
    pub options: &'a EncodeOptions,
    /// Seconds of picture to take, from its start; all by default.
    pub seconds: Option<f64>,
    /// What the input may ask of the machine.
    pub limits: &'a Limits,
    /// Asked for each sound track what is to be done to its samples; a track for which it has nothing is copied.
    pub rework: &'a mut dyn FnMut(&SoundInfo) -> Option<Box<dyn Rework>>,
    /// Stops the work from outside.
    pub cancel: &'a Cancel,
    /// Told after each frame.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// Decodes the picture of `input`, passes each frame with its time in seconds through `process`, and writes it, encoded anew, to `output`
/// as a file of kind `container`. Sound goes the same way where the job has something to do to it. Other sound, subtitles, chapters, metadata, time
/// stamps, colour and rotation stay as they were. Into a container for sound alone the picture does not go.
/// `output` is written in place: the caller gives a temporary file and renames it.
///
/// # Errors
/// [`MediaError`] if reading, decoding, encoding or writing fails or was cancelled, or what `process` returns.
pub fn transcode<E: From<MediaError>>(
    input: &Path,
    output: &Path,
    container: Container,
    job: Job<'_>,
    process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let source = reader::open(input, job.limits)?;
    if container.is_sound() {
        return Ok(transcode_sound(input, output, container, job, source)?);
    }
    let index = reader::picture_stream(input, &source)?;
    let decoder = PictureDecoder::new(input, &source, index, job.limits)?;
    if decoder.decoder().color_transfer_characteristic() == TransferCharacteristic::SMPTE2084
        && let Some(stream) = source.stream(index)
        && let Some(first) = Reader::open(input, job.limits)?.first_frame()
    {
        streams::adopt_light_metadata(&stream, &first);
    }
    pass(input, source, decoder, Sink::File(output), container, job, None, process)
}

/// [`transcode`] from one pipe to another, without a copy on the way and no faster than either side goes. `container` is that of the input, Y4M or fragments of
/// MP4, if none is given. The end is written only if the input came to its own.
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
    let own = if source.format().name() == Container::Y4m.muxer() { Container::Y4m } else { Container::Fragments };
    let container = container.unwrap_or(own);
    let index = reader::picture_stream(&input, &source)?;
    let decoder = PictureDecoder::new(&input, &source, index, job.limits)?;
    let sink = Sink::Stream(pipe::sink(to).map_err(|e| failed(job.target, &e))?);
    let summary = pass(&input, source, decoder, sink, container, job, Some(&trouble), process)?;
    Ok((summary, container))
}

/// Where an output goes.
pub(super) enum Sink<'a> {
    File(&'a Path),
    Stream(StreamIo),
}

/// Passes the picture of an input that is open through `process`, and everything else on. A stream's trouble is asked at its end whether it was one.
#[allow(clippy::too_many_arguments, reason = "each is another thing, and both callers are above")]
fn pass<E: From<MediaError>>(
    input: &Path,
    mut source: Input,
    decoder: PictureDecoder,
    sink: Sink<'_>,
    container: Container,
    job: Job<'_>,
    stream: Option<&Trouble>,
    mut process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let index = decoder.stream();
    let info = describe(&source, index, decoder.decoder());
    let picture = source.stream(index).ok_or_else(|| MediaError::NoVideo { path: input.into() })?;
    let format = PictureFormat::of_stream(decoder.decoder(), &picture);
    let base = f64::from(picture.time_base());
    let own = (picture.duration() > 0).then(|| picture.duration() as f64 * base);
    let announced = own.or(info.seconds.filter(|_| source.nb_streams() == 1)).filter(|_| !container.is_still());
    let tracks = if container.is_still() || container == Container::Y4m { Vec::new() } else { sound_tracks(input, &source, None, job.limits, job.rework)? };
    let mut writer = Writer::open(sink, job.target, container, Some((job.options, &format)), Some((&source, Some(index), tracks)))?;
    let mut run = Run {
        input,
        container,
        cancel: job.cancel,
        limit: job.seconds.unwrap_or(f64::INFINITY),
        total: info.seconds.map(|s| s.min(job.seconds.unwrap_or(s))),
        decoder,
        converter: Converter::default(),
        scratch: Vec::new(),
        seconds: 0.0,
        ended: false,
    };
    // Whether the last packet of the picture was cut off, where it ends, and from when to when all go.
    let (mut torn, mut end, mut shown) = (false, 0, (f64::INFINITY, 0.0));
    while !run.ended {
        match reader::next_packet(&mut source) {
            Some(packet) if packet.stream() == index => {
                (torn, end) = (packet.is_corrupt(), u64::try_from(packet.position()).unwrap_or(0) + packet.size() as u64);
                if let Some(time) = packet.pts() {
                    shown = (f64::min(shown.0, time as f64 * base), f64::max(shown.1, (time + packet.duration()) as f64 * base));
                }
                run.decoder.send(Some(&packet))?;
            }
            Some(packet) => {
                writer.take(packet)?;
                continue;
            }
            None => break,
        }
        run.drain(&mut writer, job.progress, &mut process)?;
    }
    if let Some(trouble) = stream {
        trouble.check()?;
        // libav leaves out a last frame of Y4M that is not whole.
        if torn || (source.format().name() == Container::Y4m.muxer() && trouble.taken() > end + Y4M_FRAME) {
            return Err(MediaError::CutOff { path: input.into() }.into());
        }
    }
    run.decoder.send(None)?;
    run.drain(&mut writer, job.progress, &mut process)?;
    run.decoder.finish().map_err(|e| match stream {
        Some(_) => MediaError::NotStream { path: input.into(), reason: "not one whole frame came out".into() },
        None => e,
    })?;
    if format.loses_alpha(writer.picture.as_ref().map_or(Pixel::None, |p| p.encoder.format)) {
        writer.left_out.push("the alpha channel was left out: the picture's codec cannot hold it".into());
    }
    if !run.ended {
        writer.left_out.extend(early(torn, (shown.1 - shown.0).max(run.seconds), announced));
    }
    Ok(writer.finish(info, run.seconds)?)
}

/// Bytes of Y4M's head of a frame without parameters.
const Y4M_FRAME: u64 = 6;
/// Seconds, and share of all, by which an input may end before it says so without being remarked on.
const TAIL: (f64, f64) = (0.5, 0.02);

/// Says that an input ends at `seconds`, before it should: in the middle of a packet, or long before the end that it announces.
fn early(torn: bool, seconds: f64, announced: Option<f64>) -> Option<String> {
    match announced {
        Some(all) if all - seconds > TAIL.0.max(TAIL.1 * all) => {
            Some(format!("what should follow {seconds:.1} s was left out: the input ends there, though it announces {all:.1} s, and may have been cut off"))
        }
        _ => torn.then(|| format!("what should follow {seconds:.1} s was left out: the input ends there within a frame, and may have been cut off")),
    }
}

/// Sound tracks to rework, by the index of their stream.
type Tracks = Vec<(usize, SoundDecoder, Box<dyn Rework>)>;

/// Opens a decoder for each sound track that there is something to do to; of all tracks, or of `one` alone.
fn sound_tracks(input: &Path, source: &Input, one: Option<usize>, limits: &Limits, rework: &mut dyn FnMut(&SoundInfo) -> Option<Box<dyn Rework>>) -> Result<Tracks, MediaError> {
    let mut tracks = Vec::new();
    for stream in source.streams().filter(|s| s.parameters().medium() == media::Type::Audio && one.is_none_or(|i| i == s.index())) {
        // A track that cannot be decoded is copied like one that is not to be reworked.
        let Ok(decoder) = SoundDecoder::new(input, &stream, limits) else { continue };
        if let Some(rework) = rework(&decoder.info(source)) {
            tracks.push((stream.index(), decoder, rework));
        }
    }
    Ok(tracks)
}

/// The sound of `input` alone.
fn transcode_sound(input: &Path, output: &Path, container: Container, job: Job<'_>, mut source: Input) -> Result<Summary, MediaError> {
    let best = source.streams().best(media::Type::Audio).map(|s| s.index()).ok_or_else(|| MediaError::NoSound { path: input.into() })?;
    let info = describe_sound(&source);
    let tracks = sound_tracks(input, &source, Some(best), job.limits, job.rework)?;
    let mut writer = Writer::open(Sink::File(output), job.target, container, None, Some((&source, None, tracks)))?;
    let base = source.stream(best).map_or(Rational(1, 1), |s| s.time_base());
    let limit = job.seconds.unwrap_or(f64::INFINITY);
    let (mut first, mut seconds, mut torn) = (None, 0.0, false);
    while let Some(packet) = reader::next_packet(&mut source) {
        if job.cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: input.into() });
        }
        if packet.stream() == best {
            let time = packet.pts().map_or(seconds, |t| t as f64 * f64::from(base));
            seconds = f64::max(seconds, time - *first.get_or_insert(time) + packet.duration() as f64 * f64::from(base));
            torn = packet.is_corrupt();
            if seconds > limit {
                break;
            }
        }
        writer.take(packet)?;
        (job.progress)(Progress { frames: 0, seconds, total: info.seconds });
    }
    writer.left_out.extend(early(torn, seconds, info.seconds.filter(|_| seconds <= limit)));
    writer.finish(info, seconds)
}

struct Run<'a> {
    input: &'a Path,
    container: Container,
    cancel: &'a Cancel,
    /// Seconds to take.
    limit: f64,
    total: Option<f64>,
    decoder: PictureDecoder,
    converter: Converter,
    scratch: Vec<u16>,
    seconds: f64,
    /// Whether the limit was reached.
    ended: bool,
}

impl Run<'_> {
    /// Passes on every frame that the decoder has ready.
    fn drain<E: From<MediaError>>(
        &mut self,
        writer: &mut Writer<'_>,
        progress: &mut dyn FnMut(Progress),
        process: &mut impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut frame = frame::Video::empty();
        while let Some(time) = self.decoder.receive(&mut frame)? {
            if self.cancel.is_cancelled() {
                return Err(MediaError::Cancelled { path: self.input.into() }.into());
            }
            if time >= self.limit {
                self.ended = true;
                return Ok(());
            }
            if self.container.is_still() && writer.frames() > 0 {
                return Err(MediaError::CannotHold {
                    path: writer.path.into(),
                    container: self.container.name(),
                    what: "more than one frame".into(),
                    advice: "give a video target such as .mp4",
                }
                .into());
            }
            let fail = |e: Error| MediaError::Decode { path: self.input.into(), reason: e.to_string() };
            // Mark in the encoder's own format where that has planes, else in the nearest that has.
            let Some(format) = writer.picture.as_ref().map(|p| p.encoder.format) else { return Ok(()) };
            let format = match Layout::of(format) {
                Layout::Other { .. } => markable(format),
                _ => format,
            };
            let converted = self.converter.convert(&mut frame, format).map_err(fail)?;
            if let Some(mut picture) = Picture::new(converted, &mut self.scratch, Coding::default()) {
                process(&mut picture, time)?;
            }
            let (pts, duration) = (converted.timestamp().or(converted.pts()), converted.packet().duration);
            writer.encode(converted, pts, duration)?;
            self.seconds = self.seconds.max(time);
            progress(Progress { frames: writer.frames(), seconds: time, total: self.total });
        }
        Ok(())
    }
}

/// The output file.
pub(super) struct Writer<'a> {
    path: &'a Path,
    output: Output,
    picture: Option<PictureTrack>,
    copied: HashMap<usize, Copied>,
    /// Sound that is reworked, by the index of its stream.
    tracks: HashMap<usize, SoundTrack>,
    left_out: Vec<String>,
}

/// The picture on its way into a file.
struct PictureTrack {
    encoder: PictureEncoder,
    /// Index in the output.
    index: usize,
    /// Durations of frames that are in the encoder, by time stamp.
    durations: HashMap<i64, i64>,
    last_pts: Option<i64>,
    converter: Converter,
    frames: u64,
    /// Packets that came out of the encoder.
    written: i64,
}

fn failed(path: &Path, e: &Error) -> MediaError {
    MediaError::Write { path: path.into(), reason: e.to_string() }
}

impl<'a> Writer<'a> {
    /// Opens `sink`, called `path` in messages, for a picture of the given format, or none, and with `keep` for everything else that goes with the
    /// picture's stream of an input, or with all of it where the file is for sound alone.
    pub(super) fn open(
        sink: Sink<'_>,
        path: &'a Path,
        container: Container,
        picture: Option<(&EncodeOptions, &PictureFormat)>,
        keep: Option<(&Input, Option<usize>, Tracks)>,
    ) -> Result<Self, MediaError> {
        let output = match sink {
            Sink::File(file) => output_as(file, container.muxer()),
            Sink::Stream(io) => output_to_stream(io, None, Some(container.muxer())),
        };
        let mut output = output.map_err(|e| failed(path, &e))?;
        let global_header = output.format().flags().contains(ffmpeg_next::format::Flags::GLOBAL_HEADER);
        let picture = match picture {
            None => None,
            Some((options, format)) => {
                let encoder = super::encoder::open(path, container, options, format, global_header)?;
                let index = output.add_stream(encoder::find(ffmpeg_next::codec::Id::None)).map_err(|e| failed(path, &e))?.index();
                streams::set_encoder_parameters(&mut output, index, &encoder.encoder);
                Some(PictureTrack { encoder, index, durations: HashMap::new(), last_pts: None, converter: Converter::default(), frames: 0, written: 0 })
            }
        };
        let (mut copied, mut left_out, mut tracks) = (HashMap::new(), Vec::new(), HashMap::new());
        let odd_metadata = keep.as_ref().is_some_and(|(source, ..)| streams::has_odd_metadata(source));
        if let Some((source, from, reworked)) = keep {
            if let (Some(from), Some(picture)) = (from, &picture) {
                streams::copy_picture_properties(source, from, &mut output, picture.index);
            }
            if let Some(picture) = picture.as_ref().filter(|p| p.encoder.codec == VideoCodec::Raw) {
                streams::count_frames(path, &mut output, picture.index, picture.encoder.encoder.frame_rate())?;
            }
            let mut taken: Vec<usize> = from.into_iter().collect();
            for (index, decoder, rework) in reworked {
                if let Some(stream) = source.stream(index) {
                    tracks.insert(index, SoundTrack::new(path, container, &stream, decoder, rework, &mut output)?);
                    taken.push(index);
                }
            }
            if container.is_sound() {
                // One track, and nothing to look at but a cover.
                let best = source.streams().best(media::Type::Audio).map(|s| s.index()).filter(|_| tracks.is_empty());
                let cover = ffmpeg_next::format::stream::Disposition::ATTACHED_PIC;
                let rest = source.streams().filter(|s| Some(s.index()) != best && !s.disposition().contains(cover));
                taken.extend(rest.map(|s| s.index()));
            }
            (copied, left_out) = streams::copy_streams(path, container, source, &taken, &mut output)?;
            streams::copy_metadata(source, &mut output);
        }
        let mut header = Dictionary::new();
        match container {
            Container::Mp4 | Container::Mov | Container::M4a => header.set("movflags", if odd_metadata { "+faststart+use_metadata_tags" } else { "+faststart" }),
            // The index waits for the first fragment, so that it can say how sound and picture lie to each other.
            Container::Fragments => {
                header.set("movflags", if odd_metadata { "frag_keyframe+delay_moov+default_base_moof+use_metadata_tags" } else { "frag_keyframe+delay_moov+default_base_moof" })
            }
            // More than eight bits are in no standard, and in everybody's.
            Container::Y4m => header.set("strict", "-1"),
            Container::Png | Container::Jpeg => header.set("update", "1"),
            _ => {}
        }
        output.write_header_with(header).map_err(|e| failed(path, &e))?;
        Ok(Self { path, output, picture, copied, tracks, left_out })
    }

    /// Frames written.
    fn frames(&self) -> u64 {
        self.picture.as_ref().map_or(0, |p| p.frames)
    }

    /// Passes on a packet of a stream that is copied or reworked; others are dropped.
    fn take(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        if let Some(track) = self.tracks.get_mut(&packet.stream()) {
            return track.take(&packet, &mut self.output);
        }
        let Some(copied) = self.copied.get(&packet.stream()) else { return Ok(()) };
        packet.rescale_ts(copied.time_base, time_base(&self.output, copied.index));
        packet.set_stream(copied.index);
        packet.set_position(-1);
        packet.write_interleaved(&mut self.output).map_err(|e| failed(self.path, &e))
    }

    /// Encodes a frame with its time and duration in the time base of the format; a duration of 0 leaves it to the muxer.
    pub(super) fn encode(&mut self, frame: &mut frame::Video, pts: Option<i64>, duration: i64) -> Result<(), MediaError> {
        match &mut self.picture {
            Some(picture) => picture.encode(frame, pts, duration, &mut self.output).map_err(|e| failed(self.path, &e)),
            None => Ok(()),
        }
    }

    /// Writes what the encoders still hold, and the trailer. Says what was written of an input of which `seconds` were taken.
    pub(super) fn finish(mut self, info: MediaInfo, seconds: f64) -> Result<Summary, MediaError> {
        let (frames, codec, tracks) = (self.frames(), self.picture.as_ref().map(|p| p.encoder.codec.name()), self.tracks.len());
        // Each encoder goes when it is done: a long clip's index takes as much memory.
        if let Some(mut picture) = self.picture.take() {
            picture.encoder.encoder.send_eof().and_then(|()| picture.write(&mut self.output)).map_err(|e| failed(self.path, &e))?;
        }
        for (_, mut track) in std::mem::take(&mut self.tracks) {
            track.finish(&mut self.output)?;
        }
        self.output.write_trailer().map_err(|e| failed(self.path, &e))?;
        // SAFETY: the context is valid; its input-output context, where there is one, keeps the last error.
        let error = unsafe { (*self.output.as_ptr()).pb.as_ref().map_or(0, |pb| pb.error) };
        if error < 0 {
            return Err(failed(self.path, &Error::from(error)));
        }
        Ok(Summary { info, frames, seconds, codec, tracks, left_out: self.left_out })
    }
}

fn time_base(output: &Output, index: usize) -> Rational {
    output.stream(index).map_or(Rational(1, 1000), |s| s.time_base())
}

impl PictureTrack {
    fn encode(&mut self, frame: &mut frame::Video, pts: Option<i64>, duration: i64, output: &mut Output) -> Result<(), Error> {
        let pts = pts.or(self.last_pts.map(|p| p + 1)).unwrap_or(0);
        // Encoders want rising time stamps; a file that repeats one keeps its frame, a tick later.
        let pts = self.last_pts.map_or(pts, |last| pts.max(last + 1));
        self.last_pts = Some(pts);
        if duration > 0 {
            self.durations.insert(pts, duration);
        }
        let frame = self.converter.convert(frame, self.encoder.format)?;
        frame.set_pts(Some(pts));
        // The encoder chooses its own frame types.
        frame.set_kind(ffmpeg_next::picture::Type::None);
        self.encoder.encoder.send_frame(frame)?;
        self.frames += 1;
        self.write(output)
    }

    /// Writes the packets that the encoder has ready.
    fn write(&mut self, output: &mut Output) -> Result<(), Error> {
        let mut packet = Packet::empty();
        loop {
            match self.encoder.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
                Err(e) => return Err(e),
            }
            packet.set_stream(self.index);
            if let Some(duration) = packet.pts().and_then(|p| self.durations.remove(&p)) {
                packet.set_duration(duration);
            }
            if self.encoder.codec == VideoCodec::Raw {
                // Frames one after the other, whatever their times were.
                packet.set_pts(Some(self.written));
                packet.set_dts(Some(self.written));
                packet.set_duration(1);
            } else {
                packet.rescale_ts(self.encoder.encoder.time_base(), time_base(output, self.index));
            }
            self.written += 1;
            packet.write_interleaved(output)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::early;

    #[test]
    fn inputs_that_end_early_are_remarked_on() {
        assert!(early(false, 2.0, Some(4.0)).unwrap().contains("2.0 s was left out") && early(true, 2.0, Some(2.01)).unwrap().contains("within a frame"));
        assert_eq!([early(false, 3.6, Some(4.0)), early(false, 99.0, Some(100.5)), early(false, 4.0, None)], [None, None, None]);
    }
}
