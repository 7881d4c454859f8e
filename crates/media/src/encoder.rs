//! The picture's encoder: which one, with what settings, and everything about the picture that it
//! must be told.

use std::path::Path;

use ffmpeg_next::codec::{self, Id, encoder, threading};
use ffmpeg_next::ffi::{
    AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_FLAG_INTERLACED_DCT, AV_CODEC_FLAG_QSCALE,
    AVChromaLocation, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic,
    AVFieldOrder, AVPixelFormat, FF_QP2LAMBDA, avcodec_find_best_pix_fmt_of_list,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Codec, Rational, decoder, frame};
use serde::{Deserialize, Serialize};

use super::convert::is_full_range;
use super::frame::{Layout, has_alpha, is_opaque};
use super::source::frame_rate;
use super::{Container, MediaError, side_data, tuning};

/// A picture codec that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum VideoCodec {
    /// H.264 by x264.
    H264,
    /// H.265 by x265.
    H265,
    /// VP9 by libvpx.
    Vp9,
    /// AV1 by SVT-AV1.
    Av1,
    /// FFV1: lossless.
    Ffv1,
    /// PNG: lossless, stills.
    Png,
    /// JPEG, stills.
    Jpeg,
    /// WebP, stills.
    WebP,
    /// None: the samples themselves, in Y4M.
    Raw,
}

impl VideoCodec {
    /// The codec a user names: a codec, or libav's name of its encoder.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "h264" | "libx264" | "x264" | "avc" => Self::H264,
            "h265" | "hevc" | "libx265" | "x265" => Self::H265,
            "vp9" | "libvpx-vp9" => Self::Vp9,
            "av1" | "libsvtav1" => Self::Av1,
            "ffv1" => Self::Ffv1,
            _ => return None,
        })
    }

    /// The name of some codec, as this program has it.
    pub fn named(name: &str) -> Option<&'static str> {
        let all = [
            Self::H264,
            Self::H265,
            Self::Vp9,
            Self::Av1,
            Self::Ffv1,
            Self::Png,
            Self::Jpeg,
            Self::WebP,
            Self::Raw,
        ];
        all.into_iter().map(Self::name).find(|n| *n == name)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::Ffv1 => "FFV1",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Raw => "uncompressed",
        }
    }

    fn encoder(self) -> &'static str {
        match self {
            Self::H264 => "libx264",
            Self::H265 => "libx265",
            Self::Vp9 => "libvpx-vp9",
            Self::Av1 => "libsvtav1",
            Self::Ffv1 => "ffv1",
            Self::Png => "png",
            Self::Jpeg => "mjpeg",
            Self::WebP => "libwebp",
            // What the muxer takes in every version of libav.
            Self::Raw => "wrapped_avframe",
        }
    }

    /// Whether `container` holds this codec.
    fn fits(self, container: Container) -> bool {
        match container {
            Container::Mp4 | Container::Fragments => {
                matches!(self, Self::H264 | Self::H265 | Self::Vp9 | Self::Av1)
            }
            Container::Mov => matches!(self, Self::H264 | Self::H265),
            Container::Matroska => !matches!(self, Self::Png | Self::Jpeg | Self::WebP | Self::Raw),
            Container::WebM => matches!(self, Self::Vp9 | Self::Av1),
            Container::M4a | Container::Ogg | Container::Flac | Container::Mp3 | Container::Wav => {
                false
            }
            Container::Png => self == Self::Png,
            Container::Jpeg => self == Self::Jpeg,
            Container::WebP => self == Self::WebP,
            Container::Y4m => self == Self::Raw,
        }
    }

    /// The family of the input's codec where the container holds it, else the one the container is
    /// known for.
    fn default_for(input: Id, container: Container) -> Self {
        let family = match input {
            Id::HEVC => Self::H265,
            Id::VP9 | Id::VP8 => Self::Vp9,
            Id::AV1 => Self::Av1,
            Id::FFV1 => Self::Ffv1,
            _ => Self::H264,
        };
        match container {
            Container::Png => Self::Png,
            Container::Jpeg => Self::Jpeg,
            Container::WebP => Self::WebP,
            Container::Y4m => Self::Raw,
            _ if family.fits(container) => family,
            Container::WebM => Self::Vp9,
            _ => Self::H264,
        }
    }
}

/// How to encode the picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EncodeOptions {
    /// The codec; the input's family where the container holds it, else H.264 (VP9 in WebM).
    pub codec: Option<VideoCodec>,
    /// Constant quality, on the codec's own scale; visually lossless by default.
    pub crf: Option<f32>,
    /// Bits per second instead of constant quality.
    pub bitrate: Option<u64>,
    /// Speed preset, in the encoder's own words.
    pub preset: Option<String>,
}

/// What an encoder must be told of the picture.
pub(super) struct VideoFormat {
    /// The codec it was in, whose family is the default.
    codec: Id,
    width: u32,
    height: u32,
    pixel: Pixel,
    time_base: Rational,
    frame_rate: Option<Rational>,
    pixel_aspect: Rational,
    primaries: AVColorPrimaries,
    transfer: AVColorTransferCharacteristic,
    matrix: AVColorSpace,
    range: AVColorRange,
    chroma_location: AVChromaLocation,
    bits_per_raw_sample: i32,
    field_order: AVFieldOrder,
    /// How long the first frame lasts, in seconds, if it says.
    lasts: Option<f64>,
    /// Whether a pixel so far can be seen through.
    transparent: bool,
    /// Whether a frame so far has closed captions.
    captions: bool,
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
    fn is_interlaced(&self) -> bool {
        use AVFieldOrder::{AV_FIELD_BB, AV_FIELD_BT, AV_FIELD_TB, AV_FIELD_TT};
        matches!(self.field_order, AV_FIELD_TT | AV_FIELD_BB | AV_FIELD_TB | AV_FIELD_BT)
    }

    /// Frames per second, for encoders that choose a level by it. Files without a steady rate name
    /// that of their clock.
    fn pace(&self) -> Rational {
        let usual = |r: &Rational| (1.0..=MOST_FRAMES).contains(&f64::from(*r));
        let lasts = self
            .lasts
            .filter(|s| *s > 0.0)
            .map(|s| Rational((1000.0 / s).clamp(1.0, 1e9) as i32, 1000));
        self.frame_rate.filter(usual).or(lasts.filter(usual)).unwrap_or(Rational(25, 1))
    }

    /// Lines on what the picture had that a file of `container` in `format`, encoded by `codec`,
    /// has not.
    pub(super) fn losses(
        &self,
        format: Pixel,
        codec: VideoCodec,
        container: Container,
    ) -> Vec<String> {
        let mut out = Vec::new();
        // JPEG has none: what libav gives out as one is left of four inks.
        if self.transparent && self.codec != Id::MJPEG && !has_alpha(format) {
            out.push(format!(
                "the alpha channel was left out: {} has no place for it here",
                codec.name()
            ));
        }
        if self.captions && codec != VideoCodec::H264 {
            out.push(format!("the closed captions were left out: {} has no place for them here; --video-codec h264 keeps them", codec.name()));
        }
        let depth = |p: Pixel| match Layout::of(p) {
            Layout::Luma { depth } | Layout::Rgb { depth } | Layout::Other { depth, .. } => depth,
        };
        if depth(format) < depth(self.pixel) && format != Pixel::None {
            out.push(format!(
                "the picture has {} bits a sample instead of {}: {} holds no more here",
                depth(format),
                depth(self.pixel),
                codec.name()
            ));
        }
        let told = codec == VideoCodec::H264
            || matches!(container, Container::Matroska | Container::Mov | Container::Y4m);
        if self.is_interlaced() && !told {
            out.push(format!(
                "the picture is interlaced, which {} in {} does not say: players will not deinterlace it; --video-codec h264 keeps it",
                codec.name(),
                container.name()
            ));
        }
        out
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

/// Frames per second beyond which a rate is that of a clock.
const MOST_FRAMES: f64 = 300.0;

/// An opened encoder.
pub(super) struct VideoEncoder {
    pub(super) encoder: encoder::video::Encoder,
    pub(super) format: Pixel,
    pub(super) codec: VideoCodec,
}

/// Opens the encoder for a picture of the given format.
pub(super) fn open(
    path: &Path,
    container: Container,
    options: &EncodeOptions,
    source: &VideoFormat,
    global_header: bool,
) -> Result<VideoEncoder, MediaError> {
    let codec = options.codec.unwrap_or_else(|| VideoCodec::default_for(source.codec, container));
    if !codec.fits(container) {
        return Err(MediaError::CannotHold {
            path: path.into(),
            container: container.name(),
            what: codec.name().into(),
            advice: "choose another --video-codec, or a .mkv target",
        });
    }
    let fail = |reason: String| MediaError::Encoder {
        path: path.into(),
        codec: codec.name().into(),
        reason,
    };
    let found = encoder::find_by_name(codec.encoder())
        .ok_or_else(|| fail("libav was built without it".into()))?;
    // Encoders would print their own complaint to standard error, or give a number for a reason.
    if let Some(preset) = &options.preset {
        tuning::takes_preset(codec, preset)
            .map_err(|presets| fail(format!("'{preset}' is none of its presets: {presets}")))?;
    }
    let format = choose_format(codec, container, &found, source);
    let (width, height) = even(codec, format, source);
    let mut context = codec::Context::new_with_codec(found);
    // x264 would take half as many again as there are cores, and each holds a frame and more; the
    // rest is for decoding and marking.
    let count = if codec == VideoCodec::H264 {
        std::thread::available_parallelism().map_or(0, usize::from)
    } else {
        0
    };
    context.set_threading(threading::Config {
        kind: threading::Type::Frame,
        count,
        ..Default::default()
    });
    let mut encoder = context.encoder().video().map_err(|e| fail(e.to_string()))?;
    encoder.set_width(width);
    encoder.set_height(height);
    encoder.set_format(format);
    encoder.set_time_base(source.time_base);
    encoder.set_frame_rate(if codec == VideoCodec::Raw {
        source.frame_rate
    } else {
        Some(source.pace())
    });
    encoder.set_aspect_ratio(source.pixel_aspect);
    // SAFETY: the context is valid and not open yet; only plain fields are set.
    unsafe {
        let to = encoder.as_mut_ptr();
        (*to).thread_type = 3;
        (*to).color_primaries = source.primaries;
        (*to).color_trc = source.transfer;
        let was_rgb = matches!(
            Layout::of(source.pixel),
            Layout::Rgb { .. } | Layout::Other { rgb: true, .. }
        );
        let is_rgb =
            matches!(Layout::of(format), Layout::Rgb { .. } | Layout::Other { rgb: true, .. });
        if was_rgb == is_rgb {
            (*to).colorspace = source.matrix;
            (*to).color_range = source.range;
        } else {
            (*to).colorspace = AVColorSpace::AVCOL_SPC_BT709;
        }
        if is_full_range(source.pixel) && !is_rgb {
            (*to).color_range = AVColorRange::AVCOL_RANGE_JPEG;
        }
        (*to).chroma_sample_location = source.chroma_location;
        (*to).bits_per_raw_sample = source.bits_per_raw_sample;
        (*to).field_order = source.field_order;
        if source.is_interlaced() && codec == VideoCodec::H264 {
            (*to).flags |= AV_CODEC_FLAG_INTERLACED_DCT as i32;
        }
        if global_header {
            (*to).flags |= AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        }
        if let Some(bits) = options.bitrate {
            (*to).bit_rate = i64::try_from(bits).unwrap_or(i64::MAX);
        }
        if codec == VideoCodec::Jpeg {
            // Quantiser scale 2: visually lossless.
            (*to).flags |= AV_CODEC_FLAG_QSCALE as i32;
            (*to).global_quality = 2 * FF_QP2LAMBDA;
        }
    }
    let private = tuning::private_options(codec, format, options, source);
    let encoder = encoder.open_with(private).map_err(|e| fail(e.to_string()))?;
    Ok(VideoEncoder { encoder, format, codec })
}

fn aspect_ratio(source: &ffmpeg_next::Stream<'_>, decoder: &decoder::Video) -> Rational {
    // SAFETY: the stream is valid for the call.
    let container = unsafe { Rational::from((*source.as_ptr()).sample_aspect_ratio) };
    if container.numerator() > 0 { container } else { decoder.aspect_ratio() }
}

/// The pixel format to encode: the source's own where the encoder takes it, else the nearest.
fn choose_format(
    codec: VideoCodec,
    container: Container,
    encoder: &Codec,
    picture: &VideoFormat,
) -> Pixel {
    let source = picture.pixel;
    let any: Vec<Pixel> =
        encoder.video().ok().and_then(|v| v.formats().map(Iterator::collect)).unwrap_or_default();
    // Samples as they are can be anything; what Y4M says of them is what counts.
    let known = if codec == VideoCodec::Raw { Y4M.to_vec() } else { any };
    let takes = |p: Pixel| known.contains(&p);
    let (rgb, depth) = match Layout::of(source) {
        Layout::Luma { depth } => (false, depth),
        Layout::Rgb { depth } => (true, depth),
        Layout::Other { rgb, depth, .. } => (rgb, depth),
    };
    let lossy_video =
        matches!(codec, VideoCodec::H264 | VideoCodec::H265 | VideoCodec::Vp9 | VideoCodec::Av1);
    let plain = match source {
        // WebP knows one range and one matrix, into which libwebp itself turns red, green and blue.
        _ if codec == VideoCodec::WebP && picture.codec != Id::WEBP => Pixel::BGRA,
        Pixel::YUVJ420P if !takes(source) => Pixel::YUV420P,
        Pixel::YUVJ422P if !takes(source) => Pixel::YUV422P,
        Pixel::YUVJ444P if !takes(source) => Pixel::YUV444P,
        // The mark needs more shades than a palette has.
        Pixel::PAL8 if takes(Pixel::RGBA) => Pixel::RGBA,
        // Nor do black and white do for it.
        Pixel::MonoWhite | Pixel::MonoBlack if takes(Pixel::GRAY8) => Pixel::GRAY8,
        Pixel::YUV420P if codec == VideoCodec::Jpeg => Pixel::YUVJ420P,
        Pixel::YUV422P if codec == VideoCodec::Jpeg => Pixel::YUVJ422P,
        _ if codec == VideoCodec::Jpeg && rgb => Pixel::YUVJ444P,
        // Players take 4:2:0; red, green and blue are kept by the lossless codecs alone.
        _ if lossy_video && rgb && depth > 8 && takes(Pixel::YUV420P10LE) => Pixel::YUV420P10LE,
        _ if lossy_video && rgb => Pixel::YUV420P,
        other => other,
    };
    let plain = if takes(plain) { plain } else { nearest(&known, plain) };
    // libvpx codes transparency beside the picture, for which Matroska alone has a place.
    let beside =
        codec == VideoCodec::Vp9 && matches!(container, Container::Matroska | Container::WebM);
    match has_alpha(source) {
        true if beside && takes(Pixel::YUVA420P) => Pixel::YUVA420P,
        true if codec == VideoCodec::Vp9 => Pixel::YUV420P,
        _ => plain,
    }
}

/// The size that is written: x264 and x265 want even ones where chroma is halved, and no player but
/// those of a desktop takes it whole.
fn even(codec: VideoCodec, format: Pixel, picture: &VideoFormat) -> (u32, u32) {
    let halved = |shift: u8| matches!(codec, VideoCodec::H264 | VideoCodec::H265) && shift > 0;
    let (across, down) =
        format.descriptor().map_or((0, 0), |d| (d.log2_chroma_w(), d.log2_chroma_h()));
    let cut = |size: u32, shift: u8| if halved(shift) && size > 1 { size & !1 } else { size };
    (cut(picture.width, across), cut(picture.height, down))
}

/// Formats that Y4M has a name for, in libav's dialect.
const Y4M: [Pixel; 20] = [
    Pixel::GRAY8,
    Pixel::GRAY10LE,
    Pixel::GRAY12LE,
    Pixel::GRAY16LE,
    Pixel::YUV411P,
    Pixel::YUV420P,
    Pixel::YUV422P,
    Pixel::YUV444P,
    Pixel::YUV420P10LE,
    Pixel::YUV422P10LE,
    Pixel::YUV444P10LE,
    Pixel::YUV420P12LE,
    Pixel::YUV422P12LE,
    Pixel::YUV444P12LE,
    Pixel::YUV420P14LE,
    Pixel::YUV422P14LE,
    Pixel::YUV444P14LE,
    Pixel::YUV420P16LE,
    Pixel::YUV422P16LE,
    Pixel::YUV444P16LE,
];

/// libav's choice of the format that loses least.
fn nearest(known: &[Pixel], source: Pixel) -> Pixel {
    let mut list: Vec<AVPixelFormat> = known.iter().map(|&p| p.into()).collect();
    list.push(AVPixelFormat::AV_PIX_FMT_NONE);
    let alpha = i32::from(matches!(Layout::of(source), Layout::Other { alpha: true, .. }));
    // SAFETY: the list ends with the terminator that the function looks for; the last argument may
    // be null.
    let best = unsafe {
        avcodec_find_best_pix_fmt_of_list(list.as_ptr(), source.into(), alpha, std::ptr::null_mut())
    };
    match Pixel::from(best) {
        Pixel::None => Pixel::YUV420P,
        p => p,
    }
}
