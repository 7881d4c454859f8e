//! What a file leads to, whichever part of a clip in segments it is.

use std::fs::File;
use std::path::Path;

use proofmark_core::Kind;

use super::index::indexed;
use super::{Package, PackageError, loose};

pub(super) fn follow(path: &Path) -> Result<Option<Package>, PackageError> {
    if let Some(package) = indexed(path)? {
        return Ok(Some(package));
    }
    let file = File::open(path).ok().filter(|f| f.metadata().is_ok_and(|m| m.is_file()));
    match file.and_then(Kind::of_file) {
        Some(kind @ (Kind::Init | Kind::Segment)) => Ok(loose::beside(path, kind)),
        _ => Ok(None),
    }
}
