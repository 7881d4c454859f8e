//! What the server says of itself, as remarks and errors like all others.

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{error, remark};

struct Teller;

impl Log for Teller {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        // What the crates say that it stands on is nobody's affair here.
        of.level() <= Level::Info && of.target().starts_with("proofmark")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        match record.level() {
            Level::Error => error(&anyhow::anyhow!("{text}")),
            _ => remark(&text),
        }
    }

    fn flush(&self) {}
}

/// Has it said from now on.
pub(crate) fn begin() {
    if log::set_logger(&Teller).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
