//! What fuzzing reaches of this crate; no interface for anything else.

use std::path::Path;

use crate::batch::Ledger;
use crate::home::Config;

/// Reads a configuration file, and takes from it what is computed.
pub fn configuration(text: &str) {
    if let Ok(config) = Config::parse(text) {
        #[cfg(feature = "server")]
        let _ = config.serve.settings(None, false);
        let _ = config.limits;
    }
}

/// Goes on with the ledger of a batch at `path`; whether it is one.
#[must_use]
pub fn ledger(path: &Path) -> bool {
    Ledger::resume(path, "detect", serde_json::Value::Null).is_ok()
}
