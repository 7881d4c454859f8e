//! One file a verb.

pub(crate) mod detect;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod lookup;
pub(crate) mod registry;
pub(crate) mod serve;
pub(crate) mod stamp;
pub(crate) mod tokens;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proofmark::evidence::Question;
use proofmark::media::MediaError;
use proofmark::picture::DetectOptions;
use proofmark::provenance::Trust;
use proofmark::{Payload, StampError, VerifyError};

use crate::args::{Global, QuestionArgs};
use crate::exit::Exit;
use crate::home::Config;
use crate::output;

/// Runs `one` over all files; a failure is told and the next file goes on.
fn each(files: &[PathBuf], verb: &str, global: &Global, mut one: impl FnMut(&Path) -> Result<Exit>) -> Result<Exit> {
    let mut exits = Vec::with_capacity(files.len());
    for file in files {
        let exit = match one(file) {
            Ok(exit) => exit,
            Err(e) if output::is_broken_pipe(&e) => return Err(e),
            Err(e) => {
                output::error(&e);
                if global.json {
                    output::json::failure(verb, file, &e)?;
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
fn is_cancelled(e: &anyhow::Error) -> bool {
    let media = match (e.downcast_ref(), e.downcast_ref(), e.downcast_ref()) {
        (Some(StampError::Media(m)), ..) | (_, Some(VerifyError::Media(m)), _) | (.., Some(m)) => Some(m),
        _ => None,
    };
    matches!(media, Some(MediaError::Cancelled { .. }))
}

/// Detector options from what was asked.
fn detect_options(question: &QuestionArgs) -> Result<DetectOptions> {
    let mut options = DetectOptions::default();
    options.search = !question.no_search;
    options.question = match (&question.expect, &question.candidates) {
        (Some(payload), _) => Question::Expected(*payload),
        (None, Some(file)) => Question::Candidates(candidates(file)?),
        (None, None) => Question::Blind,
    };
    Ok(options)
}

/// Whom to trust: the lists that were named, else those of the configuration.
fn trust(named: &[PathBuf], config: &Config) -> Result<Trust> {
    let mut trust = Trust::default();
    for list in if named.is_empty() { &config.trust.lists } else { named } {
        let text = std::fs::read_to_string(list).with_context(|| format!("{}: cannot be read; give a PEM file of trusted authorities", list.display()))?;
        trust.add(&text).with_context(|| list.display().to_string())?;
    }
    Ok(trust)
}

fn candidates(path: &Path) -> Result<Vec<Payload>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read; give a text file with one UUID a line", path.display()))?;
    let mut list = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        list.push(line.parse::<Payload>().with_context(|| format!("{}: line {}", path.display(), i + 1))?);
    }
    if list.is_empty() {
        bail!("{}: holds no UUID; give one a line", path.display());
    }
    Ok(list)
}
