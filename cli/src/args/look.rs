//! What `detect`, `verify` and `evaluate` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proofmark::Payload;
use proofmark::video::Strength;

use super::options::{RegistryOption, SandboxOption, TrustOption, Words, seconds};
use crate::batch::BatchArgs;

/// What is asked of the detector.
#[derive(Args)]
pub(crate) struct QuestionArgs {
    /// Confirm one payload: needs the least evidence
    #[arg(long, value_name = "UUID", conflicts_with = "candidates")]
    pub(crate) expect: Option<Payload>,
    /// Choose among known payloads: a file with one UUID a line; needs much less evidence than none
    #[arg(long, value_name = "FILE")]
    pub(crate) candidates: Option<PathBuf>,
    /// Look only where an uncropped, unturned clip has its mark: quicker
    #[arg(long)]
    pub(crate) no_search: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark detect upload.mp4
  proofmark detect uploads/ --json
  find uploads -newer mark -print0 | proofmark detect --files-from - --null --failed again.txt
  proofmark detect upload.mp4 --expect 7f3c1a52-9b64-4d0e-8a31-5e6f70819203
  proofmark detect upload.mp4 --candidates known.txt
  proofmark detect upload.mp4 --overlay where.png --timeline when.png

Exit codes: 0 a mark was found, 1 none, 2 error, 4 some of several files failed.")]
pub(crate) struct DetectArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Draw where the mark is, over a frame in the orientation it is stored in: cells that carry it
    /// green, another mark blue, none red; the rest cannot be told
    #[arg(long, value_name = "PNG")]
    pub(crate) overlay: Option<PathBuf>,
    /// Draw when the mark is there: its score over time, in a lane for each mark
    #[arg(long, value_name = "PNG")]
    pub(crate) timeline: Option<PathBuf>,
    /// Replace existing pictures
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

/// Who must vouch for a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    /// A trust list, or this deployment.
    Trusted,
    /// This deployment.
    Own,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark verify upload.mp4
  proofmark verify upload.mp4 --trust C2PA-TRUST-LIST.pem --trust-tsa C2PA-TSA-TRUST-LIST.pem
  proofmark verify uploads/ --json
  proofmark verify 'uploads/**/*.mp4' --shard 1/3 --ledger run.ndjson --time-limit 300
  proofmark verify 'uploads/**/*.mp4' --shard 1/3 --resume run.ndjson --time-limit 300

Exit codes: 0 provenance found, consistent and vouched for, 1 nothing found, or only a clip that \
looks like one of ours, 2 error,
3 altered, mixed, contradictory, a manifest that does not hold, in doubt, or vouched for by nobody \
here, 4 some of several files failed.")]
pub(crate) struct VerifyArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    /// Take manifests that hold whoever signed them: exit 0 where nobody here vouches for the
    /// signer
    #[arg(long, conflicts_with = "require")]
    pub(crate) accept_unknown_signers: bool,
    /// Exit 0 for signers of this deployment alone (own), or for those that a trust list names too
    /// (trusted)
    #[arg(long, value_name = "WHOM")]
    pub(crate) require: Option<Require>,
    /// Fetch a manifest that a file names elsewhere and has neither in it nor beside it: over
    /// HTTPS, from public addresses. Whoever runs that server learns that the file is looked at
    #[arg(long)]
    pub(crate) fetch_manifests: bool,
    /// Language of reasons and advice
    #[arg(long, value_name = "CODE", env = "PROOFMARK_LANGUAGE")]
    pub(crate) language: Option<Words>,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    /// Name of the mark's algorithm in soft bindings
    #[arg(long, env = "PROOFMARK_ALGORITHM", value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark evaluate clip.mp4
  proofmark evaluate clips/ --html report.html
  proofmark evaluate clip.mp4 --attacks platform,crop-55 --seconds 5 --json

Needs no home: each clip gets a fresh key and payload, in memory. Exit codes: 0 measured, 2 error, \
4 some of several files failed.")]
pub(crate) struct EvaluateArgs {
    /// Clips or folders of them
    #[arg(required_unless_present = "list", value_name = "CLIP")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    /// Attacks, or groups of them, separated by commas [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) attacks: Vec<String>,
    /// List the attacks and their groups
    #[arg(long)]
    pub(crate) list: bool,
    /// Strength of the mark: subtle, standard, strong, heavy, or a factor on the standard amplitude
    /// from 0.25 to 4 [default: standard]
    #[arg(long, env = "PROOFMARK_STRENGTH", value_name = "LEVEL")]
    pub(crate) strength: Option<Strength>,
    /// Seconds of each clip, from its start
    #[arg(long, value_name = "N", default_value = "10", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Replace an existing page
    #[arg(short, long)]
    pub(crate) force: bool,
}
