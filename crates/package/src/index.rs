//! Which kind of index a file is, and the clip that it leads to.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::{Package, PackageError, Rendition, SEGMENTS, dash, hls};

/// Bytes of a file that tell an index.
const HEAD: u64 = 4096;

/// The clip that the index at `path` leads to; `None` if the file is none.
pub(super) fn indexed(path: &Path) -> Result<Option<Package>, PackageError> {
    let mut head = Vec::new();
    // What cannot be read, or is no file, is told by whoever reads it as media.
    if !std::fs::metadata(path).is_ok_and(|m| m.is_file()) {
        return Ok(None);
    }
    let read = File::open(path).and_then(|f| f.take(HEAD).read_to_end(&mut head));
    let Some(kind) = read.ok().and_then(|_| kind(&head)) else { return Ok(None) };
    let (place, bytes) = (Place::of(path), hls::bytes(path)?);
    let (playlists, mut renditions) = match kind {
        Kind::Hls => hls::follow(&place, &bytes)?,
        Kind::Dash => (Vec::new(), dash::follow(&place, &bytes)?),
    };
    if renditions.iter().map(|r| r.segments.len()).sum::<usize>() > SEGMENTS {
        return Err(place.odd(format!("it has more than {SEGMENTS} segments")));
    }
    join(&mut renditions);
    renditions.sort_by_key(|r| (r.sound, Reverse(r.bandwidth), r.continues));
    Ok(Some(Package { index: path.into(), playlists, renditions }))
}

/// Makes one of those that are played one behind the other and have the same init segment, under
/// whatever name: what comes again in another period, or behind a copy of that, comes again.
fn join(renditions: &mut Vec<Rendition>) {
    let same = |a: &Option<PathBuf>, b: &Option<PathBuf>| match (a, b) {
        (Some(a), Some(b)) => a == b || alike(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let mut out: Vec<Rendition> = Vec::new();
    // Where those begin that are played one behind the other.
    let mut first = 0;
    for rendition in renditions.drain(..) {
        if !rendition.continues {
            first = out.len();
        }
        let before = out[first..].iter_mut().find(|r| same(&r.init, &rendition.init));
        match before.filter(|_| rendition.continues) {
            Some(before) => before.segments.extend(rendition.segments),
            None => out.push(rendition),
        }
    }
    *renditions = out;
}

/// Bytes of an init segment that are compared.
const INIT: u64 = 64 << 20;

/// Whether two files are the same byte by byte.
fn alike(one: &Path, other: &Path) -> bool {
    let read = |path: &Path| {
        let fits = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= INIT);
        if fits { std::fs::read(path).ok() } else { None }
    };
    read(one).is_some_and(|bytes| read(other) == Some(bytes))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hls,
    Dash,
}

/// The kind of index that begins so: a playlist of something else, as of songs, has no tags of HLS.
fn kind(head: &[u8]) -> Option<Kind> {
    let has = |text: &[u8]| head.windows(text.len()).any(|w| w == text);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.starts_with(b"#EXTM3U") && has(b"#EXT-X-") {
        Some(Kind::Hls)
    } else if has(b"<MPD") && head.trim_ascii_start().starts_with(b"<") {
        Some(Kind::Dash)
    } else {
        None
    }
}
