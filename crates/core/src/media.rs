//! What a media file is, and why one could not be read or written.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{AboutFile, Container, ErrorKind, Kind};

/// What a file is, from its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// Duration in seconds, if the file says; 0 for a still.
    pub seconds: Option<f64>,
    /// The picture; `None` where there is sound alone.
    pub picture: Option<VideoInfo>,
    /// Whether there is sound.
    pub has_audio: bool,
    /// Pictures beside the one that players show, covers left out.
    #[serde(default)]
    pub more_pictures: usize,
    /// Sounds beside the one that players play.
    #[serde(default)]
    pub more_sounds: usize,
}

/// What the picture of a file is, from its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// Width in stored pixels.
    pub width: u32,
    /// Height in stored pixels.
    pub height: u32,
    /// Frames per second on average, if the file says.
    pub frame_rate: Option<f64>,
    /// libav's name of the codec.
    pub codec: String,
    /// Degrees, clockwise, by which players turn it: 0, 90, 180 or 270.
    #[serde(default)]
    pub turned: u16,
}

/// A picture in red, green and blue, in the orientation in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Three bytes a pixel, 0 to 255, row by row without gaps.
    pub data: Vec<u8>,
}

/// The container that `path` names by its extension.
///
/// # Errors
/// [`MediaError::Container`] for any that cannot be written.
pub fn container_of(path: &Path) -> Result<Container, MediaError> {
    Container::of(path).ok_or_else(|| MediaError::Container { path: path.into() })
}

/// Why a file could not be read or written. Each message names the file and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The file could not be opened.
    #[error("{}: cannot be read: {reason}; check the name and its permissions", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A folder or device, not a file.
    #[error("{}: is not a file; give the file itself", path.display())]
    NotAFile {
        /// Which path.
        path: PathBuf,
    },
    /// Nothing in it.
    #[error("{}: is empty (0 bytes); fetch or export it again", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// A file of a kind that cannot be looked at here.
    #[error("{}: is {}; {}", path.display(), kind.name(), kind.advice())]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// Not a media file, or too damaged to tell.
    #[error("{}: is no media file that can be read ({reason}); check that it is whole and plays \
        elsewhere", path.display())]
    NotMedia {
        /// Which file.
        path: PathBuf,
        /// libav's word.
        reason: String,
    },
    /// Nothing that can be read from a pipe.
    #[error("{}: is no stream that can be read from its beginning ({reason}); give Y4M, WAV, an \
        MP4 that is fragmented or has its index first, or say with --input-pix-fmt, --size and -r \
        what raw frames are", path.display())]
    NotStream {
        /// What it is called.
        path: PathBuf,
        /// libav's word.
        reason: String,
    },
    /// A stream that breaks off.
    #[error("{}: it ends within a frame: whatever makes it broke off; see to that, and stamp the \
        whole", path.display())]
    CutOff {
        /// What it is called.
        path: PathBuf,
    },
    /// What comes is not what was said of it, or not what can be done.
    #[error("{}: {what}", path.display())]
    Unfit {
        /// Which file or stream.
        path: PathBuf,
        /// Why, and what to do instead.
        what: String,
    },
    /// Media without a picture.
    #[error("{}: has no video stream; give a clip or a still image, or a target for sound such as \
        .m4a", path.display())]
    NoVideo {
        /// Which file.
        path: PathBuf,
    },
    /// Media without sound, where sound is wanted.
    #[error("{}: has no sound; give a file with sound, or a target for pictures", path.display())]
    NoSound {
        /// Which file.
        path: PathBuf,
    },
    /// The sound cannot be decoded.
    #[error(
        "{}: the sound cannot be decoded ({reason}); check that the file is whole",
        path.display()
    )]
    DecodeSound {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The picture cannot be decoded.
    #[error(
        "{}: the picture cannot be decoded ({reason}); check that the file is whole",
        path.display()
    )]
    Decode {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// One of the [`Limits`] was passed.
    #[error("{}: {what} of {found} is over the limit of {limit}; raise the limit in the \
        configuration if you trust the file", path.display())]
    Limit {
        /// Which file.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A picture that can be decoded, and not be written as what it is.
    #[error("{}: cannot be stamped: {reason}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// Why, and what to do instead.
        reason: String,
    },
    /// The target's kind is not one we write.
    #[error("{}: this kind of file cannot be written; use .mp4, .mov, .mkv, .webm, .m4a, .ogg, \
        .flac, .mp3, .wav, .png, .jpg or .webp; where files go to a folder, --to mp4 names the \
        kind", path.display())]
    Container {
        /// Which target.
        path: PathBuf,
    },
    /// The target's container cannot hold a codec or a stream.
    #[error("{}: {container} cannot hold {what}; {advice}", path.display())]
    CannotHold {
        /// Which target.
        path: PathBuf,
        /// The container.
        container: &'static str,
        /// What it cannot hold.
        what: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The encoder is missing or refused its options.
    #[error("{}: the {codec} encoder cannot be used ({reason}); choose another with --video-codec \
        or mend its options", path.display())]
    Encoder {
        /// Which target.
        path: PathBuf,
        /// The encoder.
        codec: String,
        /// What went wrong.
        reason: String,
    },
    /// The chain of filters is not one that this libav runs on this picture.
    #[error(
        "{}: the filters '{chain}' cannot be run ({reason}); check that libav has them",
        path.display()
    )]
    Filter {
        /// Which input.
        path: PathBuf,
        /// The chain.
        chain: String,
        /// What went wrong.
        reason: String,
    },
    /// Writing failed.
    #[error(
        "{}: cannot be written: {reason}; check the folder, its permissions and the free space",
        path.display()
    )]
    Write {
        /// Which target.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Whoever read a stream has gone.
    #[error("{}: closed by whoever read it before the end, so the stream is cut short and nobody \
        remembers it; look for the reason there", path.display())]
    Closed {
        /// What it is called.
        path: PathBuf,
    },
    /// What another process said of a target, which it names.
    #[error("{told}")]
    Told {
        /// What is wrong, in a word that scripts can ask for.
        code: &'static str,
        /// The same in a sentence.
        told: String,
        /// What can be done about it.
        kind: ErrorKind,
    },
    /// Stopped on request.
    #[error("{}: stopped before it was finished; nothing was written", path.display())]
    Cancelled {
        /// Which file.
        path: PathBuf,
    },
}

impl AboutFile for MediaError {
    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Open { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Empty { path, .. }
            | Self::Unsupported { path, .. }
            | Self::NotMedia { path, .. }
            | Self::NotStream { path, .. }
            | Self::CutOff { path, .. }
            | Self::Unfit { path, .. }
            | Self::NoVideo { path, .. }
            | Self::NoSound { path, .. }
            | Self::DecodeSound { path, .. }
            | Self::Decode { path, .. }
            | Self::Limit { path, .. }
            | Self::Unwritable { path, .. }
            | Self::Container { path, .. }
            | Self::CannotHold { path, .. }
            | Self::Encoder { path, .. }
            | Self::Filter { path, .. }
            | Self::Write { path, .. }
            | Self::Closed { path, .. }
            | Self::Cancelled { path, .. } => Some(path),
            Self::Told { .. } => None,
        }
    }
}

impl MediaError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "file.unreadable",
            Self::NotAFile { .. } => "file.none",
            Self::Empty { .. } => "file.empty",
            Self::Unsupported { .. } => "media.unsupported",
            Self::NotMedia { .. } => "media.none",
            Self::NotStream { .. } => "media.no-stream",
            Self::CutOff { .. } => "media.cut-off",
            Self::Unfit { .. } => "media.unfit",
            Self::NoVideo { .. } => "media.no-video",
            Self::NoSound { .. } => "media.no-audio",
            Self::Decode { .. } | Self::DecodeSound { .. } => "media.undecodable",
            Self::Limit { .. } => "limit.media",
            Self::Unwritable { .. } | Self::Write { .. } => "target.unwritable",
            Self::Container { .. } | Self::CannotHold { .. } => "target.container",
            Self::Encoder { .. } => "target.encoder",
            Self::Filter { .. } => "media.filter",
            Self::Closed { .. } => "target.closed",
            Self::Told { code, .. } => code,
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { reason, .. } => ErrorKind::of_reading(reason),
            Self::NotAFile { .. }
            | Self::Empty { .. }
            | Self::Unsupported { .. }
            | Self::NotMedia { .. }
            | Self::NotStream { .. }
            | Self::CutOff { .. }
            | Self::Unfit { .. }
            | Self::NoVideo { .. }
            | Self::NoSound { .. }
            | Self::Decode { .. }
            | Self::DecodeSound { .. }
            | Self::Limit { .. } => ErrorKind::Input,
            Self::Unwritable { .. }
            | Self::Container { .. }
            | Self::CannotHold { .. }
            | Self::Encoder { .. }
            | Self::Filter { .. } => ErrorKind::Usage,
            Self::Write { .. } | Self::Closed { .. } => ErrorKind::Retryable,
            Self::Told { kind, .. } => *kind,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
        }
    }
}
