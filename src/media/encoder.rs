//! The picture's encoder: which one, with what settings, and everything about the picture that it must be told.

use std::path::Path;

use ffmpeg_next::codec::{self, Id, encoder, threading};
use ffmpeg_next::ffi::{
    AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_FLAG_QSCALE, AVChromaLocation, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic, AVFieldOrder, AVPixelFormat,
    FF_QP2LAMBDA, avcodec_find_best_pix_fmt_of_list,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Codec, Dictionary, Rational, decoder, frame};

use super::frame::{Layout, has_alpha};
use super::{Container, MediaError, streams};

/// A picture codec that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Container::Mp4 | Container::Fragments => matches!(self, Self::H264 | Self::H265 | Self::Vp9 | Self::Av1),
            Container::Mov => matches!(self, Self::H264 | Self::H265),
            Container::Matroska => !matches!(self, Self::Png | Self::Jpeg | Self::WebP | Self::Raw),
            Container::WebM => matches!(self, Self::Vp9 | Self::Av1),
            Container::M4a | Container::Ogg | Container::Flac | Container::Mp3 | Container::Wav => false,
            Container::Png => self == Self::Png,
            Container::Jpeg => self == Self::Jpeg,
            Container::WebP => self == Self::WebP,
            Container::Y4m => self == Self::Raw,
        }
    }

    /// The family of the input's codec where the container holds it, else the one the container is known for.
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
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
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
pub(super) struct PictureFormat {
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
    /// Whether an alpha channel lies beside the picture, where WebM has it and decoders leave it.
    alpha_beside: bool,
    /// HDR metadata in x265's words.
    hdr: Vec<String>,
}

impl PictureFormat {
    /// Of what `decoder` puts out for `source`.
    pub(super) fn of_stream(decoder: &decoder::Video, source: &ffmpeg_next::Stream<'_>) -> Self {
        // SAFETY: the context is valid; only plain fields are read.
        let raw = unsafe { &*decoder.as_ptr() };
        Self {
            codec: decoder.id(),
            width: decoder.width(),
            height: decoder.height(),
            pixel: decoder.format(),
            time_base: source.time_base(),
            frame_rate: [source.avg_frame_rate(), source.rate()].into_iter().find(|r| r.numerator() > 0 && r.denominator() > 0),
            pixel_aspect: aspect_ratio(source, decoder),
            primaries: raw.color_primaries,
            transfer: raw.color_trc,
            matrix: raw.colorspace,
            range: raw.color_range,
            chroma_location: raw.chroma_sample_location,
            bits_per_raw_sample: raw.bits_per_raw_sample,
            field_order: raw.field_order,
            alpha_beside: source.metadata().get("alpha_mode") == Some("1"),
            hdr: streams::x265_hdr(source),
        }
    }

    /// Of a frame that came out of a filter graph.
    pub(super) fn of_frame(frame: &frame::Video, time_base: Rational, frame_rate: Option<Rational>) -> Self {
        // SAFETY: the frame is valid; only plain fields are read.
        let raw = unsafe { &*frame.as_ptr() };
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
            field_order: AVFieldOrder::AV_FIELD_UNKNOWN,
            alpha_beside: false,
            hdr: Vec::new(),
        }
    }

    /// Whether the source has an alpha channel that `format` has not.
    pub(super) fn loses_alpha(&self, format: Pixel) -> bool {
        // JPEG has none: what libav gives out as one is left of four inks.
        self.codec != Id::MJPEG && (self.alpha_beside || has_alpha(self.pixel)) && !has_alpha(format)
    }

    /// What an encoder holds per frame that it looks ahead, roughly.
    fn frame_bytes(&self) -> usize {
        self.width as usize * self.height as usize * 13 / 4
    }
}

/// Presets of x264 and x265.
const PRESETS: [&str; 10] = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];

/// Memory for frames that the encoder looks ahead.
const LOOKAHEAD_BYTES: usize = 48 << 20;

/// An opened encoder.
pub(super) struct PictureEncoder {
    pub(super) encoder: encoder::video::Encoder,
    pub(super) format: Pixel,
    pub(super) codec: VideoCodec,
}

/// Opens the encoder for a picture of the given format.
pub(super) fn open(path: &Path, container: Container, options: &EncodeOptions, source: &PictureFormat, global_header: bool) -> Result<PictureEncoder, MediaError> {
    let codec = options.codec.unwrap_or_else(|| VideoCodec::default_for(source.codec, container));
    if !codec.fits(container) {
        return Err(MediaError::CannotHold { path: path.into(), container: container.name(), what: codec.name().into(), advice: "choose another --video-codec, or a .mkv target" });
    }
    let fail = |reason: String| MediaError::Encoder { path: path.into(), codec: codec.name().into(), reason };
    let found = encoder::find_by_name(codec.encoder()).ok_or_else(|| fail("libav was built without it".into()))?;
    // x264 and x265 would print their own complaint to standard error.
    if let Some(preset) = options.preset.as_ref().filter(|p| matches!(codec, VideoCodec::H264 | VideoCodec::H265) && !PRESETS.contains(&p.as_str())) {
        return Err(fail(format!("'{preset}' is none of its presets: {}", PRESETS.join(", "))));
    }
    let format = choose_format(codec, &found, source);
    let mut context = codec::Context::new_with_codec(found);
    // x264 would take half as many again as there are cores, and each holds a frame and more; the rest is for decoding and marking.
    let count = if codec == VideoCodec::H264 { std::thread::available_parallelism().map_or(0, usize::from) } else { 0 };
    context.set_threading(threading::Config { kind: threading::Type::Frame, count, ..Default::default() });
    let mut encoder = context.encoder().video().map_err(|e| fail(e.to_string()))?;
    encoder.set_width(source.width);
    encoder.set_height(source.height);
    encoder.set_format(format);
    encoder.set_time_base(source.time_base);
    encoder.set_frame_rate(source.frame_rate);
    encoder.set_aspect_ratio(source.pixel_aspect);
    // SAFETY: the context is valid and not open yet; only plain fields are set.
    unsafe {
        let to = encoder.as_mut_ptr();
        (*to).thread_type = 3;
        (*to).color_primaries = source.primaries;
        (*to).color_trc = source.transfer;
        let was_rgb = matches!(Layout::of(source.pixel), Layout::Rgb { .. } | Layout::Other { rgb: true, .. });
        let is_rgb = matches!(Layout::of(format), Layout::Rgb { .. } | Layout::Other { rgb: true, .. });
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
        if codec == VideoCodec::Raw {
            // Frames are passed on as they are; encoders take them for progressive ones.
            (*to).field_order = source.field_order;
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
    let private = private_options(codec, options, source);
    let encoder = encoder.open_with(private).map_err(|e| fail(e.to_string()))?;
    Ok(PictureEncoder { encoder, format, codec })
}

/// Frames that x264 and x265 look ahead: what the preset says, but no more than fit in [`LOOKAHEAD_BYTES`], so that large frames do not fill
/// the memory. Seven instead of ten make 1080p 1.5 % smaller and take 0.0001 off its SSIM at visually lossless rates.
fn lookahead(preset: &str, frame_bytes: usize) -> usize {
    const BY_PRESET: [usize; PRESETS.len()] = [0, 0, 10, 20, 30, 40, 50, 60, 60, 60];
    let wanted = PRESETS.iter().position(|&p| p == preset).map_or(40, |i| BY_PRESET[i]);
    wanted.min((LOOKAHEAD_BYTES / frame_bytes.max(1)).max(7))
}

/// The encoder's own options: quality, speed, HDR metadata.
fn private_options(codec: VideoCodec, options: &EncodeOptions, source: &PictureFormat) -> Dictionary<'static> {
    let mut d = Dictionary::new();
    let crf = |default: f32| options.crf.unwrap_or(default).to_string();
    let constant = options.bitrate.is_none();
    let preset = |default: &str| options.preset.clone().unwrap_or_else(|| default.into());
    match codec {
        VideoCodec::H264 => {
            d.set("preset", &preset("medium"));
            d.set("rc-lookahead", &lookahead(&preset("medium"), source.frame_bytes()).to_string());
            if constant {
                d.set("crf", &crf(17.0));
            }
        }
        VideoCodec::H265 => {
            d.set("preset", &preset("medium"));
            if constant {
                d.set("crf", &crf(18.0));
            }
            // x265 refuses to look ahead no further than it has B-frames.
            let ahead = format!("rc-lookahead={}", lookahead(&preset("medium"), source.frame_bytes()).clamp(10, 20));
            d.set("x265-params", &[vec!["log-level=none".to_string(), ahead], source.hdr.clone()].concat().join(":"));
        }
        VideoCodec::Vp9 => {
            d.set("deadline", "good");
            d.set("row-mt", "1");
            d.set("cpu-used", &preset("4"));
            if constant {
                d.set("crf", &crf(20.0));
                d.set("b", "0");
            }
        }
        VideoCodec::Av1 => {
            d.set("preset", &preset("8"));
            if constant {
                d.set("crf", &crf(22.0));
            }
        }
        VideoCodec::Ffv1 => {
            d.set("level", "3");
            d.set("slicecrc", "1");
        }
        VideoCodec::WebP => d.set("quality", "95"),
        VideoCodec::Png | VideoCodec::Jpeg | VideoCodec::Raw => {}
    }
    d
}

fn is_full_range(format: Pixel) -> bool {
    matches!(format, Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P | Pixel::YUVJ411P)
}

fn aspect_ratio(source: &ffmpeg_next::Stream<'_>, decoder: &decoder::Video) -> Rational {
    // SAFETY: the stream is valid for the call.
    let container = unsafe { Rational::from((*source.as_ptr()).sample_aspect_ratio) };
    if container.numerator() > 0 { container } else { decoder.aspect_ratio() }
}

/// The pixel format to encode: the source's own where the encoder takes it, else the nearest.
fn choose_format(codec: VideoCodec, encoder: &Codec, picture: &PictureFormat) -> Pixel {
    let source = picture.pixel;
    let any: Vec<Pixel> = encoder.video().ok().and_then(|v| v.formats().map(Iterator::collect)).unwrap_or_default();
    // Samples as they are can be anything; what Y4M says of them is what counts.
    let known = if codec == VideoCodec::Raw { Y4M.to_vec() } else { any };
    let takes = |p: Pixel| known.contains(&p);
    let (rgb, depth) = match Layout::of(source) {
        Layout::Luma { depth } => (false, depth),
        Layout::Rgb { depth } => (true, depth),
        Layout::Other { rgb, depth, .. } => (rgb, depth),
    };
    let lossy_video = matches!(codec, VideoCodec::H264 | VideoCodec::H265 | VideoCodec::Vp9 | VideoCodec::Av1);
    let plain = match source {
        Pixel::YUVJ420P if !takes(source) => Pixel::YUV420P,
        Pixel::YUVJ422P if !takes(source) => Pixel::YUV422P,
        Pixel::YUVJ444P if !takes(source) => Pixel::YUV444P,
        // The mark needs more shades than a palette has.
        Pixel::PAL8 if takes(Pixel::RGBA) => Pixel::RGBA,
        // Nor do black and white do for it.
        Pixel::MonoWhite | Pixel::MonoBlack if takes(Pixel::GRAY8) => Pixel::GRAY8,
        // WebP knows one range and one matrix, into which libwebp itself turns red, green and blue.
        _ if codec == VideoCodec::WebP && picture.codec != Id::WEBP => Pixel::BGRA,
        Pixel::YUV420P if codec == VideoCodec::Jpeg => Pixel::YUVJ420P,
        Pixel::YUV422P if codec == VideoCodec::Jpeg => Pixel::YUVJ422P,
        _ if codec == VideoCodec::Jpeg && rgb => Pixel::YUVJ444P,
        // Players take 4:2:0; red, green and blue are kept by the lossless codecs alone.
        _ if lossy_video && rgb && depth > 8 && takes(Pixel::YUV420P10LE) => Pixel::YUV420P10LE,
        _ if lossy_video && rgb => Pixel::YUV420P,
        other => other,
    };
    let chosen = if takes(plain) { plain } else { nearest(&known, plain) };
    // x264 and x265 want even sizes where chroma is halved.
    let odd = |n: u32| n % 2 == 1;
    let needs_full_chroma = matches!(codec, VideoCodec::H264 | VideoCodec::H265) && (odd(picture.width) || odd(picture.height));
    match chosen {
        Pixel::YUV420P | Pixel::YUV422P if needs_full_chroma => Pixel::YUV444P,
        Pixel::YUVJ420P | Pixel::YUVJ422P if needs_full_chroma => Pixel::YUVJ444P,
        Pixel::YUV420P10LE | Pixel::YUV422P10LE if needs_full_chroma => Pixel::YUV444P10LE,
        other => other,
    }
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
    // SAFETY: the list ends with the terminator that the function looks for; the last argument may be null.
    let best = unsafe { avcodec_find_best_pix_fmt_of_list(list.as_ptr(), source.into(), alpha, std::ptr::null_mut()) };
    match Pixel::from(best) {
        Pixel::None => Pixel::YUV420P,
        p => p,
    }
}
