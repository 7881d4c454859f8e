//! Results for people, to fit a terminal.

mod evaluate;
mod home;
mod identity;
mod marks;
mod registry;
mod stamp;
#[cfg(feature = "server")]
mod tokens;
mod verify;

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{BOLD, plain};

pub(crate) use evaluate::{attacks, evaluate};
pub(crate) use home::{init, keys};
pub(crate) use identity::identity;
pub(crate) use marks::detect;
pub(crate) use registry::{checked, deleted, entries, entry, imported, log, lookup};
pub(crate) use stamp::{earlier, package, sign, stamp};
#[cfg(feature = "server")]
pub(crate) use tokens::{revoked, token, tokens};
pub(crate) use verify::verify;

/// Width of the labels' column.
const LABEL: usize = 10;
/// Width of a line, where the text allows.
const WIDTH: usize = 96;

/// Prints text, whole and at once.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A labelled line, wrapped under its own column.
pub(super) fn line(out: &mut String, label: &str, text: &str) {
    let mut column = LABEL + 2;
    let _ = write!(out, "  {label:LABEL$}");
    for (i, word) in plain(text).split_whitespace().enumerate() {
        let width = word.chars().count();
        if i > 0 && column + 1 + width > WIDTH {
            let _ = write!(out, "\n  {:LABEL$}", "");
            column = LABEL + 2;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

/// Several of them under one label.
fn lines(out: &mut String, label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
    for (i, value) in values.into_iter().enumerate() {
        line(out, if i == 0 { label } else { "" }, value.as_ref());
    }
}

/// Year-month-day of a time in seconds since 1970.
pub(super) fn date(seconds: u64) -> String {
    let time =
        i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.map_or_else(|| "unknown day".into(), |t| t.date().to_string())
}

/// A time in milliseconds since 1970, to the second.
fn moment(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds / 1000)
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_else(|| "unknown time".into())
}

/// A user's text in a table: short.
pub(super) fn shown(text: &str) -> String {
    plain(text).chars().take(40).collect()
}

/// Columns as wide as their widest cell, the first `left` of them flush left; the first row in bold
/// if there are columns of figures.
pub(super) fn table<const N: usize>(rows: &[[String; N]], left: usize) -> String {
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for (y, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(i, (c, w))| if i < left { format!("{c:w$}") } else { format!("{c:>w$}") })
            .collect();
        let text = cells.join("  ");
        let text = text.trim_end();
        let _ = if y == 0 && left < N {
            writeln!(out, "{BOLD}{text}{BOLD:#}")
        } else {
            writeln!(out, "{text}")
        };
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        assert_eq!(super::date(0), "1970-01-01");
        assert_eq!(super::date(951_782_400), "2000-02-29");
        assert_eq!(super::date(1_795_392_000), "2026-11-23");
    }

    #[test]
    fn long_text_wraps_under_its_column() {
        let mut out = String::new();
        super::line(&mut out, "why", &"word ".repeat(40));
        assert!(out.lines().count() > 1 && out.lines().all(|l| l.chars().count() <= super::WIDTH));
        assert!(out.lines().nth(1).is_some_and(|l| l.starts_with("            word")));
    }
}
