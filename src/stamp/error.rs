//! Why nothing was stamped.

use std::path::PathBuf;

use crate::ErrorKind;
use crate::inspect::InspectError;
use crate::isolation::SandboxError;
use crate::media::MediaError;
use crate::package::PackageError;
use crate::payload::Payload;
use crate::provenance::ProvenanceError;
use crate::registry::RegistryError;
use crate::video::VideoError;

/// Why nothing was stamped. The target is then as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// Reading or writing media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The picture cannot carry the mark.
    #[error("{}: {reason}", path.display())]
    Picture {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: VideoError,
    },
    /// Building or signing the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Following or writing a clip in segments.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Remembering it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The worker that decoded the input and encoded the target.
    #[error(transparent)]
    Worker(#[from] SandboxError),
    /// The finished file was read back and the payload did not come out.
    #[error("{}: the mark could not be read back from the {part} of the finished file (evidence \
        {evidence:.0}, about 300 are needed); use a longer or larger clip, a better quality or \
        more --strength", path.display())]
    Unreadable {
        /// The target.
        path: PathBuf,
        /// Picture or sound.
        part: &'static str,
        /// Evidence in the finished file.
        evidence: f32,
    },
    /// A stream cannot be stamped like that.
    #[error("{what}")]
    Stream {
        /// Why, and what to do instead.
        what: &'static str,
    },
    /// A finished clip that is to be signed carries another number.
    #[error("{}: carries the mark of {found}, not of {asked}; leave out the payload to sign it as \
        what it is, or give the clip that was marked with it", path.display())]
    OtherMark {
        /// The clip.
        path: PathBuf,
        /// What it carries.
        found: Payload,
        /// What it was said to be.
        asked: Payload,
    },
    /// A finished clip that is to be signed carries several numbers, of which none was chosen.
    #[error("{}: carries the marks of {}, one manifest speaks for one; choose with --payload",
        path.display(), payloads.iter().map(Payload::to_string).collect::<Vec<_>>().join(" and "))]
    SeveralMarks {
        /// The clip.
        path: PathBuf,
        /// What it carries.
        payloads: Vec<Payload>,
    },
    /// A job has no name that could be told from others.
    #[error(
        "a job is named by 1 to 1024 bytes, as the engine names its task, and this name has {bytes}"
    )]
    Job {
        /// How long it is.
        bytes: usize,
    },
    /// Signing changes no media, and so no kind of file.
    #[error("{}: is to be signed as it is, and {} names another kind of file; let both end \
        alike", path.display(), target.display())]
    OtherKind {
        /// The clip.
        path: PathBuf,
        /// The target.
        target: PathBuf,
    },
    /// A folder that no package is in, and that is not replaced therefore.
    #[error("{}: is a folder of something else, which nothing replaces; name one that is not \
        there", path.display())]
    OtherFolder {
        /// Which folder.
        path: PathBuf,
    },
    /// The target is the input.
    #[error("{}: is the input itself; choose another target with -o", path.display())]
    SameFile {
        /// Which file.
        path: PathBuf,
    },
    /// The target is there already.
    #[error(
        "{}: exists already; choose another target or allow replacing it with --force",
        path.display()
    )]
    Exists {
        /// Which file.
        path: PathBuf,
    },
}

impl StampError {
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
            Self::Registry(e) => (e.code(), e.kind()),
            Self::Worker(e) => (e.code(), e.kind()),
            Self::Picture { .. } => ("media.unmarkable", ErrorKind::Input),
            Self::Unreadable { .. } => ("target.unreadable-mark", ErrorKind::Usage),
            Self::Stream { .. } => ("stream.unfit", ErrorKind::Usage),
            Self::OtherMark { .. } => ("mark.other-payload", ErrorKind::Usage),
            Self::SeveralMarks { .. } => ("mark.several", ErrorKind::Input),
            Self::Job { .. } => ("job.unnamed", ErrorKind::Usage),
            Self::OtherKind { .. } => ("target.other-kind", ErrorKind::Usage),
            Self::OtherFolder { .. } => ("target.other-folder", ErrorKind::Usage),
            Self::SameFile { .. } => ("target.same-file", ErrorKind::Usage),
            Self::Exists { .. } => ("target.exists", ErrorKind::Usage),
        }
    }
}

impl From<InspectError> for StampError {
    fn from(e: InspectError) -> Self {
        match e {
            InspectError::Media(e) => e.into(),
            InspectError::Provenance(e) => e.into(),
            InspectError::Package(e) => e.into(),
            InspectError::Worker(e) => e.into(),
        }
    }
}
