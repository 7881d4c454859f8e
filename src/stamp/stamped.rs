//! What came of stamping.

use std::path::PathBuf;

use crate::audio::{self, AudioError};
use crate::isolation::Isolation;
use crate::key::KeyId;
use crate::mark::Generation;
use crate::media;
use crate::payload::Payload;
use crate::video::{Capacity, MarkerState};

/// What was stamped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stamped {
    /// The number in the mark and in the manifest's label.
    pub payload: Payload,
    /// How often the clip has been stamped with this key, this time included.
    pub generation: Generation,
    /// The key that the mark was made with.
    pub key: KeyId,
    /// Where the manifest is; `None` if none was asked for, or it is in the registry alone.
    pub manifest: Option<PathBuf>,
    /// The manifest's label; `None` if none was asked for.
    pub label: Option<String>,
    /// Label of the manifest of what the clip was made from, which is in the new one; `None` if
    /// that had none.
    pub parent: Option<String>,
    /// What was written.
    pub summary: media::Summary,
    /// How much evidence the marked frames carry, and what that should survive; `None` without a
    /// picture.
    pub capacity: Option<Capacity>,
    /// The same of each sound track that was marked, or why it could not be.
    pub sound: Vec<Result<audio::Capacity, AudioError>>,
    /// How far the marker of the picture has come, for the next piece of a clip that is encoded in
    /// pieces; `None` without a picture.
    pub state: Option<MarkerState>,
    /// Where it is remembered: the registry, or the file for one; `None` if nowhere.
    pub remembered: Option<String>,
    /// Why the registry could not be told that the file is there; it knows the clip all the same,
    /// and finds out later.
    pub unconfirmed: Option<String>,
    /// What kept the input from doing harm.
    pub isolation: Isolation,
}
