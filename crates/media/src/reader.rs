//! Reading: a file's picture, frame by frame.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{self, threading};
use ffmpeg_next::ffi::{AV_TIME_BASE, AVDiscard, EAGAIN};
use ffmpeg_next::{Error, Packet, Rational, color, decoder, frame, picture};

use super::clock::Pace;
use super::convert::{Converter, markable};
use super::frame::Picture;
use super::guard::{self, VideoShape};
use super::nal::Units;
use super::source::{Source, check, frame_rate};
use super::{Limits, MediaError, MediaInfo};
use proofmark_core::video::Coding;

/// Packets whose size is remembered until their frames come out: more than any decoder holds back.
const PACKETS: usize = 128;

/// A decoder for one stream.
pub(super) struct VideoDecoder {
    path: PathBuf,
    index: usize,
    decoder: decoder::Video,
    time_base: Rational,
    limits: Limits,
    frames: u64,
    errors: u64,
    /// Frames that came out although something of them was missing or wrong, and when the first
    /// did.
    damage: Option<(u64, f64)>,
    first_time: Option<f64>,
    /// How long a frame usually lasts, in the stream's time base.
    usual: i64,
    pace: Pace,
    /// When the packet of the last frame says that it is shown.
    told: Option<i64>,
    /// What the first frame is, which all that take frames are built for, and what brings others to
    /// that.
    shape: Option<VideoShape>,
    converter: Converter,
    /// The first change of that, and when it came.
    change: Option<(f64, VideoShape)>,
}

impl VideoDecoder {
    pub(super) fn new(
        path: &Path,
        input: &Source,
        index: usize,
        limits: &Limits,
    ) -> Result<Self, MediaError> {
        let fail = |reason: String| MediaError::Decode { path: path.into(), reason };
        let stream =
            input.stream(index).ok_or_else(|| MediaError::NoVideo { path: path.into() })?;
        let mut context = codec::Context::from_parameters(stream.parameters())
            .map_err(|e| fail(e.to_string()))?;
        context.set_threading(threading::Config {
            kind: threading::Type::Frame,
            count: 0,
            ..Default::default()
        });
        // SAFETY: the context is valid and not yet opened. Frame and slice threads both, as the
        // ffmpeg tool has it.
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
        check(
            path,
            "a frame size (pixels)",
            u64::from(width.unsigned_abs()) * u64::from(height.unsigned_abs()),
            limits.pixels,
        )?;
        let opened = match transparent(&stream) {
            // libav's own decoders of VP8 and VP9 leave out the transparency that lies beside the
            // picture.
            Some(codec) => context.decoder().open_as(codec).and_then(decoder::Opened::video),
            None => context.decoder().video(),
        };
        let decoder = opened.map_err(|e| match e {
            Error::DecoderNotFound => fail("libav has no decoder for it".into()),
            e => fail(e.to_string()),
        })?;
        check(
            path,
            "a frame size (pixels)",
            u64::from(decoder.width()) * u64::from(decoder.height()),
            limits.pixels,
        )?;
        let usual = frame_rate(&stream).unwrap_or(Rational(25, 1)).invert() / stream.time_base();
        Ok(Self {
            path: path.into(),
            index,
            decoder,
            time_base: stream.time_base(),
            limits: *limits,
            frames: 0,
            errors: 0,
            damage: None,
            first_time: None,
            usual: (f64::from(usual).round() as i64).max(1),
            pace: Pace::default(),
            told: None,
            shape: None,
            converter: Converter::default(),
            change: None,
        })
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
            if (*raw).extradata.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts((*raw).extradata, size)
            }
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
        // What is left when frames are left out for good is compared with nothing, and a mark that
        // is beyond doubt outlives unfiltered block edges.
        let filter = if skip == Skip::Bidirectional {
            AVDiscard::AVDISCARD_ALL
        } else {
            AVDiscard::AVDISCARD_DEFAULT
        };
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

    /// The next frame, if one is ready, in the shape of the first one and with a time stamp of its
    /// own, and its time in seconds from the first.
    pub(super) fn receive(&mut self, frame: &mut frame::Video) -> Result<Option<f64>, MediaError> {
        loop {
            match guard::receive_video(&mut self.decoder, frame) {
                Ok(()) => break,
                Err(Error::Other { errno: EAGAIN } | Error::Eof) => return Ok(None),
                Err(e) => self.damaged(&e)?,
            }
        }
        check(
            &self.path,
            "a frame size (pixels)",
            u64::from(frame.width()) * u64::from(frame.height()),
            self.limits.pixels,
        )?;
        // JPEG has all values, which libav leaves unsaid of grey ones.
        if self.decoder.id() == codec::Id::MJPEG && frame.color_range() == color::Range::Unspecified
        {
            frame.set_color_range(color::Range::JPEG);
        }
        self.frames += 1;
        check(&self.path, "a number of frames", self.frames, self.limits.frames)?;
        self.told = frame.pts();
        let lasts = Some(frame.packet().duration).filter(|&d| d > 0).unwrap_or(self.usual);
        let pts = self.pace.next(guard::time_of(frame), lasts);
        let time = pts as f64 * f64::from(self.time_base);
        let time = time - *self.first_time.get_or_insert(time);
        check(&self.path, "a duration (seconds)", time.max(0.0) as u64, self.limits.seconds)?;
        if guard::is_damaged(frame) {
            self.damage.get_or_insert((0, time)).0 += 1;
        }
        self.conform(frame, time)?;
        frame.set_pts(Some(pts));
        Ok(Some(time))
    }

    /// Brings a frame that is not like the first one to its shape: so does ffmpeg, and what was
    /// built for the first would read beyond it.
    fn conform(&mut self, frame: &mut frame::Video, time: f64) -> Result<(), MediaError> {
        let own = VideoShape::of(frame);
        let shape = *self.shape.get_or_insert(own);
        if shape.takes(&own) {
            return Ok(());
        }
        self.change.get_or_insert((time, own));
        self.converter.replace(frame, &shape).map_err(|e| MediaError::Decode {
            path: self.path.clone(),
            reason: format!(
                "from {time:.1} s on it is {}x{} and cannot be brought to the {}x{} \
                of its beginning: {e}",
                own.width, own.height, shape.width, shape.height
            ),
        })
    }

    /// A line on a change of size, pixel format or colours that was undone.
    pub(super) fn change(&self) -> Option<String> {
        let (time, own) = self.change?;
        let first = self.shape?;
        let (what, now, then) = match () {
            () if (own.width, own.height) != (first.width, first.height) => (
                "size",
                format!("{}x{}", own.width, own.height),
                format!("{}x{}", first.width, first.height),
            ),
            () if own.format != first.format => (
                "pixel format",
                format!("{:?}", own.format).to_lowercase(),
                format!("{:?}", first.format).to_lowercase(),
            ),
            () => ("range or matrix of colours", "another".into(), "that of its beginning".into()),
        };
        Some(format!(
            "the {what} of the picture changes at {time:.1} s: it is {now} from there on, and was \
            brought to {then}"
        ))
    }

    /// Frames that came out, and packets that could not be decoded.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.frames, self.errors)
    }

    /// The first size that was not that of the first frame, and that one.
    pub(super) fn other_size(&self) -> Option<((u32, u32), (u32, u32))> {
        let (own, first) = (self.change?.1, self.shape?);
        let (own, first) = ((own.width, own.height), (first.width, first.height));
        (own != first).then_some((own, first))
    }

    /// A line on frames that are damaged in the file.
    pub(super) fn damage(&self) -> Option<String> {
        let (frames, time) = self.damage?;
        Some(format!(
            "{frames} of {} frames are damaged in the file, the first at {time:.1} s: what could \
            be decoded of them was taken",
            self.frames
        ))
    }

    /// An error if not one frame came out.
    pub(super) fn finish(&self) -> Result<(), MediaError> {
        if self.frames == 0 {
            return Err(MediaError::Decode {
                path: self.path.clone(),
                reason: "not one whole frame in it".into(),
            });
        }
        Ok(())
    }
}

/// The decoder for a picture whose transparency lies beside it, if that is so and there is one.
fn transparent(stream: &ffmpeg_next::Stream<'_>) -> Option<ffmpeg_next::Codec> {
    let name = match stream.parameters().id() {
        codec::Id::VP8 => "libvpx",
        codec::Id::VP9 => "libvpx-vp9",
        _ => return None,
    };
    decoder::find_by_name(name).filter(|_| stream.metadata().get("alpha_mode") == Some("1"))
}

/// Frames that need not be decoded to see most of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// None.
    Nothing,
    /// Those that no other frame refers to: about half the work, for hardly less to see.
    Disposable,
    /// Those that lean on later ones: some frames a second are left, and those without the filter
    /// of their block edges.
    Bidirectional,
}

/// Decodes the picture of a file.
pub struct Reader {
    path: PathBuf,
    input: Source,
    index: usize,
    decoder: VideoDecoder,
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
    /// [`MediaError`], with the file's name, if it is no readable media, has no picture, or passes
    /// a limit.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let input = Source::open(path, limits)?;
        let index = input.picture_stream(path)?;
        let decoder = VideoDecoder::new(path, &input, index, limits)?;
        let info = input.describe(index, decoder.decoder());
        let (frame, converter, units) =
            (frame::Video::empty(), Converter::default(), decoder.units());
        let (scratch, packets, skip, latest) = (Vec::new(), VecDeque::new(), Skip::Nothing, None);
        Ok(Self {
            path: path.into(),
            input,
            index,
            decoder,
            info,
            frame,
            converter,
            scratch,
            packets,
            skip,
            units,
            latest,
            ended: false,
        })
    }

    /// What the file is.
    #[must_use]
    pub fn info(&self) -> &MediaInfo {
        &self.info
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves out frames from here on, where the codec has such.
    pub fn skip(&mut self, skip: Skip) {
        self.skip = skip;
        self.decoder.skip(skip);
    }

    /// Whether the decoder would pass the packet over. It decodes some packets at a time, and each
    /// that it passes over keeps it from one of them.
    fn is_left_out(&mut self, packet: &Packet) -> bool {
        // What is shown before something that came earlier leans on it.
        let behind = packet.pts() < self.latest && packet.pts().is_some();
        self.latest = self.latest.max(packet.pts());
        match self.skip {
            Skip::Nothing => false,
            Skip::Disposable => {
                self.units.zip(packet.data()).is_some_and(|(units, data)| units.is_disposable(data))
            }
            Skip::Bidirectional => behind,
        }
    }

    /// The next frame and its time in seconds from the first; `None` at the end. `wants` is asked
    /// first, so that frames nobody looks at are not converted.
    ///
    /// # Errors
    /// [`MediaError`] if the picture cannot be decoded or passes a limit.
    pub fn next_frame(
        &mut self,
        wants: impl Fn(f64) -> bool,
    ) -> Result<Option<(Picture<'_>, f64)>, MediaError> {
        let Some(time) = self.decode(wants)? else { return Ok(None) };
        let coding = self.coding();
        let format = markable(self.frame.format());
        let fail = |reason: String| MediaError::Decode { path: self.path.clone(), reason };
        let converted =
            self.converter.convert(&mut self.frame, format).map_err(|e| fail(e.to_string()))?;
        let picture = Picture::new(converted, &mut self.scratch, coding)
            .ok_or_else(|| fail("its pixel format is not known".into()))?;
        Ok(Some((picture, time)))
    }

    /// The next frame as it was decoded, and its time in seconds from the first.
    pub(super) fn next_decoded(&mut self) -> Result<Option<(&mut frame::Video, f64)>, MediaError> {
        Ok(self.decode(|_| true)?.map(|time| (&mut self.frame, time)))
    }

    /// Goes to the last place from which decoding leads to the frame at `seconds`. `false` where
    /// that cannot be done; the reader is then of no further use.
    pub(super) fn seek(&mut self, seconds: f64) -> Result<bool, MediaError> {
        let Some((first, _)) = self.next_decoded()? else { return Ok(false) };
        // Without time stamps frames are counted, and what was skipped would be missing in the
        // count.
        let Some(start) = guard::time_of(first) else { return Ok(false) };
        let target =
            (start as f64 * f64::from(self.time_base()) + seconds) * f64::from(AV_TIME_BASE);
        self.decoder.decoder.flush();
        self.decoder.pace = Pace::default();
        (self.latest, self.ended) = (None, false);
        Ok(self.input.go_to(target as i64))
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
        let packet = self
            .decoder
            .told
            .filter(|_| sizes)
            .and_then(|pts| self.packets.iter().find(|p| p.0 == pts));
        let pixels = self.frame.width() as f32 * self.frame.height() as f32;
        Coding {
            bits: packet.map(|p| 8.0 * p.1 as f32 / pixels),
            intra: self.frame.kind() == picture::Type::I,
        }
    }

    /// Hands the decoder its next packet, or the end.
    fn feed(&mut self) -> Result<(), MediaError> {
        loop {
            match self.input.next_packet() {
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
