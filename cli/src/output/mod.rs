//! What is printed: results on standard output, for people or as JSON; remarks and errors on
//! standard error. And a page for browsers, and pictures.

mod canvas;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod overlay;
pub(crate) mod timeline;

use std::io::ErrorKind;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use proofmark::report;
use serde_json::{Value, json};

use log::{Level, event};

/// Who says what the command says, beside the server.
const TARGET: &str = "proofmark";

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Text that others wrote, names of files among it, for a terminal: line breaks as spaces, and a
/// mark for what would move its cursor, change its colours, or turn the order of letters round.
pub(crate) fn plain(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// A file's name for a terminal.
pub(crate) fn name(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// One line: what, which file, what to do.
pub(crate) fn error(e: &anyhow::Error) {
    let text = format!("{e:#}");
    if log::is_json() {
        return event(Level::Error, TARGET, &text, &json!({"code": report::code(e.as_ref())}));
    }
    anstream::eprintln!("{BAD}error:{BAD:#} {}", plain(&text));
}

/// Something worth knowing that is no error.
pub(crate) fn remark(text: &str) {
    if log::is_json() {
        return event(Level::Warn, TARGET, text, &Value::Null);
    }
    anstream::eprintln!("{DOUBT}note:{DOUBT:#} {}", plain(text));
}

/// A result, where standard output is taken.
pub(crate) fn aside(text: &str) {
    anstream::eprint!("{text}");
}

/// That a file is done, for those who collect what is said; others read the result.
pub(crate) fn done(message: &str, fields: &Value) {
    if log::is_json() {
        event(Level::Info, TARGET, message, fields);
    }
}

/// What came of many files.
pub(crate) fn summary(text: &str) {
    if log::is_json() {
        return event(Level::Info, TARGET, text, &Value::Null);
    }
    anstream::eprintln!("{BOLD}summary:{BOLD:#} {text}");
}

/// Whether whoever read our output has gone: no error of ours.
pub(crate) fn is_broken_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|c| {
        c.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_moves_no_cursor_and_forges_no_line() {
        assert_eq!(plain("a clip – с видео.mp4"), "a clip – с видео.mp4");
        assert_eq!(plain("z.mp4\nintact: x.mp4"), "z.mp4 intact: x.mp4");
        assert_eq!(plain("\u{1b}[2Ja\u{9b}31m\u{202e}4pm"), "\u{fffd}[2Ja\u{fffd}31m\u{fffd}4pm");
        let mut out = String::new();
        human::line(&mut out, "title", "evil\u{1b}[2J\nx");
        assert_eq!(
            out.matches('\u{1b}').count() + out.trim_end().matches('\n').count(),
            0,
            "{out:?}"
        );
    }
}
