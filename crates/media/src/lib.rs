//! Media through libav: read anything it decodes, write what a stamped clip needs, in memory that
//! does not grow with length.
//!
//! [`Reader`] decodes the picture of a file; [`transcode`] passes each frame through a closure and
//! writes a new file that keeps everything else, [`transcode_stream`] the same from one pipe to
//! another; [`filter()`] runs the picture through a chain of libav's filters; [`frame_at`] gives
//! one frame to show, and [`Stills`] are small pictures of a clip. This crate knows nothing of
//! marks or manifests, and may use `unsafe`, for what the safe wrapper of libav does not reach.
#![allow(unsafe_code)]

mod audio;
mod audio_track;
mod avfilter;
mod beside;
mod boxes;
mod clock;
mod codec;
mod convert;
mod encoder;
mod filter;
mod frame;
mod guard;
mod job;
mod kind;
mod metadata;
mod muxer;
mod nal;
mod pipe;
mod reader;
mod side_data;
mod source;
mod still;
mod stills;
mod streams;
mod transcode;
mod tuning;
mod video_format;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ffmpeg_next::Error;
use ffmpeg_next::ffi::ENOMEM;

use proofmark_core::{AboutFile, ErrorKind};

pub use audio::{AudioInfo, AudioReader, Rework};
pub use beside::carry_over;
pub use codec::{EncodeOptions, Gop, VideoCodec, encoder_options};
pub use filter::{FilterOptions, filter, load_filters};
pub use frame::Picture;
pub use job::{Cancel, Job, Progress, Summary};
pub use kind::Kind;
pub use pipe::{Inlet, Outlet};
pub use proofmark_core::{Container, Limits, Stills};
pub use reader::{Reader, Skip};
pub use source::{MediaInfo, VideoInfo};
pub use still::{Still, frame_at};
pub use stills::StillMaker;
pub use transcode::{transcode, transcode_stream};

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
    #[error("{}: is no stream that can be read from its beginning ({reason}); give Y4M, or an MP4 \
        that is fragmented or has its index first", path.display())]
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

/// Readies libav for a file under `limits`. Called before anything else of it.
fn start(limits: &Limits) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // libav's messages, and its encoders', name no file and are not for the user.
        if std::env::var_os("SVT_LOG").is_none() {
            // SAFETY: no thread of libav runs yet, and Rust's own readers of the environment take
            // its lock. SVT-AV1 listens to nothing else; 1 leaves errors.
            unsafe { std::env::set_var("SVT_LOG", "1") };
        }
        let _ = ffmpeg_next::init();
        ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    });
    bound_allocations(limits);
}

/// Refuses libav any single allocation beyond what a frame of `limits.pixels` takes. It believes
/// what files say before anybody can ask: a chunk of a PNG that gave its length as 1.4 GB was given
/// twice that, of a file of two kilobytes.
fn bound_allocations(limits: &Limits) {
    /// Four components of 16 bits, and a quarter for padding.
    const BYTES_PER_PIXEL: u64 = 10;
    /// Indices, packets and tables need room however small frames must be.
    const LEAST: u64 = 64 << 20;
    /// The widest bound so far: it holds for the whole process, so work under other limits must not
    /// narrow it.
    static WIDEST: Mutex<u64> = Mutex::new(0);
    let bound = limits.pixels.saturating_mul(BYTES_PER_PIXEL).max(LEAST);
    let mut widest = WIDEST.lock().unwrap_or_else(PoisonError::into_inner);
    if bound > *widest {
        *widest = bound;
        // SAFETY: sets one atomic number. Beyond libav's own bound nothing changes: it counts bytes
        // as `int`.
        unsafe {
            ffmpeg_next::ffi::av_max_alloc(
                usize::try_from(bound.min(i32::MAX as u64)).unwrap_or(usize::MAX),
            )
        };
    }
}

/// What libav's refusal to open something means for who gave it.
fn reason(error: Error) -> String {
    match error {
        Error::Other { errno: ENOMEM } => {
            "something in it is larger than a frame may be, or it has more streams than the limit"
                .into()
        }
        error => error.to_string(),
    }
}
