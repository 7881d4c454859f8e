//! Inputs: files as named, folders as the media files in them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow, bail};

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
            let found = search(input, None);
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

/// Extensions of what stamping leaves beside its targets.
const BESIDE: [&str; 2] = ["c2pa", "json"];

/// Searches a folder and those below it, but not behind links, so that none is entered twice; and
/// not `but`, a real path, which may lie there.
pub(crate) fn search(folder: &Path, but: Option<&Path>) -> Found {
    let mut found = Found::default();
    collect(folder, but, &mut found);
    found
}

fn collect(folder: &Path, but: Option<&Path>, found: &mut Found) {
    if but.is_some_and(|but| folder.canonicalize().is_ok_and(|real| real == but)) {
        return;
    }
    let paths = match entries(folder) {
        Ok(paths) => paths,
        Err(reason) => return found.unread.push((folder.into(), reason)),
    };
    for path in paths.into_iter().filter(|p| !hidden(p)) {
        if path.is_dir() && !path.is_symlink() {
            collect(&path, but, found);
        } else if path.is_file() && is_media(&path) {
            found.files.push(path);
        } else if path.is_file() {
            let name = extension(&path);
            if !BESIDE.contains(&name.as_str()) {
                *found.others.entry(name).or_default() += 1;
            }
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
