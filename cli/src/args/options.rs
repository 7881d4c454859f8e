//! What several commands can be told, and how it is read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proofmark::Language;
use serde::Deserialize;
use time::Date;
use time::format_description::well_known::Iso8601;

use crate::settings::limit;

/// Options of every command.
#[derive(Args)]
pub(crate) struct Global {
    /// Folder with keys, signing identity and configuration [default: $XDG_DATA_HOME/proofmark]
    #[arg(long, global = true, env = "PROOFMARK_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Let a file ask this much of the machine, as in bytes=4GiB; docs/reference/configuration.md
    /// lists all limits. May be given more than once
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limit: Vec<(String, u64)>,
    /// Print one JSON object per input on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How remarks and errors are said on standard error: text, or json, an object a line with
    /// time, level, target, message and fields [default: text]
    #[arg(long, global = true, env = "PROOFMARK_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Show no progress and no remarks
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// How remarks and errors are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// JSON, an object a line
    Json,
}

/// Which registry.
#[derive(Args)]
pub(crate) struct RegistryOption {
    /// SQLite file or postgres:// URL of the registry, or 'none' to do without [default:
    /// registry.db in the home]
    #[arg(
        long,
        global = true,
        env = "PROOFMARK_REGISTRY",
        value_name = "LOCATION",
        hide_env_values = true
    )]
    pub(crate) registry: Option<String>,
}

/// Where what is done is counted.
#[derive(Args, Default)]
pub(crate) struct MetricsOption {
    /// Add what was done, what failed and how long it took to this file, for node_exporter's
    /// textfile collector
    #[arg(long, env = "PROOFMARK_METRICS", value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
}

/// Whom to trust.
#[derive(Args)]
pub(crate) struct TrustOption {
    /// Trust list: PEM certificates of authorities; may be given more than once
    #[arg(long, env = "PROOFMARK_TRUST", value_name = "FILE", value_delimiter = ':')]
    pub(crate) trust: Vec<PathBuf>,
    /// List of time-stamp authorities (PEM): the time at which a manifest was signed counts if one
    /// of them attests it
    #[arg(long, env = "PROOFMARK_TRUST_TSA", value_name = "FILE", value_delimiter = ':')]
    pub(crate) trust_tsa: Vec<PathBuf>,
}

/// Where files are looked at.
#[derive(Args)]
pub(crate) struct SandboxOption {
    /// Look at files in this process itself, not in one that has limits and can reach nothing else:
    /// saves hundredths of a second, and a file that breaks a decoder can then do whatever you can
    #[arg(long)]
    pub(crate) no_sandbox: bool,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Words {
    /// English
    En,
    /// Japanese
    Ja,
}

impl From<Words> for Language {
    fn from(words: Words) -> Self {
        match words {
            Words::En => Self::English,
            Words::Ja => Self::Japanese,
        }
    }
}

pub(crate) fn bitrate(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.trim().to_ascii_lowercase() {
        t if t.ends_with('k') => (t.trim_end_matches('k').to_string(), 1e3),
        t if t.ends_with('m') => (t.trim_end_matches('m').to_string(), 1e6),
        t => (t, 1.0),
    };
    let bits = digits.parse::<f64>().map(|n| n * unit).ok().filter(|b| (1e3..=1e10).contains(b));
    bits.map(|b| b as u64)
        .ok_or_else(|| "give bits per second such as 4M or 800k, from 1k to 10G".into())
}

pub(crate) fn day(text: &str) -> Result<u64, String> {
    let date = Date::parse(text, &Iso8601::DATE).ok();
    let seconds = date.and_then(|d| u64::try_from(d.midnight().assume_utc().unix_timestamp()).ok());
    seconds.ok_or_else(|| "give a day such as 2026-01-31".into())
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|s| (0.1..=3600.0).contains(s))
        .ok_or_else(|| "give seconds from 0.1 to 3600".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn days() {
        assert_eq!(super::day("1970-01-02"), Ok(86_400));
        assert!(
            ["yesterday", "1969-12-31", "2026-02-30", ""].iter().all(|t| super::day(t).is_err())
        );
    }

    #[test]
    fn bit_rates() {
        assert_eq!(super::bitrate("4M"), Ok(4_000_000));
        assert_eq!(super::bitrate("800k"), Ok(800_000));
        assert!(super::bitrate("fast").is_err() && super::bitrate("-1").is_err());
    }
}
