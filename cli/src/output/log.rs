//! How remarks and errors are said: as lines for people, or as JSON, an object a line, for those
//! who collect them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::LogFormat;

/// Whether it is JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Has all that follows said so.
pub(crate) fn choose(format: LogFormat) {
    JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// Whether what is said is JSON.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

/// Says something as an object: when, how much it matters, who says it, what, and the particulars.
pub(crate) fn event(level: Level, target: &str, message: &str, fields: &Value) {
    anstream::eprintln!("{}", line(OffsetDateTime::now_utc(), level, target, (message, fields)));
}

fn line(
    time: OffsetDateTime,
    level: Level,
    target: &str,
    (message, fields): (&str, &Value),
) -> Value {
    let time = time.replace_nanosecond(time.nanosecond() / 1_000_000 * 1_000_000);
    let mut line = Map::new();
    let time = time.unwrap_or_else(|_| OffsetDateTime::now_utc()).format(&Rfc3339);
    line.insert("time".into(), time.unwrap_or_default().into());
    line.insert("level".into(), level.name().into());
    line.insert("target".into(), target.into());
    line.insert("message".into(), message.into());
    line.insert("fields".into(), if fields.is_null() { json!({}) } else { fields.clone() });
    line.into()
}

/// What the server tells whoever runs it, as remarks and errors like all others.
#[cfg(feature = "server")]
mod server {
    use log::{LevelFilter, Log, Metadata, Record};
    use serde_json::Value;

    use super::{Level, event, is_json};
    use crate::output::{error, remark};

    struct Teller;

    impl Log for Teller {
        fn enabled(&self, of: &Metadata<'_>) -> bool {
            // What the crates say that it stands on is nobody's affair here.
            of.level() <= log::Level::Info && of.target().starts_with("proofmark")
        }

        fn log(&self, record: &Record<'_>) {
            if !self.enabled(record.metadata()) {
                return;
            }
            let text = record.args().to_string();
            let level = match record.level() {
                log::Level::Error => Level::Error,
                log::Level::Warn => Level::Warn,
                _ => Level::Info,
            };
            match level {
                _ if is_json() => event(level, record.target(), &text, &Value::Null),
                Level::Error => error(&anyhow::anyhow!("{text}")),
                Level::Warn | Level::Info => remark(&text),
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
}

#[cfg(feature = "server")]
pub(crate) use server::begin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_with_all_that_is_asked_of_it() {
        let time = OffsetDateTime::from_unix_timestamp_nanos(1_764_460_800_123_456_789).unwrap();
        let said = line(time, Level::Warn, "proofmark", ("a \"note\"\nof two", &Value::Null));
        assert_eq!(
            said,
            json!({
                "time": "2025-11-30T00:00:00.123Z",
                "level": "warn",
                "target": "proofmark",
                "message": "a \"note\"\nof two",
                "fields": {},
            })
        );
        assert_eq!(said.to_string().lines().count(), 1);
    }
}
