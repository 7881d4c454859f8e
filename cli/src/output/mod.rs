//! What is printed: results on standard output, for people or as JSON; remarks and errors on standard error. And a page for browsers, and pictures.

mod canvas;
pub(crate) mod html;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod overlay;
pub(crate) mod queue;
pub(crate) mod timeline;

use std::io::ErrorKind;

use anstyle::{AnsiColor, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// One line: what, which file, what to do.
pub(crate) fn error(e: &anyhow::Error) {
    let text = format!("{e:#}").replace('\n', " ");
    anstream::eprintln!("{BAD}error:{BAD:#} {text}");
}

/// Something worth knowing that is no error.
pub(crate) fn remark(text: &str) {
    anstream::eprintln!("{DOUBT}note:{DOUBT:#} {text}");
}

/// A result, where standard output is taken.
pub(crate) fn aside(text: &str) {
    anstream::eprint!("{text}");
}

/// What came of many files.
pub(crate) fn summary(text: &str) {
    anstream::eprintln!("{BOLD}summary:{BOLD:#} {text}");
}

/// Whether whoever read our output has gone: no error of ours.
pub(crate) fn is_broken_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|c| c.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe))
}
