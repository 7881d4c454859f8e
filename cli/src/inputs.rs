//! Inputs: files as named, folders as the media files in them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow, bail};
use proofmark::package::Package;

/// Extensions that count as media when a folder is given.
const MEDIA: [&str; 37] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts", "flv", "wmv", "ogv",
    "3gp", "y4m", "gif", "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "avif", "heic",
    "heif", "jxl", "m4a", "aac", "mp3", "wav", "aif", "aiff", "flac", "ogg", "oga", "opus",
];

/// All files that the inputs name, folders searched in the order of their names.
pub(crate) fn expand(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let found = Search::default().search(input);
            if let Some((folder, reason)) = found.unread.first() {
                return Err(unread(folder, reason));
            }
            if found.files.is_empty() {
                bail!(nothing_in(input));
            }
            files.extend(found.files);
        } else {
            files.push(input.clone());
        }
    }
    Ok(files)
}

/// What a folder without a single media file is told.
pub(crate) fn nothing_in(folder: &Path) -> String {
    format!(
        "{}: there is no media file in this folder; give files, or a folder with clips",
        folder.display()
    )
}

/// What a folder that cannot be searched is told.
pub(crate) fn unread(folder: &Path, reason: &io::Error) -> Error {
    anyhow!("{}: this folder cannot be read ({reason}); check its permissions", folder.display())
}

/// What is in a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// Its media files, in the order of their names.
    pub(crate) files: Vec<PathBuf>,
    /// Folders below it that could not be read, and why.
    pub(crate) unread: Vec<(PathBuf, io::Error)>,
    /// Its other files, so many by their extensions, in lower case. What lies beside media, such
    /// as a manifest, is not counted.
    pub(crate) others: BTreeMap<String, usize>,
}

/// Extensions of playlists and MPDs.
const INDEXES: [&str; 2] = ["m3u8", "mpd"];

/// Extensions of what stamping leaves beside its targets.
const BESIDE: [&str; 2] = ["c2pa", "json"];

/// How folders are searched.
#[derive(Clone, Copy, Default)]
pub(crate) struct Search<'a> {
    /// A real path that may lie there, and is left out.
    pub(crate) but: Option<&'a Path>,
    /// Whether a clip in segments is found by its index alone, and not each of its files.
    pub(crate) packages: bool,
}

impl Search<'_> {
    /// Searches a folder and those below it, but not behind links, so that none is entered twice.
    pub(crate) fn search(self, folder: &Path) -> Found {
        let mut found = Found::default();
        self.collect(folder, &mut HashSet::new(), &mut found);
        found
    }

    /// Adds what is in a folder, but for `parts`, which are in clips that were found.
    fn collect(self, folder: &Path, parts: &mut HashSet<PathBuf>, found: &mut Found) {
        if self.but.is_some_and(|but| folder.canonicalize().is_ok_and(|real| real == but)) {
            return;
        }
        let mut paths = match entries(folder) {
            Ok(paths) => paths,
            Err(reason) => return found.unread.push((folder.into(), reason)),
        };
        paths.retain(|p| !hidden(p));
        let indexes = if self.packages { indexes(&paths, parts) } else { Vec::new() };
        paths.retain(|p| !parts.contains(p) || indexes.contains(p));
        for path in paths {
            if path.is_dir() && !path.is_symlink() {
                self.collect(&path, parts, found);
            } else if path.is_file() && (is_media(&path) || indexes.contains(&path)) {
                found.files.push(path);
            } else if path.is_file() {
                found.leave_out(&path);
            }
        }
    }
}

/// Those of some files that are indexes of clips in segments, and in no other's; all files of such
/// clips are added to `parts`.
fn indexes(paths: &[PathBuf], parts: &mut HashSet<PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|p| INDEXES.contains(&extension(p).as_str())) {
        match Package::of(path) {
            Ok(Some(package)) => {
                parts.extend(package.files().filter(|f| f != path).map(Path::to_path_buf));
                found.push(path.clone());
            }
            // Why it cannot be followed is told in its place.
            Err(_) => found.push(path.clone()),
            Ok(None) => {}
        }
    }
    found.retain(|index| !parts.contains(index));
    found
}

impl Found {
    /// Counts a file that is no media by its name.
    fn leave_out(&mut self, path: &Path) {
        let name = extension(path);
        if !BESIDE.contains(&name.as_str()) {
            *self.others.entry(name).or_default() += 1;
        }
    }
}

/// What lies in a folder, in the order of the names.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        std::fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

pub(crate) fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
}

pub(crate) fn is_media(path: &Path) -> bool {
    MEDIA.contains(&extension(path).as_str())
}

/// The extension in lower case; empty without one.
fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// What was left out of folders, for people.
pub(crate) fn left_out(others: &BTreeMap<String, usize>) -> Option<String> {
    /// Kinds that are named.
    const NAMED: usize = 8;
    let count: usize = others.values().sum();
    let name =
        |name: &str| if name.is_empty() { "no extension".into() } else { format!(".{name}") };
    let kinds: Vec<String> =
        others.iter().take(NAMED).map(|(kind, n)| format!("{n} with {}", name(kind))).collect();
    let more = if others.len() > NAMED { ", and others" } else { "" };
    (count > 0).then(|| {
        format!(
            "left out of folders, as their names are not those of media: {}{more}; name them to \
            have them looked at",
            kinds.join(", ")
        )
    })
}
