//! From one file to another, each frame through a closure, everything else as it was.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::color::TransferCharacteristic;
use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::format::context::{Input, Output};
use ffmpeg_next::format::output_as;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, encoder, frame};

use super::encoder::{EncodeOptions, PictureEncoder, PictureFormat};
use super::frame::{Layout, Picture};
use super::reader::{self, Converter, MediaInfo, PictureDecoder, Reader, describe, markable};
use super::streams::{self, Copied};
use super::{Container, Limits, MediaError};

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
    /// Seconds from the first frame to the last.
    pub seconds: f64,
    /// Name of the codec that was written.
    pub codec: &'static str,
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
    /// Stops the work from outside.
    pub cancel: &'a Cancel,
    /// Told after each frame.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// Decodes the picture of `input`, passes each frame with its time in seconds through `process`, and writes it, encoded anew, to `output`
/// as a file of kind `container`. Sound, subtitles, chapters, metadata, time stamps, colour and rotation stay as they were.
/// `output` is written in place: the caller gives a temporary file and renames it.
///
/// # Errors
/// [`MediaError`] if reading, decoding, encoding or writing fails or was cancelled, or what `process` returns.
pub fn transcode<E: From<MediaError>>(
    input: &Path,
    output: &Path,
    container: Container,
    job: Job<'_>,
    mut process: impl FnMut(&mut Picture<'_>, f64) -> Result<(), E>,
) -> Result<Summary, E> {
    let source = reader::open(input, job.limits)?;
    let index = reader::picture_stream(input, &source)?;
    let decoder = PictureDecoder::new(input, &source, index, job.limits)?;
    let info = describe(&source, index, decoder.decoder());
    let stream = source.stream(index).ok_or_else(|| MediaError::NoVideo { path: input.into() })?;
    if decoder.decoder().color_transfer_characteristic() == TransferCharacteristic::SMPTE2084
        && let Some(first) = Reader::open(input, job.limits)?.first_frame()
    {
        streams::adopt_light_metadata(&stream, &first);
    }
    let format = PictureFormat::of_stream(decoder.decoder(), &stream);
    let mut writer = Writer::open(output, job.target, container, job.options, &format, Some((&source, index)))?;
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
    let mut source = source;
    let mut packet = Packet::empty();
    while !run.ended {
        match packet.read(&mut source) {
            Ok(()) if packet.stream() == index => run.decoder.send(Some(&packet))?,
            Ok(()) => {
                writer.copy(&mut packet)?;
                continue;
            }
            Err(Error::Other { errno: EAGAIN }) => continue,
            Err(_) => break,
        }
        run.drain(&mut writer, job.progress, &mut process)?;
    }
    run.decoder.send(None)?;
    run.drain(&mut writer, job.progress, &mut process)?;
    run.decoder.finish()?;
    let (frames, codec, left_out) = writer.finish()?;
    Ok(Summary { info, frames, seconds: run.seconds, codec, left_out })
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
            if self.container.is_still() && writer.frames > 0 {
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
            let format = match Layout::of(writer.encoder.format) {
                Layout::Other { .. } => markable(writer.encoder.format),
                _ => writer.encoder.format,
            };
            let converted = self.converter.convert(&mut frame, format).map_err(fail)?;
            if let Some(mut picture) = Picture::new(converted, &mut self.scratch) {
                process(&mut picture, time)?;
            }
            let (pts, duration) = (converted.timestamp().or(converted.pts()), converted.packet().duration);
            writer.encode(converted, pts, duration)?;
            self.seconds = self.seconds.max(time);
            progress(Progress { frames: writer.frames, seconds: time, total: self.total });
        }
        Ok(())
    }
}

/// The output file.
pub(super) struct Writer<'a> {
    path: &'a Path,
    output: Output,
    encoder: PictureEncoder,
    picture: usize,
    copied: HashMap<usize, Copied>,
    left_out: Vec<String>,
    /// Durations of frames that are in the encoder, by time stamp.
    durations: HashMap<i64, i64>,
    last_pts: Option<i64>,
    converter: Converter,
    frames: u64,
}

impl<'a> Writer<'a> {
    /// Opens `file`, called `path` in messages, for a picture of the given format, and with `keep` for everything else that goes with a
    /// stream of an input.
    pub(super) fn open(
        file: &Path,
        path: &'a Path,
        container: Container,
        options: &EncodeOptions,
        format: &PictureFormat,
        keep: Option<(&Input, usize)>,
    ) -> Result<Self, MediaError> {
        let fail = |e: Error| MediaError::Write { path: path.into(), reason: e.to_string() };
        let mut output = output_as(file, container.muxer()).map_err(fail)?;
        let global_header = output.format().flags().contains(ffmpeg_next::format::Flags::GLOBAL_HEADER);
        let encoder = super::encoder::open(path, container, options, format, global_header)?;
        output.add_stream(encoder::find(ffmpeg_next::codec::Id::None)).map_err(fail)?;
        let picture = 0;
        streams::set_encoder_parameters(&mut output, picture, &encoder.encoder);
        let (mut copied, mut left_out) = Default::default();
        if let Some((source, index)) = keep {
            streams::copy_picture_properties(source, index, &mut output, picture);
            (copied, left_out) = streams::copy_streams(path, container, source, index, &mut output)?;
            streams::copy_metadata(source, &mut output);
        }
        let mut header = Dictionary::new();
        match container {
            Container::Mp4 | Container::Mov => {
                let tags = if keep.is_some_and(|(source, _)| streams::has_odd_metadata(source)) { "+faststart+use_metadata_tags" } else { "+faststart" };
                header.set("movflags", tags);
            }
            Container::Png | Container::Jpeg => header.set("update", "1"),
            _ => {}
        }
        output.write_header_with(header).map_err(fail)?;
        Ok(Self { path, output, encoder, picture, copied, left_out, durations: HashMap::new(), last_pts: None, converter: Converter::default(), frames: 0 })
    }

    fn fail(&self, e: &Error) -> MediaError {
        MediaError::Write { path: self.path.into(), reason: e.to_string() }
    }

    /// Passes on a packet of a copied stream; others are dropped.
    fn copy(&mut self, packet: &mut Packet) -> Result<(), MediaError> {
        let Some(copied) = self.copied.get(&packet.stream()) else { return Ok(()) };
        packet.rescale_ts(copied.time_base, self.time_base(copied.index));
        packet.set_stream(copied.index);
        packet.set_position(-1);
        packet.write_interleaved(&mut self.output).map_err(|e| self.fail(&e))
    }

    fn time_base(&self, index: usize) -> Rational {
        self.output.stream(index).map_or(Rational(1, 1000), |s| s.time_base())
    }

    /// Encodes a frame with its time and duration in the time base of the format; a duration of 0 leaves it to the muxer.
    pub(super) fn encode(&mut self, frame: &mut frame::Video, pts: Option<i64>, duration: i64) -> Result<(), MediaError> {
        let pts = pts.or(self.last_pts.map(|p| p + 1)).unwrap_or(0);
        // Encoders want rising time stamps; a file that repeats one keeps its frame, a tick later.
        let pts = self.last_pts.map_or(pts, |last| pts.max(last + 1));
        self.last_pts = Some(pts);
        if duration > 0 {
            self.durations.insert(pts, duration);
        }
        let path = self.path;
        let failed = |e: Error| MediaError::Write { path: path.into(), reason: e.to_string() };
        let frame = self.converter.convert(frame, self.encoder.format).map_err(failed)?;
        frame.set_pts(Some(pts));
        // The encoder chooses its own frame types.
        frame.set_kind(ffmpeg_next::picture::Type::None);
        self.encoder.encoder.send_frame(frame).map_err(failed)?;
        self.frames += 1;
        self.flush_packets()
    }

    fn flush_packets(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        loop {
            match self.encoder.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
                Err(e) => return Err(self.fail(&e)),
            }
            packet.set_stream(self.picture);
            if let Some(duration) = packet.pts().and_then(|p| self.durations.remove(&p)) {
                packet.set_duration(duration);
            }
            packet.rescale_ts(self.encoder.encoder.time_base(), self.time_base(self.picture));
            packet.write_interleaved(&mut self.output).map_err(|e| self.fail(&e))?;
        }
    }

    /// Writes what the encoder still holds, and the trailer. Returns frames, codec, and a line for each stream that could not be kept.
    pub(super) fn finish(mut self) -> Result<(u64, &'static str, Vec<String>), MediaError> {
        self.encoder.encoder.send_eof().map_err(|e| self.fail(&e))?;
        self.flush_packets()?;
        self.output.write_trailer().map_err(|e| self.fail(&e))?;
        // SAFETY: the context is valid; its input-output context, where there is one, keeps the last error.
        let error = unsafe { (*self.output.as_ptr()).pb.as_ref().map_or(0, |pb| pb.error) };
        if error < 0 {
            return Err(self.fail(&Error::from(error)));
        }
        Ok((self.frames, self.encoder.codec.name(), self.left_out))
    }
}
