//! What a token allows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token allows, in the words of the resolution API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// To look up, verify and fetch.
    #[serde(rename = "fetch:manifests")]
    Fetch,
    /// To store and delete manifests.
    #[serde(rename = "store:manifests")]
    StoreManifests,
    /// To add and move soft bindings.
    #[serde(rename = "store:bindings")]
    StoreBindings,
    /// To search the registry, and to write about clips.
    #[serde(rename = "review:clips")]
    Review,
}

impl Scope {
    /// All that there are.
    pub const ALL: [Self; 4] =
        [Self::Fetch, Self::StoreManifests, Self::StoreBindings, Self::Review];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch:manifests",
            Self::StoreManifests => "store:manifests",
            Self::StoreBindings => "store:bindings",
            Self::Review => "review:clips",
        }
    }

    /// What it allows, for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Fetch => "Look up, verify and fetch",
            Self::StoreManifests => "Store and delete manifests",
            Self::StoreBindings => "Add and move soft bindings",
            Self::Review => {
                "Search the registry, and write notes, decisions and reviews of clips on the page"
            }
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|s| s.name() == name);
        known.ok_or_else(|| format!("there is no scope '{name}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_under_their_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(serde_json::json!(scope), scope.name());
        }
    }
}
