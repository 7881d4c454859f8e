//! What the detector found.

use serde::{Deserialize, Serialize};

use super::image::Image;
use crate::evidence::{Method, Span};
use crate::key::KeyId;
use crate::mark::Generation;
use crate::stats::{PValue, unsaturated};
use proofmark_core::{Payload, TimeRange};

/// How the picture lies relative to the one that was stamped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Size of the mark's tile over the one that a fresh stamp of this frame would have: 1 for an
    /// unchanged or merely resized picture, more for a crop. Across and down.
    pub scale: [f32; 2],
    /// Rotation in degrees, quarter turns included.
    pub rotation: f32,
    /// Mirrored left to right.
    pub mirrored: bool,
    /// Luma inverted.
    pub inverted: bool,
    /// The picture was zoomed, panned or shaken: the mark lies elsewhere from time to time, and the
    /// rest is said of where it was read.
    #[serde(default)]
    pub moving: bool,
}

/// Which parts of the frame carry the mark: a grid of cells, row by row from the upper left of the
/// stored frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AreaMap {
    /// Share of the cells that say anything that are marked, 0 to 1.
    pub share: f32,
    /// Cells in a row.
    pub columns: usize,
    /// Per cell whether it is marked; `None` (`null`) where nothing can be told, as in black or
    /// flat places.
    pub cells: Vec<Option<bool>>,
}

impl AreaMap {
    pub(crate) fn new(columns: usize, cells: Vec<Option<bool>>) -> Self {
        let (marked, told) =
            cells.iter().flatten().fold((0, 0), |(m, n), &c| (m + usize::from(c), n + 1));
        Self { share: marked as f32 / told.max(1) as f32, columns, cells }
    }

    /// The part of the frame that lies within what is marked, where that is a part: left, top,
    /// right and bottom edge in shares of the frame. Half a cell less than the cells say, so that
    /// nothing of what is around it is in there.
    #[must_use]
    pub fn part(&self) -> Option<[f32; 4]> {
        let rows = self.cells.len() / self.columns;
        let marked = || {
            self.cells
                .iter()
                .enumerate()
                .filter(|c| *c.1 == Some(true))
                .map(|(i, _)| (i % self.columns, i / self.columns))
        };
        let side = |at: fn((usize, usize)) -> usize, count: usize| {
            let (first, last) = (marked().map(at).min()?, marked().map(at).max()?);
            let shrunk = (first as f32 + 0.5, last as f32 + 0.5);
            (last >= first + 2).then_some((
                last + 1 - first < count,
                shrunk.0 / count as f32,
                shrunk.1 / count as f32,
            ))
        };
        let ((narrow, left, right), (low, top, bottom)) =
            (side(|c| c.0, self.columns)?, side(|c| c.1, rows)?);
        (narrow || low).then_some([left, top, right, bottom])
    }

    /// An image of the frame with nothing but the cells that are not marked.
    pub(crate) fn rest(&self, image: &Image) -> Image {
        let mut out = image.clone();
        let rows = self.cells.len() / self.columns;
        for y in 0..image.height {
            let line = &self.cells[y * rows / image.height * self.columns..][..self.columns];
            for (x, v) in out.row_mut(y).iter_mut().enumerate() {
                if line[x * self.columns / image.width] != Some(false) {
                    *v = 0.0;
                }
            }
        }
        out
    }
}

/// The evidence of either part of a mark. The periodic one repeats over the frame, so that whoever
/// has a marked clip can copy it into another one, or take it away. The aperiodic one cannot be
/// told apart from the picture without the key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parts {
    /// z² of the periodic part.
    pub periodic: f32,
    /// z² of the aperiodic part, where it fits best.
    pub aperiodic: f32,
    /// How likely so little of the aperiodic part is beside so much of the periodic one in a clip
    /// that was marked, and then cropped, turned or encoded.
    pub copied: PValue,
}

/// What was found in a picture.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VideoEvidence {
    /// Whether a mark of the key ring is there: `p_value` is at most
    /// [`PRESENCE`](crate::evidence::PRESENCE).
    pub detected: bool,
    /// The payload, if it could be told.
    pub payload: Option<Payload>,
    /// How often the clip had been stamped when it got this mark, this time included; `null`
    /// without a payload.
    pub generation: Option<Generation>,
    /// How likely evidence this strong is without a mark, corrected for every key, geometry,
    /// pattern and candidate tried.
    pub p_value: PValue,
    /// How the payload was arrived at; `null` without one.
    pub method: Option<Method>,
    /// The key whose mark it is.
    pub key: Option<KeyId>,
    /// When the mark is there; empty if none was found.
    pub ranges: Vec<TimeRange>,
    /// What `ranges` were told from: all of the time that was looked at, in at most 64 spans of
    /// half a second or, in longer clips, more; empty if no mark was found.
    pub spans: Vec<Span>,
    /// Where in the frame the mark is; `null` if no mark was found, or one too weak to be mapped.
    pub area: Option<AreaMap>,
    /// How the picture lies; `null` if no mark was found.
    pub geometry: Option<Geometry>,
    /// Evidence E = z² of the strongest finding; a blind payload needs about 280, one of many
    /// candidates 60 to 100.
    pub evidence: f32,
    /// The evidence of either part of the mark; `null` without a payload.
    #[serde(default)]
    pub parts: Option<Parts>,
    /// Frames that were looked at.
    pub frames: usize,
    /// Why the answer is not fuller; `null` where it is complete.
    pub note: Option<String>,
    /// Other marks, in other times or parts of the frame: a splice, two clips side by side, a
    /// picture in picture.
    pub others: Vec<VideoEvidence>,
    /// Marks of earlier generations beneath this one, the newest first: the clip was stamped, and
    /// then stamped again.
    pub earlier: Vec<VideoEvidence>,
}

impl VideoEvidence {
    /// Whether this mark is of an earlier generation than `newer`, and for the most part when and
    /// where that one is: a clip that was stamped again, not two that were put together.
    pub(crate) fn lies_beneath(&self, newer: &Self) -> bool {
        let length = |ranges: &[TimeRange]| ranges.iter().map(|r| r.end - r.start).sum::<f64>();
        let shared = self
            .ranges
            .iter()
            .flat_map(|a| {
                newer.ranges.iter().map(|b| (a.end.min(b.end) - a.start.max(b.start)).max(0.0))
            })
            .sum::<f64>();
        let at_once = 2.0 * shared > length(&self.ranges).min(length(&newer.ranges));
        let marked = |map: &AreaMap| map.cells.iter().filter(|&&c| c == Some(true)).count();
        let in_one_place = self.area.as_ref().zip(newer.area.as_ref()).is_none_or(|(a, b)| {
            let shared = a
                .cells
                .iter()
                .zip(&b.cells)
                .filter(|&cells| cells == (&Some(true), &Some(true)))
                .count();
            2 * shared > marked(a).min(marked(b))
        });
        self.generation < newer.generation && at_once && in_one_place
    }
}

/// What a freshly marked clip carries, measured on its own frames before encoding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Evidence E without the saturation of z²: proportional to the length of the clip and the
    /// square of the strength, up to hundreds of thousands.
    pub evidence: f32,
    /// What that should survive.
    pub outlook: Outlook,
}

/// What a freshly marked clip should survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outlook {
    /// Not even this copy can be read blind.
    Unreadable,
    /// This copy can be read; ordinary re-encoding may wipe the mark out.
    Fragile,
    /// Ordinary re-encoding and what a platform does.
    Ordinary,
}

impl Outlook {
    /// In a sentence, with what to do about it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => {
                "too short, too small or too flat: the mark cannot be read from this copy without \
                a list of candidates; use a longer or larger clip, or more --strength"
            }
            Self::Fragile => {
                "little to spare: ordinary re-encoding may leave too little to read; a longer or \
                larger clip, or more --strength, would help"
            }
            Self::Ordinary => "enough for ordinary re-encoding",
        }
    }
}

impl Capacity {
    /// From the score of the known payload.
    #[must_use]
    pub fn of_score(z: f32) -> Self {
        let evidence = unsaturated(z, super::carrier::dimensions() as f32);
        let outlook = match evidence {
            e if e < READABLE => Outlook::Unreadable,
            e if e < ROBUST => Outlook::Fragile,
            _ => Outlook::Ordinary,
        };
        Self { evidence, outlook }
    }
}

/// Evidence that blind reading takes, with a little to spare.
const READABLE: f32 = 400.0;
/// Evidence before encoding that the measured clips have at least (4,400 to 22,000): nearly all of
/// their ordinary re-encodings can be read.
const ROBUST: f32 = 4000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_frame_that_is_marked_lies_within_its_cells() {
        let map = |rows: &[&str]| {
            let state = |c: char| match c {
                '#' => Some(true),
                '.' => Some(false),
                _ => None,
            };
            AreaMap::new(rows[0].len(), rows.concat().chars().map(state).collect())
        };
        assert_eq!(
            map(&["....", "####", "####", "####"]).part(),
            Some([0.125, 0.375, 0.875, 0.875])
        );
        assert_eq!(
            map(&["?###", ".###", "?###", "...."]).part(),
            Some([0.375, 0.125, 0.875, 0.625])
        );
        // All of it, a hole in it, and next to nothing.
        assert_eq!(map(&["####", "#..#", "#..#", "####"]).part(), None);
        assert_eq!(map(&["....", ".##.", ".##.", "...."]).part(), None);
        assert_eq!(map(&["....", "...."]).part(), None);
    }
}
