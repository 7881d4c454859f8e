//! Where a manifest goes.

use proofmark_core::Container;

/// What a manifest store is called that is in no file.
pub(super) const STORE: &str = "application/c2pa";

/// Where a manifest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Into the file.
    Embedded,
    /// Into a `.c2pa` file beside it.
    Sidecar,
}

/// Where the manifest of a file of kind `container` goes: C2PA has no place for one in Matroska and
/// WebM, and what is sent through a pipe cannot be signed in its beginning.
#[must_use]
pub fn placement(container: Container) -> Placement {
    match container {
        Container::Matroska
        | Container::WebM
        | Container::Ogg
        | Container::Y4m
        | Container::Fragments => Placement::Sidecar,
        _ => Placement::Embedded,
    }
}
