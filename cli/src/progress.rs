//! Progress on a terminal, and a clean stop on Ctrl-C.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofmark::evaluate::Step;
use proofmark::media::{Cancel, Progress};

use crate::args::Global;
use crate::output::{log, name};

/// A bar with speed and time left; silent unless standard error is a terminal.
pub(crate) struct Bar {
    bar: ProgressBar,
    files: bool,
}

fn bar(global: &Global, template: &str, length: u64) -> ProgressBar {
    let visible = !global.quiet && !log::is_json() && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        Some(length),
        if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    );
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

impl Bar {
    pub(crate) fn new(global: &Global, verb: &str, file: &Path) -> Self {
        let bar = bar(global, "{prefix} {wide_bar} {percent}% {msg}, {eta} left", 0);
        let name = name(Path::new(file.file_name().unwrap_or_default()));
        bar.set_prefix(format!("{verb} {}", name.chars().take(32).collect::<String>()));
        Self { bar, files: false }
    }

    /// One over files, which [`Self::file`] moves.
    pub(crate) fn files(global: &Global, verb: &str, files: usize) -> Self {
        let bar =
            bar(global, "{prefix} {wide_bar} {pos} of {len} files{msg}, {eta} left", files as u64);
        bar.set_prefix(verb.to_string());
        Self { bar, files: true }
    }

    /// A file is finished.
    pub(crate) fn file(&self, failed: usize) {
        if self.files {
            self.bar.inc(1);
            self.bar.set_message(if failed > 0 {
                format!(", {failed} failed")
            } else {
                String::new()
            });
        }
    }

    /// Prints something without the bar in its way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// How far the work on a file is; of several that says nothing.
    pub(crate) fn update(&self, p: Progress) {
        if self.files {
            return;
        }
        let milliseconds = |s: f64| (s.max(0.0) * 1000.0) as u64;
        self.bar
            .set_length(milliseconds(p.total.unwrap_or(p.seconds)).max(milliseconds(p.seconds)));
        self.bar.set_position(milliseconds(p.seconds));
        let elapsed = self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{:.0} frames/s", p.frames as f64 / elapsed));
    }

    pub(crate) fn step(&self, step: Step) {
        self.bar.set_length(step.of as u64);
        self.bar.set_position(step.done as u64);
        self.bar.set_message(if step.done == 0 {
            "marking".to_string()
        } else {
            format!("{} of {} attacks", step.done - 1, step.of - 1)
        });
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The flag that Ctrl-C sets: the first one stops cleanly, a second one at once.
pub(crate) fn cancel() -> Cancel {
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    CANCEL
        .get_or_init(|| {
            let cancel = Cancel::default();
            let flag = cancel.clone();
            // Without a handler a signal ends the process at once, which loses no more than a
            // temporary file.
            let _ = ctrlc::set_handler(move || {
                if flag.is_cancelled() {
                    std::process::exit(130);
                }
                flag.cancel();
            });
            cancel
        })
        .clone()
}
