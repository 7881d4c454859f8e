//! What a picture had that the file which is written of it has not.

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::Pixel;

use super::Container;
use super::codec::VideoCodec;
use super::convert::is_rgb;
use super::encoder::VideoEncoder;
use super::frame::{Layout, has_alpha};
use super::video_format::VideoFormat;

/// Lines on what the picture had that a file of `container`, by this encoder, has not.
pub(super) fn losses(
    picture: &VideoFormat,
    encoder: &VideoEncoder,
    container: Container,
) -> Vec<String> {
    let mut out = Vec::new();
    let &VideoEncoder { format, codec, keeps_fields, .. } = encoder;
    // OpenH264 is of the codec that keeps them.
    let advice = |keeps: &str| match codec {
        VideoCodec::H264 => String::new(),
        _ => format!("; --video-codec h264 keeps {keeps}"),
    };
    // JPEG has none: what libav gives out as one is left of four inks.
    if picture.transparent && picture.codec != Id::MJPEG && !has_alpha(format) {
        out.push(format!(
            "the alpha channel was left out: {} has no place for it here",
            codec.name()
        ));
    }
    if picture.captions && !keeps_fields {
        out.push(format!(
            "the closed captions were left out: {} has no place for them here{}",
            codec.name(),
            advice("them")
        ));
    }
    let depth = |p: Pixel| match Layout::of(p) {
        Layout::Luma { depth } | Layout::Rgb { depth } | Layout::Other { depth, .. } => depth,
    };
    if depth(format) < depth(picture.pixel) && format != Pixel::None {
        out.push(format!(
            "the picture has {} bits a sample instead of {}: {} holds no more here",
            depth(format),
            depth(picture.pixel),
            codec.name()
        ));
    }
    out.extend(coarser(picture.pixel, format).map(|kept| {
        format!(
            "the colours are kept at {kept} of the picture's resolution, as players take \
            them; --pix-fmt and a codec that takes it keep more"
        )
    }));
    let told =
        keeps_fields || matches!(container, Container::Matroska | Container::Mov | Container::Y4m);
    if container == Container::Y4m && is_rgb(picture.pixel) {
        out.push(
            "red, green and blue were turned into luma and chroma by BT.709, which Y4M does \
            not say"
                .into(),
        );
    }
    if picture.is_interlaced() && !told {
        out.push(format!(
            "the picture is interlaced, which {} in {} does not say: players will not \
            deinterlace it{}",
            codec.name(),
            container.name(),
            advice("it")
        ));
    }
    out
}

/// How much of the resolution of colours is left, where that is less than it was.
fn coarser(from: Pixel, to: Pixel) -> Option<&'static str> {
    let (from, to) = from.descriptor().zip(to.descriptor())?;
    if from.nb_components() < 3 || to.nb_components() < 3 {
        return None;
    }
    let across = to.log2_chroma_w().saturating_sub(from.log2_chroma_w());
    let down = to.log2_chroma_h().saturating_sub(from.log2_chroma_h());
    match across + down {
        0 => None,
        1 => Some("half"),
        _ => Some("a quarter"),
    }
}
