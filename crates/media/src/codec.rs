//! The codecs of pictures that can be written, and how to encode.

use std::ffi::{CStr, CString};
use std::str::FromStr;

use ffmpeg_next::Dictionary;
use ffmpeg_next::codec::{Id, encoder};
use ffmpeg_next::ffi::{av_dict_parse_string, avcodec_descriptor_get_by_name};
use serde::{Deserialize, Serialize};

use super::Container;

/// libav's names of encoders whose own words are known here.
pub(super) const X264: &str = "libx264";
pub(super) const X265: &str = "libx265";
pub(super) const OPENH264: &str = "libopenh264";

/// A picture codec that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum VideoCodec {
    /// H.264 by x264, or by OpenH264 where libav has no x264.
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
    /// Another, by an encoder of libav's.
    Other,
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

    /// The codec that libav calls so.
    pub(super) fn of(id: Id) -> Self {
        match id {
            Id::H264 => Self::H264,
            Id::HEVC => Self::H265,
            Id::VP9 => Self::Vp9,
            Id::AV1 => Self::Av1,
            Id::FFV1 => Self::Ffv1,
            _ => Self::Other,
        }
    }

    /// The name of some codec, as this program or libav has it.
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
        let ours = all.into_iter().map(Self::name).find(|n| *n == name);
        ours.or_else(|| {
            let asked = CString::new(name).ok()?;
            // SAFETY: the name ends with a zero; descriptors are static table entries, or null.
            let known = unsafe { avcodec_descriptor_get_by_name(asked.as_ptr()).as_ref() }?;
            // SAFETY: every descriptor has a name, which ends with a zero and lasts.
            unsafe { CStr::from_ptr(known.name) }.to_str().ok()
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
            Self::Other => "another codec",
        }
    }

    /// libav's names of the encoders that are used for it, the best first. A libav without parts
    /// under the GPL lacks x264 and x265.
    pub(super) fn encoders(self) -> &'static [&'static str] {
        match self {
            Self::H264 => &[X264, OPENH264],
            Self::H265 => &[X265],
            Self::Vp9 => &["libvpx-vp9"],
            Self::Av1 => &["libsvtav1"],
            Self::Ffv1 => &["ffv1"],
            Self::Png => &["png"],
            Self::Jpeg => &["mjpeg"],
            Self::WebP => &["libwebp"],
            // What the muxer takes in every version of libav.
            Self::Raw => &["wrapped_avframe"],
            // It has one that is asked for by name.
            Self::Other => &[],
        }
    }

    /// libav's name of the encoder that is best for it, for whoever needs that one and no other.
    #[must_use]
    pub fn best_encoder(self) -> Option<String> {
        self.encoders().first().map(ToString::to_string)
    }

    /// Whether it writes frames as what has changed since others, and loses by it.
    pub(super) fn is_predictive(self) -> bool {
        matches!(self, Self::H264 | Self::H265 | Self::Vp9 | Self::Av1)
    }

    /// Whether `container` holds this codec.
    pub(super) fn fits(self, container: Container) -> bool {
        match container {
            Container::Mp4 | Container::Fragments => self.is_predictive(),
            Container::Mov => matches!(self, Self::H264 | Self::H265),
            Container::Matroska => self.is_predictive() || self == Self::Ffv1,
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

/// How far key frames are apart at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Gop {
    /// So many frames.
    Frames(u32),
    /// So many seconds.
    Seconds(f64),
    /// What the encoder does of its own accord.
    Own,
}

impl Default for Gop {
    /// Two seconds, where packagers for streaming cut.
    fn default() -> Self {
        Self::Seconds(2.0)
    }
}

impl FromStr for Gop {
    type Err = String;

    /// A number of frames, of seconds with an `s` behind it, or `own`.
    fn from_str(text: &str) -> Result<Self, String> {
        let gop = match text.strip_suffix('s') {
            Some(seconds) => seconds
                .parse()
                .ok()
                .filter(|s| (0.0..=600.0).contains(s) && *s > 0.0)
                .map(Self::Seconds),
            None if text == "own" => Some(Self::Own),
            None => text.parse().ok().filter(|f| (1..=100_000).contains(f)).map(Self::Frames),
        };
        gop.ok_or_else(|| "give frames such as 48, seconds such as 2s, or own".into())
    }
}

/// How to encode picture and sound.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EncodeOptions {
    /// The codec; the input's family where the container holds it, else H.264 (VP9 in WebM).
    pub codec: Option<VideoCodec>,
    /// libav's name of the encoder, in place of the one that is used for its codec.
    pub encoder: Option<String>,
    /// Constant quality, on the codec's own scale; visually lossless by default.
    pub crf: Option<f32>,
    /// Bits per second instead of constant quality.
    pub bitrate: Option<u64>,
    /// Speed preset, in the encoder's own words.
    pub preset: Option<String>,
    /// What the encoder is tuned for, in its own words.
    pub tune: Option<String>,
    /// Profile of the codec, in the encoder's own words.
    pub profile: Option<String>,
    /// How far key frames are apart at most; two seconds by default.
    pub gop: Option<Gop>,
    /// libav's name of the pixel format; that of the input, or the nearest, by default.
    pub pixel_format: Option<String>,
    /// Options of the encoder, by libav's names.
    pub options: Vec<(String, String)>,
    /// libav's name of the sound's encoder; the input's family where the container holds it, else
    /// what that is known for.
    pub audio_encoder: Option<String>,
    /// Bits per second of a sound track.
    pub audio_bitrate: Option<u64>,
    /// Flags of libav's muxer of MP4 and MOV, beside those that are set anyway.
    pub movflags: Option<String>,
    /// MP4 is written in fragments of so many seconds, as segments are cut from: of a picture from
    /// key frame to key frame, which then are that far apart.
    pub fragments: Option<f64>,
    /// The label of GB 45438-2025, which is written where each kind of file has its place for it.
    pub aigc: Option<String>,
}

impl EncodeOptions {
    /// Takes the codec or the encoder that a user names.
    ///
    /// # Errors
    /// What can be named instead.
    pub fn set_codec(&mut self, name: &str) -> Result<(), String> {
        if let Some(codec) = VideoCodec::parse(name) {
            self.codec = Some(codec);
            return Ok(());
        }
        match encoder::find_by_name(name).filter(|e| e.is_video()) {
            Some(found) => {
                self.codec = Some(VideoCodec::of(found.id()));
                self.encoder = Some(name.into());
                Ok(())
            }
            None => Err(format!(
                "'{name}' is no codec that can be written; use h264, h265, vp9, av1 or ffv1, or an \
                encoder of this libav by its name ('ffmpeg -encoders' lists them)"
            )),
        }
    }

    /// Takes the codec or the encoder of sound that a user names.
    ///
    /// # Errors
    /// What can be named instead.
    pub fn set_audio_codec(&mut self, name: &str) -> Result<(), String> {
        // libav's own encoders of these are worse, or experimental.
        let name = match name.to_ascii_lowercase().as_str() {
            "opus" => "libopus".into(),
            "vorbis" => "libvorbis".into(),
            "mp3" => "libmp3lame".into(),
            "pcm" => "pcm_s16le".into(),
            other => other.to_string(),
        };
        if encoder::find_by_name(&name).is_some_and(|e| e.is_audio()) {
            self.audio_encoder = Some(name);
            return Ok(());
        }
        Err(format!(
            "'{name}' is no codec of sound that can be written; use aac, opus, flac, alac, mp3, \
            ac3, vorbis or pcm, or an encoder of this libav by its name ('ffmpeg -encoders' lists \
            them)"
        ))
    }
}

/// Options as ffmpeg has them, `key=value:key=value`; a backslash or quotes take a colon into a
/// value.
///
/// # Errors
/// Where that is not what it is.
pub fn encoder_options(text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("'{text}' is no list of options such as aq-mode=3:psy-rd=1.0");
    let asked = CString::new(text).map_err(|_| wrong())?;
    let mut parsed = std::ptr::null_mut();
    // SAFETY: all three texts end with a zero; what is parsed is owned, and freed, by the
    // dictionary that it becomes, also where parsing stopped.
    let (status, parsed) = unsafe {
        let status =
            av_dict_parse_string(&mut parsed, asked.as_ptr(), c"=".as_ptr(), c":".as_ptr(), 0);
        (status, Dictionary::own(parsed))
    };
    let options: Vec<_> = parsed.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    if status < 0 || options.is_empty() || options.iter().any(|(key, _)| key.is_empty()) {
        return Err(wrong());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_ffmpeg_reads_them() {
        let read = |text| encoder_options(text).unwrap();
        let pair = |k: &str, v: &str| (k.to_string(), v.to_string());
        assert_eq!(read("aq-mode=3:psy-rd=1.0"), [pair("aq-mode", "3"), pair("psy-rd", "1.0")]);
        assert_eq!(
            read(r"x265-params=aq-mode=3\:no-sao=1:g=48"),
            [pair("x265-params", "aq-mode=3:no-sao=1"), pair("g", "48")]
        );
        for wrong in ["", "crf", "=3", "a=1:b", "\0=1"] {
            assert!(encoder_options(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn key_frames_are_so_many_frames_or_seconds_apart() {
        assert_eq!("48".parse(), Ok(Gop::Frames(48)));
        assert_eq!("0.5s".parse(), Ok(Gop::Seconds(0.5)));
        assert_eq!("own".parse(), Ok(Gop::Own));
        for wrong in ["", "0", "-1", "2 s", "0s", "NaNs", "infs", "1e9s", "2m"] {
            assert!(wrong.parse::<Gop>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn encoders_go_by_the_name_of_their_codec_or_their_own() {
        let of = |name| {
            let mut options = EncodeOptions::default();
            options.set_codec(name).map(|()| (options.codec, options.encoder))
        };
        assert_eq!(of("libx264"), Ok((Some(VideoCodec::H264), None)));
        let prores = Ok((Some(VideoCodec::Other), Some("prores_ks".into())));
        assert_eq!(of("prores_ks"), prores);
        assert!(of("aac").is_err() && of("nothing").is_err());
        let mut options = EncodeOptions::default();
        options.set_audio_codec("Opus").unwrap();
        assert_eq!(options.audio_encoder.as_deref(), Some("libopus"));
        assert!(options.set_audio_codec("libx264").is_err());
    }
}
