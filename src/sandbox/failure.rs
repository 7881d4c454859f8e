//! Errors on their way from a worker to its parent. Files and limits are named by the parent, who
//! knows them.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::SandboxError;
use crate::ErrorKind;
use crate::inspect::InspectError;
use crate::media::{Kind, Limits, MediaError};
use crate::provenance::{ProvenanceError, sidecar_path};
use crate::stamp::StampError;

/// Why a worker has no answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Open(Reason),
    NotAFile,
    Empty,
    NotMedia(String),
    NoVideo,
    NoSound,
    Decode(String),
    DecodeSound(String),
    /// Which limit, by its place in [`LIMITED`], and what was found.
    Limit(usize, u64),
    Sidecar(Reason),
    /// Whether it is the sidecar, and its bytes.
    ManifestTooLarge(bool, u64),
    Trust(String),
    Other(String),
    ManifestAlone,
    Unsupported(Kind),
    /// Filters, and why they do not take the picture.
    Filter(String, String),
    /// The target cannot be written, or no encoder takes it: the code, the sentence, and whether it
    /// may pass.
    Target(String, String, bool),
}

/// An error of the system: its number, or its words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reason {
    Number(i32),
    Words(String),
}

impl From<&io::Error> for Reason {
    fn from(e: &io::Error) -> Self {
        e.raw_os_error().map_or_else(|| Self::Words(e.to_string()), Self::Number)
    }
}

impl From<Reason> for io::Error {
    fn from(r: Reason) -> Self {
        match r {
            Reason::Number(n) => Self::from_raw_os_error(n),
            Reason::Words(words) => Self::other(words),
        }
    }
}

/// What can be wrong with a target.
const CODES: [&str; 3] = ["target.unwritable", "target.container", "target.encoder"];

/// The limit on something.
type Limit = fn(&Limits) -> u64;

/// What can be too large, in the words of [`MediaError::Limit`], and the limit on it.
const LIMITED: [(&str, Limit); 5] = [
    ("a file size (bytes)", |l| l.bytes),
    ("a number of streams", |l| l.streams),
    ("a frame size (pixels)", |l| l.pixels),
    ("a number of frames", |l| l.frames),
    ("a duration (seconds)", |l| l.seconds),
];

impl From<InspectError> for Failure {
    fn from(e: InspectError) -> Self {
        match e {
            InspectError::Media(e) => Self::of_media(e),
            InspectError::Provenance(ProvenanceError::Open { path, reason })
                if path == sidecar_path(&path) =>
            {
                Self::Sidecar((&reason).into())
            }
            InspectError::Provenance(ProvenanceError::Open { reason, .. }) => {
                Self::Open((&reason).into())
            }
            InspectError::Provenance(ProvenanceError::TooLarge { path, bytes, .. }) => {
                Self::ManifestTooLarge(path == sidecar_path(&path), bytes)
            }
            InspectError::Provenance(ProvenanceError::Trust { reason }) => Self::Trust(reason),
            InspectError::Provenance(ProvenanceError::Alone { .. }) => Self::ManifestAlone,
            e => Self::Other(e.to_string()),
        }
    }
}

impl Failure {
    fn of_media(e: MediaError) -> Self {
        match e {
            MediaError::Open { reason, .. } => Self::Open((&reason).into()),
            MediaError::NotAFile { .. } => Self::NotAFile,
            MediaError::Empty { .. } => Self::Empty,
            MediaError::Unsupported { kind, .. } => Self::Unsupported(kind),
            MediaError::NotMedia { reason, .. } => Self::NotMedia(reason),
            MediaError::NoVideo { .. } => Self::NoVideo,
            MediaError::NoSound { .. } => Self::NoSound,
            MediaError::Decode { reason, .. } => Self::Decode(reason),
            MediaError::DecodeSound { reason, .. } => Self::DecodeSound(reason),
            MediaError::Limit { what, found, .. } if LIMITED.iter().any(|l| l.0 == what) => {
                Self::Limit(LIMITED.iter().position(|l| l.0 == what).unwrap_or_default(), found)
            }
            e => Self::Other(e.to_string()),
        }
    }

    /// Of making a clip anew.
    pub(super) fn of_stamp(e: StampError) -> Self {
        match e {
            StampError::Media(
                e @ (MediaError::Write { .. }
                | MediaError::CannotHold { .. }
                | MediaError::Encoder { .. }
                | MediaError::Unwritable { .. }),
            ) => Self::Target(e.code().into(), e.to_string(), e.kind() == ErrorKind::Retryable),
            StampError::Media(MediaError::Filter { chain, reason, .. }) => {
                Self::Filter(chain, reason)
            }
            StampError::Media(e) => Self::of_media(e),
            e => Self::Other(e.to_string()),
        }
    }

    /// The error, of the file at `path`.
    pub(super) fn into_error(self, path: &Path, limits: &Limits) -> InspectError {
        let path = path.to_path_buf();
        match self {
            Self::Open(reason) => MediaError::Open { path, reason: reason.into() }.into(),
            Self::NotAFile => MediaError::NotAFile { path }.into(),
            Self::Empty => MediaError::Empty { path }.into(),
            Self::Unsupported(kind) => MediaError::Unsupported { path, kind }.into(),
            Self::NotMedia(reason) => MediaError::NotMedia { path, reason }.into(),
            Self::NoVideo => MediaError::NoVideo { path }.into(),
            Self::NoSound => MediaError::NoSound { path }.into(),
            Self::Decode(reason) => MediaError::Decode { path, reason }.into(),
            Self::DecodeSound(reason) => MediaError::DecodeSound { path, reason }.into(),
            Self::Limit(which, found) => match LIMITED.get(which) {
                Some(&(what, limit)) => {
                    MediaError::Limit { path, what, found, limit: limit(limits) }.into()
                }
                None => SandboxError::Answer { path }.into(),
            },
            Self::Sidecar(reason) => {
                ProvenanceError::Open { path: sidecar_path(&path), reason: reason.into() }.into()
            }
            Self::ManifestTooLarge(sidecar, bytes) => {
                let path = if sidecar { sidecar_path(&path) } else { path };
                ProvenanceError::TooLarge { path, bytes, limit: limits.manifest_bytes }.into()
            }
            Self::Trust(reason) => ProvenanceError::Trust { reason }.into(),
            Self::ManifestAlone => ProvenanceError::Alone { path }.into(),
            Self::Filter(chain, reason) => MediaError::Filter { path, chain, reason }.into(),
            Self::Target(code, told, passes) => MediaError::Told {
                kind: if passes { ErrorKind::Retryable } else { ErrorKind::Usage },
                code: CODES.into_iter().find(|c| *c == code).unwrap_or("target.unwritable"),
                told,
            }
            .into(),
            Self::Other(reason) => SandboxError::Failed { path, reason }.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_the_same_on_the_other_side() {
        let path = || Path::new("clip.mp4").to_path_buf();
        let limits = Limits::default();
        let limit = |i: usize| MediaError::Limit {
            path: path(),
            what: LIMITED[i].0,
            found: 1 << 40,
            limit: LIMITED[i].1(&limits),
        };
        let mut errors: Vec<InspectError> = (0..LIMITED.len()).map(|i| limit(i).into()).collect();
        errors.push(
            MediaError::Open { path: path(), reason: io::Error::from_raw_os_error(2) }.into(),
        );
        errors.push(MediaError::NotAFile { path: path() }.into());
        errors.push(MediaError::Empty { path: path() }.into());
        errors.push(MediaError::Unsupported { path: path(), kind: Kind::Heif }.into());
        errors.push(MediaError::NoVideo { path: path() }.into());
        errors.push(MediaError::Decode { path: path(), reason: "no whole frame".into() }.into());
        errors.push(
            ProvenanceError::TooLarge {
                path: "clip.c2pa".into(),
                bytes: 1 << 40,
                limit: limits.manifest_bytes,
            }
            .into(),
        );
        errors.push(
            ProvenanceError::TooLarge {
                path: path(),
                bytes: 1 << 40,
                limit: limits.manifest_bytes,
            }
            .into(),
        );
        errors.push(ProvenanceError::Trust { reason: "none".into() }.into());
        errors.push(ProvenanceError::Alone { path: path() }.into());
        for e in errors {
            let told = e.to_string();
            assert_eq!(Failure::from(e).into_error(&path(), &limits).to_string(), told);
        }
        assert!(matches!(
            Failure::Limit(99, 0).into_error(&path(), &limits),
            InspectError::Worker(SandboxError::Answer { .. })
        ));
    }
}
