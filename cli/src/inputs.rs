//! Inputs: files as named, folders as the media files in them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Extensions that count as media when a folder is given.
const MEDIA: [&str; 30] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts", "flv", "wmv", "ogv", "3gp", "y4m", "gif", "png", "jpg", "jpeg", "webp", "bmp", "tiff", "m4a", "aac",
    "mp3", "wav", "flac", "ogg", "oga", "opus",
];

/// All files that the inputs name, folders searched in the order of their names.
pub(crate) fn expand(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let before = files.len();
            collect(input, &mut files)?;
            if files.len() == before {
                bail!("{}: there is no media file in this folder; give files, or a folder with clips", input.display());
            }
        } else {
            files.push(input.clone());
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{}: cannot be read; check its permissions", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        let media = path.extension().is_some_and(|e| MEDIA.contains(&e.to_string_lossy().to_ascii_lowercase().as_str()));
        if path.is_dir() && !path.is_symlink() && !hidden {
            collect(&path, files)?;
        } else if path.is_file() && media && !hidden {
            files.push(path);
        }
    }
    Ok(())
}
