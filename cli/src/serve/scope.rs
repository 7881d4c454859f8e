//! What a token allows.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a token allows, in the words of the resolution API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
pub(crate) enum Scope {
    /// Look up, verify and fetch
    #[serde(rename = "fetch:manifests")]
    #[value(name = "fetch:manifests")]
    Fetch,
    /// Store and delete manifests
    #[serde(rename = "store:manifests")]
    #[value(name = "store:manifests")]
    StoreManifests,
    /// Add and move soft bindings
    #[serde(rename = "store:bindings")]
    #[value(name = "store:bindings")]
    StoreBindings,
    /// Search the registry, and write notes, decisions and reviews of clips on the page
    #[serde(rename = "review:clips")]
    #[value(name = "review:clips")]
    Review,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch:manifests",
            Self::StoreManifests => "store:manifests",
            Self::StoreBindings => "store:bindings",
            Self::Review => "review:clips",
        }
    }
}
