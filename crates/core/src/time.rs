//! When something is in a clip.

use serde::{Deserialize, Serialize};

/// A span of time, in seconds from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeRange {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}
