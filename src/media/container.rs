//! The kinds of file we write.

use std::path::Path;

use super::MediaError;

/// A kind of file that can be written, told from the target's extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// PNG still (`.png`).
    Png,
    /// JPEG still (`.jpg`, `.jpeg`).
    Jpeg,
    /// WebP still (`.webp`).
    WebP,
}

impl Container {
    /// The container that `path` names.
    ///
    /// # Errors
    /// [`MediaError::Container`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, MediaError> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match extension.as_str() {
            "mp4" | "m4v" => Ok(Self::Mp4),
            "mov" => Ok(Self::Mov),
            "mkv" => Ok(Self::Matroska),
            "webm" => Ok(Self::WebM),
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

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Matroska => "Matroska",
            Self::WebM => "WebM",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Matroska => "video/x-matroska",
            Self::WebM => "video/webm",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    /// libav's muxer.
    pub(super) fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::WebM => "webm",
            Self::Png | Self::Jpeg => "image2",
            Self::WebP => "webp",
        }
    }
}
