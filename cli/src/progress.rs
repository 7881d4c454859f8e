//! Progress on a terminal, and a clean stop on Ctrl-C.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proofmark::evaluate::Step;
use proofmark::media::{Cancel, Progress};

use crate::args::Global;

/// A bar with speed and time left; silent unless standard error is a terminal.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new(global: &Global, verb: &str, file: &Path) -> Self {
        let visible = !global.quiet && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(Some(0), if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {msg}, {eta} left").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        bar.set_prefix(format!("{verb} {}", name.chars().take(32).collect::<String>()));
        Self { bar }
    }

    pub(crate) fn update(&self, p: Progress) {
        let milliseconds = |s: f64| (s.max(0.0) * 1000.0) as u64;
        self.bar.set_length(milliseconds(p.total.unwrap_or(p.seconds)).max(milliseconds(p.seconds)));
        self.bar.set_position(milliseconds(p.seconds));
        let elapsed = self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{:.0} frames/s", p.frames as f64 / elapsed));
    }

    pub(crate) fn step(&self, step: Step) {
        self.bar.set_length(step.of as u64);
        self.bar.set_position(step.done as u64);
        self.bar.set_message(if step.done == 0 { "marking".to_string() } else { format!("{} of {} attacks", step.done - 1, step.of - 1) });
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
            // Without a handler a signal ends the process at once, which loses no more than a temporary file.
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
