//! What can be said of many files.

use std::path::PathBuf;

use clap::Args;

use super::Shard;

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Many files")]
pub(crate) struct BatchArgs {
    /// Take more files and folders from this list, one a line; '-' is standard input
    #[arg(long, value_name = "LIST")]
    pub(crate) files_from: Option<PathBuf>,
    /// Names in --files-from and --failed end with NUL, not with their line
    #[arg(short = '0', long)]
    pub(crate) null: bool,
    /// Take one of N shares, by a hash of the names as they are given: machines that are given the
    /// same names, each its own I from 1 to N, do each file once
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Work on so many files at a time; what a file takes of memory and temporary space, N of them
    /// take together [default: one a core, up to 8]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) jobs: Option<u16>,
    /// Give up on a file after so many seconds; it counts as failed
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub(crate) time_limit: Option<u64>,
    /// Keep a new ledger of what is finished, a JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(crate) ledger: Option<PathBuf>,
    /// Go on where the run of this ledger was stopped, given the same files and options: finished
    /// files are left out, failed ones are tried again
    #[arg(long, value_name = "LEDGER")]
    pub(crate) resume: Option<PathBuf>,
    /// Write which files failed to a list that --files-from takes, in place of an earlier one
    #[arg(long, value_name = "LIST")]
    pub(crate) failed: Option<PathBuf>,
}
