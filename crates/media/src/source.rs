//! Files and streams, opened: packets on one clock, and what the header says.

use std::ffi::CString;
use std::fs::File;
use std::io::Seek;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use ffmpeg_next::ffi::{
    AV_NOPTS_VALUE, AV_TIME_BASE, AVFMT_FLAG_CUSTOM_IO, AVFMT_TS_DISCONT, EAGAIN,
    av_find_input_format, avformat_alloc_context, avformat_find_stream_info, avformat_free_context,
    avformat_open_input,
};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::input_from_stream;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, decoder, media};

use super::clock::Clock;
use super::side_data::turned;
use super::{Kind, Limits, MediaError, MediaInfo, VideoInfo, beside};

/// An input of libav whose packets come on one clock.
pub(super) struct Source {
    input: Input,
    clock: Clock,
    /// The packets' time bases and whether their streams go on without a break, by stream.
    streams: Vec<(Rational, bool)>,
}

impl Deref for Source {
    type Target = Input;

    fn deref(&self) -> &Input {
        &self.input
    }
}

impl DerefMut for Source {
    fn deref_mut(&mut self) -> &mut Input {
        &mut self.input
    }
}

impl Source {
    /// Of an input that is open.
    pub(super) fn new(input: Input) -> Self {
        // SAFETY: the context is valid; its format is a static table entry.
        let (start, flags) =
            unsafe { ((*input.as_ptr()).start_time, (*(*input.as_ptr()).iformat).flags) };
        let start = Some(start).filter(|&t| t != AV_NOPTS_VALUE);
        let clock = Clock::new(start, flags & AVFMT_TS_DISCONT != 0, input.nb_streams() as usize);
        Self { input, clock, streams: Vec::new() }
    }

    /// Opens a file for libav, having checked what can be checked before.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        super::start(limits);
        let fail = |reason| MediaError::Open { path: path.into(), reason };
        let meta = std::fs::metadata(path).map_err(fail)?;
        if !meta.is_file() {
            return Err(MediaError::NotAFile { path: path.into() });
        }
        if meta.len() == 0 {
            return Err(MediaError::Empty { path: path.into() });
        }
        check(path, "a file size (bytes)", meta.len(), limits.bytes)?;
        let mut file = File::open(path).map_err(fail)?;
        if let Some(kind) = Kind::of_file(&file) {
            return Err(MediaError::Unsupported { path: path.into(), kind });
        }
        file.rewind().map_err(fail)?;
        let not_media = |e| MediaError::NotMedia { path: path.into(), reason: super::reason(e) };
        let picture = beside::picture_of(file, limits).map_err(fail)?;
        let io = StreamIo::from_read_seek_with_capacity(picture, 1 << 16).map_err(not_media)?;
        // The file comes through our own handle and nothing else may be opened: a playlist cannot
        // reach for the network or the disk.
        let mut options = Dictionary::new();
        options.set("protocol_whitelist", "none");
        options.set("max_streams", &limits.streams.to_string());
        let input = input_from_stream(io, None, Some(options)).map_err(not_media)?;
        check(path, "a number of streams", u64::from(input.nb_streams()), limits.streams)?;
        Ok(Self::new(input))
    }

    /// The next packet; `None` at the end, or where the file was cut short: it still has a
    /// beginning. A fresh one each time, because reading into a packet does not let go of what it
    /// held.
    pub(super) fn next_packet(&mut self) -> Option<Packet> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => {
                    let (base, paced) = self.stream_of(&packet);
                    self.clock.set(&mut packet, base, paced);
                    return Some(packet);
                }
                Err(Error::Other { errno: EAGAIN }) => {}
                Err(_) => return None,
            }
        }
    }

    fn stream_of(&mut self, packet: &Packet) -> (Rational, bool) {
        // Streams may appear in the midst of a file.
        for index in self.streams.len()..=packet.stream() {
            let told = self.input.stream(index).map(|s| {
                (
                    s.time_base(),
                    matches!(s.parameters().medium(), media::Type::Audio | media::Type::Video)
                        && !is_cover(&s),
                )
            });
            self.streams.push(told.unwrap_or((Rational(1, AV_TIME_BASE), false)));
        }
        self.streams[packet.stream()]
    }

    /// Goes to the last place from which decoding leads to `micros` microseconds from the start of
    /// the file; `false` if that cannot be done.
    pub(super) fn go_to(&mut self, micros: i64) -> bool {
        let target = micros.saturating_add(self.clock.start());
        self.clock.forget();
        // Where a clock may have been set anew in between, nobody knows what a time leads to.
        !self.clock.may_jump() && self.input.seek(target, ..target).is_ok()
    }

    /// The stream that a player would show: libav's choice, cover art left out.
    pub(super) fn picture_stream(&self, path: &Path) -> Result<usize, MediaError> {
        let best = self.input.streams().best(media::Type::Video).filter(|s| !is_cover(s));
        let any = || {
            self.input
                .streams()
                .find(|s| s.parameters().medium() == media::Type::Video && !is_cover(s))
        };
        best.or_else(any)
            .map(|s| s.index())
            .ok_or_else(|| MediaError::NoVideo { path: path.into() })
    }

    /// What the header says, of a picture that `decoder` decodes from stream `index`.
    pub(super) fn describe(&self, index: usize, decoder: &decoder::Video) -> MediaInfo {
        let rate = self.input.stream(index).map(|s| s.avg_frame_rate()).filter(is_rate);
        let picture = VideoInfo {
            width: decoder.width(),
            height: decoder.height(),
            frame_rate: rate.map(f64::from),
            codec: decoder.id().name().to_string(),
            turned: self.input.stream(index).map_or(0, |s| turned(&s)),
        };
        MediaInfo { picture: Some(picture), ..self.describe_sound() }
    }

    /// [`Self::describe`], of the sound alone.
    pub(super) fn describe_sound(&self) -> MediaInfo {
        let seconds = (self.input.duration() > 0)
            .then(|| self.input.duration() as f64 / f64::from(AV_TIME_BASE));
        let count = |medium| {
            self.input
                .streams()
                .filter(|s| s.parameters().medium() == medium && !is_cover(s))
                .count()
        };
        let (pictures, sounds) = (count(media::Type::Video), count(media::Type::Audio));
        MediaInfo {
            seconds,
            picture: None,
            has_audio: sounds > 0,
            more_pictures: pictures.saturating_sub(1),
            more_sounds: sounds.saturating_sub(1),
        }
    }
}

/// Opens what `io` gives as what `demuxer` reads, where its bytes do not tell.
pub(super) fn open_as(
    mut io: StreamIo,
    demuxer: &str,
    options: Dictionary<'_>,
) -> Result<Input, Error> {
    let name = CString::new(demuxer).map_err(|_| Error::DemuxerNotFound)?;
    // SAFETY: the name ends with a zero; formats are static table entries, or null. The context
    // is ours until it is wrapped, together with what it reads, or libav has freed it because it
    // could not open it; options that were not used are freed with their dictionary.
    unsafe {
        let format = av_find_input_format(name.as_ptr());
        let mut context = avformat_alloc_context();
        if format.is_null() || context.is_null() {
            avformat_free_context(context);
            return Err(Error::DemuxerNotFound);
        }
        (*context).pb = io.as_mut_ptr();
        (*context).flags |= AVFMT_FLAG_CUSTOM_IO;
        let mut options = options.disown();
        let opened = avformat_open_input(&mut context, std::ptr::null(), format, &mut options);
        drop(Dictionary::own(options));
        if opened < 0 {
            return Err(Error::from(opened));
        }
        let input = Input::wrap_with_custom_io(context, io);
        match avformat_find_stream_info(context, std::ptr::null_mut()) {
            0.. => Ok(input),
            e => Err(Error::from(e)),
        }
    }
}

/// Whether a frame rate says anything.
pub(super) fn is_rate(rate: &Rational) -> bool {
    rate.numerator() > 0 && rate.denominator() > 0
}

/// Frames per second of a stream: on average, else as its codec says; `None` if neither is known.
pub(super) fn frame_rate(stream: &ffmpeg_next::Stream<'_>) -> Option<Rational> {
    [stream.avg_frame_rate(), stream.rate()].into_iter().find(is_rate)
}

/// Whether a stream is a picture to show beside sound.
pub(super) fn is_cover(stream: &ffmpeg_next::Stream<'_>) -> bool {
    stream.disposition().contains(Disposition::ATTACHED_PIC)
}

pub(super) fn check(
    path: &Path,
    what: &'static str,
    found: u64,
    limit: u64,
) -> Result<(), MediaError> {
    if found > limit {
        Err(MediaError::Limit { path: path.into(), what, found, limit })
    } else {
        Ok(())
    }
}
