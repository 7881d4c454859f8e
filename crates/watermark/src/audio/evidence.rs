//! What the detector found.

use serde::{Deserialize, Serialize};

use super::carrier::CELLS;
use crate::evidence::{Method, Span};
use crate::key::KeyId;
use crate::stats::{PValue, unsaturated};
use proofmark_core::{Payload, TimeRange};

/// How the sound lies relative to the one that was stamped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeScale {
    /// Speed at which it runs, 1 for an unchanged one.
    pub speed: f32,
    /// Pitch over the stamped one: as `speed` where it was resampled, 1 where it was stretched with
    /// the pitch kept.
    pub pitch: f32,
    /// Played backwards.
    #[serde(default)]
    pub backwards: bool,
}

/// What was found in sound.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AudioEvidence {
    /// Whether a mark of the key ring is there: `p_value` is at most
    /// [`PRESENCE`](crate::evidence::PRESENCE).
    pub detected: bool,
    /// The payload, if it could be told.
    pub payload: Option<Payload>,
    /// How likely evidence this strong is without a mark, corrected for every key, place, speed,
    /// pitch and candidate tried.
    pub p_value: PValue,
    /// How the payload was arrived at; `null` without one.
    pub method: Option<Method>,
    /// The key whose mark it is.
    pub key: Option<KeyId>,
    /// When the mark is there; empty if none was found.
    pub ranges: Vec<TimeRange>,
    /// What `ranges` were told from, in spans of half a second; empty if no mark was found.
    pub spans: Vec<Span>,
    /// How the sound was stretched; `null` if no mark was found.
    pub geometry: Option<TimeScale>,
    /// Evidence E = z² of the strongest finding; a blind payload needs about 240, one of many
    /// candidates 60 to 100.
    pub evidence: f32,
    /// Seconds that were listened to, silence included.
    pub seconds: f64,
    /// Why the answer is not fuller; `null` where it is complete.
    pub note: Option<String>,
    /// Other marks, in other times.
    pub others: Vec<AudioEvidence>,
}

/// What freshly marked sound carries, measured before encoding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Evidence E without the saturation of z²: proportional to the length of the sound.
    pub evidence: f32,
    /// What that should survive.
    pub outlook: Outlook,
}

/// What freshly marked sound should survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outlook {
    /// There is nothing to mark.
    Silent,
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
            Self::Silent => "silent: there is nothing that could carry the mark",
            Self::Unreadable => {
                "too short, too quiet or too pure a tone: the mark cannot be read from this copy \
                without a list of candidates"
            }
            Self::Fragile => {
                "little to spare: ordinary re-encoding may leave too little to read; a longer \
                clip would help"
            }
            Self::Ordinary => "enough for ordinary re-encoding",
        }
    }
}

/// Evidence that blind reading takes, with a little to spare.
const READABLE: f32 = 280.0;
/// Evidence before encoding from which on nearly all ordinary re-encodings of the measured clips
/// can be read.
const ROBUST: f32 = 1200.0;

impl Capacity {
    /// Whether there was anything to mark.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.outlook != Outlook::Silent
    }

    /// From the score of the known payload over whole cells, and whether anything was heard.
    pub(crate) fn of(z: f32, silent: bool) -> Self {
        let evidence = unsaturated(z.max(0.0), 2.0 * CELLS as f32);
        let outlook = match evidence {
            _ if silent => Outlook::Silent,
            e if e < READABLE => Outlook::Unreadable,
            e if e < ROBUST => Outlook::Fragile,
            _ => Outlook::Ordinary,
        };
        Self { evidence, outlook }
    }
}
