//! The kinds of file we write.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A kind of file that can be written, told from the target's extension. Whoever adds one is shown
/// by the compiler where it has to be thought of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The container that `path` names by its extension; `None` for one that cannot be written.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension =
            path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "mp4" | "m4v" => Some(Self::Mp4),
            "mov" => Some(Self::Mov),
            "mkv" => Some(Self::Matroska),
            "webm" => Some(Self::WebM),
            "m4a" => Some(Self::M4a),
            "ogg" | "oga" | "opus" => Some(Self::Ogg),
            "flac" => Some(Self::Flac),
            "mp3" => Some(Self::Mp3),
            "wav" => Some(Self::Wav),
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::WebP),
            _ => None,
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
}
