//! How to stamp.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::inspect::{self, Inspector};
#[cfg(feature = "media")]
use crate::media::EncodeOptions;
use crate::media::Limits;
use crate::payload::Payload;
#[cfg(feature = "media")]
use crate::press::{self, Presses};
use crate::provenance::{Identity, ManifestOptions};
use crate::registry::Registry;
use crate::video::{MarkerState, Strength};

/// Where a stamped clip is remembered.
#[derive(Clone, Debug, Default)]
pub enum Remember {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In a registry.
    Registry(Arc<dyn Registry>),
    /// In a file beside the target, `<target>.registration.json`, for a registry to take in later.
    File,
}

/// How to stamp.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StampOptions {
    /// The payload; a new random one by default.
    pub payload: Option<Payload>,
    /// Strength of the picture mark.
    pub strength: Strength,
    /// How far the marker of the picture had come at the end of the piece before this one, of a
    /// clip that is encoded in pieces: it is marked as in one go, without a pulse where they meet.
    /// What follows from where a clip begins, such as the number, is the same for all pieces and is
    /// the caller's to give; sound is marked whole.
    pub continues: Option<MarkerState>,
    /// Whether to mark the sound too; otherwise it is copied as it is.
    pub mark_sound: bool,
    /// How to encode the picture.
    #[cfg(feature = "media")]
    pub encode: EncodeOptions,
    /// What the manifest says.
    pub manifest: ManifestOptions,
    /// Who signs; without, no manifest is written.
    pub identity: Option<Identity>,
    /// Whether to replace an existing target.
    pub overwrite: bool,
    /// Who produced the clip, by the code that China's label of generated content has for them (GB
    /// 45438-2025); with it the file gets that label, and the clip's number in it.
    pub aigc_producer: Option<String>,
    /// What the input may ask of the machine.
    pub limits: Limits,
    /// Who decodes the input and encodes the target: this process, or workers that know no key. A
    /// stream is always this process's own.
    #[cfg(feature = "media")]
    pub press: Arc<dyn Presses>,
    /// Who reads the finished file back.
    pub inspector: Arc<dyn Inspector>,
    /// Whether to read the finished file back, blind, and to fail if the payload does not come out.
    pub check: bool,
    /// Where the clip is remembered.
    pub remember: Remember,
    /// The user's words for it in the registry.
    pub labels: BTreeSet<String>,
    /// Whether the registry keeps small pictures of it, for people to hold another clip beside.
    pub stills: bool,
}

impl Default for StampOptions {
    fn default() -> Self {
        Self {
            payload: None,
            strength: Strength::default(),
            continues: None,
            mark_sound: true,
            #[cfg(feature = "media")]
            encode: EncodeOptions::default(),
            manifest: ManifestOptions::default(),
            identity: None,
            overwrite: false,
            aigc_producer: None,
            limits: Limits::default(),
            #[cfg(feature = "media")]
            press: Arc::new(press::Own),
            inspector: inspect::usual(),
            check: false,
            remember: Remember::Nowhere,
            labels: BTreeSet::new(),
            stills: true,
        }
    }
}

impl StampOptions {
    /// Whether small pictures of the clip are made: there must be something to keep them.
    pub(super) fn keeps_stills(&self) -> bool {
        let remembered = self.stills && !matches!(self.remember, Remember::Nowhere);
        remembered || (self.manifest.thumbnail && self.identity.is_some())
    }
}
