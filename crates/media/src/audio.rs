//! Sound: decoded to samples, and encoded from them.

use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{self};
use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Error, Packet, Rational, Stream, decoder, frame, media};
use serde::{Deserialize, Serialize};

use super::source::{Source, check};
use super::{Limits, MediaError, MediaInfo, guard};
use proofmark_core::audio::Format;

/// What sound a file has, from its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AudioInfo {
    /// libav's name of the codec.
    pub codec: String,
    /// Samples per second.
    pub rate: u32,
    /// Number of channels.
    pub channels: usize,
    /// Duration in seconds, if the file says.
    pub seconds: Option<f64>,
}

impl AudioInfo {
    /// How its samples come.
    #[must_use]
    pub fn format(&self) -> Format {
        Format { rate: self.rate, channels: self.channels }
    }
}

/// Changes the samples of one track on their way through.
pub trait Rework {
    /// Takes in interleaved samples, full scale being 1, and adds what is done to `out`.
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>);
    /// Adds the rest, so that as many samples came out as went in.
    fn finish(&mut self, out: &mut Vec<f32>);
}

/// Leaves a track as it is, where it must be encoded anew all the same.
pub(super) struct AsItIs;

impl Rework for AsItIs {
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        out.extend_from_slice(samples);
    }

    fn finish(&mut self, _: &mut Vec<f32>) {}
}

/// The format that samples are handed on in.
pub(super) const FLOAT: Sample = Sample::F32(Type::Packed);
/// Seconds of silence that are handed on at once: a hostile file can ask for hours of it.
const PIECE: i64 = 1;
/// A time stamp that is further off than this, in seconds, means that sound is missing or doubled;
/// smaller ones are rounding.
const JUMP: f64 = 0.05;

/// Decodes one track to interleaved samples, without gaps.
pub(super) struct AudioDecoder {
    path: PathBuf,
    pub(super) decoder: decoder::Audio,
    time_base: Rational,
    pub(super) rate: u32,
    pub(super) channels: usize,
    pub(super) layout: ChannelLayout,
    converter: Option<(Sample, ChannelLayout, u32, resampling::Context)>,
    frame: frame::Audio,
    /// Whether `frame` waits for the silence before it to be handed on.
    held: bool,
    limits: Limits,
    /// Sample at which the track begins, counted from time 0, and the one that is to come next.
    pub(super) start: Option<i64>,
    next: i64,
}

impl AudioDecoder {
    pub(super) fn new(
        path: &Path,
        stream: &Stream<'_>,
        limits: &Limits,
    ) -> Result<Self, MediaError> {
        let fail = |reason: String| MediaError::DecodeSound { path: path.into(), reason };
        let mut context = codec::Context::from_parameters(stream.parameters())
            .map_err(|e| fail(e.to_string()))?;
        // SAFETY: the context is valid and not yet opened.
        unsafe { (*context.as_mut_ptr()).pkt_timebase = stream.time_base().into() };
        let decoder = context.decoder().audio().map_err(|e| match e {
            Error::DecoderNotFound => fail("libav has no decoder for it".into()),
            e => fail(e.to_string()),
        })?;
        let (rate, channels) = (decoder.rate(), usize::from(decoder.channels()));
        if rate == 0 || channels == 0 {
            return Err(fail("it says neither rate nor channels".into()));
        }
        let layout = known(decoder.channel_layout(), channels);
        let time_base = stream.time_base();
        Ok(Self {
            path: path.into(),
            decoder,
            time_base,
            rate,
            channels,
            layout,
            converter: None,
            frame: frame::Audio::empty(),
            held: false,
            limits: *limits,
            start: None,
            next: 0,
        })
    }

    pub(super) fn info(&self, input: &Source) -> AudioInfo {
        AudioInfo {
            codec: self.decoder.id().name().into(),
            rate: self.rate,
            channels: self.channels,
            seconds: input.describe_sound().seconds,
        }
    }

    pub(super) fn send(&mut self, packet: Option<&Packet>) {
        // A damaged packet is a gap, which the next time stamp shows.
        let _ = match packet {
            Some(p) => self.decoder.send_packet(p),
            None => self.decoder.send_eof(),
        };
    }

    /// Adds to `out` what the decoder has ready, of long silence a piece; whether the rest of that
    /// is to be asked for before anything else is sent.
    pub(super) fn receive(&mut self, out: &mut Vec<f32>) -> Result<bool, MediaError> {
        loop {
            if !self.held {
                match guard::receive_audio(&mut self.decoder, &mut self.frame) {
                    Ok(()) => {}
                    Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(false),
                    Err(_) => continue,
                }
            }
            self.held = !self.take(out)?;
            if self.held {
                return Ok(true);
            }
        }
    }

    /// Adds the decoded frame in its place, or a piece of the silence before that; whether the
    /// frame was added.
    fn take(&mut self, out: &mut Vec<f32>) -> Result<bool, MediaError> {
        let fail = |path: &Path, e: Error| MediaError::DecodeSound {
            path: path.into(),
            reason: e.to_string(),
        };
        let stamp = self.frame.timestamp().or(self.frame.pts());
        let at = stamp
            .map(|t| (t as f64 * f64::from(self.time_base) * f64::from(self.rate)).round() as i64);
        let start = *self.start.get_or_insert_with(|| at.unwrap_or(0));
        if self.next == 0 {
            self.next = start;
        }
        // Time stamps are anybody's: none may overflow.
        let gap = at.map_or(0, |at| at.saturating_sub(self.next));
        let jump = (JUMP * f64::from(self.rate)) as i64;
        if gap > jump {
            self.allow(gap)?;
            let piece = i64::from(self.rate) * PIECE;
            // What is left is a jump too, or nothing.
            let silence = if gap > 2 * piece { piece } else { gap };
            self.next = self.next.saturating_add(silence);
            out.extend(std::iter::repeat_n(0.0, silence as usize * self.channels));
            if silence < gap {
                return Ok(false);
            }
        }
        let layout = known(self.frame.channel_layout(), usize::from(self.frame.channels()));
        let key = (self.frame.format(), layout, self.frame.rate());
        if self.converter.as_ref().is_none_or(|c| (c.0, c.1, c.2) != key) {
            let context =
                resampling::Context::get(key.0, key.1, key.2, FLOAT, self.layout, self.rate)
                    .map_err(|e| fail(&self.path, e))?;
            self.converter = Some((key.0, key.1, key.2, context));
        }
        let Some((.., converter)) = &mut self.converter else { return Ok(true) };
        self.frame.set_channel_layout(layout);
        let converted =
            guard::resample(converter, Some(&self.frame)).map_err(|e| fail(&self.path, e))?;
        let samples = converted.samples() as i64;
        // Of what comes again, the first stays.
        let skip = if gap < -jump { gap.saturating_neg().min(samples) } else { 0 };
        self.allow(samples - skip)?;
        self.next = self.next.saturating_add(samples - skip);
        out.extend(interleaved(&converted, self.channels).skip(skip as usize * self.channels));
        Ok(true)
    }

    /// Whether so many more samples keep to the limit.
    fn allow(&self, samples: i64) -> Result<(), MediaError> {
        let seconds =
            self.next.saturating_add(samples).saturating_sub(self.start.unwrap_or(0)).max(0) as u64
                / u64::from(self.rate);
        check(&self.path, "a duration (seconds)", seconds, self.limits.seconds)
    }
}

/// A layout, or the usual one for that many channels where the file names none.
fn known(layout: ChannelLayout, channels: usize) -> ChannelLayout {
    if layout.is_empty() || layout.channels() as usize != channels {
        ChannelLayout::default(channels as i32)
    } else {
        layout
    }
}

/// Reads the sound of a file.
pub struct AudioReader {
    path: PathBuf,
    input: Source,
    index: usize,
    decoder: AudioDecoder,
    info: AudioInfo,
    samples: Vec<f32>,
    ended: bool,
}

impl AudioReader {
    /// Opens the track that a player would play; `None` if the file has no sound.
    ///
    /// # Errors
    /// [`MediaError`], with the file's name, if it is no readable media or passes a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<Option<Self>, MediaError> {
        let input = Source::open(path, limits)?;
        let Some(stream) = input.streams().best(media::Type::Audio) else { return Ok(None) };
        let index = stream.index();
        let decoder = AudioDecoder::new(path, &stream, limits)?;
        let info = decoder.info(&input);
        Ok(Some(Self {
            path: path.into(),
            input,
            index,
            decoder,
            info,
            samples: Vec::new(),
            ended: false,
        }))
    }

    /// What the sound is.
    #[must_use]
    pub fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// What the file is.
    #[must_use]
    pub fn media(&self) -> MediaInfo {
        self.input.describe_sound()
    }

    /// The next samples, interleaved, full scale being 1; `None` at the end.
    ///
    /// # Errors
    /// [`MediaError`] if the sound cannot be decoded or passes a limit.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, MediaError> {
        self.samples.clear();
        // What is left of a long silence comes first.
        self.decoder.receive(&mut self.samples)?;
        while self.samples.is_empty() && !self.ended {
            match self.input.next_packet() {
                Some(packet) if packet.stream() != self.index => continue,
                Some(packet) => self.decoder.send(Some(&packet)),
                None => {
                    self.ended = true;
                    self.decoder.send(None);
                }
            }
            self.decoder.receive(&mut self.samples)?;
        }
        if !self.samples.is_empty() {
            return Ok(Some(&self.samples));
        }
        if self.decoder.start.is_none() {
            return Err(MediaError::DecodeSound {
                path: self.path.clone(),
                reason: "not one whole frame in it".into(),
            });
        }
        Ok(None)
    }
}

/// The interleaved samples of a frame.
pub(super) fn interleaved(frame: &frame::Audio, channels: usize) -> impl Iterator<Item = f32> + '_ {
    let bytes = &frame.data(0)[..frame.samples() * channels * size_of::<f32>()];
    bytes.chunks_exact(size_of::<f32>()).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
}
