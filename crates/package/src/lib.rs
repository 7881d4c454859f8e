//! Clips in segments: fragmented MP4 as HLS (RFC 8216), DASH (ISO/IEC 23009-1) and CMAF (ISO/IEC
//! 23000-19) have it.
//!
//! [`Package::of`] follows a playlist, an MPD, or an init segment or segment by itself, to the
//! files of each rendition; nothing is fetched, and nothing outside the index's folder is opened.
//! [`cut()`] makes segments of a fragmented file, and [`indexes`] writes the playlists and MPDs of
//! what was cut. What is in a segment nobody here decodes.

#![forbid(unsafe_code)]

mod boxes;
mod codec;
mod cut;
mod dash;
mod element;
mod follow;
mod fragment;
mod hls;
mod index;
mod loose;
mod place;
mod write;

use std::path::{Path, PathBuf};

use proofmark_core::{AboutFile, ErrorKind};

pub use codec::Medium;
pub use cut::{Cut, cut};
pub use write::{Index, Kind as IndexKind, Track, indexes};

/// Renditions of a package at most.
const RENDITIONS: usize = 64;
/// Segments of all its renditions at most: a day of eight renditions, at ten seconds each.
const SEGMENTS: usize = 100_000;
/// Bytes of an index at most.
const INDEX: u64 = 16 << 20;

/// A clip in segments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Package {
    /// The file that stands for it: the playlist or MPD that leads to all others, or the init
    /// segment or segment that was given.
    pub index: PathBuf,
    /// Playlists that the index names.
    pub playlists: Vec<PathBuf>,
    /// The same clip at several sizes, and its sounds; pictures first, the best before others.
    pub renditions: Vec<Rendition>,
}

/// One form of a clip, by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rendition {
    /// What it is called: by its folder or its playlist, or as the MPD has it.
    pub name: String,
    /// Whether it is sound alone, as far as the index says.
    pub sound: bool,
    /// Bits per second, as the index says; 0 where it does not.
    pub bandwidth: u64,
    /// The init segment; `None` where segments have none, as those of MPEG-TS.
    pub init: Option<PathBuf>,
    /// Segments in the order in which they are played.
    pub segments: Vec<Segment>,
    /// Which of all that there are these are.
    pub extent: Extent,
    /// Whether it is played behind the one before, in whose playlist the init segment changes.
    pub continues: bool,
}

/// Which segments are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of them.
    Whole,
    /// Those of a time: more came before, or will come.
    Window,
    /// One that was asked for.
    One,
}

/// A segment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// The file, which need not be there.
    pub path: PathBuf,
    /// When it begins, in seconds from the first that is listed.
    pub start: f64,
    /// How long it is, in seconds, as the index says or the segment itself does.
    pub seconds: f64,
}

impl Package {
    /// Follows the file at `path`; `None` if it is neither a playlist of segments, an MPD, nor a
    /// part of a clip whose other parts are beside it.
    ///
    /// # Errors
    /// [`PackageError`] if it cannot be read, or leads to what is not here.
    pub fn of(path: &Path) -> Result<Option<Self>, PackageError> {
        follow::follow(path)
    }

    /// Every file that it leads to, and the index itself.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.index)
            .chain(&self.playlists)
            .map(PathBuf::as_path)
            .chain(self.renditions.iter().flat_map(Rendition::files))
    }
}

impl Rendition {
    /// Its init segment and its segments.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.init.iter().chain(self.segments.iter().map(|s| &s.path)).map(PathBuf::as_path)
    }
}

/// Why a package could not be followed or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A file that cannot be read.
    #[error("{}: cannot be read: {reason}; check the name and its permissions", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// An index that leads nowhere, or to what cannot be looked at.
    #[error("{}: cannot be followed: {what}", path.display())]
    Index {
        /// Which index.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A file that cannot be cut into segments.
    #[error("{}: cannot be cut into segments: {what}", path.display())]
    Cut {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file that cannot be written.
    #[error("{}: cannot be written: {reason}; check its permissions and the free space",
        path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

impl AboutFile for PackageError {
    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Open { path, .. }
            | Self::Index { path, .. }
            | Self::Cut { path, .. }
            | Self::Write { path, .. } => Some(path),
        }
    }
}

impl PackageError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "file.unreadable",
            Self::Index { .. } => "package.index",
            Self::Cut { .. } => "package.cut",
            Self::Write { .. } => "file.unwritable",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { reason, .. } => ErrorKind::of_reading(reason),
            Self::Index { .. } | Self::Cut { .. } => ErrorKind::Input,
            Self::Write { .. } => ErrorKind::Retryable,
        }
    }
}
