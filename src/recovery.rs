//! Recovery: a number in a mark → what the registry remembers of the clip, with its manifest.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::media::Limits;
use crate::payload::Payload;
use crate::provenance::{self, ManifestReport, ManifestState, ProvenanceError, Trust};
use crate::registry::{Content, Entry, Registry, RegistryError};

/// What the registry remembers of a clip.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Registered {
    /// The manifest's label.
    pub id: String,
    /// The number in its marks.
    pub payload: Option<Payload>,
    /// Title of the clip.
    pub title: Option<String>,
    /// When it was stamped, in seconds since 1970.
    pub stamped: u64,
    /// Its media type, such as `video/mp4`.
    pub media_type: String,
    /// SHA-256 of the stamped file.
    pub content: Content,
    /// The user's words for it.
    pub labels: BTreeSet<String>,
    /// Its manifest, judged without its hard binding, which ties it to the bytes of the stamped file; `None` if it was stamped without one.
    pub manifest: Option<ManifestReport>,
}

impl Registered {
    /// From an entry, whose manifest is read and validated.
    ///
    /// # Errors
    /// [`ProvenanceError::Trust`] if the trust list is no good.
    pub fn of(entry: Entry, trust: &Trust, limits: &Limits) -> Result<Self, ProvenanceError> {
        let manifest = entry.manifest.as_ref().map(|store| provenance::read_store(store, trust, limits)).transpose()?;
        let Entry { id, payload, content, media_type, title, stamped, labels, .. } = entry;
        Ok(Self { id, payload, title, stamped, media_type, content, labels, manifest })
    }

    /// Whether there is a manifest, it holds, and it is the one of this entry.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.manifest.as_ref().is_some_and(|m| m.state != ManifestState::Invalid && m.label.as_deref() == Some(self.id.as_str()))
    }
}

/// Why the registry could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The trust list is no good.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
}

/// What the registry remembers of each payload that it knows, in the order asked.
///
/// # Errors
/// [`RecoveryError`].
pub fn recall(registry: &dyn Registry, payloads: &[Payload], trust: &Trust, limits: &Limits) -> Result<Vec<Registered>, RecoveryError> {
    let mut out = Vec::new();
    for &payload in payloads {
        if let Some(entry) = registry.by_payload(payload)? {
            out.push(Registered::of(entry, trust, limits)?);
        }
    }
    Ok(out)
}
