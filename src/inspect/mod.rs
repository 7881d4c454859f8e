//! Who looks at a file that others made: this process, or workers in a [sandbox](crate::sandbox),
//! which can do no harm.
//!
//! Everything that [`verify`](mod@crate::verify) wants to know of a file that others made goes
//! through [`Inspection`]: libav, the C2PA's parser and the detectors run behind it, and nothing
//! else of them does. The registry stays on this side.

#[cfg(feature = "media")]
mod own;
mod package;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use crate::detect::{Audience, Listen, Showing, Shown, Watch};
use crate::detect::{Detected, Detectors, GLIMPSE, WORTH_IT};
use crate::isolation::{Isolation, SandboxError};
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Still, Text};
use crate::package::PackageError;
use crate::provenance::{ManifestReport, ProvenanceError, Segmented, Trust};
use crate::segments::Segments;
use crate::video::DetectOptions;
use crate::{AboutFile, ErrorKind};
#[cfg(feature = "media")]
pub use own::InProcess;
pub use package::{look, open};

/// Begins to look at files.
pub trait Inspector: fmt::Debug + Send + Sync {
    /// Begins to look at the file at `path`.
    ///
    /// # Errors
    /// [`InspectError`] if that cannot even begin.
    fn open(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Inspection>, InspectError>;
}

/// A look at one file.
pub trait Inspection {
    /// What its manifest says; `None` if it has none. Asked first.
    ///
    /// # Errors
    /// [`InspectError`] if the file cannot be read or passes a limit. A broken manifest is no
    /// error, and neither are media that cannot be decoded: those are told by [`Self::marks`].
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError>;

    /// Where it says that its manifest is kept, if that is somewhere else. Nothing is fetched.
    ///
    /// # Errors
    /// [`InspectError`] if the file cannot be read.
    fn reference(&mut self) -> Result<Option<String>, InspectError>;

    /// What text lies in it beside picture and sound; `None` where nobody here can look for it.
    ///
    /// # Errors
    /// As for [`Self::reference`].
    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError>;

    /// What a manifest store says of it that was fetched from the address that it names.
    ///
    /// # Errors
    /// As for [`Self::manifest`].
    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError>;

    /// Where it is an init segment and segments, one behind the other in stretches of so many
    /// bytes: what the manifest in the first says, and how each of the others fares. `None` if it
    /// has none.
    ///
    /// # Errors
    /// As for [`Self::manifest`].
    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError>;

    /// How the segments of a clip fare that is in segments, once its manifest was asked for.
    fn in_segments(&self) -> Option<&Segments> {
        None
    }

    /// What marks carry of it what is to be looked at, and what that is like if that is to be told.
    ///
    /// # Errors
    /// [`InspectError`] if the file cannot be read or decoded, passes a limit, or the work was
    /// cancelled.
    fn marks(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
        what: Showing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Detected, InspectError>;

    /// What the beginning of its picture carries, where that is told quickly; `None` of a clip that
    /// is short, or has no picture that can be decoded.
    ///
    /// # Errors
    /// [`InspectError`] if the worker failed, or the work was cancelled.
    fn glimpse(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
    ) -> Result<Option<Detected>, InspectError>;

    /// The frame that is shown at `seconds`, as [`frame_at`] has it.
    ///
    /// # Errors
    /// As for [`Self::marks`].
    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError>;

    /// How many seconds it lasts, as far as its header says.
    fn seconds(&self) -> Option<f64>;

    /// What keeps the file from doing harm.
    fn isolation(&self) -> Isolation;
}

/// Opens files where they are decoded: in this process, or in a worker, which knows no keys.
pub trait Decodes: fmt::Debug + Send + Sync {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As for [`Inspector::open`].
    fn decode(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Decoding>, InspectError>;
}

/// One file, where it is decoded: what of a [`Inspection`] takes no keys.
pub trait Decoding {
    /// As [`Inspection::manifest`].
    ///
    /// # Errors
    /// As there.
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError>;

    /// As [`Inspection::reference`].
    ///
    /// # Errors
    /// As there.
    fn reference(&mut self) -> Result<Option<String>, InspectError>;

    /// As [`Inspection::texts`].
    ///
    /// # Errors
    /// As there.
    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError>;

    /// As [`Inspection::fetched`].
    ///
    /// # Errors
    /// As there.
    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError>;

    /// As [`Inspection::segments`].
    ///
    /// # Errors
    /// As there.
    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError>;

    /// Shows picture, `rate` frames a second of it, and sound to those who look for marks, wherever
    /// they are, and keeps what both are like if that is asked for.
    ///
    /// # Errors
    /// As for [`Inspection::marks`].
    fn show(
        &mut self,
        rate: f64,
        what: Showing,
        audience: &mut Audience<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Shown, InspectError>;

    /// As [`Inspection::frame`].
    ///
    /// # Errors
    /// As there.
    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError>;

    /// As [`Inspection::seconds`].
    fn seconds(&self) -> Option<f64>;
}

/// Why a file could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Reading media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Reading the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Following the index of a clip in segments.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The worker that looked at it.
    #[error(transparent)]
    Worker(#[from] SandboxError),
}

impl InspectError {
    /// The same of a file that goes by another name.
    #[must_use]
    pub fn named(self, name: &Path) -> Self {
        match self {
            Self::Media(e) => Self::Media(e.named(name)),
            Self::Provenance(e) => Self::Provenance(e.named(name)),
            Self::Package(e) => Self::Package(e.named(name)),
            Self::Worker(e) => Self::Worker(e.named(name)),
        }
    }

    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.told().0
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.told().1
    }

    /// Both of them.
    fn told(&self) -> (&'static str, ErrorKind) {
        match self {
            Self::Media(e) => (e.code(), e.kind()),
            Self::Provenance(e) => (e.code(), e.kind()),
            Self::Package(e) => (e.code(), e.kind()),
            Self::Worker(e) => (e.code(), e.kind()),
        }
    }
}

/// A look at a file that `decoding` shows, with the detectors of this process.
#[must_use]
pub fn inspection(decoding: Box<dyn Decoding>) -> Box<dyn Inspection> {
    Box::new(Looking { decoding, detectors: None })
}

/// Who looks at files where nobody was named: this process itself, if it was built to decode.
#[must_use]
pub fn usual() -> Arc<dyn Inspector> {
    #[cfg(feature = "media")]
    return Arc::new(InProcess);
    #[cfg(not(feature = "media"))]
    return Arc::new(Nobody);
}

/// Where nothing here decodes files.
#[cfg(not(feature = "media"))]
#[derive(Debug)]
struct Nobody;

#[cfg(not(feature = "media"))]
impl Inspector for Nobody {
    fn open(
        &self,
        path: &Path,
        _: &Limits,
        _: &Cancel,
    ) -> Result<Box<dyn Inspection>, InspectError> {
        let reason = "this build decodes no media; give an inspector that does".into();
        Err(MediaError::Decode { path: path.into(), reason }.into())
    }
}

/// A look at a file by what decodes it, with the detectors of this process.
struct Looking {
    decoding: Box<dyn Decoding>,
    /// Who looked at it last.
    detectors: Option<Detectors>,
}

impl Inspection for Looking {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        self.decoding.manifest(trust)
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        self.decoding.reference()
    }

    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        self.decoding.texts()
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        self.decoding.fetched(address, store, trust)
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        self.decoding.segments(lengths, trust)
    }

    fn marks(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
        what: Showing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Detected, InspectError> {
        let mut detectors = again(self.detectors.take(), ring, how, what.sketch);
        let what = if detectors.has_picture() { Showing { picture: None, ..what } } else { what };
        let (mut watch, mut listen) = detectors.parts();
        let mut audience = Audience { watch: &mut watch, listen: &mut listen };
        let shown = self.decoding.show(how.rate, what, &mut audience, progress)?;
        let found = shown.with(detectors.evidence());
        self.detectors = Some(detectors);
        Ok(found)
    }

    fn glimpse(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
    ) -> Result<Option<Detected>, InspectError> {
        let Some((how, beginning)) = glance(self, how) else { return Ok(None) };
        let mut detectors = Detectors::new(ring, &how);
        let (mut watch, mut listen) = detectors.parts();
        let mut audience = Audience { watch: &mut watch, listen: &mut listen };
        let shown = self.decoding.show(how.rate, beginning, &mut audience, &mut |_| {});
        unless_undecodable(shown.map(|shown| shown.with(detectors.evidence())))
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError> {
        self.decoding.frame(seconds)
    }

    fn seconds(&self) -> Option<f64> {
        self.decoding.seconds()
    }

    fn isolation(&self) -> Isolation {
        Isolation::default()
    }
}

/// The detectors for a question: those of the one before, if they have what they need for it, and
/// nothing is to be drawn.
pub(crate) fn again(
    before: Option<Detectors>,
    ring: &KeyRing,
    how: &DetectOptions,
    sketch: bool,
) -> Detectors {
    before
        .filter(|_| !sketch)
        .map_or_else(|| Detectors::new(ring, how), |before| before.again(ring, how))
}

/// What is asked, and shown, for a quick first word: the beginning, where the mark lies as it was
/// stamped or was resized. `None` of a clip that is short.
pub(crate) fn glance(
    look: &dyn Inspection,
    how: &DetectOptions,
) -> Option<(DetectOptions, Showing)> {
    look.seconds().filter(|&seconds| seconds >= WORTH_IT)?;
    Some((DetectOptions { search: false, ..how.clone() }, Showing::beginning(GLIMPSE)))
}

/// What a glimpse came to. What cannot be decoded is told by the look at the whole.
pub(crate) fn unless_undecodable(
    found: Result<Detected, InspectError>,
) -> Result<Option<Detected>, InspectError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(InspectError::Media(e)) if !matches!(e, MediaError::Cancelled { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}
