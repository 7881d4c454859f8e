//! How long fragments are, and when: `tfdt`, `tfhd` and `trun` (ISO/IEC 14496-12, section 8.8).

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use proofmark_core::child_boxes;

use super::boxes::{self, find, number_at};

/// How the first track of a clip counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Ticks of a second.
    pub(super) timescale: u32,
    /// The number of the track.
    track: u64,
    /// Ticks of a sample, where nothing else says.
    sample: u64,
}

impl Clock {
    /// That of a clip whose `moov` this is.
    pub(super) fn of(moov: &[u8]) -> Option<Self> {
        let track = find(moov, &[b"trak", b"tkhd"])?;
        let id = number_at(track, if track.first()? == &1 { 20 } else { 12 }, 4)?;
        let media = find(moov, &[b"trak", b"mdia", b"mdhd"])?;
        let timescale = number_at(media, if media.first()? == &1 { 20 } else { 12 }, 4)?;
        let sample = child_boxes(find(moov, &[b"mvex"])?)
            .filter(|(kind, _)| kind == b"trex")
            .find(|(_, trex)| number_at(trex, 4, 4) == Some(id))
            .and_then(|(_, trex)| number_at(trex, 12, 4))?;
        let timescale = u32::try_from(timescale).ok().filter(|t| *t > 0)?;
        Some(Self { timescale, track: id, sample })
    }

    /// That of the init segment at `path`.
    pub(super) fn of_init(path: &Path) -> Option<Self> {
        Self::of(&first(&mut File::open(path).ok()?, *b"moov").ok()??)
    }

    fn seconds(self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }
}

/// What is in the first box of a kind at the top of a file.
fn first(file: &mut (impl Read + Seek), kind: [u8; 4]) -> io::Result<Option<Vec<u8>>> {
    let found = boxes::top(file)?.into_iter().find(|b| b.kind == kind);
    found.map(|at| boxes::body(file, &at)).transpose()
}

/// When a fragment begins, and how long it is, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) samples: u64,
}

impl Span {
    /// That of the clock's track in a fragment whose `moof` this is.
    pub(super) fn of(moof: &[u8], clock: Clock) -> Option<Self> {
        let traf =
            child_boxes(moof).filter(|(kind, _)| kind == b"traf").map(|(_, traf)| traf).find(
                |traf| find(traf, &[b"tfhd"]).and_then(|h| number_at(h, 4, 4)) == Some(clock.track),
            )?;
        let time = find(traf, &[b"tfdt"])?;
        let start = number_at(time, 4, if time.first()? == &1 { 8 } else { 4 })?;
        let default = default_duration(find(traf, &[b"tfhd"])?).unwrap_or(clock.sample);
        let (mut length, mut samples) = (0_u64, 0);
        for (_, run) in child_boxes(traf).filter(|(kind, _)| kind == b"trun") {
            let (ticks, count) = run_length(run, default)?;
            length = length.saturating_add(ticks);
            samples += count;
        }
        Some(Self { start, length, samples })
    }
}

/// Ticks of a sample that a fragment's head says.
fn default_duration(tfhd: &[u8]) -> Option<u64> {
    let flags = number_at(tfhd, 1, 3)?;
    // The place of the data, and the number of the description, come before.
    let at = 8 + if flags & 1 != 0 { 8 } else { 0 } + if flags & 2 != 0 { 4 } else { 0 };
    if flags & 8 != 0 { number_at(tfhd, at, 4) } else { None }
}

/// Ticks and samples of a run.
fn run_length(trun: &[u8], default: u64) -> Option<(u64, u64)> {
    let (flags, count) = (number_at(trun, 1, 3)?, number_at(trun, 4, 4)?);
    if flags & 0x100 == 0 {
        return Some((count.saturating_mul(default), count));
    }
    let at = 8 + if flags & 1 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
    // Of duration, size, flags and offset each sample has those that are said.
    let each = 4 * (flags >> 8 & 0xf).count_ones() as usize;
    let samples = trun.get(at..)?.chunks_exact(each).take(usize::try_from(count).ok()?);
    Some((samples.filter_map(|s| number_at(s, 0, 4)).sum(), count))
}

/// When the segment at `path` begins and how long it is, in seconds, by its own account.
pub(super) fn span_of_file(path: &Path, clock: Clock) -> Option<(f64, f64)> {
    let moof = first(&mut File::open(path).ok()?, *b"moof").ok()??;
    let span = Span::of(&moof, clock)?;
    Some((clock.seconds(span.start), clock.seconds(span.length)))
}
