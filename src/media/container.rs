//! The kinds of file we write.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::MediaError;

/// A kind of file that can be written, told from the target's extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Container {
    /// MP4 (`.mp4`, `.m4v`), always faststart.
    Mp4,
    /// QuickTime (`.mov`).
    Mov,
    /// Matroska (`.mkv`).
    Matroska,
    /// WebM (`.webm`).
    WebM,
    /// MPEG-4 sound (`.m4a`).
    M4a,
    /// Ogg sound (`.ogg`, `.oga`, `.opus`).
    Ogg,
    /// FLAC (`.flac`).
    Flac,
    /// MP3 (`.mp3`).
    Mp3,
    /// WAVE (`.wav`).
    Wav,
    /// PNG still (`.png`).
    Png,
    /// JPEG still (`.jpg`, `.jpeg`).
    Jpeg,
    /// WebP still (`.webp`).
    WebP,
    /// Uncompressed frames (YUV4MPEG2), for pipes.
    Y4m,
    /// MP4 in fragments, which can be written without going back, for pipes.
    Fragments,
}

impl Container {
    /// The container that `path` names.
    ///
    /// # Errors
    /// [`MediaError::Container`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, MediaError> {
        let extension =
            path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "mp4" | "m4v" => Ok(Self::Mp4),
            "mov" => Ok(Self::Mov),
            "mkv" => Ok(Self::Matroska),
            "webm" => Ok(Self::WebM),
            "m4a" => Ok(Self::M4a),
            "ogg" | "oga" | "opus" => Ok(Self::Ogg),
            "flac" => Ok(Self::Flac),
            "mp3" => Ok(Self::Mp3),
            "wav" => Ok(Self::Wav),
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            _ => Err(MediaError::Container { path: path.into() }),
        }
    }

    /// Whether it holds a single picture.
    #[must_use]
    pub fn is_still(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::WebP)
    }

    /// Whether it holds sound alone.
    #[must_use]
    pub fn is_sound(self) -> bool {
        matches!(self, Self::M4a | Self::Ogg | Self::Flac | Self::Mp3 | Self::Wav)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Matroska => "Matroska",
            Self::WebM => "WebM",
            Self::M4a => "M4A",
            Self::Ogg => "Ogg",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
            Self::Wav => "WAVE",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Y4m => "Y4M",
            Self::Fragments => "fragmented MP4",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Fragments => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Matroska => "video/x-matroska",
            Self::WebM => "video/webm",
            Self::M4a => "audio/mp4",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Y4m => "video/x-yuv4mpeg",
        }
    }

    /// libav's muxer.
    pub(super) fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Fragments => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::WebM => "webm",
            Self::M4a => "ipod",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Png | Self::Jpeg => "image2",
            Self::WebP => "webp",
            Self::Y4m => "yuv4mpegpipe",
        }
    }
}
