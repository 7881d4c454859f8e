//! Media through libav: read anything it decodes, write what a stamped clip needs, in memory that
//! does not grow with length.
//!
//! [`Reader`] decodes the picture of a file; [`transcode`] passes each frame through a closure and
//! writes a new file that keeps everything else, [`transcode_stream`] the same from one pipe to
//! another, [`transcode_inlet`] from a pipe into a file; [`filter()`] runs the picture through a
//! chain of libav's filters; [`frame_at`] gives one frame to show, and [`Stills`] are small pictures
//! of a clip. This crate knows nothing of marks or manifests, and may use `unsafe`, for what the
//! safe wrapper of libav does not reach.
#![allow(unsafe_code)]

mod audio;
mod audio_track;
mod avfilter;
mod beside;
mod boxes;
mod chosen;
mod clock;
mod codec;
mod convert;
mod encoder;
mod feed;
mod filter;
mod frame;
mod frames;
mod guard;
mod job;
mod label;
mod losses;
mod metadata;
mod muxer;
mod nal;
mod pipe;
mod reader;
mod ready;
mod sequence;
mod side_data;
mod source;
mod spool;
mod still;
mod stills;
mod streams;
mod texts;
mod transcode;
mod tuning;
mod video_format;
mod writer;

use std::sync::{Mutex, PoisonError};

use ffmpeg_next::Error;
use ffmpeg_next::ffi::ENOMEM;

pub use audio::{AudioInfo, AudioReader, Rework};
pub use beside::{Carrying, carry_over};
pub use codec::{EncodeOptions, Gop, VideoCodec, encoder_options};
pub use filter::{FilterOptions, filter, load_filters};
pub use frame::Picture;
pub use frames::{FrameRate, FrameSize, Frames, PixelFormat};
pub use job::{Job, Summary};
pub use pipe::{Inlet, Outlet};
pub use proofmark_core::{
    Cancel, Container, Kind, Limits, MediaError, MediaInfo, Progress, Still, Stills, Text,
    VideoInfo, container_of,
};
pub use reader::{Reader, Skip};
pub use sequence::Sequence;
pub use still::frame_at;
pub use stills::StillMaker;
pub use texts::texts;
pub use transcode::{transcode, transcode_inlet, transcode_stream};

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
