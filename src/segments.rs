//! Clips in segments: which of them are missing, moved, or not those that were signed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use crate::package::{Extent, Rendition};
use crate::provenance::SegmentState;

/// How the segments of a clip fare.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Segments {
    /// Each of its renditions.
    pub renditions: Vec<RenditionReport>,
}

/// How those of one rendition fare.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RenditionReport {
    /// What it is called.
    pub name: String,
    /// How many segments are listed.
    pub listed: usize,
    /// How many were signed; `None` where nobody signed, or that cannot be told.
    pub signed: Option<usize>,
    /// Whether more are said to come before or behind those that are listed.
    pub window: bool,
    /// What is not as signed, in the order of its time.
    pub faults: Vec<SegmentFault>,
}

/// A stretch that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SegmentFault {
    /// What is wrong.
    pub kind: SegmentFaultKind,
    /// When it begins, in seconds from the first segment.
    pub start: f64,
    /// When it ends; where segments are missing that no index lists, when it begins.
    pub end: f64,
    /// How many segments.
    pub count: usize,
}

/// What is wrong with segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SegmentFaultKind {
    /// They were signed, and are not there.
    Missing,
    /// They are not where they were.
    Moved,
    /// They come again.
    Repeated,
    /// They say to be of this clip, and are not as they were signed.
    Changed,
    /// They are of another clip.
    Foreign,
    /// Nobody signed them.
    Unsigned,
}

impl Segments {
    /// Whether anything is not as it was signed.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        self.renditions.iter().any(|r| !r.faults.is_empty())
    }

    /// The first rendition of which fewer are listed than were signed, as more are said to come.
    pub(crate) fn window(&self) -> Option<&RenditionReport> {
        let fewer = |r: &&RenditionReport| r.signed.is_some_and(|signed| r.listed < signed);
        self.renditions.iter().filter(|r| r.window).find(fewer)
    }

    /// What is wrong in one way, with the name of its rendition.
    pub(crate) fn of(&self, kind: SegmentFaultKind) -> impl Iterator<Item = (&str, &SegmentFault)> {
        self.renditions.iter().flat_map(move |r| {
            r.faults.iter().filter(move |f| f.kind == kind).map(|f| (r.name.as_str(), f))
        })
    }
}

impl RenditionReport {
    /// That of a rendition each of whose segments is one of the files that are there, or is not; of
    /// these, how they were held against a manifest, if there is one with so many segments.
    #[must_use]
    pub fn new(
        rendition: &Rendition,
        there: &[Option<usize>],
        states: Option<&[SegmentState]>,
        signed: Option<usize>,
    ) -> Self {
        let state = |file: &usize| states.and_then(|all| all.get(*file));
        let listed: Vec<Listed> = there
            .iter()
            .map(|there| match there {
                Some(file) => state(file).map_or(Listed::Untold, Listed::of),
                None => Listed::Absent,
            })
            .collect();
        let mut faults = Vec::new();
        for (index, what) in listed.iter().enumerate() {
            faults.extend(what.fault().map(|kind| (kind, index..index + 1, 1)));
        }
        if rendition.continues && signed.is_some() {
            // One playlist plays one form; a second one of the same clip was signed for another.
            let all = 0..listed.len();
            faults.push((SegmentFaultKind::Moved, all.clone(), all.len()));
        } else {
            faults.extend(out_of_order(&listed));
            faults.extend(left_out(&listed, signed, rendition.extent));
        }
        let faults = joined(faults).into_iter().map(|(kind, range, count)| {
            let (start, end) = times(rendition, &range);
            SegmentFault { kind, start, end, count }
        });
        Self {
            name: rendition.name.clone(),
            listed: there.len(),
            signed,
            window: rendition.extent == Extent::Window,
            faults: faults.collect(),
        }
    }
}

/// What is wrong, of which segments of those that are listed, and how many.
type Found = (SegmentFaultKind, Range<usize>, usize);

/// A segment that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Absent,
    /// Nothing is there to hold it against.
    Untold,
    /// Whether it is as signed, and which of those that were.
    At(bool, usize),
    Foreign,
    Unsigned,
}

impl Listed {
    fn of(state: &SegmentState) -> Self {
        match *state {
            SegmentState::Holds(at) => Self::At(true, at),
            SegmentState::Changed(at) => Self::At(false, at),
            SegmentState::Foreign => Self::Foreign,
            SegmentState::Unsigned => Self::Unsigned,
        }
    }

    fn fault(self) -> Option<SegmentFaultKind> {
        match self {
            Self::Absent => Some(SegmentFaultKind::Missing),
            Self::At(false, _) => Some(SegmentFaultKind::Changed),
            Self::Foreign => Some(SegmentFaultKind::Foreign),
            Self::Unsigned => Some(SegmentFaultKind::Unsigned),
            Self::At(true, _) | Self::Untold => None,
        }
    }

    fn place(self) -> Option<usize> {
        if let Self::At(_, at) = self { Some(at) } else { None }
    }
}

/// Segments that come again, and those whose place among the others is not the signed one.
fn out_of_order(listed: &[Listed]) -> Vec<Found> {
    let (mut seen, mut once, mut out) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (index, at) in listed.iter().enumerate().filter_map(|(i, l)| Some((i, l.place()?))) {
        if seen.insert(at) {
            once.push((index, at));
        } else {
            out.push((SegmentFaultKind::Repeated, index..index + 1, 1));
        }
    }
    let moved = once.iter().zip(&seen).filter(|((_, at), place)| at != *place);
    out.extend(moved.map(|((index, _), _)| (SegmentFaultKind::Moved, *index..index + 1, 1)));
    out
}

/// Segments that were signed and that no index lists: within those that are listed, and where all
/// should be, before and behind them. One that is listed and not there is told of by itself.
fn left_out(listed: &[Listed], signed: Option<usize>, extent: Extent) -> Vec<Found> {
    let Some(signed) = signed.filter(|_| extent != Extent::One) else { return Vec::new() };
    let mut there: BTreeSet<usize> = listed.iter().filter_map(|l| l.place()).collect();
    // What stands between two stands for what was there.
    let mut expected = 0;
    for one in listed {
        match one.place() {
            Some(at) => expected = at.saturating_add(1),
            None => {
                there.insert(expected);
                expected += 1;
            }
        }
    }
    let (first, last) = match (extent, there.first(), there.last()) {
        (Extent::Window, Some(first), Some(last)) => (*first, last.saturating_add(1).min(signed)),
        _ => (0, signed),
    };
    // Behind which of those that are listed each is that was signed; whoever signed says how many
    // there were, and only what lies between those that are there is gone through.
    let behind: BTreeMap<usize, usize> =
        listed.iter().enumerate().filter_map(|(i, l)| Some((l.place()?, i + 1))).collect();
    let (mut out, mut next) = (Vec::new(), first);
    for at in there.range(first..).copied().filter(|at| *at < last).chain([last]) {
        if at > next {
            let index = behind.range(..next).next_back().map_or(0, |(_, index)| *index);
            out.push((SegmentFaultKind::Missing, index..index, at - next));
        }
        next = at.saturating_add(1);
    }
    out
}

/// Those of one kind that follow each other, as one.
fn joined(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by_key(|(kind, range, _)| (*kind, range.start, range.end));
    let mut out: Vec<Found> = Vec::new();
    for (kind, range, count) in all {
        match out.last_mut() {
            Some((last, before, n)) if *last == kind && before.end == range.start => {
                before.end = range.end;
                *n = n.saturating_add(count);
            }
            _ => out.push((kind, range, count)),
        }
    }
    out.sort_by_key(|(_, range, _)| range.start);
    out
}

/// When segments begin and end.
fn times(rendition: &Rendition, range: &Range<usize>) -> (f64, f64) {
    let end_of = |index: usize| {
        index.checked_sub(1).and_then(|i| rendition.segments.get(i)).map(|s| s.start + s.seconds)
    };
    let start =
        rendition.segments.get(range.start).map(|s| s.start).or_else(|| end_of(range.start));
    let start = start.unwrap_or(0.0);
    (start, if range.is_empty() { start } else { end_of(range.end).unwrap_or(start) })
}

#[cfg(test)]
mod tests {
    use super::SegmentFaultKind::{Changed, Foreign, Missing, Moved, Repeated, Unsigned};
    use super::*;

    const HERE: Listed = Listed::Untold;

    fn faults(listed: &[Listed], signed: usize, extent: Extent) -> Vec<Found> {
        let each = listed.iter().enumerate();
        let own = each.filter_map(|(i, l)| Some((l.fault()?, i..i + 1, 1)));
        joined(
            own.chain(out_of_order(listed)).chain(left_out(listed, Some(signed), extent)).collect(),
        )
    }

    fn at(places: &[usize]) -> Vec<Listed> {
        places.iter().map(|p| Listed::At(true, *p)).collect()
    }

    #[test]
    fn what_is_whole_has_no_fault() {
        assert_eq!(faults(&at(&[0, 1, 2, 3]), 4, Extent::Whole), []);
        assert_eq!(faults(&at(&[5, 6, 7]), 90, Extent::Window), []);
        assert_eq!(faults(&at(&[5]), 90, Extent::One), []);
        assert_eq!(faults(&[HERE, HERE], 2, Extent::Whole), []);
    }

    #[test]
    fn each_fault_is_told_where_it_is() {
        let whole = |listed: &[Listed], signed| faults(listed, signed, Extent::Whole);
        assert_eq!(whole(&at(&[0, 3, 4]), 5), [(Missing, 1..1, 2)]);
        assert_eq!(whole(&at(&[1, 2]), 4), [(Missing, 0..0, 1), (Missing, 2..2, 1)]);
        assert_eq!(whole(&at(&[0, 2, 1, 3]), 4), [(Moved, 1..3, 2)]);
        assert_eq!(whole(&at(&[0, 1, 1, 2]), 3), [(Repeated, 2..3, 1)]);
        let mut one = at(&[0, 1, 2, 3]);
        for (other, kind) in [
            (Listed::Absent, Missing),
            (Listed::Foreign, Foreign),
            (Listed::Unsigned, Unsigned),
            (Listed::At(false, 1), Changed),
        ] {
            one[1] = other;
            assert_eq!(whole(&one, 4), [(kind, 1..2, 1)], "{other:?}");
        }
        assert_eq!(faults(&at(&[5, 7]), 90, Extent::Window), [(Missing, 1..1, 1)]);
        // However many somebody says there were.
        let all = usize::MAX;
        assert_eq!(whole(&at(&[0]), all), [(Missing, 1..1, all - 1)]);
    }
}
