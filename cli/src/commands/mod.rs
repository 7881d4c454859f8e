//! One file a verb.

pub(crate) mod detect;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod identity;
pub(crate) mod init;
mod intake;
pub(crate) mod keys;
pub(crate) mod lookup;
mod places;
pub(crate) mod registry;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod stamp;
pub(crate) mod stamper;
mod stream;
#[cfg(feature = "server")]
pub(crate) mod tokens;
pub(crate) mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use proofmark::evidence::Question;
use proofmark::inspect::{InProcess, Inspector};
use proofmark::press::{self, Presses};
use proofmark::provenance::Trust;
use proofmark::registry::Content;
use proofmark::report;
use proofmark::sandbox::{Isolation, PreparedZygote, Sandbox, serve as serve_parent};
use proofmark::stamp::Earlier;
use proofmark::video::DetectOptions;
use proofmark::{ErrorKind, KeyId, KeyRing, Payload, WatermarkKey};
use serde_json::{Value, json};

use crate::args::{Global, QuestionArgs, SandboxOption, TrustOption};
use crate::exit::Exit;
use crate::home::Config;
use crate::output;

/// What is to be told of one file. It is put together first and printed in one piece, so that
/// answers never mix where files are worked on side by side.
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    pub(crate) json: Value,
    /// For people, its last line's end included.
    pub(crate) text: String,
    /// What is worth knowing besides, a line each.
    pub(crate) remarks: Vec<String>,
    /// How long the clip is, in seconds, if that was seen.
    pub(crate) seconds: Option<f64>,
}

impl Answer {
    /// What `verb` says of a job whose clip is there already.
    fn earlier(verb: &str, file: &Path, target: &Path, earlier: &Earlier, quiet: bool) -> Self {
        Self {
            exit: Exit::Success,
            json: report::earlier(verb, file, target, earlier),
            text: output::human::earlier(file, target, earlier, quiet),
            remarks: Vec::new(),
            seconds: None,
        }
    }

    /// Prints it.
    pub(crate) fn tell(&self, global: &Global) -> Result<Exit> {
        if global.json {
            output::json::print(&self.json)?;
        } else {
            output::human::print(&self.text)?;
        }
        self.remarks.iter().for_each(|line| output::remark(line));
        Ok(self.exit)
    }

    /// Prints it to standard error, where standard output is taken.
    fn tell_aside(&self, global: &Global) -> Exit {
        if global.json {
            output::aside(&format!("{}\n", self.json));
        } else if !output::log::is_json() {
            output::aside(&self.text);
        }
        self.remarks.iter().for_each(|line| output::remark(line));
        self.exit
    }
}

/// Runs `one` over all files; a failure is told and the next file goes on.
fn each(
    files: &[PathBuf],
    verb: &str,
    global: &Global,
    mut one: impl FnMut(&Path) -> Result<Exit>,
) -> Result<Exit> {
    let mut exits = Vec::with_capacity(files.len());
    for file in files {
        let exit = match one(file) {
            Ok(exit) => exit,
            Err(e) if output::is_broken_pipe(&e) => return Err(e),
            Err(e) => {
                output::error(&e);
                if global.json {
                    output::json::print(&report::failure(verb, file, e.as_ref()))?;
                }
                if is_cancelled(&e) { Exit::Interrupted } else { Exit::Error }
            }
        };
        exits.push(exit);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(Exit::of_batch(&exits))
}

/// Whether the work was stopped by a signal, whichever layer said so.
pub(crate) fn is_cancelled(e: &anyhow::Error) -> bool {
    report::kind(e.as_ref()) == Some(ErrorKind::Cancelled)
}

/// What this program is called with to be a worker. It is no verb: nobody types it.
pub(crate) const WORKER: &str = "__look";

/// Looks at a file for the process that started this one.
pub(crate) fn look() -> ExitCode {
    looked(serve_parent(&InProcess))
}

/// How a process that looked at files for another ends.
pub(crate) fn looked(end: std::io::Result<()>) -> ExitCode {
    match end {
        Ok(()) => Exit::Success.into(),
        Err(e) => {
            // The parent reads it.
            output::error(&e.into());
            Exit::Error.into()
        }
    }
}

/// Who looks at files.
#[derive(Clone)]
pub(crate) struct Inspectors {
    workers: Option<Sandbox>,
}

impl Inspectors {
    /// Sandbox, unless that was declined. What they are copies of is there `early`, or started now,
    /// so that it is there when it is needed: ask early.
    pub(crate) fn new(option: &SandboxOption, early: Option<PreparedZygote>) -> Self {
        Self { workers: (!option.no_sandbox).then(|| Sandbox::new(vec![WORKER.into()], early)) }
    }

    /// None: this process itself.
    fn none() -> Self {
        Self { workers: None }
    }

    fn presses(&self) -> Arc<dyn Presses> {
        match &self.workers {
            Some(workers) => Arc::new(workers.clone()),
            None => Arc::new(press::Own),
        }
    }

    fn inspector(&self) -> Arc<dyn Inspector> {
        match &self.workers {
            Some(workers) => Arc::new(workers.clone()),
            None => Arc::new(InProcess),
        }
    }

    /// What the kernel lacks to hold a file; said once.
    fn remark(&self, isolation: Isolation) -> Option<String> {
        static TOLD: AtomicBool = AtomicBool::new(false);
        let lacking = match (isolation.files, isolation.calls) {
            (true, true) => return None,
            (false, true) => "Landlock, so a file that breaks a decoder could read what you can",
            (true, false) => "seccomp, so a file that breaks a decoder could use the network",
            (false, false) => {
                "Landlock and seccomp, so a file that breaks a decoder is held by limits on \
                memory and time alone"
            }
        };
        let news = self.workers.is_some() && !TOLD.swap(true, Ordering::Relaxed);
        news.then(|| format!("files are looked at in workers, but this kernel lacks {lacking}"))
    }
}

/// Detector options from what was asked.
fn detect_options(question: &QuestionArgs) -> Result<DetectOptions> {
    let asked = match (&question.expect, &question.candidates) {
        (Some(payload), _) => Question::Expected(*payload),
        (None, Some(file)) => Question::Candidates(candidates(file)?),
        (None, None) => Question::Blind,
    };
    let search = !question.no_search;
    Ok(DetectOptions { question: asked, search, ..DetectOptions::default() })
}

/// What is asked, as a ledger has it.
fn question(options: &DetectOptions) -> Value {
    let asked = match &options.question {
        Question::Blind => json!("blind"),
        Question::Expected(payload) => json!(payload),
        Question::Candidates(list) => {
            digest(list.iter().flat_map(|p| *p.as_bytes()).collect::<Vec<_>>().as_slice())
        }
    };
    json!({"asked": asked, "search": options.search})
}

/// What stands in a ledger for what would be too long there.
fn digest(bytes: &[u8]) -> Value {
    json!(Content::of_bytes(bytes).to_string())
}

/// The keys that answers depend on.
fn key_ids(ring: Option<&KeyRing>) -> Vec<&KeyId> {
    ring.map_or(Vec::new(), |ring| ring.keys().iter().map(WatermarkKey::id).collect())
}

/// Whom to trust: the lists that were named, else those of the configuration.
fn trust(named: Option<&TrustOption>, config: &Config) -> Result<Trust> {
    let mut trust = Trust::default();
    let either = |named: Option<&Vec<PathBuf>>, configured: &[PathBuf]| {
        named.filter(|n| !n.is_empty()).map_or(configured, Vec::as_slice).to_vec()
    };
    for list in either(named.map(|n| &n.trust), &config.trust.lists) {
        trust.add(&authorities(&list)?).with_context(|| list.display().to_string())?;
    }
    for list in either(named.map(|n| &n.trust_tsa), &config.trust.tsa) {
        trust
            .add_time_stamp_authorities(&authorities(&list)?)
            .with_context(|| list.display().to_string())?;
    }
    Ok(trust)
}

fn authorities(list: &Path) -> Result<String> {
    std::fs::read_to_string(list).with_context(|| {
        format!("{}: cannot be read; give a PEM file of trusted authorities", list.display())
    })
}

fn candidates(path: &Path) -> Result<Vec<Payload>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{}: cannot be read; give a text file with one UUID a line", path.display())
    })?;
    let mut list = Vec::new();
    // Some editors begin a text with a mark of its byte order.
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        list.push(
            line.parse::<Payload>()
                .with_context(|| format!("{}: line {}", path.display(), i + 1))?,
        );
    }
    if list.is_empty() {
        bail!("{}: holds no UUID; give one a line", path.display());
    }
    Ok(list)
}
