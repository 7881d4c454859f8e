//! Whose eyes a file is seen with: those of this process, or of a [worker](crate::worker) that can do no harm.
//!
//! Everything that [`verify`](mod@crate::verify) wants to know of a file that others made goes through [`Look`]: libav, the C2PA's parser and the detectors
//! run behind it, and nothing else of them does. The registry stays on this side.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::detect::{Detected, Seen, glimpse, observe};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Reader, Still, frame_at};
use crate::picture::DetectOptions;
use crate::provenance::{self, ManifestReport, ProvenanceError, Trust};
use crate::worker::{Isolation, WorkerError};

/// Begins to look at files.
pub trait Eyes: fmt::Debug + Send + Sync {
    /// Begins to look at the file at `path`.
    ///
    /// # Errors
    /// [`LookError`] if that cannot even begin.
    fn open(&self, path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Box<dyn Look>, LookError>;
}

/// A look at one file.
pub trait Look {
    /// What its manifest says; `None` if it has none. Asked first.
    ///
    /// # Errors
    /// [`LookError`] if the file cannot be read or passes a limit. A broken manifest is no error, and neither are media that cannot be decoded: those
    /// are told by [`Self::marks`].
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, LookError>;

    /// Where it says that its manifest is kept, if that is somewhere else. Nothing is fetched.
    ///
    /// # Errors
    /// [`LookError`] if the file cannot be read.
    fn reference(&mut self) -> Result<Option<String>, LookError>;

    /// What marks its picture and its sound carry, and with `sketch` what the picture looks like and the sound is like.
    ///
    /// # Errors
    /// [`LookError`] if the file cannot be read or decoded, passes a limit, or the work was cancelled.
    fn marks(&mut self, ring: &KeyRing, how: &DetectOptions, sketch: bool, progress: &mut dyn FnMut(Progress)) -> Result<Detected, LookError>;

    /// What the beginning of its picture carries, where that is told quickly; `None` of a clip that is short, or has no picture that can be decoded.
    ///
    /// # Errors
    /// [`LookError`] if the worker failed, or the work was cancelled.
    fn glimpse(&mut self, ring: &KeyRing, how: &DetectOptions) -> Result<Option<Detected>, LookError>;

    /// The frame that is shown at `seconds`, as [`frame_at`] has it.
    ///
    /// # Errors
    /// As for [`Self::marks`].
    fn frame(&mut self, seconds: f64) -> Result<Still, LookError>;

    /// How many seconds it lasts, as far as its header says.
    fn seconds(&self) -> Option<f64>;

    /// What keeps the file from doing harm.
    fn isolation(&self) -> Isolation;
}

/// Why a file could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// Reading media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Reading the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The worker that looked at it.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl LookError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Media(e) => e.code(),
            Self::Provenance(e) => e.code(),
            Self::Worker(e) => e.code(),
        }
    }
}

/// This process's own eyes: quickest, and open to whatever a file does to a decoder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own;

impl Eyes for Own {
    fn open(&self, path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Box<dyn Look>, LookError> {
        let mut look = OwnLook { path: path.into(), limits: *limits, cancel: cancel.clone(), seconds: None, unseen: None, seen: None };
        // Media first: what is no media at all is told so, in libav's careful reading, before another parser sees it.
        match Reader::open(path, limits) {
            Ok(reader) => look.seconds = reader.info().seconds,
            // Sound alone can be marked too.
            Err(MediaError::NoVideo { .. }) => {}
            Err(e @ (MediaError::Decode { .. } | MediaError::NotMedia { .. })) => look.unseen = Some(e),
            Err(e @ MediaError::Unsupported { kind, .. }) if kind.is_media() => look.unseen = Some(e),
            Err(e) => return Err(e.into()),
        }
        Ok(Box::new(look))
    }
}

struct OwnLook {
    path: PathBuf,
    limits: Limits,
    cancel: Cancel,
    /// How long it is, as far as its header says.
    seconds: Option<f64>,
    /// Why neither picture nor sound can be looked at, if that is known already.
    unseen: Option<MediaError>,
    /// The picture as it was looked at last.
    seen: Option<Seen>,
}

impl Look for OwnLook {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, LookError> {
        Ok(provenance::read(&self.path, trust, &self.limits)?)
    }

    fn reference(&mut self) -> Result<Option<String>, LookError> {
        Ok(provenance::reference(&self.path)?)
    }

    fn marks(&mut self, ring: &KeyRing, how: &DetectOptions, sketch: bool, progress: &mut dyn FnMut(Progress)) -> Result<Detected, LookError> {
        match self.unseen.take() {
            Some(e) => Err(e.into()),
            None => Ok(observe(&self.path, ring, how, sketch, &mut self.seen, &self.limits, &self.cancel, progress)?),
        }
    }

    fn glimpse(&mut self, ring: &KeyRing, how: &DetectOptions) -> Result<Option<Detected>, LookError> {
        if self.unseen.is_some() {
            return Ok(None);
        }
        match glimpse(&self.path, ring, how, &self.limits, &self.cancel) {
            Err(e @ MediaError::Cancelled { .. }) => Err(e.into()),
            // What cannot be decoded is told by the look at the whole.
            seen => Ok(seen.ok().flatten()),
        }
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, LookError> {
        Ok(frame_at(&self.path, seconds, &self.limits, &self.cancel)?)
    }

    fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    fn isolation(&self) -> Isolation {
        Isolation::default()
    }
}
