//! When something is in a clip, and what time it is.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A span of time, in seconds from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeRange {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

/// How long ago 1970 began, by this machine's clock; nothing where that is set to before it.
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
