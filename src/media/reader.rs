//! Reading: a file's picture, frame by frame.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{self, threading};
use ffmpeg_next::ffi::{AV_TIME_BASE, AVDiscard, EAGAIN};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::{Pixel, input_from_stream};
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, decoder, frame, media, picture};
use serde::{Deserialize, Serialize};

use super::frame::{Layout, Picture};
use super::nal::Units;
use super::{Limits, MediaError, form};
use crate::picture::Coding;

/// Packets whose size is remembered until their frames come out: more than any decoder holds back.
const PACKETS: usize = 128;

/// What a file is, from its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaInfo {
    /// Duration in seconds, if the file says; 0 for a still.
    pub seconds: Option<f64>,
    /// The picture; `None` where there is sound alone.
    pub picture: Option<PictureInfo>,
    /// Whether there is sound.
    pub has_audio: bool,
}

/// What the picture of a file is, from its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PictureInfo {
    /// Width in stored pixels.
    pub width: u32,
    /// Height in stored pixels.
    pub height: u32,
    /// Frames per second on average, if the file says.
    pub frame_rate: Option<f64>,
    /// libav's name of the codec.
    pub codec: String,
}

/// Opens a file for libav, having checked what can be checked before.
pub(super) fn open(path: &Path, limits: &Limits) -> Result<Input, MediaError> {
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
    if form::begins(&file) {
        return Err(MediaError::Form { path: path.into() });
    }
    file.rewind().map_err(fail)?;
    let not_media = |e| MediaError::NotMedia { path: path.into(), reason: super::reason(e) };
    let io = StreamIo::from_read_seek_with_capacity(file, 1 << 16).map_err(not_media)?;
    // The file comes through our own handle and nothing else may be opened: a playlist cannot reach for the network or the disk.
    let mut options = Dictionary::new();
    options.set("protocol_whitelist", "none");
    options.set("max_streams", &limits.streams.to_string());
    let input = input_from_stream(io, None, Some(options)).map_err(not_media)?;
    check(path, "a number of streams", u64::from(input.nb_streams()), limits.streams)?;
    Ok(input)
}

/// The next packet; `None` at the end, or where the file was cut short: it still has a beginning. A fresh one each time, because reading into a
/// packet does not let go of what it held.
pub(super) fn next_packet(input: &mut Input) -> Option<Packet> {
    loop {
        let mut packet = Packet::empty();
        match packet.read(input) {
            Ok(()) => return Some(packet),
            Err(Error::Other { errno: EAGAIN }) => {}
            Err(_) => return None,
        }
    }
}

pub(super) fn check(path: &Path, what: &'static str, found: u64, limit: u64) -> Result<(), MediaError> {
    if found > limit { Err(MediaError::Limit { path: path.into(), what, found, limit }) } else { Ok(()) }
}

/// The stream that a player would show: libav's choice, cover art left out.
pub(super) fn picture_stream(path: &Path, input: &Input) -> Result<usize, MediaError> {
    let stream = input.streams().best(media::Type::Video).ok_or_else(|| MediaError::NoVideo { path: path.into() })?;
    let cover = ffmpeg_next::format::stream::Disposition::ATTACHED_PIC;
    if stream.disposition().contains(cover) {
        return Err(MediaError::NoVideo { path: path.into() });
    }
    Ok(stream.index())
}

/// A decoder for one stream.
pub(super) struct PictureDecoder {
    path: PathBuf,
    index: usize,
    decoder: decoder::Video,
    time_base: Rational,
    limits: Limits,
    frames: u64,
    errors: u64,
    first_time: Option<f64>,
}

impl PictureDecoder {
    pub(super) fn new(path: &Path, input: &Input, index: usize, limits: &Limits) -> Result<Self, MediaError> {
        let fail = |reason: String| MediaError::Decode { path: path.into(), reason };
        let stream = input.stream(index).ok_or_else(|| MediaError::NoVideo { path: path.into() })?;
        let mut context = codec::Context::from_parameters(stream.parameters()).map_err(|e| fail(e.to_string()))?;
        context.set_threading(threading::Config { kind: threading::Type::Frame, count: 0, ..Default::default() });
        // SAFETY: the context is valid and not yet opened. Frame and slice threads both, as the ffmpeg tool has it.
        let (width, height) = unsafe {
            let raw = context.as_mut_ptr();
            (*raw).thread_type = 3;
            (*raw).max_pixels = i64::try_from(limits.pixels).unwrap_or(i64::MAX);
            (*raw).pkt_timebase = stream.time_base().into();
            // The frame rate helps decoders that must guess durations.
            (*raw).framerate = stream.avg_frame_rate().into();
            ((*raw).width, (*raw).height)
        };
        // Asked before the decoder is opened, which would refuse without a reason.
        check(path, "a frame size (pixels)", u64::from(width.unsigned_abs()) * u64::from(height.unsigned_abs()), limits.pixels)?;
        let decoder = context.decoder().video().map_err(|e| match e {
            Error::DecoderNotFound => fail("libav has no decoder for it".into()),
            e => fail(e.to_string()),
        })?;
        check(path, "a frame size (pixels)", u64::from(decoder.width()) * u64::from(decoder.height()), limits.pixels)?;
        Ok(Self { path: path.into(), index, decoder, time_base: stream.time_base(), limits: *limits, frames: 0, errors: 0, first_time: None })
    }

    /// Index of the stream that it decodes.
    pub(super) fn stream(&self) -> usize {
        self.index
    }

    pub(super) fn decoder(&self) -> &decoder::Video {
        &self.decoder
    }

    /// How the units of its packets are told apart.
    fn units(&self) -> Option<Units> {
        // SAFETY: the context is open, and its configuration stays as it is for as long as it is.
        let configuration = unsafe {
            let raw = self.decoder.as_ptr();
            let size = usize::try_from((*raw).extradata_size).unwrap_or(0);
            if (*raw).extradata.is_null() { &[] } else { std::slice::from_raw_parts((*raw).extradata, size) }
        };
        Units::new(self.decoder.id(), configuration)
    }

    /// Leaves out frames from the next packet on.
    fn skip(&mut self, skip: Skip) {
        let discard = match skip {
            Skip::Nothing => AVDiscard::AVDISCARD_DEFAULT,
            Skip::Disposable => AVDiscard::AVDISCARD_NONREF,
            Skip::Bidirectional => AVDiscard::AVDISCARD_BIDIR,
        };
        // What is left when frames are left out for good is compared with nothing, and a mark that is beyond doubt outlives unfiltered block edges.
        let filter = if skip == Skip::Bidirectional { AVDiscard::AVDISCARD_ALL } else { AVDiscard::AVDISCARD_DEFAULT };
        // SAFETY: the context is open; the fields may change between packets.
        unsafe {
            (*self.decoder.as_mut_ptr()).skip_frame = discard;
            (*self.decoder.as_mut_ptr()).skip_loop_filter = filter;
        }
    }

    pub(super) fn send(&mut self, packet: Option<&Packet>) -> Result<(), MediaError> {
        let sent = match packet {
            Some(p) => self.decoder.send_packet(p),
            None => self.decoder.send_eof(),
        };
        match sent {
            Ok(()) | Err(Error::Eof) => Ok(()),
            Err(e) => self.damaged(&e),
        }
    }

    fn damaged(&mut self, e: &Error) -> Result<(), MediaError> {
        self.errors += 1;
        // Much damage and no picture: not worth going on.
        if self.errors > 1000 && self.frames == 0 {
            return Err(MediaError::Decode { path: self.path.clone(), reason: e.to_string() });
        }
        Ok(())
    }

    /// The next frame, if one is ready, and its time in seconds from the first.
    pub(super) fn receive(&mut self, frame: &mut frame::Video) -> Result<Option<f64>, MediaError> {
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => break,
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(None),
                Err(e) => self.damaged(&e)?,
            }
        }
        self.frames += 1;
        check(&self.path, "a number of frames", self.frames, self.limits.frames)?;
        let pts = frame.timestamp().or(frame.pts());
        let time = pts.map_or(self.frames as f64 / 25.0, |t| t as f64 * f64::from(self.time_base));
        let time = time - *self.first_time.get_or_insert(time);
        check(&self.path, "a duration (seconds)", time.max(0.0) as u64, self.limits.seconds)?;
        Ok(Some(time))
    }

    /// An error if not one frame came out.
    pub(super) fn finish(&self) -> Result<(), MediaError> {
        if self.frames == 0 {
            return Err(MediaError::Decode { path: self.path.clone(), reason: "not one whole frame in it".into() });
        }
        Ok(())
    }
}

/// Converts frames whose pixel format has no planes to measure.
#[derive(Default)]
pub(super) struct Converter {
    scaler: Option<(Pixel, Pixel, u32, u32, scaling::Context)>,
    target: Option<frame::Video>,
}

impl Converter {
    /// `frame` in `format`, with its time and properties; unchanged if it is that already.
    pub(super) fn convert<'a>(&'a mut self, frame: &'a mut frame::Video, format: Pixel) -> Result<&'a mut frame::Video, Error> {
        if frame.format() == format {
            return Ok(frame);
        }
        let key = (frame.format(), format, frame.width(), frame.height());
        let fits = self.scaler.as_ref().is_some_and(|s| (s.0, s.1, s.2, s.3) == key);
        if !fits {
            let flags = scaling::Flags::BICUBIC | scaling::Flags::ACCURATE_RND | scaling::Flags::FULL_CHR_H_INT;
            let mut context = scaling::Context::get(key.0, key.2, key.3, key.1, key.2, key.3, flags)?;
            colours(&mut context, frame, format);
            self.scaler = Some((key.0, key.1, key.2, key.3, context));
        }
        let Some((.., scaler)) = &mut self.scaler else { return Err(Error::Bug) };
        // A fresh buffer each time: the encoder may still hold the last one.
        let mut target = frame::Video::empty();
        scaler.run(frame, &mut target)?;
        // SAFETY: both frames are valid; properties are copied, not buffers. Range and matrix are those of the new samples.
        unsafe {
            let (range, space) = ((*target.as_ptr()).color_range, (*target.as_ptr()).colorspace);
            ffmpeg_next::ffi::av_frame_copy_props(target.as_mut_ptr(), frame.as_ptr());
            if is_rgb(key.0) != is_rgb(key.1) {
                (*target.as_mut_ptr()).color_range = if is_rgb(format) { ffmpeg_next::ffi::AVColorRange::AVCOL_RANGE_JPEG } else { range };
                (*target.as_mut_ptr()).colorspace = space;
            }
        }
        Ok(self.target.insert(target))
    }
}

fn is_rgb(format: Pixel) -> bool {
    matches!(Layout::of(format), Layout::Rgb { .. } | Layout::Other { rgb: true, .. })
}

/// Tells the scaler what matrix and range its sides have: BT.709 for red, green and blue turned into video.
fn colours(context: &mut scaling::Context, frame: &frame::Video, target: Pixel) {
    use ffmpeg_next::ffi::{SWS_CS_ITU601, SWS_CS_ITU709, sws_getCoefficients, sws_setColorspaceDetails};
    let space = match frame.color_space() {
        ffmpeg_next::color::Space::BT470BG | ffmpeg_next::color::Space::SMPTE170M => SWS_CS_ITU601,
        _ => SWS_CS_ITU709,
    };
    let full = |format: Pixel, tagged: bool| i32::from(is_rgb(format) || tagged);
    let tagged = frame.color_range() == ffmpeg_next::color::Range::JPEG;
    // SAFETY: the context is valid, the tables are static.
    unsafe {
        let table = sws_getCoefficients(space);
        let to = if is_rgb(frame.format()) { 0 } else { i32::from(tagged) };
        sws_setColorspaceDetails(context.as_mut_ptr(), table, full(frame.format(), tagged), table, full(target, to == 1), 0, 1 << 16, 1 << 16);
    }
}

/// The format, close to `format`, that can be measured and marked.
pub(super) fn markable(format: Pixel) -> Pixel {
    match Layout::of(format) {
        Layout::Luma { .. } | Layout::Rgb { .. } => format,
        Layout::Other { rgb: true, depth, alpha } => match (depth > 8, alpha) {
            (false, false) => Pixel::GBRP,
            (false, true) => Pixel::GBRAP,
            (true, false) => Pixel::GBRP16LE,
            (true, true) => Pixel::GBRAP16LE,
        },
        Layout::Other { depth, alpha, .. } => match (depth > 8, alpha) {
            (false, false) => Pixel::YUV444P,
            (false, true) => Pixel::YUVA444P,
            (true, _) => Pixel::YUV444P12LE,
        },
    }
}

/// Frames that need not be decoded to see most of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// None.
    Nothing,
    /// Those that no other frame refers to: about half the work, for hardly less to see.
    Disposable,
    /// Those that lean on later ones: some frames a second are left, and those without the filter of their block edges.
    Bidirectional,
}

/// Decodes the picture of a file.
pub struct Reader {
    path: PathBuf,
    input: Input,
    index: usize,
    decoder: PictureDecoder,
    info: MediaInfo,
    frame: frame::Video,
    converter: Converter,
    scratch: Vec<u16>,
    /// Time stamps and bytes of the last packets, the newest first.
    packets: VecDeque<(i64, usize)>,
    /// Which frames are left out, and how packets tell them.
    skip: Skip,
    units: Option<Units>,
    /// The latest time stamp of all packets so far.
    latest: Option<i64>,
    ended: bool,
}

impl Reader {
    /// Opens a clip or a still image.
    ///
    /// # Errors
    /// [`MediaError`], with the file's name, if it is no readable media, has no picture, or passes a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let input = open(path, limits)?;
        let index = picture_stream(path, &input)?;
        let decoder = PictureDecoder::new(path, &input, index, limits)?;
        let info = describe(&input, index, decoder.decoder());
        let (frame, converter, units) = (frame::Video::empty(), Converter::default(), decoder.units());
        let (scratch, packets, skip, latest) = (Vec::new(), VecDeque::new(), Skip::Nothing, None);
        Ok(Self { path: path.into(), input, index, decoder, info, frame, converter, scratch, packets, skip, units, latest, ended: false })
    }

    /// What the file is.
    #[must_use]
    pub fn info(&self) -> &MediaInfo {
        &self.info
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves out frames from here on, where the codec has such.
    pub fn skip(&mut self, skip: Skip) {
        self.skip = skip;
        self.decoder.skip(skip);
    }

    /// Whether the decoder would pass the packet over. It decodes some packets at a time, and each that it passes over keeps it from one of them.
    fn is_left_out(&mut self, packet: &Packet) -> bool {
        // What is shown before something that came earlier leans on it.
        let behind = packet.pts() < self.latest && packet.pts().is_some();
        self.latest = self.latest.max(packet.pts());
        match self.skip {
            Skip::Nothing => false,
            Skip::Disposable => self.units.zip(packet.data()).is_some_and(|(units, data)| units.is_disposable(data)),
            Skip::Bidirectional => behind,
        }
    }

    /// The next frame and its time in seconds from the first; `None` at the end. `wants` is asked first, so that frames nobody looks at
    /// are not converted.
    ///
    /// # Errors
    /// [`MediaError`] if the picture cannot be decoded or passes a limit.
    pub fn next_frame(&mut self, wants: impl Fn(f64) -> bool) -> Result<Option<(Picture<'_>, f64)>, MediaError> {
        let Some(time) = self.decode(wants)? else { return Ok(None) };
        let coding = self.coding();
        let format = markable(self.frame.format());
        let fail = |reason: String| MediaError::Decode { path: self.path.clone(), reason };
        let converted = self.converter.convert(&mut self.frame, format).map_err(|e| fail(e.to_string()))?;
        let picture = Picture::new(converted, &mut self.scratch, coding).ok_or_else(|| fail("its pixel format is not known".into()))?;
        Ok(Some((picture, time)))
    }

    /// The first frame as it was decoded, if there is one.
    pub(super) fn first_frame(mut self) -> Option<frame::Video> {
        self.next_decoded().ok()??;
        Some(self.frame)
    }

    /// The next frame as it was decoded, and its time in seconds from the first.
    pub(super) fn next_decoded(&mut self) -> Result<Option<(&mut frame::Video, f64)>, MediaError> {
        Ok(self.decode(|_| true)?.map(|time| (&mut self.frame, time)))
    }

    /// Goes to the last place from which decoding leads to the frame at `seconds`. `false` where that cannot be done; the reader is then of no further use.
    pub(super) fn seek(&mut self, seconds: f64) -> Result<bool, MediaError> {
        let Some((first, _)) = self.next_decoded()? else { return Ok(false) };
        // Without time stamps frames are counted, and what was skipped would be missing in the count.
        let Some(start) = first.timestamp().or(first.pts()) else { return Ok(false) };
        let target = (start as f64 * f64::from(self.time_base()) + seconds) * f64::from(AV_TIME_BASE);
        self.decoder.decoder.flush();
        (self.latest, self.ended) = (None, false);
        Ok(self.input.seek(target as i64, ..target as i64).is_ok())
    }

    pub(super) fn time_base(&self) -> Rational {
        self.decoder.time_base
    }

    /// Decodes the next wanted frame and tells its time; `None` at the end.
    fn decode(&mut self, wants: impl Fn(f64) -> bool) -> Result<Option<f64>, MediaError> {
        loop {
            match self.decoder.receive(&mut self.frame)? {
                Some(time) if wants(time) => return Ok(Some(time)),
                Some(_) => {}
                None if self.ended => {
                    self.decoder.finish()?;
                    return Ok(None);
                }
                None => self.feed()?,
            }
        }
    }

    /// How the frame that came out was coded.
    fn coding(&self) -> Coding {
        // A packet of AV1 may hold a frame that is shown later, in a packet of a few bytes.
        let sizes = self.decoder.decoder().id() != codec::Id::AV1;
        let packet = self.frame.pts().filter(|_| sizes).and_then(|pts| self.packets.iter().find(|p| p.0 == pts));
        let pixels = self.frame.width() as f32 * self.frame.height() as f32;
        Coding { bits: packet.map(|p| 8.0 * p.1 as f32 / pixels), intra: self.frame.kind() == picture::Type::I }
    }

    /// Hands the decoder its next packet, or the end.
    fn feed(&mut self) -> Result<(), MediaError> {
        loop {
            match next_packet(&mut self.input) {
                Some(packet) if packet.stream() != self.index || self.is_left_out(&packet) => {}
                Some(packet) => {
                    if let Some(pts) = packet.pts() {
                        self.packets.truncate(PACKETS - 1);
                        self.packets.push_front((pts, packet.size()));
                    }
                    return self.decoder.send(Some(&packet));
                }
                None => {
                    self.ended = true;
                    return self.decoder.send(None);
                }
            }
        }
    }
}

pub(super) fn describe(input: &Input, index: usize, decoder: &decoder::Video) -> MediaInfo {
    let stream = input.stream(index);
    let rate = stream.as_ref().map(|s| s.avg_frame_rate()).filter(|r| r.numerator() > 0 && r.denominator() > 0);
    let picture = PictureInfo { width: decoder.width(), height: decoder.height(), frame_rate: rate.map(f64::from), codec: decoder.id().name().to_string() };
    MediaInfo { picture: Some(picture), ..describe_sound(input) }
}

/// [`describe`], of the sound alone.
pub(super) fn describe_sound(input: &Input) -> MediaInfo {
    let seconds = (input.duration() > 0).then(|| input.duration() as f64 / f64::from(AV_TIME_BASE));
    MediaInfo { seconds, picture: None, has_audio: input.streams().best(media::Type::Audio).is_some() }
}
