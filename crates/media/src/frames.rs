//! What whoever sends frames says of them, because their bytes do not: raw frames are samples and
//! nothing else, and images that follow each other say no rate.

use std::ffi::CString;
use std::path::Path;
use std::str::FromStr;

use ffmpeg_next::ffi::{AVRational, av_parse_video_rate, av_parse_video_size};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Rational};

use super::MediaError;
use super::source::Source;

/// libav's demuxers of images that follow each other, whose ends it finds.
const IMAGES: [&str; 3] = ["png_pipe", "jpeg_pipe", "mjpeg"];

/// Frames per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRate(Rational);

impl FromStr for FrameRate {
    type Err = String;

    /// As ffmpeg has it: `24`, `23.976`, `30000/1001` or a name such as `ntsc`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut rate = AVRational { num: 0, den: 0 };
        let parsed = CString::new(text).ok().map(|text| {
            // SAFETY: the text ends with a zero; the number is ours.
            unsafe { av_parse_video_rate(&mut rate, text.as_ptr()) }
        });
        let rate = Rational::from(rate);
        match parsed {
            Some(0..) if (0.01..=1000.0).contains(&f64::from(rate)) => Ok(Self(rate)),
            _ => Err(format!("'{text}' is no rate of frames such as 24, 23.976 or 30000/1001")),
        }
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSize {
    width: u32,
    height: u32,
}

impl FromStr for FrameSize {
    type Err = String;

    /// As ffmpeg has it: `1280x720`, or a name such as `hd720`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut width, mut height) = (0, 0);
        let parsed = CString::new(text).ok().map(|text| {
            // SAFETY: the text ends with a zero; the numbers are ours.
            unsafe { av_parse_video_size(&mut width, &mut height, text.as_ptr()) }
        });
        match (parsed, u32::try_from(width), u32::try_from(height)) {
            (Some(0..), Ok(width @ 1..), Ok(height @ 1..)) => Ok(Self { width, height }),
            _ => Err(format!("'{text}' is no size such as 1280x720")),
        }
    }
}

/// How the samples of a frame lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat(Pixel);

impl FromStr for PixelFormat {
    type Err = String;

    /// By libav's name, such as `rgb24`.
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("'{text}' is no pixel format such as rgb24 ('ffmpeg -pix_fmts' lists them)")
        })
    }
}

/// What frames are that come through a pipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frames {
    /// Samples and nothing else, frame after frame.
    Raw {
        /// How they lie in a frame.
        format: PixelFormat,
        /// How large a frame is.
        size: FrameSize,
        /// How fast they follow each other.
        rate: FrameRate,
    },
    /// Images in PNG or JPEG, one after the other.
    Images {
        /// How fast they follow each other.
        rate: FrameRate,
    },
}

impl Frames {
    /// libav's name of the demuxer that must be named, since nothing in the bytes tells it.
    pub(super) fn demuxer(&self) -> Option<&'static str> {
        matches!(self, Self::Raw { .. }).then_some("rawvideo")
    }

    /// Tells the demuxer.
    pub(super) fn tell(&self, options: &mut Dictionary<'_>) {
        let (Self::Raw { rate, .. } | Self::Images { rate }) = self;
        options.set("framerate", &format!("{}/{}", rate.0.numerator(), rate.0.denominator()));
        if let Self::Raw { format, size, .. } = self {
            options.set("video_size", &format!("{}x{}", size.width, size.height));
            options.set("pixel_format", format.0.descriptor().map_or("", |d| d.name()));
        }
    }

    /// Pixels of a raw frame.
    pub(super) fn pixels(&self) -> Option<u64> {
        let Self::Raw { size, .. } = self else { return None };
        Some(u64::from(size.width) * u64::from(size.height))
    }

    /// Bytes of a raw frame, if libav knows them.
    pub(super) fn bytes(&self) -> Option<u64> {
        let Self::Raw { format, size, .. } = self else { return None };
        // SAFETY: asks for a number; nothing is read or written.
        let bytes = unsafe {
            ffmpeg_next::ffi::av_image_get_buffer_size(
                format.0.into(),
                i32::try_from(size.width).unwrap_or(i32::MAX),
                i32::try_from(size.height).unwrap_or(i32::MAX),
                1,
            )
        };
        u64::try_from(bytes).ok().filter(|&b| b > 0)
    }
}

/// Whether images follow each other there.
pub(super) fn are_images(source: &Source) -> bool {
    IMAGES.contains(&source.format().name())
}

/// Refuses what came where something else was said of it, or nothing.
pub(super) fn check(path: &Path, source: &Source, said: Option<&Frames>) -> Result<(), MediaError> {
    let images = are_images(source);
    let what = match said {
        None if images => {
            "is a sequence of images, which says no rate; give it, as with -r 24".to_string()
        }
        Some(Frames::Images { .. }) if !images && source.format().name().ends_with("_pipe") => {
            "is a sequence of images that libav does not tell apart in a pipe; send PNG or JPEG"
                .to_string()
        }
        Some(Frames::Images { .. }) if !images => format!(
            "says its own rate of frames (it is {}), and -r is for sequences of images and for \
            raw frames; leave it out",
            source.format().name()
        ),
        _ => return Ok(()),
    };
    Err(MediaError::Unfit { path: path.into(), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_frames_is_read_as_ffmpeg_reads_it() {
        let rate =
            |text: &str| text.parse::<FrameRate>().map(|r| (r.0.numerator(), r.0.denominator()));
        assert_eq!(rate("24"), Ok((24, 1)));
        assert_eq!(rate("30000/1001"), Ok((30000, 1001)));
        assert_eq!(rate("23.976").map(|r| f64::from(r.0) / f64::from(r.1)), Ok(2997.0 / 125.0));
        assert_eq!(rate("ntsc"), Ok((30000, 1001)));
        for wrong in ["", "0", "-24", "fast", "1/0", "1e9", "2\0 4"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let size = |text: &str| text.parse::<FrameSize>().map(|s| (s.width, s.height));
        assert_eq!((size("1280x720"), size("hd720")), (Ok((1280, 720)), Ok((1280, 720))));
        for wrong in ["", "1280", "0x720", "1280x-1", "large", "1280x720x3"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert!("rgb24".parse::<PixelFormat>().is_ok() && "rgb".parse::<PixelFormat>().is_err());
    }

    #[test]
    fn a_raw_frame_has_so_many_bytes() {
        let of = |format: &str| {
            let (format, size) = (format.parse().unwrap(), "6x4".parse().unwrap());
            Frames::Raw { format, size, rate: "24".parse().unwrap() }.bytes()
        };
        assert_eq!((of("rgb24"), of("yuv420p"), of("rgb48le")), (Some(72), Some(36), Some(144)));
    }
}
