//! What an encoder must be told of the picture.

use ffmpeg_next::codec::{Id, encoder};
use ffmpeg_next::ffi::{
    AVChromaLocation, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic,
    AVFieldOrder,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Rational, decoder, frame};

use super::frame::is_opaque;
use super::side_data;
use super::source::frame_rate;

/// Frames per second beyond which a rate is that of a clock.
const MOST_FRAMES: f64 = 300.0;

/// What an encoder must be told of the picture.
pub(super) struct VideoFormat {
    /// The codec it was in, whose family is the default.
    pub(super) codec: Id,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixel: Pixel,
    pub(super) time_base: Rational,
    pub(super) frame_rate: Option<Rational>,
    pub(super) pixel_aspect: Rational,
    pub(super) primaries: AVColorPrimaries,
    pub(super) transfer: AVColorTransferCharacteristic,
    pub(super) matrix: AVColorSpace,
    pub(super) range: AVColorRange,
    pub(super) chroma_location: AVChromaLocation,
    pub(super) bits_per_raw_sample: i32,
    pub(super) field_order: AVFieldOrder,
    /// How long the first frame lasts, in seconds, if it says.
    pub(super) lasts: Option<f64>,
    /// Whether a pixel so far can be seen through.
    pub(super) transparent: bool,
    /// Whether a frame so far has closed captions.
    pub(super) captions: bool,
    /// HDR metadata in x265's words.
    pub(super) hdr: Vec<String>,
}

impl VideoFormat {
    /// Of what `decoder` puts out for `source`, whose first frame is `first`.
    pub(super) fn of_stream(
        decoder: &decoder::Video,
        source: &ffmpeg_next::Stream<'_>,
        first: &frame::Video,
    ) -> Self {
        // SAFETY: the context is valid; only plain fields are read.
        let raw = unsafe { &*decoder.as_ptr() };
        let frame = Self::of_frame(first, source.time_base(), frame_rate(source));
        Self {
            codec: decoder.id(),
            pixel_aspect: aspect_ratio(source, decoder),
            bits_per_raw_sample: raw.bits_per_raw_sample,
            field_order: if frame.field_order == AVFieldOrder::AV_FIELD_UNKNOWN {
                raw.field_order
            } else {
                frame.field_order
            },
            hdr: side_data::x265_hdr(source),
            ..frame
        }
    }

    /// Of a frame, such as one that came out of a filter graph.
    pub(super) fn of_frame(
        frame: &frame::Video,
        time_base: Rational,
        frame_rate: Option<Rational>,
    ) -> Self {
        // SAFETY: the frame is valid; only plain fields are read.
        let raw = unsafe { &*frame.as_ptr() };
        let field_order = match (frame.is_interlaced(), frame.is_top_first()) {
            (true, true) => AVFieldOrder::AV_FIELD_TT,
            (true, false) => AVFieldOrder::AV_FIELD_BB,
            (false, _) => AVFieldOrder::AV_FIELD_UNKNOWN,
        };
        Self {
            codec: Id::None,
            width: frame.width(),
            height: frame.height(),
            pixel: frame.format(),
            time_base,
            frame_rate,
            pixel_aspect: frame.aspect_ratio(),
            primaries: raw.color_primaries,
            transfer: raw.color_trc,
            matrix: raw.colorspace,
            range: raw.color_range,
            chroma_location: raw.chroma_location,
            bits_per_raw_sample: 0,
            field_order,
            lasts: Some(frame.packet().duration)
                .filter(|&d| d > 0)
                .map(|d| d as f64 * f64::from(time_base)),
            transparent: false,
            captions: false,
            hdr: Vec::new(),
        }
    }

    /// Notes what a frame has that may be lost.
    pub(super) fn look(&mut self, frame: &frame::Video) {
        // Every pixel is looked at for it, until one is found.
        self.transparent = self.transparent || !is_opaque(frame);
        self.captions |= frame.side_data(frame::side_data::Type::A53CC).is_some();
    }

    /// Whether a frame holds two fields of different times.
    pub(super) fn is_interlaced(&self) -> bool {
        use AVFieldOrder::{AV_FIELD_BB, AV_FIELD_BT, AV_FIELD_TB, AV_FIELD_TT};
        matches!(self.field_order, AV_FIELD_TT | AV_FIELD_BB | AV_FIELD_TB | AV_FIELD_BT)
    }

    /// Frames per second, for encoders that choose a level by it. Files without a steady rate name
    /// that of their clock.
    pub(super) fn pace(&self) -> Rational {
        let usual = |r: &Rational| (1.0..=MOST_FRAMES).contains(&f64::from(*r));
        let lasts = self
            .lasts
            .filter(|s| *s > 0.0)
            .map(|s| Rational((1000.0 / s).clamp(1.0, 1e9) as i32, 1000));
        self.frame_rate.filter(usual).or(lasts.filter(usual)).unwrap_or(Rational(25, 1))
    }

    /// A line on a column or a row that an encoder does not take.
    pub(super) fn crop(&self, encoder: &encoder::video::Encoder) -> Option<String> {
        let (columns, rows) = (
            self.width - encoder.width().min(self.width),
            self.height - encoder.height().min(self.height),
        );
        let what = match (columns, rows) {
            (0, 0) => return None,
            (_, 0) => "the last column of pixels was",
            (0, _) => "the last row of pixels was",
            _ => "the last column and row of pixels were",
        };
        Some(format!("{what} left out: video in 4:2:0, which every player takes, has even sizes"))
    }

    /// What an encoder holds per frame that it looks ahead, roughly.
    pub(super) fn frame_bytes(&self) -> usize {
        self.width as usize * self.height as usize * 13 / 4
    }
}

fn aspect_ratio(source: &ffmpeg_next::Stream<'_>, decoder: &decoder::Video) -> Rational {
    // SAFETY: the stream is valid for the call.
    let container = unsafe { Rational::from((*source.as_ptr()).sample_aspect_ratio) };
    if container.numerator() > 0 { container } else { decoder.aspect_ratio() }
}
