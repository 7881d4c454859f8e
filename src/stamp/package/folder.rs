//! The folder of a package, which appears whole or not at all.

use std::path::{Path, PathBuf};

use super::super::announce::Announced;
use super::super::likeness::Record;
use super::super::targets::unwritten;
use crate::draft::DraftFolder;
use crate::registry::Entry;
use crate::stamp::{Remember, StampError};

/// What tells a folder that a clip was packaged in.
const INDEXES: [&str; 2] = ["index.m3u8", "index.mpd"];

/// Begins a folder that is to become `folder`, which holds nothing yet, or may be replaced.
pub(super) fn begin(folder: &Path, overwrite: bool) -> Result<DraftFolder, StampError> {
    let taken = match folder.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.symlink_metadata().is_ok(),
    };
    if taken && !overwrite {
        return Err(StampError::Exists { path: folder.into() });
    }
    // Nobody means a folder of something else to be replaced, their home for one.
    if taken && !INDEXES.iter().any(|index| folder.join(index).is_file()) {
        return Err(StampError::OtherFolder { path: folder.into() });
    }
    // The kind alone: where it would have been made is nobody's business.
    Ok(DraftFolder::beside(folder).map_err(|e| unwritten(folder, &e.kind().into()))?)
}

pub(super) fn make_folder(path: &Path) -> Result<(), StampError> {
    std::fs::create_dir_all(path).map_err(|e| unwritten(path, &e).into())
}

/// Tells whoever is to remember a clip of it, and gives its folder the name.
pub(super) struct Appearing<'a> {
    /// Where all its files are for now.
    pub(super) part: &'a Path,
    pub(super) folder: &'a Path,
    /// The index that stands for it, below the folder.
    pub(super) index: &'a Path,
    /// Whether it takes the place of what is known under its number.
    pub(super) replace: bool,
    /// When it was remembered first, if it was before.
    pub(super) stamped: Option<u64>,
}

impl Appearing<'_> {
    /// Whether it is known in the place of another, and why the registry could not be told that it
    /// is there.
    pub(super) fn appear(
        &self,
        draft: DraftFolder,
        record: &Record<'_>,
    ) -> Result<(bool, Option<String>), StampError> {
        let options = record.options;
        let announced = match &options.remember {
            Remember::Registry(registry) => {
                let target = self.folder.join(self.index);
                let entry = record.of_file(&self.part.join(self.index), &target)?;
                let entry = Entry { stamped: self.stamped.unwrap_or(entry.stamped), ..entry };
                Some(Announced::new(registry.as_ref(), &entry, self.replace)?)
            }
            Remember::Nowhere | Remember::File => None,
        };
        draft.publish(self.part, options.overwrite).map_err(|e| {
            announced.iter().for_each(Announced::withdraw);
            match e.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    StampError::Exists { path: self.folder.into() }
                }
                _ => unwritten(self.folder, &e).into(),
            }
        })?;
        let replaced = announced.as_ref().is_some_and(Announced::replaced);
        Ok((replaced, announced.as_ref().and_then(Announced::confirm)))
    }
}

/// Where a clip is remembered: a registration beside it has no place in a folder that others serve.
pub(super) fn remembered(remember: &Remember) -> Result<Option<String>, StampError> {
    match remember {
        Remember::Nowhere => Ok(None),
        Remember::Registry(registry) => Ok(Some(registry.location().to_string())),
        Remember::File => Err(StampError::Stream {
            what: "a clip in segments is remembered at once or not at all; leave out --register \
                later",
        }),
    }
}

/// Moves a file, whose new folder is made.
pub(super) fn settle(from: &Path, to: &Path) -> Result<(), StampError> {
    make_folder(to.parent().unwrap_or(to))?;
    std::fs::rename(from, to).map_err(|e| unwritten(to, &e).into())
}

/// The way from a folder to what is below it.
pub(super) fn below(path: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_path_buf()
}
