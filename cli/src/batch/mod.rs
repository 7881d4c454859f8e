//! Many files: which there are ([`files`]), what an earlier run did of them ([`ledger`]), and
//! several of them at a time ([`run`]).
//!
//! A verb says what it does with one file ([`Work`]) and prints nothing; here its answers are
//! printed, each whole, as they come.

mod args;
mod files;
mod ledger;
mod run;
mod shard;

use std::path::PathBuf;

use anyhow::Result;
use proofmark::media::{Cancel, Progress};
use serde_json::Value;

pub(crate) use args::BatchArgs;
pub(crate) use files::{Files, Input, files};
pub(crate) use ledger::Ledger;
pub(crate) use run::{count, done, run};
pub(crate) use shard::Shard;

use crate::commands::Answer;
use crate::metrics::Metrics;

/// What is done with each file, from any thread.
pub(crate) trait Work: Sync {
    /// The verb.
    fn verb(&self) -> &'static str;

    /// What a bar says of it, and the summary of a file with which all is well.
    fn words(&self) -> (&'static str, &'static str);

    /// What the answers depend on beside the files: a ledger that was started with something else
    /// is another run's.
    fn options(&self) -> Value;

    /// Where what is done is counted.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }

    /// Where the outcome of a file goes, if it must not be there before.
    fn target(&self, _input: &Input) -> Option<PathBuf> {
        None
    }

    /// Works on one file. With `again` its target, if there is one by now, is left from an earlier
    /// attempt of this very run.
    ///
    /// # Errors
    /// One line, which names the file.
    fn answer(
        &self,
        input: &Input,
        again: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer>;
}
