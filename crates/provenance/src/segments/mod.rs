//! Clips in segments: the manifest is in the init segment, and each segment says its place in a
//! tree of hashes (C2PA 2.4, section 18.7.3 and annex A.5).

mod part;
mod tree;

use std::io::{self, Seek};
use std::path::Path;

use c2pa::assertions::BmffHash;
use c2pa::jumbf_io;
use serde::{Deserialize, Serialize};

use super::read::{OVERSTATED, Trust, read_store};
use super::report::{ManifestState, unreadable};
use super::{ManifestReport, Placement, ProvenanceError, claims, size};
use part::Part;
use proofmark_core::Limits;

/// What C2PA's parser is told of a segment.
const MP4: &str = "video/mp4";
/// The C2PA's code for a segment that is not as signed.
const MISMATCH: &str = "assertion.bmffHash.mismatch";

/// A segment, held against the manifest in the init segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentState {
    /// It is as signed, and is the one of that number, from 0, of those that were signed with it.
    Holds(usize),
    /// It is not as signed, though it says that it is the one of that number.
    Changed(usize),
    /// It says that it belongs to what the manifest does not know.
    Foreign,
    /// It says nothing of a manifest.
    Unsigned,
}

/// A manifest, and how the segments that are held against it fare.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segmented {
    /// What the manifest says.
    pub report: ManifestReport,
    /// Each segment.
    pub segments: Vec<SegmentState>,
    /// How many segments were signed, if these say whose they are.
    pub signed: Option<usize>,
    /// Whether the init segment is as signed.
    pub init_holds: bool,
}

/// Reads the manifest of a clip whose init segment and segments lie one behind the other in the
/// file at `path`, in stretches of so many bytes, and holds them against it. `None` if the init
/// segment has none.
///
/// # Errors
/// [`ProvenanceError`] as of [`read`](super::read()).
pub fn read_segments(
    path: &Path,
    lengths: &[u64],
    trust: &Trust,
    limits: &Limits,
) -> Result<Option<Segmented>, ProvenanceError> {
    let mut at = 0_u64;
    let mut stretches = lengths.iter().map(|length| {
        let start = at;
        at = at.saturating_add(*length);
        Part::new(path, start, *length)
    });
    let open = |reason| ProvenanceError::Open { path: path.into(), reason };
    let Some(init) = stretches.next() else { return Ok(None) };
    hold(path, init.map_err(open)?, stretches, trust, limits)
}

/// The same of an init segment and segments in files of their own.
///
/// # Errors
/// As there.
pub(super) fn read_files(
    init: &Path,
    segments: &[impl AsRef<Path>],
    limits: &Limits,
) -> Result<Option<Segmented>, ProvenanceError> {
    let open = |reason| ProvenanceError::Open { path: init.into(), reason };
    let parts = segments.iter().map(|path| Part::whole(path.as_ref()));
    hold(init, Part::whole(init).map_err(open)?, parts, &Trust::default(), limits)
}

fn hold(
    path: &Path,
    mut init: Part,
    segments: impl Iterator<Item = io::Result<Part>>,
    trust: &Trust,
    limits: &Limits,
) -> Result<Option<Segmented>, ProvenanceError> {
    let open = |reason| ProvenanceError::Open { path: path.into(), reason };
    size::check(path, size::announced(&mut init).unwrap_or(0), limits)?;
    let Ok(store) = jumbf_io::load_jumbf_from_stream(MP4, &mut init) else { return Ok(None) };
    let unread = |why: &str, count| Segmented {
        report: unreadable(why, Placement::Embedded),
        segments: vec![SegmentState::Unsigned; count],
        signed: None,
        init_holds: false,
    };
    if claims::overstated(&store, limits.manifest_bytes) {
        return Ok(Some(unread(OVERSTATED, segments.count())));
    }
    let report = read_store(&store, trust, limits)?;
    let hash = report.label.as_deref().and_then(|label| tree::hard_binding(&store, label));
    let Some(hash) = hash else {
        let count = segments.count();
        let mut told = unread("", count);
        told.report = ManifestReport { sidecar: false, ..report };
        if told.report.label.is_some() {
            fail(&mut told.report, "claim.hardBindings.missing");
        }
        return Ok(Some(told));
    };
    let mut held = Holding { hash, init, init_holds: true, trees: Vec::new() };
    let segments = segments
        .map(|part| part.map(|part| held.state(part)))
        .collect::<io::Result<Vec<_>>>()
        .map_err(open)?;
    let mut report = ManifestReport { sidecar: false, ..report };
    let whole = held.init_holds && segments.iter().all(|s| matches!(s, SegmentState::Holds(_)));
    if !whole {
        fail(&mut report, MISMATCH);
    } else if !segments.is_empty() {
        report.content_holds = Some(true);
    }
    let (init_holds, signed) = (held.init_holds, held.signed());
    Ok(Some(Segmented { report, segments, signed, init_holds }))
}

/// Notes that what a manifest is bound to is not as signed.
fn fail(report: &mut ManifestReport, code: &str) {
    report.state = ManifestState::Invalid;
    report.content_holds = Some(false);
    report.failures.push(code.into());
}

/// What segments are held against.
struct Holding {
    hash: BmffHash,
    init: Part,
    init_holds: bool,
    /// By unique and local number, the tree that each segment says to be of.
    trees: Vec<(usize, usize)>,
}

impl Holding {
    fn state(&mut self, mut segment: Part) -> SegmentState {
        let places = tree::places(&mut segment);
        let Some(place) = places.first() else { return SegmentState::Unsigned };
        let (tree, location) = ((place.unique_id, place.local_id), place.location);
        if self.count_of(tree).is_none() {
            return SegmentState::Foreign;
        }
        self.trees.push(tree);
        let held = segment.rewind().map_err(c2pa::Error::from).and_then(|()| {
            self.hash.verify_stream_segment(&mut self.init, &mut segment, Some("sha256"))
        });
        match held {
            Ok(()) => SegmentState::Holds(location),
            Err(e) => {
                // The crate has one error for both, and a word for each.
                self.init_holds &= !e.to_string().contains("inithash");
                SegmentState::Changed(location)
            }
        }
    }

    /// How many segments a tree has.
    fn count_of(&self, (unique, local): (usize, usize)) -> Option<usize> {
        let trees = self.hash.merkle()?;
        trees.iter().find(|t| (t.unique_id, t.local_id) == (unique, local)).map(|t| t.count)
    }

    /// How many segments the tree has that most of these are of.
    fn signed(&self) -> Option<usize> {
        let of = |tree: &&(usize, usize)| self.trees.iter().filter(|t| t == tree).count();
        self.count_of(*self.trees.iter().max_by_key(of)?)
    }
}
