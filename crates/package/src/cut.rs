//! A fragmented file, cut into an init segment and segments of a fragment each.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::boxes::{self, BoxAt};
use super::codec::Medium;
use super::fragment::{Clock, Span};
use super::{PackageError, Segment};

/// What begins each segment: that it is one of CMAF's (ISO/IEC 23000-19, section 7.2).
const STYP: &[u8; 24] = b"\0\0\0\x18stypmsdh\0\0\0\0msdhcmfs";
/// The init segment's name.
pub(super) const INIT: &str = "init.mp4";

/// What a file was cut into.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cut {
    /// The init segment.
    pub init: PathBuf,
    /// The others.
    pub segments: Vec<Segment>,
    /// What players are told of the track.
    pub medium: Medium,
    /// Samples in all: frames of a picture.
    pub samples: u64,
}

/// Cuts the fragmented MP4 at `file`, of one track, into `folder`, which is there and empty:
/// `init.mp4`, `00001.m4s` and so on, a fragment each.
///
/// # Errors
/// [`PackageError`] if it cannot be read, is not that, or a segment cannot be written.
pub fn cut(file: &Path, folder: &Path) -> Result<Cut, PackageError> {
    let unread = |reason| PackageError::Open { path: file.into(), reason };
    let unfit = |what: &str| PackageError::Cut { path: file.into(), what: what.into() };
    let mut from = File::open(file).map_err(unread)?;
    let all = boxes::top(&mut from).map_err(unread)?;
    let moov = all.iter().find(|b| b.kind == *b"moov").ok_or_else(|| unfit("it has no index"))?;
    let moov = boxes::body(&mut from, moov).map_err(unread)?;
    let clock = Clock::of(&moov).ok_or_else(|| unfit("it is not in fragments"))?;
    let medium =
        Medium::of(&moov).ok_or_else(|| unfit("playlists have no name for its codec here"))?;

    let heads: Vec<BoxAt> =
        all.iter().filter(|b| [b"ftyp", b"moov"].contains(&&b.kind)).copied().collect();
    let init = folder.join(INIT);
    write(&mut from, &[], &heads, &init)?;
    let (mut segments, mut samples) = (Vec::new(), 0);
    let mut first = None;
    for pair in all.windows(2) {
        let [moof, mdat] = pair else { continue };
        if (moof.kind, mdat.kind) != (*b"moof", *b"mdat") {
            continue;
        }
        let told = boxes::body(&mut from, moof).map_err(unread)?;
        let span = Span::of(&told, clock).ok_or_else(|| unfit("a fragment says no time"))?;
        let path = folder.join(format!("{:05}.m4s", segments.len() + 1));
        write(&mut from, STYP, pair, &path)?;
        let seconds = |ticks: u64| ticks as f64 / f64::from(clock.timescale);
        let start = span.start.saturating_sub(*first.get_or_insert(span.start));
        segments.push(Segment { path, start: seconds(start), seconds: seconds(span.length) });
        samples += span.samples;
    }
    if segments.is_empty() {
        return Err(unfit("there is no fragment in it"));
    }
    Ok(Cut { init, segments, medium, samples })
}

/// Writes boxes of a file to another.
fn write(from: &mut File, head: &[u8], boxes: &[BoxAt], path: &Path) -> Result<(), PackageError> {
    let mut copy = || -> io::Result<()> {
        let mut to = File::create_new(path)?;
        to.write_all(head)?;
        for one in boxes {
            from.seek(SeekFrom::Start(one.at))?;
            io::copy(&mut from.take(one.size), &mut to)?;
        }
        Ok(())
    };
    copy().map_err(|reason| PackageError::Write { path: path.into(), reason })
}
