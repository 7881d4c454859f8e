//! A track of sound on its way out: encoded anew, as near to what it was as the container has it.

use std::collections::VecDeque;
use std::path::PathBuf;

use ffmpeg_next::codec::{self, Id};
use ffmpeg_next::ffi::{AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_FLAG_QSCALE, EAGAIN, FF_QP2LAMBDA};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::software::resampling;
use ffmpeg_next::{
    ChannelLayout, Codec, Dictionary, Error, Packet, Rational, Stream, encoder, frame,
};

use super::audio::{AudioDecoder, FLOAT, Rework, interleaved};
use super::job::Plan;
use super::muxer::Muxer;
use super::{Container, MediaError, guard, streams};

/// A track of the input that is to be encoded anew.
pub(super) struct AudioSource {
    /// Index of its stream.
    pub(super) index: usize,
    pub(super) decoder: AudioDecoder,
    /// What is done to its samples.
    pub(super) rework: Box<dyn Rework>,
}

/// A track on its way from one file to another: decoded, reworked, encoded.
pub(super) struct AudioTrack {
    path: PathBuf,
    decoder: AudioDecoder,
    rework: Box<dyn Rework>,
    encoder: encoder::Audio,
    /// To the encoder's rate, where it does not take the track's own.
    resampler: Option<resampling::Context>,
    /// To the encoder's sample format.
    formatter: resampling::Context,
    /// Index in the output.
    index: usize,
    /// Samples per channel of a packet; 0 for any.
    frame_size: usize,
    waiting: VecDeque<f32>,
    /// Time stamp of the first sample that waits, in samples of the encoder's rate.
    next: Option<i64>,
    buffer: Vec<f32>,
    reworked: Vec<f32>,
}

/// Bits per second of a lossy track at least, and per channel of one with many.
const LEAST_BITS: i64 = 128_000;
const CHANNEL_BITS: i64 = 64_000;

/// Bits a second for an encoder of a name, where the input has so many: never less than it takes to
/// keep the mark, nor more than the encoder takes.
fn bit_rate(name: &str, given: i64, channels: i64) -> i64 {
    let most = match name {
        "libopus" => 256_000 * channels,
        "ac3" => 640_000,
        "eac3" => 6_144_000,
        _ => i64::MAX,
    };
    given.max(LEAST_BITS).max(CHANNEL_BITS * channels).min(most)
}

/// Samples of a packet for encoders that take any number.
const ANY_SIZE: usize = 4096;

/// libav's encoder for sound of kind `id` in a container: the same family where the container holds
/// it, else what it is known for.
fn encoder_for(id: Id, container: Container, holds: impl Fn(Id) -> bool) -> &'static str {
    let family = match id {
        Id::FLAC => (Id::FLAC, "flac"),
        Id::ALAC => (Id::ALAC, "alac"),
        Id::OPUS => (Id::OPUS, "libopus"),
        Id::VORBIS => (Id::VORBIS, "libvorbis"),
        Id::MP3 => (Id::MP3, "libmp3lame"),
        Id::AC3 => (Id::AC3, "ac3"),
        Id::EAC3 => (Id::EAC3, "eac3"),
        Id::PCM_S24LE | Id::PCM_S24BE | Id::PCM_S32LE | Id::PCM_S32BE => {
            (Id::PCM_S24LE, "pcm_s24le")
        }
        Id::PCM_F32LE | Id::PCM_F32BE | Id::PCM_F64LE | Id::PCM_F64BE => {
            (Id::PCM_F32LE, "pcm_f32le")
        }
        _ if id.name().starts_with("pcm_") => (Id::PCM_S16LE, "pcm_s16le"),
        _ => (Id::AAC, "aac"),
    };
    match (family, container) {
        (_, Container::Mp3) => "libmp3lame",
        (_, Container::Flac) => "flac",
        ((_, name), Container::Wav) if name.starts_with("pcm_") => name,
        (_, Container::Wav) => "pcm_s16le",
        ((id, name), _) if holds(id) => name,
        (_, Container::Ogg | Container::WebM) => "libopus",
        _ => "aac",
    }
}

/// The samples that an encoder is given.
#[derive(Clone, Copy)]
struct EncoderInput {
    rate: i32,
    format: Sample,
}

impl EncoderInput {
    /// Of what `encoder` takes, the nearest to what `decoder` puts out.
    fn nearest(encoder: codec::Audio, decoder: &AudioDecoder) -> Self {
        let rates: Vec<i32> = encoder.rates().map(Iterator::collect).unwrap_or_default();
        let formats: Vec<Sample> = encoder.formats().map(Iterator::collect).unwrap_or_default();
        Self {
            rate: sample_rate(&rates, decoder.rate as i32),
            format: sample_format(&formats, decoder.decoder.format()),
        }
    }
}

/// The sample rate to encode, where the track has `own`.
fn sample_rate(taken: &[i32], own: i32) -> i32 {
    if taken.is_empty() || taken.contains(&own) {
        return own;
    }
    // The next higher rate loses nothing.
    let higher = taken.iter().copied().filter(|&r| r > own).min();
    higher.or(taken.iter().copied().max()).unwrap_or(own)
}

/// The sound of an input, and the bits a second that it is to have.
struct Given<'a> {
    stream: &'a Stream<'a>,
    decoder: &'a AudioDecoder,
    bitrate: Option<u64>,
}

/// Opens an encoder for the sound of an input.
fn open_encoder(
    codec: Codec,
    sound: Given<'_>,
    input: EncoderInput,
    global_header: bool,
) -> Result<encoder::Audio, Error> {
    let EncoderInput { rate, format } = input;
    let Given { stream, decoder, bitrate } = sound;
    let asked = bitrate.map(|bits| i64::try_from(bits).unwrap_or(i64::MAX));
    let mut context = codec::Context::new_with_codec(codec).encoder().audio()?;
    context.set_rate(rate);
    context.set_format(format);
    context.set_channel_layout(decoder.layout);
    context.set_time_base((1, rate));
    // SAFETY: the stream and the context are valid, the context not open yet; only plain fields are
    // read and set.
    unsafe {
        let given = (*(*stream.as_ptr()).codecpar).bit_rate;
        let to = context.as_mut_ptr();
        match codec.name() {
            _ if asked.is_some() => (*to).bit_rate = asked.unwrap_or_default(),
            // Constant quality: bit rates do not fit every rate and number of channels.
            "libvorbis" => {
                (*to).flags |= AV_CODEC_FLAG_QSCALE as i32;
                (*to).global_quality = 8 * FF_QP2LAMBDA;
            }
            "libmp3lame" => (*to).bit_rate = given.clamp(160_000, 320_000),
            name => (*to).bit_rate = bit_rate(name, given, decoder.channels as i64),
        }
        if format == Sample::I32(Type::Packed) || format == Sample::I32(Type::Planar) {
            (*to).bits_per_raw_sample = 24;
        }
        if global_header {
            (*to).flags |= AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        }
    }
    context.open_with(Dictionary::new())
}

impl AudioTrack {
    /// Opens an encoder for `source`, which is `stream` of the input, and adds an output stream.
    pub(super) fn new(
        plan: Plan<'_>,
        stream: &Stream<'_>,
        source: AudioSource,
        output: &mut Output,
    ) -> Result<Self, MediaError> {
        let Plan { path, container, options } = plan;
        let AudioSource { decoder, rework, .. } = source;
        let usual = encoder_for(stream.parameters().id(), container, |id| container.holds(id));
        let name = options.audio_encoder.as_deref().unwrap_or(usual);
        let fail =
            |reason: String| MediaError::Encoder { path: path.into(), codec: name.into(), reason };
        let failed = |e: Error| fail(e.to_string());
        let codec =
            encoder::find_by_name(name).ok_or_else(|| fail("libav was built without it".into()))?;
        // What libav does not know of Ogg, whose players take just these.
        let in_ogg =
            container == Container::Ogg && matches!(codec.id(), Id::OPUS | Id::VORBIS | Id::FLAC);
        if name != usual && !in_ogg && !container.holds(codec.id()) {
            return Err(MediaError::CannotHold {
                path: path.into(),
                container: container.name(),
                what: codec.id().name().into(),
                advice: "choose another --audio-codec, or a .mkv target",
            });
        }
        let takes = codec.audio().map_err(failed)?;
        let has = |layout: ChannelLayout| layout.channels() as usize == decoder.channels;
        if takes.channel_layouts().is_some_and(|mut layouts| !layouts.any(has)) {
            return Err(MediaError::CannotHold {
                path: path.into(),
                container: codec.id().name(),
                what: format!("sound of {} channels", decoder.channels),
                advice: "choose another --audio-codec, or an .m4a, .flac or .mkv target",
            });
        }
        let input = EncoderInput::nearest(takes, &decoder);
        let global_header =
            output.format().flags().contains(ffmpeg_next::format::Flags::GLOBAL_HEADER);
        let given = Given { stream, decoder: &decoder, bitrate: options.audio_bitrate };
        let encoder = open_encoder(codec, given, input, global_header).map_err(failed)?;
        let frame_size = encoder.frame_size() as usize;
        let (layout, rate) = (decoder.layout, input.rate as u32);
        let resampler = (rate != decoder.rate)
            .then(|| resampling::Context::get(FLOAT, layout, decoder.rate, FLOAT, layout, rate))
            .transpose()
            .map_err(failed)?;
        let formatter = resampling::Context::get(FLOAT, layout, rate, input.format, layout, rate)
            .map_err(failed)?;
        let index = streams::add_sound(path, stream, &encoder, output)?;
        let (waiting, buffer, reworked) = Default::default();
        Ok(Self {
            path: path.into(),
            decoder,
            rework,
            encoder,
            resampler,
            formatter,
            index,
            frame_size,
            waiting,
            next: None,
            buffer,
            reworked,
        })
    }

    /// A line on a track, stream `index` of the input, whose codec the target does not hold.
    pub(super) fn change(&self, index: usize, container: Container) -> Option<String> {
        let (from, to) = (self.decoder.decoder.id(), self.encoder.id());
        let lossless = |id: Id| {
            matches!(id, Id::FLAC | Id::ALAC | Id::WAVPACK | Id::TRUEHD | Id::TTA)
                || id.name().starts_with("pcm_")
        };
        let lost = lossless(from) && !lossless(to);
        (from != to && (lost || !container.holds(from))).then(|| {
            format!(
                "stream {index} ({}) was encoded as {}: that is what players of {} take",
                from.name(),
                to.name(),
                container.name()
            )
        })
    }

    fn fail(&self, e: &Error) -> MediaError {
        MediaError::Write { path: self.path.clone(), reason: e.to_string() }
    }

    /// Takes a packet of the input.
    pub(super) fn take(&mut self, packet: &Packet, output: &mut Output) -> Result<(), MediaError> {
        self.decoder.send(Some(packet));
        self.pass(false, output)
    }

    /// Writes what is still on its way.
    pub(super) fn finish(&mut self, output: &mut Output) -> Result<(), MediaError> {
        self.decoder.send(None);
        self.pass(true, output)?;
        self.encoder.send_eof().map_err(|e| self.fail(&e))?;
        self.write(output)
    }

    fn pass(&mut self, ended: bool, output: &mut Output) -> Result<(), MediaError> {
        loop {
            self.buffer.clear();
            self.reworked.clear();
            let more = self.decoder.receive(&mut self.buffer)?;
            let last = ended && !more;
            self.rework.push(&self.buffer, &mut self.reworked);
            if last {
                self.rework.finish(&mut self.reworked);
            }
            let rate = self.encoder.rate() as i32;
            if self.next.is_none()
                && let Some(start) = self.decoder.start
            {
                self.next =
                    Some((start as f64 * f64::from(rate) / f64::from(self.decoder.rate)).round()
                        as i64);
            }
            self.resample(last)?;
            let size = if self.frame_size == 0 { ANY_SIZE } else { self.frame_size };
            while self.waiting.len() >= size * self.decoder.channels
                || (last && !self.waiting.is_empty())
            {
                let samples = size.min(self.waiting.len() / self.decoder.channels);
                self.encode(samples)?;
                self.write(output)?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Moves reworked samples to where they wait for the encoder, at its rate.
    fn resample(&mut self, ended: bool) -> Result<(), MediaError> {
        let path = self.path.clone();
        let failed = |e: Error| MediaError::Write { path: path.clone(), reason: e.to_string() };
        let Some(resampler) = &mut self.resampler else {
            self.waiting.extend(self.reworked.drain(..));
            return Ok(());
        };
        let channels = self.decoder.channels;
        let mut add = |frame: &frame::Audio| self.waiting.extend(interleaved(frame, channels));
        if !self.reworked.is_empty() {
            let input = filled(&self.reworked, channels, self.decoder.layout, self.decoder.rate)
                .map_err(&failed)?;
            add(&guard::resample(resampler, Some(&input)).map_err(&failed)?);
        }
        if !ended {
            return Ok(());
        }
        loop {
            let rest = guard::resample(resampler, None).map_err(&failed)?;
            if rest.samples() == 0 {
                return Ok(());
            }
            add(&rest);
        }
    }

    fn encode(&mut self, samples: usize) -> Result<(), MediaError> {
        let channels = self.decoder.channels;
        let block: Vec<f32> = self.waiting.drain(..samples * channels).collect();
        let input = filled(&block, channels, self.decoder.layout, self.encoder.rate())
            .map_err(|e| self.fail(&e))?;
        let mut frame =
            guard::resample(&mut self.formatter, Some(&input)).map_err(|e| self.fail(&e))?;
        let at = self.next.unwrap_or(0);
        frame.set_pts(Some(at));
        self.next = Some(at + samples as i64);
        guard::send_audio(&mut self.encoder, &frame).map_err(|e| self.fail(&e))
    }

    /// Writes the packets that the encoder has ready.
    fn write(&mut self, output: &mut Output) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        loop {
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(()),
                Err(e) => return Err(self.fail(&e)),
            }
            packet.set_stream(self.index);
            let to = output
                .stream(self.index)
                .map_or(Rational(1, self.encoder.rate() as i32), |s| s.time_base());
            packet.rescale_ts((1, self.encoder.rate() as i32), to);
            packet.write_interleaved(output).map_err(|e| self.fail(&e))?;
        }
    }
}

/// A frame of interleaved samples.
fn filled(
    samples: &[f32],
    channels: usize,
    layout: ChannelLayout,
    rate: u32,
) -> Result<frame::Audio, Error> {
    let mut frame = guard::new_audio(FLOAT, layout, samples.len() / channels, rate)?;
    frame
        .data_mut(0)
        .chunks_exact_mut(size_of::<f32>())
        .zip(samples)
        .for_each(|(b, s)| b.copy_from_slice(&s.to_ne_bytes()));
    Ok(frame)
}

/// The sample format to encode: as many bits as the source had where there is a choice.
fn sample_format(taken: &[Sample], source: Sample) -> Sample {
    let floats = [Sample::F32(Type::Planar), Sample::F32(Type::Packed)];
    let short = [Sample::I16(Type::Packed), Sample::I16(Type::Planar)];
    let long = [Sample::I32(Type::Packed), Sample::I32(Type::Planar)];
    let is_short = matches!(source, Sample::I16(_) | Sample::U8(_));
    let whole = if is_short { [short, long].concat() } else { [long, short].concat() };
    let wanted = floats.into_iter().chain(whole);
    wanted.into_iter().find(|f| taken.contains(f)).or(taken.first().copied()).unwrap_or(FLOAT)
}
