//! What the detector found.

use serde::{Serialize, Serializer};

use super::plane::Image;
use crate::key::KeyId;
use crate::mark::Generation;
use crate::payload::Payload;
use crate::stats::PValue;

/// How a payload was arrived at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Method {
    /// Decoded from the picture alone.
    Blind,
    /// The best among given candidates.
    Candidates,
    /// Confirmed: the one payload that was asked for.
    Expected,
}

/// A span of time, in seconds from the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimeRange {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

/// What a span of time says of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SpanState {
    /// The mark is there.
    Marked,
    /// It is not, though it would be plain.
    Unmarked,
    /// Nothing can be told: the span is black or flat, or the mark is too weak for so short a time.
    Unknown,
}

/// A span of time, and how much of the mark it alone shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// Start, in seconds from the first frame.
    #[serde(serialize_with = "thousandths")]
    pub start: f64,
    /// End.
    #[serde(serialize_with = "thousandths")]
    pub end: f64,
    /// Score z of the mark in these frames: a few units around 0 without the mark, up to about 40 with it.
    #[serde(serialize_with = "thousandths")]
    pub score: f32,
    /// What that says.
    pub state: SpanState,
}

impl Span {
    /// Score from which a span counts as marked: one span in 30,000 without a mark gets there.
    pub const MARKED: f32 = 4.2;
    /// Score under which a span counts as unmarked, if others show that the mark should be plain there.
    pub const UNMARKED: f32 = 3.0;
}

/// Reports have many spans; digits that mean nothing would make most of them.
fn thousandths<T: Copy + Into<f64>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(((*value).into() * 1000.0).round() / 1000.0)
}

/// How the picture lies relative to the one that was stamped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Geometry {
    /// Size of the mark's tile over the one that a fresh stamp of this frame would have: 1 for an unchanged or merely
    /// resized picture, more for a crop. Across and down.
    pub scale: [f32; 2],
    /// Rotation in degrees, quarter turns included.
    pub rotation: f32,
    /// Mirrored left to right.
    pub mirrored: bool,
    /// Luma inverted.
    pub inverted: bool,
}

/// Which parts of the frame carry the mark: a grid of cells, row by row from the upper left of the stored frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AreaMap {
    /// Share of the cells that say anything that are marked, 0 to 1.
    pub share: f32,
    /// Cells in a row.
    pub columns: usize,
    /// Per cell whether it is marked; `None` (`null`) where nothing can be told, as in black or flat places.
    pub cells: Vec<Option<bool>>,
}

impl AreaMap {
    pub(crate) fn new(columns: usize, cells: Vec<Option<bool>>) -> Self {
        let (marked, told) = cells.iter().flatten().fold((0, 0), |(m, n), &c| (m + usize::from(c), n + 1));
        Self { share: marked as f32 / told.max(1) as f32, columns, cells }
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

/// What was found in a picture.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PictureEvidence {
    /// Whether a mark of the key ring is there: `p_value` is at most [`PRESENCE`].
    pub detected: bool,
    /// The payload, if it could be told.
    pub payload: Option<Payload>,
    /// How often the clip had been stamped when it got this mark, this time included; `null` without a payload.
    pub generation: Option<Generation>,
    /// How likely evidence this strong is without a mark, corrected for every key, geometry, pattern and candidate tried.
    pub p_value: PValue,
    /// How the payload was arrived at; `null` without one.
    pub method: Option<Method>,
    /// The key whose mark it is.
    pub key: Option<KeyId>,
    /// When the mark is there; empty if none was found.
    pub ranges: Vec<TimeRange>,
    /// What `ranges` were told from: all of the time that was looked at, in at most 64 spans of half a second or, in longer clips, more; empty if no mark
    /// was found.
    pub spans: Vec<Span>,
    /// Where in the frame the mark is; `null` if no mark was found, or one too weak to be mapped.
    pub area: Option<AreaMap>,
    /// How the picture lies; `null` if no mark was found.
    pub geometry: Option<Geometry>,
    /// Evidence E = z² of the strongest finding; a blind payload needs about 280, one of many candidates 60 to 100.
    pub evidence: f32,
    /// Frames that were looked at.
    pub frames: usize,
    /// Why the answer is not fuller; `null` where it is complete.
    pub note: Option<String>,
    /// Other marks, in other times or parts of the frame: a splice, two clips side by side, a picture in picture.
    pub others: Vec<PictureEvidence>,
    /// Marks of earlier generations beneath this one, the newest first: the clip was stamped, and then stamped again.
    pub earlier: Vec<PictureEvidence>,
}

impl PictureEvidence {
    /// Whether this mark is of an earlier generation than `newer`, and for the most part when and where that one is: a clip that was stamped again,
    /// not two that were put together.
    pub(crate) fn lies_beneath(&self, newer: &Self) -> bool {
        let length = |ranges: &[TimeRange]| ranges.iter().map(|r| r.end - r.start).sum::<f64>();
        let shared = self.ranges.iter().flat_map(|a| newer.ranges.iter().map(|b| (a.end.min(b.end) - a.start.max(b.start)).max(0.0))).sum::<f64>();
        let at_once = 2.0 * shared > length(&self.ranges).min(length(&newer.ranges));
        let marked = |map: &AreaMap| map.cells.iter().filter(|&&c| c == Some(true)).count();
        let in_one_place = self.area.as_ref().zip(newer.area.as_ref()).is_none_or(|(a, b)| {
            let shared = a.cells.iter().zip(&b.cells).filter(|&cells| cells == (&Some(true), &Some(true))).count();
            2 * shared > marked(a).min(marked(b))
        });
        self.generation < newer.generation && at_once && in_one_place
    }
}

/// What a freshly marked clip carries, measured on its own frames before encoding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Evidence E without the saturation of z²: proportional to the length of the clip and the square of the strength, up to hundreds of thousands.
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
                "too short, too small or too flat: the mark cannot be read from this copy without a list of candidates; use a longer or larger clip, or more --strength"
            }
            Self::Fragile => "little to spare: ordinary re-encoding may leave too little to read; a longer or larger clip, or more --strength, would help",
            Self::Ordinary => "enough for ordinary re-encoding",
        }
    }
}

impl Capacity {
    /// From the score of the known payload.
    pub(crate) fn of_score(z: f32) -> Self {
        let dimensions = super::carrier::dimensions() as f32;
        let square = (z * z).min(0.999 * dimensions);
        let evidence = square / (1.0 - square / dimensions);
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
/// Evidence before encoding that the measured clips have at least (7,300 to 51,000): nearly all of their ordinary re-encodings can be read.
const ROBUST: f32 = 6000.0;

/// Largest p-value at which a mark counts as present.
pub const PRESENCE: f64 = 1e-6;
/// Largest p-value at which a payload is told.
pub const IDENTITY: f64 = 1e-9;
