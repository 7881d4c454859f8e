//! A clip that is remembered before it appears: a crash in between leaves an entry that is looked
//! after later, and never a clip that nobody knows.

use super::StampError;
use crate::registry::{Entry, Put, Registry};

/// A clip that a registry was told of.
pub(super) struct Announced<'a> {
    registry: &'a dyn Registry,
    id: String,
    put: Put,
    /// What was there before, if it took another's place.
    before: Option<Entry>,
}

impl<'a> Announced<'a> {
    /// Tells `registry` of a clip; with `replace` in the place of what it has under its number.
    pub(super) fn new(
        registry: &'a dyn Registry,
        entry: &Entry,
        replace: bool,
    ) -> Result<Self, StampError> {
        let before = if replace { registry.by_id(&entry.id)? } else { None };
        let put = registry.put(entry, replace)?;
        Ok(Self { registry, id: entry.id.clone(), put, before })
    }

    /// Whether it took the place of another entry.
    pub(super) fn replaced(&self) -> bool {
        self.put == Put::Replaced
    }

    /// Takes it back: what did not appear need not be remembered. Where this fails too, an entry is
    /// left whose clip nobody has, which accuses nobody and is forgotten later.
    pub(super) fn withdraw(&self) {
        let _ = match (self.put, &self.before) {
            (Put::Added, _) => self.registry.delete(&self.id).map(drop),
            (Put::Replaced, Some(before)) => self.registry.put(before, true).map(drop),
            _ => Ok(()),
        };
    }

    /// Says that the clip is there; why that could not be said, if it could not.
    pub(super) fn confirm(&self) -> Option<String> {
        self.registry.confirm(&self.id).err().map(|e| e.to_string())
    }
}
