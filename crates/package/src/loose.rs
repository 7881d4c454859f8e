//! A part of a clip by itself, and what lies beside it.

use std::path::{Path, PathBuf};

use proofmark_core::Kind;

use super::fragment::{Clock, span_of_file};
use super::index::indexed;
use super::{Extent, Package, Rendition, SEGMENTS, Segment};

/// Extensions of indexes, and of what may be part of a clip.
const INDEXES: [&str; 2] = ["m3u8", "mpd"];
const PARTS: [&str; 6] = ["m4s", "mp4", "m4v", "m4a", "cmfv", "cmfa"];

/// The clip that an init segment or a segment is of, as far as that is here: as an index beside it
/// has it, or by the only init segment there. `None` where nothing is that belongs to it.
pub(super) fn beside(path: &Path, kind: Kind) -> Option<Package> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let above = folder.join("..");
    let found = [folder, &above].iter().flat_map(|f| files(f, &INDEXES)).find_map(|index| {
        let package = indexed(&index).ok()??;
        package.renditions.into_iter().find(|r| r.files().any(|file| is(file, path)))
    });
    let mut rendition = found.or_else(|| by_itself(folder, path, kind))?;
    if kind == Kind::Segment {
        rendition.segments.retain(|s| is(&s.path, path));
        rendition.extent = Extent::One;
    }
    // A rendition that was asked for need not be sound alone because an index calls it so.
    rendition.sound = false;
    Some(Package { index: path.into(), playlists: Vec::new(), renditions: vec![rendition] })
}

/// Whether two paths are of one file.
fn is(one: &Path, other: &Path) -> bool {
    one == other
        || one.file_name() == other.file_name()
            && one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}

/// The clip in a folder that has one init segment and no index.
fn by_itself(folder: &Path, path: &Path, kind: Kind) -> Option<Rendition> {
    let kind_of = |path: &Path| Kind::of_file(std::fs::File::open(path).ok()?);
    let (mut inits, mut parts) = (Vec::new(), Vec::new());
    for file in files(folder, &PARTS) {
        match kind_of(&file) {
            Some(Kind::Init) => inits.push(file),
            Some(Kind::Segment) if parts.len() < SEGMENTS => parts.push(file),
            _ => {}
        }
    }
    let [init] = inits.as_slice() else { return None };
    if kind == Kind::Segment {
        parts = vec![path.into()];
    }
    let clock = Clock::of_init(init);
    let mut first = None;
    let segments: Vec<Segment> = parts
        .into_iter()
        .map(|path| {
            let (at, seconds) = clock.and_then(|c| span_of_file(&path, c)).unwrap_or_default();
            let start = (at - *first.get_or_insert(at)).max(0.0);
            Segment { path, start, seconds }
        })
        .collect();
    let name = init.file_stem()?.to_string_lossy().into_owned();
    let extent = Extent::Whole;
    (!segments.is_empty()).then_some(Rendition {
        name,
        sound: false,
        bandwidth: 0,
        init: Some(init.clone()),
        segments,
        extent,
        continues: false,
    })
}

/// Files of a folder with one of these extensions, in the order of the numbers in their names.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let named = |path: &PathBuf| {
        path.extension().is_some_and(|e| extensions.iter().any(|x| e.eq_ignore_ascii_case(x)))
            && path.is_file()
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(named).collect();
    found.sort_by_cached_key(|path| {
        natural(&path.file_name().unwrap_or_default().to_string_lossy())
    });
    found
}

/// What names are sorted by, so that the tenth comes after the ninth: text, and numbers by their
/// length and digits.
fn natural(name: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut digits = false;
    for c in name.chars() {
        if out.is_empty() || c.is_ascii_digit() != digits {
            digits = c.is_ascii_digit();
            out.push((0, String::new()));
        }
        if let Some((length, part)) = out.last_mut() {
            if digits && part == "0" {
                part.clear();
            }
            part.push(c);
            *length = if digits { part.len() } else { 0 };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_comes_after_the_ninth() {
        let mut names = ["s-10.m4s", "s-9.m4s", "s-0100.m4s", "s-1.m4s", "a-11.m4s"];
        names.sort_by_cached_key(|n| natural(n));
        assert_eq!(names, ["a-11.m4s", "s-1.m4s", "s-9.m4s", "s-10.m4s", "s-0100.m4s"]);
    }
}
