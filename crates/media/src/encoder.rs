//! The picture's encoder: which one, with what settings, and everything about the picture that it
//! must be told.

use std::ffi::CString;
use std::path::Path;

use ffmpeg_next::codec::{self, Id, encoder, threading};
use ffmpeg_next::ffi::{
    AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_FLAG_INTERLACED_DCT, AV_CODEC_FLAG_QSCALE,
    AV_OPT_SEARCH_CHILDREN, AV_PIX_FMT_FLAG_HWACCEL, AVColorRange, AVColorSpace,
    AVERROR_OPTION_NOT_FOUND, AVPixelFormat, FF_QP2LAMBDA, av_opt_set,
    avcodec_find_best_pix_fmt_of_list,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::pixel::Descriptor;

use super::chosen::Chosen;
use super::codec::{EncodeOptions, Gop, OPENH264, VideoCodec, X264};
use super::convert::is_full_range;
use super::frame::{Layout, has_alpha};
use super::video_format::VideoFormat;
use super::{Container, MediaError, tuning};

/// An opened encoder.
pub(super) struct VideoEncoder {
    pub(super) encoder: encoder::video::Encoder,
    pub(super) format: Pixel,
    pub(super) codec: VideoCodec,
    /// The codec's name for people.
    pub(super) name: &'static str,
    /// Whether it writes closed captions, and says of fields that they are fields.
    pub(super) keeps_fields: bool,
}

/// Opens the encoder for a picture of the given format.
pub(super) fn open(
    path: &Path,
    container: Container,
    options: &EncodeOptions,
    source: &VideoFormat,
    global_header: bool,
) -> Result<VideoEncoder, MediaError> {
    let chosen = Chosen::of(path, container, options, source)?;
    let Chosen { codec, found, name, .. } = chosen;
    let fail = |reason: String| chosen.failed(path, reason);
    // Encoders would print their own complaint to standard error, or give a number for a reason.
    tuning::check(&chosen, options).map_err(fail)?;
    let format = choose_format(&chosen, container, options, source).map_err(fail)?;
    let mut context = codec::Context::new_with_codec(found);
    context.set_threading(threading::Config {
        kind: threading::Type::Frame,
        count: threads(chosen.encoder()),
        ..Default::default()
    });
    let mut encoder = context.encoder().video().map_err(|e| fail(e.to_string()))?;
    describe(&mut encoder, codec, format, source);
    describe_colour(&mut encoder, format, source);
    set_coding(&mut encoder, codec, options, source, global_header);
    let (private, asked) = tuning::private_options(&chosen, format, options, source);
    for (key, value) in &asked {
        set_option(&mut encoder, chosen.encoder(), key, value).map_err(fail)?;
    }
    let encoder = encoder.open_with(private).map_err(|e| fail(why(&chosen, &e, &asked)))?;
    let keeps_fields = codec == VideoCodec::H264 && chosen.encoder() != OPENH264;
    Ok(VideoEncoder { encoder, format, codec, name, keeps_fields })
}

/// Sets an option by its name.
///
/// # Errors
/// What is wrong with it.
fn set_option(
    encoder: &mut encoder::video::Video,
    name: &str,
    key: &str,
    value: &str,
) -> Result<(), String> {
    let text = |text: &str| CString::new(text).map_err(|_| format!("'{key}' holds a NUL"));
    let (wanted, given) = (text(key)?, text(value)?);
    // SAFETY: the context is valid and not open yet, both texts end with a zero, and libav copies
    // what it keeps.
    let status = unsafe {
        av_opt_set(
            encoder.as_mut_ptr().cast(),
            wanted.as_ptr(),
            given.as_ptr(),
            AV_OPT_SEARCH_CHILDREN,
        )
    };
    match status {
        0.. => Ok(()),
        AVERROR_OPTION_NOT_FOUND => Err(format!(
            "it has no option '{key}'; 'ffmpeg -h encoder={name}' lists those that it has"
        )),
        _ => Err(format!("its option '{key}' cannot be '{value}'")),
    }
}

/// Why an encoder did not open.
fn why(chosen: &Chosen, e: &ffmpeg_next::Error, asked: &[(String, String)]) -> String {
    if chosen.is_hardware() {
        return format!(
            "{e}: it works on a device, which this machine has not, or not for the process that \
            encodes; --no-sandbox lets it reach devices"
        );
    }
    if asked.is_empty() {
        return e.to_string();
    }
    let options: Vec<String> = asked.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{e}, with {}", options.join(" "))
}

/// Threads of the encoder; 0 leaves their number to it.
fn threads(encoder: &str) -> usize {
    // x264 would take half as many again as there are cores, and each holds a frame and more; the
    // rest is for decoding and marking.
    if encoder == X264 { std::thread::available_parallelism().map_or(0, usize::from) } else { 0 }
}

/// Tells the encoder how large the frames are and how they follow each other.
fn describe(
    encoder: &mut encoder::video::Video,
    codec: VideoCodec,
    format: Pixel,
    source: &VideoFormat,
) {
    let (width, height) = even(codec, format, source);
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
}

/// Tells the encoder what the samples mean.
fn describe_colour(encoder: &mut encoder::video::Video, format: Pixel, source: &VideoFormat) {
    let (was_rgb, is_rgb) = (is_rgb(source.pixel), is_rgb(format));
    // SAFETY: the context is valid and not open yet; only plain fields are set.
    unsafe {
        let to = encoder.as_mut_ptr();
        (*to).color_primaries = source.primaries;
        (*to).color_trc = source.transfer;
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
    }
}

/// Sets how frames are coded: with what threads, whether as fields, at what rate.
fn set_coding(
    encoder: &mut encoder::video::Video,
    codec: VideoCodec,
    options: &EncodeOptions,
    source: &VideoFormat,
    global_header: bool,
) {
    // SAFETY: the context is valid and not open yet; only plain fields are set.
    unsafe {
        let to = encoder.as_mut_ptr();
        (*to).thread_type = 3;
        (*to).field_order = source.field_order;
        if source.is_interlaced() && codec == VideoCodec::H264 {
            (*to).flags |= AV_CODEC_FLAG_INTERLACED_DCT as i32;
        }
        if global_header {
            (*to).flags |= AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        }
        match options.gop.unwrap_or_default() {
            Gop::Frames(frames) => (*to).gop_size = i32::try_from(frames).unwrap_or(i32::MAX),
            Gop::Seconds(seconds) if codec.is_predictive() || options.gop.is_some() => {
                (*to).gop_size = (seconds * f64::from(source.pace())).round().max(1.0) as i32;
            }
            _ => {}
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
}

/// Whether samples are red, green and blue.
fn is_rgb(format: Pixel) -> bool {
    matches!(Layout::of(format), Layout::Rgb { .. } | Layout::Other { rgb: true, .. })
}

/// The pixel format to encode: the one that is asked for, else the source's own where the encoder
/// takes it, else the nearest.
///
/// # Errors
/// Why there is none.
fn choose_format(
    chosen: &Chosen,
    container: Container,
    options: &EncodeOptions,
    picture: &VideoFormat,
) -> Result<Pixel, String> {
    let any: Vec<Pixel> = chosen
        .found
        .video()
        .ok()
        .and_then(|v| v.formats().map(Iterator::collect))
        .unwrap_or_default();
    // Samples as they are can be anything; what Y4M says of them is what counts.
    let known = if chosen.codec == VideoCodec::Raw { Y4M.to_vec() } else { any };
    let in_memory = |p: &Pixel| p.descriptor().is_some_and(|d| !is_on_device(&d));
    if !known.is_empty() && !known.iter().any(in_memory) {
        return Err("it takes frames of its device alone; mark them on their way to it with \
            'proofmark stamp - -o -', and sign what it makes with 'proofmark sign'"
            .into());
    }
    let known: Vec<Pixel> = known.into_iter().filter(in_memory).collect();
    let Some(asked) = &options.pixel_format else {
        return Ok(own_format(chosen.codec, container, &known, picture));
    };
    let names = || {
        let all: Vec<_> = known.iter().filter_map(|p| Some(p.descriptor()?.name())).collect();
        all.join(", ")
    };
    match asked.parse::<Pixel>() {
        Ok(format) if known.is_empty() || known.contains(&format) => Ok(format),
        _ => Err(format!("'{asked}' is none of its pixel formats: {}", names())),
    }
}

/// Whether frames of a format lie in the memory of a device.
fn is_on_device(format: &Descriptor) -> bool {
    // SAFETY: a descriptor is a static table entry.
    unsafe { (*format.as_ptr()).flags & AV_PIX_FMT_FLAG_HWACCEL as u64 != 0 }
}

/// The source's own format where the encoder takes it, else the nearest.
fn own_format(
    codec: VideoCodec,
    container: Container,
    known: &[Pixel],
    picture: &VideoFormat,
) -> Pixel {
    let source = picture.pixel;
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
    let plain = if takes(plain) { plain } else { nearest(known, plain) };
    // libvpx codes transparency beside the picture, for which Matroska alone has a place.
    let beside =
        codec == VideoCodec::Vp9 && matches!(container, Container::Matroska | Container::WebM);
    match has_alpha(source) {
        true if beside && takes(Pixel::YUVA420P) => Pixel::YUVA420P,
        true if codec == VideoCodec::Vp9 => Pixel::YUV420P,
        _ => plain,
    }
}

/// The size that is written: encoders of H.264 and H.265 want even ones where chroma is halved, and
/// no player but those of a desktop takes it whole.
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
