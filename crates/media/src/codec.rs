//! The codecs of pictures that can be written, and how to encode.

use ffmpeg_next::codec::Id;
use serde::{Deserialize, Serialize};

use super::Container;

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

    pub(super) fn encoder(self) -> &'static str {
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
    pub(super) fn fits(self, container: Container) -> bool {
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
    pub(super) fn default_for(input: Id, container: Container) -> Self {
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
