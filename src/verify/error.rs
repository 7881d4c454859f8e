//! Why a file could not be verified.

use std::path::Path;

use crate::inspect::InspectError;
use crate::isolation::SandboxError;
use crate::media::MediaError;
use crate::package::PackageError;
use crate::provenance::ProvenanceError;
use crate::recovery::RecoveryError;
use crate::registry::RegistryError;
use crate::{AboutFile, ErrorKind};

/// Why a file could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Reading media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Reading the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Following the index of a clip in segments.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Asking the registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The worker that looked at the file.
    #[error(transparent)]
    Worker(#[from] SandboxError),
}

impl VerifyError {
    /// The same of a file that goes by another name, as an upload does.
    #[must_use]
    pub fn named(self, name: &Path) -> Self {
        match self {
            Self::Media(e) => Self::Media(e.named(name)),
            Self::Provenance(e) => Self::Provenance(e.named(name)),
            Self::Package(e) => Self::Package(e.named(name)),
            Self::Worker(e) => Self::Worker(e.named(name)),
            Self::Registry(_) => self,
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
            Self::Registry(e) => (e.code(), e.kind()),
            Self::Worker(e) => (e.code(), e.kind()),
        }
    }
}

impl From<InspectError> for VerifyError {
    fn from(e: InspectError) -> Self {
        match e {
            InspectError::Media(e) => e.into(),
            InspectError::Provenance(e) => e.into(),
            InspectError::Package(e) => e.into(),
            InspectError::Worker(e) => e.into(),
        }
    }
}

impl From<RecoveryError> for VerifyError {
    fn from(e: RecoveryError) -> Self {
        match e {
            RecoveryError::Registry(e) => e.into(),
            RecoveryError::Provenance(e) => e.into(),
        }
    }
}
