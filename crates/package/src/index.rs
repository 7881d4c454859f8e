//! Which kind of index a file is, and the clip that it leads to.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::place::Place;
use super::{Package, PackageError, SEGMENTS, dash, hls};

/// Bytes of a file that tell an index.
const HEAD: u64 = 4096;

/// The clip that the index at `path` leads to; `None` if the file is none.
pub(super) fn indexed(path: &Path) -> Result<Option<Package>, PackageError> {
    let mut head = Vec::new();
    // What cannot be read is told by whoever reads it as media.
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
    renditions.sort_by_key(|r| (r.sound, Reverse(r.bandwidth)));
    Ok(Some(Package { index: path.into(), playlists, renditions }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hls,
    Dash,
}

/// The kind of index that begins so: a playlist of something else, as of songs, has no tags of HLS.
fn kind(head: &[u8]) -> Option<Kind> {
    let has = |text: &[u8]| head.windows(text.len()).any(|w| w == text);
    if head.starts_with(b"#EXTM3U") && has(b"#EXT-X-") {
        Some(Kind::Hls)
    } else if has(b"<MPD") && head.trim_ascii_start().starts_with(b"<") {
        Some(Kind::Dash)
    } else {
        None
    }
}
