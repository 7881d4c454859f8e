//! Proof: C2PA manifests, built, signed, read and judged.
//!
//! [`sign`] writes a manifest that names the mark's payload in its label and in a soft binding;
//! [`read`] tells what a file's manifest says and whether it holds. Certificates come as an
//! [`Identity`], whose key is in a file or somewhere that only signs with it; [`check_identity`]
//! says what one is good for, and [`test_identity`] makes one for trying things out. The
//! specification is C2PA 2.2, <https://spec.c2pa.org>.

#![forbid(unsafe_code)]

mod actor;
mod claims;
mod coverage;
mod declaration;
mod disclosure;
mod identity;
mod identity_check;
mod manifest;
mod parent;
mod pdf;
mod placement;
mod read;
mod reference;
mod report;
mod segments;
mod signer;
mod size;
mod soft_binding;
mod tiff;
mod time_stamp;
mod traces;
mod validity;
mod xmp;

use std::fs::File;
use std::path::{Path, PathBuf};

use proofmark_core::{AboutFile, ErrorKind};

pub use actor::{Actor, ActorState};
pub use declaration::{Declaration, Made, declarations};
pub use disclosure::{Disclosure, Use};
pub use identity::{
    Algorithm, Identity, IdentityOptions, KeySource, SIGNING_PATIENCE, TestIdentity, test_identity,
};
pub use identity_check::{IdentityReport, check_identity};
pub use manifest::{
    Bound, BoxHash, ManifestOptions, Model, Oversight, Sent, Signed, Signing, SigningSegments,
    TrainingMining, UnsignedRendition, sign, sign_segments, sign_stream,
};
pub use parent::Source;
pub use parent::check as check_source;
pub use placement::{Placement, placement};
pub use read::{OwnSigners, Trust, read, read_fetched, read_store, sidecar_path};
pub use reference::LONGEST as LONGEST_REFERENCE;
pub use reference::reference;
pub use report::{Action, Ancestor, EXPIRED, INGREDIENT, ManifestReport, ManifestState, REVOKED};
pub use segments::{SegmentState, Segmented, read_segments};
pub use signer::{Signer, Unattested};
pub use soft_binding::{
    AUDIO_FINGERPRINT, DEFAULT_ALGORITHM, EARLIER_ALGORITHMS, SoftBinding, VIDEO_FINGERPRINT,
    names_marks,
};
pub use traces::Traces;

/// Why a manifest could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// A certificate or its key cannot be used.
    #[error("the signing identity cannot be used: {reason}")]
    Identity {
        /// What is wrong, and the mend.
        reason: String,
    },
    /// The user's manifest definition is wrong.
    #[error("{}: is no manifest definition that can be used: {reason}; see c2patool's \
        documentation for the format", path.display())]
    Definition {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Signing failed.
    #[error("{}: the manifest could not be signed: {reason}", path.display())]
    Sign {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// It was signed for this number before.
    #[error("{}: has the manifest of this number already, and one cannot speak of itself; 'verify' \
        says what it is good for, and 'ffmpeg -i IN -c copy OUT' takes it off to sign anew",
        path.display())]
    Already {
        /// Which file.
        path: PathBuf,
    },
    /// What was signed does not hold.
    #[error("{}: was not signed: readers would reject the manifest ({failures}); mend what \
        --manifest asks for, or, if the file itself is at fault, remux it as with 'ffmpeg -i IN \
        -c copy OUT'; --no-check signs it all the same", path.display())]
    Rejected {
        /// Which file.
        path: PathBuf,
        /// The C2PA's code for each check that fails.
        failures: String,
    },
    /// A file could not be read.
    #[error("{}: cannot be read: {reason}; check the name and its permissions", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A manifest that is too large to look at.
    #[error("{}: its manifest of {bytes} bytes is over the limit of {limit}; raise the limit in \
        the configuration if you trust the file", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A clip to be stamped whose own manifest cannot be taken along.
    #[error(
        "{}: it has a manifest, but the file is too broken for that to be kept ({reason}); stamp \
        the file as it was, or take the manifest off with 'ffmpeg -i IN -c copy OUT'",
        path.display()
    )]
    Torn {
        /// Which file.
        path: PathBuf,
        /// What is broken.
        reason: String,
    },
    /// A clip to be stamped whose manifest is kept somewhere else.
    #[error(
        "{}: it says that its manifest is at {address}, so it was not created here; fetch that \
        and lay it beside the file under the same name with .c2pa, or, if it is of no account, \
        take the file's XMP off ('exiftool -XMP:all= FILE')",
        path.display()
    )]
    Elsewhere {
        /// Which file.
        path: PathBuf,
        /// Where it says that its manifest is.
        address: String,
    },
    /// A manifest where its file is wanted.
    #[error("{}: is a manifest without the file that it was made for; give that file, with this \
        beside it under the same name", path.display())]
    Alone {
        /// Which file.
        path: PathBuf,
    },
    /// Trust anchors that cannot be used.
    #[error("the trust list cannot be used: {reason}; it must be a PEM file of certificates")]
    Trust {
        /// What is wrong.
        reason: String,
    },
}

impl AboutFile for ProvenanceError {
    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Definition { path, .. }
            | Self::Sign { path, .. }
            | Self::Already { path }
            | Self::Rejected { path, .. }
            | Self::Open { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Torn { path, .. }
            | Self::Elsewhere { path, .. }
            | Self::Alone { path, .. } => Some(path),
            Self::Identity { .. } | Self::Trust { .. } => None,
        }
    }
}

impl ProvenanceError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity { .. } => "signing.identity",
            Self::Definition { .. } => "manifest.definition",
            Self::Sign { .. } => "signing.failed",
            Self::Already { .. } => "signing.already",
            Self::Rejected { .. } => "signing.rejected",
            Self::Open { .. } => "file.unreadable",
            Self::TooLarge { .. } => "limit.manifest",
            Self::Torn { .. } => "manifest.torn",
            Self::Elsewhere { .. } => "manifest.elsewhere",
            Self::Alone { .. } => "manifest.alone",
            Self::Trust { .. } => "trust.list",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Identity { .. } | Self::Definition { .. } | Self::Trust { .. } => {
                ErrorKind::Usage
            }
            Self::Sign { .. } => ErrorKind::Internal,
            Self::Open { reason, .. } => ErrorKind::of_reading(reason),
            Self::Already { .. }
            | Self::Rejected { .. }
            | Self::TooLarge { .. }
            | Self::Torn { .. }
            | Self::Elsewhere { .. }
            | Self::Alone { .. } => ErrorKind::Input,
        }
    }
}

/// Opens a file to be read.
fn open(path: &Path) -> Result<File, ProvenanceError> {
    File::open(path).map_err(|reason| ProvenanceError::Open { path: path.into(), reason })
}
