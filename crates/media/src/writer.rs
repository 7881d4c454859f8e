//! The output file: the video on its way through an encoder, sound on its way through another, and
//! everything that is copied.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::format::{Pixel, output_as, output_to_stream};
use ffmpeg_next::{Dictionary, Error, Packet, Rational, Stream, encoder, frame, media};

use super::audio_track::{AudioSource, AudioTrack};
use super::codec::{EncodeOptions, VideoCodec};
use super::convert::Converter;
use super::encoder::VideoEncoder;
use super::feed::Aside;
use super::frame::has_alpha;
use super::job::{Plan, Summary};
use super::losses::losses;
use super::metadata::Named;
use super::muxer::Muxer;
use super::source::{Source, is_cover};
use super::streams::{self, Copied};
use super::video_format::VideoFormat;
use super::{Container, MediaError, MediaInfo, boxes, guard, metadata};

/// Where an output goes.
pub(super) enum Sink<'a> {
    File(&'a Path),
    Stream(StreamIo),
}

/// What goes along from an input.
pub(super) struct Kept<'a> {
    pub(super) source: &'a Source,
    /// The stream whose picture is encoded anew; `None` where the file is for sound alone.
    pub(super) picture: Option<usize>,
    /// Sound to rework.
    pub(super) tracks: Vec<AudioSource>,
    /// Sound of another input, whose packets have [`Aside::STREAMS`] added to their stream.
    pub(super) aside: Option<(&'a Source, AudioSource)>,
}

/// The output file.
pub(super) struct Writer<'a> {
    path: &'a Path,
    options: &'a EncodeOptions,
    output: Output,
    picture: Option<VideoTrack>,
    copied: HashMap<usize, Copied>,
    /// Sound that is reworked, by the index of its stream, in whose order it ends.
    tracks: BTreeMap<usize, AudioTrack>,
    later: Option<Later>,
    left_out: Vec<String>,
}

/// Metadata that is added to a file when it is finished.
struct Later {
    file: PathBuf,
    container: Container,
    keys: Vec<(String, String)>,
}

/// The picture on its way into a file.
struct VideoTrack {
    encoder: VideoEncoder,
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

pub(super) fn failed(path: &Path, e: &Error) -> MediaError {
    MediaError::Write { path: path.into(), reason: e.to_string() }
}

impl<'a> Writer<'a> {
    /// Opens `sink` for a picture of the given format, or none, and with `keep` for everything else
    /// that goes with the picture's stream of an input, or with all of it where the file is for
    /// sound alone.
    pub(super) fn open(
        sink: Sink<'_>,
        plan: Plan<'a>,
        picture: Option<&VideoFormat>,
        keep: Option<Kept<'_>>,
    ) -> Result<Self, MediaError> {
        let Plan { path, container, options } = plan;
        let file = if let Sink::File(file) = sink { Some(file.to_path_buf()) } else { None };
        let output = match sink {
            Sink::File(file) => output_as(file, container.muxer()),
            Sink::Stream(io) => output_to_stream(io, None, Some(container.muxer())),
        };
        let mut output = output.map_err(|e| failed(path, &e))?;
        let mut left_out = Vec::new();
        let picture = match picture {
            None => None,
            Some(format) => {
                let track = VideoTrack::new(path, container, options, format, &mut output)?;
                left_out.extend(format.crop(&track.encoder.encoder));
                Some(track)
            }
        };
        let movflags = options.movflags.as_deref();
        if movflags.is_some() && !takes_movflags(container) {
            return Err(MediaError::CannotHold {
                path: path.into(),
                container: container.name(),
                what: "flags of MP4".into(),
                advice: "leave out --movflags, or give a .mp4 or .mov target",
            });
        }
        let (copied, tracks) = Default::default();
        let mut writer =
            Self { path, options, output, picture, copied, tracks, later: None, left_out };
        let mut named = match keep {
            None => Named::default(),
            Some(kept) => writer.keep(kept, container, file.is_some())?,
        };
        if let Some(label) = &options.aigc {
            named.label(label, container, file.is_some(), &mut writer.output);
            writer.left_out.append(&mut named.lost);
        }
        let header = header(container, &named, movflags, options.fragments);
        writer.output.write_header_with(header).map_err(|e| match movflags {
            Some(flags) => MediaError::Encoder {
                path: path.into(),
                codec: container.name().into(),
                reason: format!("{e}, with movflags {flags}"),
            },
            None => failed(path, &e),
        })?;
        writer.later = file.filter(|_| !named.later.is_empty()).map(|file| Later {
            file,
            container,
            keys: named.later,
        });
        Ok(writer)
    }

    /// Readies the output for what goes along, of which `finished` says whether metadata can be
    /// added in the end.
    fn keep(
        &mut self,
        kept: Kept<'_>,
        container: Container,
        finished: bool,
    ) -> Result<Named, MediaError> {
        let Kept { source, picture: from, tracks, aside } = kept;
        if let Some(picture) = &self.picture {
            let stream = from.and_then(|from| source.stream(from));
            let lost = picture.copy_properties(self.path, container, stream, &mut self.output)?;
            self.left_out.extend(lost);
        }
        let mut taken: Vec<usize> = from.into_iter().collect();
        for track in tracks {
            taken.extend(self.rework(track, container, source, 0)?);
        }
        if let Some((other, track)) = aside {
            self.rework(track, container, other, Aside::STREAMS)?;
        }
        if container.is_sound() {
            taken.extend(self.leave_out_all_but_sound(source, container, &taken));
        }
        let (copied, told) =
            streams::copy_streams(self.path, container, source, &taken, &mut self.output)?;
        self.copied = copied;
        self.left_out.extend(told);
        let mut named = metadata::copy_metadata(container, finished, source, &mut self.output);
        self.left_out.append(&mut named.lost);
        Ok(named)
    }

    /// Adds a track that is reworked, to whose packets' stream `offset` is added. Returns the index
    /// of its stream in the input, if that is there.
    fn rework(
        &mut self,
        track: AudioSource,
        container: Container,
        source: &Source,
        offset: usize,
    ) -> Result<Option<usize>, MediaError> {
        let index = track.index;
        let Some(stream) = source.stream(index) else { return Ok(None) };
        let track = AudioTrack::new(self.plan(container), &stream, track, &mut self.output)?;
        self.left_out.extend(track.change(index, container));
        self.left_out.extend(container.forgets(&stream));
        self.tracks.insert(offset + index, track);
        Ok(Some(index))
    }

    /// Notes what a file for sound alone leaves out of the streams that are not `taken` already,
    /// and returns their indices: it has one track, and nothing to look at but a cover.
    fn leave_out_all_but_sound(
        &mut self,
        source: &Source,
        container: Container,
        taken: &[usize],
    ) -> Vec<usize> {
        let best = source.streams().best(media::Type::Audio).map(|s| s.index());
        let rest: Vec<(usize, String)> = source
            .streams()
            .filter(|s| Some(s.index()) != best && !is_cover(s) && !taken.contains(&s.index()))
            .map(|s| (s.index(), streams::name(&s)))
            .collect();
        self.left_out.extend(rest.iter().map(|(index, name)| {
            format!("stream {index} ({name}) was left out: {} holds one sound", container.name())
        }));
        rest.into_iter().map(|(index, _)| index).collect()
    }

    fn plan(&self, container: Container) -> Plan<'a> {
        Plan { path: self.path, container, options: self.options }
    }

    /// Frames written.
    pub(super) fn frames(&self) -> u64 {
        self.picture.as_ref().map_or(0, |p| p.frames)
    }

    /// Adds a line on something that could not be kept.
    pub(super) fn remark(&mut self, lines: impl IntoIterator<Item = String>) {
        self.left_out.extend(lines);
    }

    /// The pixel format of the picture that is written.
    pub(super) fn format(&self) -> Pixel {
        self.picture.as_ref().map_or(Pixel::None, |p| p.encoder.format)
    }

    /// Lines on what the picture that is written lacks of what it was.
    pub(super) fn losses(&self, source: &VideoFormat, container: Container) -> Vec<String> {
        self.picture.as_ref().map_or_else(Vec::new, |p| losses(source, &p.encoder, container))
    }

    /// Cuts a frame down to the size that is written, by a column and a row at most.
    pub(super) fn crop(&self, frame: &mut frame::Video) {
        if let Some(picture) = &self.picture {
            let (width, height) =
                (picture.encoder.encoder.width(), picture.encoder.encoder.height());
            frame.set_width(frame.width().min(width));
            frame.set_height(frame.height().min(height));
        }
    }

    /// Passes on a packet of a stream that is copied or reworked; others are dropped.
    pub(super) fn take(&mut self, mut packet: Packet) -> Result<(), MediaError> {
        if let Some(track) = self.tracks.get_mut(&packet.stream()) {
            return track.take(&packet, &mut self.output);
        }
        let Some(copied) = self.copied.get_mut(&packet.stream()) else { return Ok(()) };
        packet.rescale_ts(copied.time_base, time_base(&self.output, copied.index));
        copied.order(&mut packet);
        packet.set_stream(copied.index);
        packet.set_position(-1);
        packet.write_interleaved(&mut self.output).map_err(|e| failed(self.path, &e))
    }

    /// Encodes a frame with its time and duration in the time base of the format; a duration of 0
    /// leaves it to the muxer.
    pub(super) fn encode(
        &mut self,
        frame: &mut frame::Video,
        pts: Option<i64>,
        duration: i64,
    ) -> Result<(), MediaError> {
        match &mut self.picture {
            Some(picture) => picture
                .encode(frame, pts, duration, &mut self.output)
                .map_err(|e| failed(self.path, &e)),
            None => Ok(()),
        }
    }

    /// Writes what the encoders still hold, and the trailer. Says what was written of an input of
    /// which `seconds` were taken.
    pub(super) fn finish(mut self, info: MediaInfo, seconds: f64) -> Result<Summary, MediaError> {
        let (frames, codec, tracks) =
            (self.frames(), self.picture.as_ref().map(|p| p.encoder.name), self.tracks.len());
        // Each encoder goes when it is done: a long clip's index takes as much memory.
        if let Some(mut picture) = self.picture.take() {
            picture
                .encoder
                .encoder
                .send_eof()
                .and_then(|()| picture.write(&mut self.output))
                .map_err(|e| failed(self.path, &e))?;
        }
        for (_, mut track) in std::mem::take(&mut self.tracks) {
            track.finish(&mut self.output)?;
        }
        self.output.write_trailer().map_err(|e| failed(self.path, &e))?;
        // SAFETY: the context is valid; its input-output context, where there is one, keeps the
        // last error.
        let error = unsafe { (*self.output.as_ptr()).pb.as_ref().map_or(0, |pb| pb.error) };
        if error < 0 {
            return Err(failed(self.path, &Error::from(error)));
        }
        drop(self.output);
        if let Some(Later { file, container, keys }) = self.later {
            match boxes::add_keys(&file, container, &keys) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::InvalidData => {
                    let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
                    self.left_out.push(format!(
                        "metadata '{}' was left out: the file does not take it, since {e}",
                        names.join("', '")
                    ));
                }
                Err(e) => {
                    return Err(MediaError::Write {
                        path: self.path.into(),
                        reason: e.to_string(),
                    });
                }
            }
        }
        Ok(Summary { info, frames, seconds, codec, tracks, left_out: self.left_out })
    }
}

fn takes_movflags(container: Container) -> bool {
    matches!(container, Container::Mp4 | Container::Mov | Container::M4a)
}

/// Flags of files that are cut into segments. The index waits for the first fragment, so that it
/// can say how sound and picture lie to each other.
const SEGMENTS: &str = "+delay_moov+default_base_moof";

/// What the muxer is told.
fn header(
    container: Container,
    named: &Named,
    movflags: Option<&str>,
    fragments: Option<f64>,
) -> Dictionary<'static> {
    let mut header = Dictionary::new();
    let keys = if named.by_muxer { "+use_metadata_tags" } else { "" };
    match container {
        Container::Mp4 if fragments.is_some() => {
            header.set("movflags", &format!("{SEGMENTS}+frag_keyframe"));
        }
        // Sound has a key frame everywhere.
        Container::M4a if fragments.is_some() => {
            header.set("movflags", SEGMENTS);
            let length = fragments.unwrap_or_default() * 1e6;
            header.set("frag_duration", &format!("{length:.0}"));
            header.set("strict", "-2");
        }
        Container::Mp4 | Container::Mov | Container::M4a => {
            // Fragments have no index to put first.
            let asked = movflags.unwrap_or("");
            let fragments =
                ["frag", "empty_moov", "dash", "cmaf"].iter().any(|f| asked.contains(f));
            let first = if fragments { "" } else { "+faststart" };
            let joint = if asked.is_empty() || asked.starts_with(['+', '-']) { "" } else { "+" };
            header.set("movflags", &format!("{first}{keys}{joint}{asked}"));
            // FLAC in MP4 has a standard, which libav calls experimental all the same.
            header.set("strict", "-2");
        }
        Container::Fragments => {
            header.set("movflags", &format!("+frag_keyframe+delay_moov+default_base_moof{keys}"));
            header.set("strict", "-2");
        }
        // More than eight bits are in no standard, and in everybody's.
        Container::Y4m => header.set("strict", "-1"),
        Container::Png | Container::Jpeg => header.set("update", "1"),
        Container::Wav if named.broadcast => header.set("write_bext", "1"),
        _ => {}
    }
    header
}

fn time_base(output: &Output, index: usize) -> Rational {
    output.stream(index).map_or(Rational(1, 1000), |s| s.time_base())
}

impl VideoTrack {
    /// Opens an encoder for a picture of the given format, and adds an output stream.
    fn new(
        path: &Path,
        container: Container,
        options: &EncodeOptions,
        format: &VideoFormat,
        output: &mut Output,
    ) -> Result<Self, MediaError> {
        let global_header =
            output.format().flags().contains(ffmpeg_next::format::Flags::GLOBAL_HEADER);
        let encoder = super::encoder::open(path, container, options, format, global_header)?;
        let index = output
            .add_stream(encoder::find(ffmpeg_next::codec::Id::None))
            .map_err(|e| failed(path, &e))?
            .index();
        streams::set_encoder_parameters(output, index, &encoder.encoder, container);
        Ok(Self {
            encoder,
            index,
            durations: HashMap::new(),
            last_pts: None,
            converter: Converter::default(),
            frames: 0,
            written: 0,
        })
    }

    /// Gives the output's stream what belongs to the picture of `source` but not to its codec.
    /// Lines on what the container does not hold of it.
    fn copy_properties(
        &self,
        path: &Path,
        container: Container,
        source: Option<Stream<'_>>,
        output: &mut Output,
    ) -> Result<Vec<String>, MediaError> {
        let mut lost = Vec::new();
        if let (Some(source), Some(mut target)) = (source, output.stream_mut(self.index)) {
            let alpha = has_alpha(self.encoder.format);
            lost = streams::copy_picture_properties(&source, &mut target, container, alpha);
        }
        if self.encoder.codec == VideoCodec::Raw {
            streams::count_frames(path, output, self.index, self.encoder.encoder.frame_rate())?;
        }
        Ok(lost)
    }

    fn encode(
        &mut self,
        frame: &mut frame::Video,
        pts: Option<i64>,
        duration: i64,
        output: &mut Output,
    ) -> Result<(), Error> {
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
        guard::send_video(&mut self.encoder.encoder, frame)?;
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
