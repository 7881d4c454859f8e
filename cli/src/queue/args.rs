//! What can be said of the queue on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proofmark::Payload;
use proofmark::queue::State;
use proofmark::video::Strength;

use crate::args::{RegistryOption, SandboxOption, TrustOption, bitrate};
use crate::target::kind;

/// Which queue.
#[derive(Args)]
pub(crate) struct QueueOption {
    /// postgres:// URL of the queue's database, which may be the registry's
    #[arg(
        long,
        global = true,
        env = "PROOFMARK_QUEUE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) queue: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark submit verify uploads/ --queue postgres://proofmark@db.example.com/proofmark
  proofmark submit stamp s3://clips/in.mp4 -o s3://clips/stamped.mp4 --key order-17 --priority 5
  proofmark submit verify upload.mp4 --wait --json

Paths must name the same files on the machines of the workers. With --wait it answers and exits as the command itself would.")]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) queue: QueueOption,
    /// Higher goes first
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) priority: i64,
    /// Your own name for the job: the same again is the same job, and not done twice; of several
    /// files each has its name behind it
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) key: Option<String>,
    /// Wait for the results and print them
    #[arg(long, global = true)]
    pub(crate) wait: bool,
    #[command(subcommand)]
    pub(crate) task: SubmitTask,
}

#[derive(Subcommand)]
pub(crate) enum SubmitTask {
    /// Tell where clips come from
    Verify(SubmitLookArgs),
    /// Look for marks
    Detect(SubmitLookArgs),
    /// Mark and sign clips
    Stamp(Box<SubmitStampArgs>),
}

#[derive(Args)]
pub(crate) struct SubmitLookArgs {
    /// Clips, still images or folders of them, or s3:// URLs
    #[arg(required = true, value_name = "FILE")]
    pub(crate) inputs: Vec<String>,
    /// Confirm one payload: needs the least evidence
    #[arg(long, value_name = "UUID")]
    pub(crate) expect: Option<Payload>,
    /// Look only where an uncropped, unturned clip has its mark: quicker
    #[arg(long)]
    pub(crate) no_search: bool,
}

#[derive(Args)]
pub(crate) struct SubmitStampArgs {
    /// Clips, still images or folders of them, or s3:// URLs
    #[arg(required = true, value_name = "FILE")]
    pub(crate) inputs: Vec<String>,
    /// Target, as of stamp, or an s3:// URL; for several inputs a folder, or an s3:// URL that ends
    /// in /
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) output: String,
    /// Kind of the files in a target folder: mp4, mkv or another that stamp writes [default: that
    /// of each input]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) to: Option<String>,
    /// Number to carry: a version 4 UUID [default: a new random one]
    #[arg(long, value_name = "UUID")]
    pub(crate) payload: Option<Payload>,
    /// Replace an existing target
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Strength of the mark, as of stamp [default: the worker's]
    #[arg(long, value_name = "LEVEL", value_parser = strength)]
    pub(crate) strength: Option<String>,
    /// Read the finished file back, blind, and fail if its payload does not come out
    #[arg(long)]
    pub(crate) check: bool,
    /// Copy the sound as it is, without a mark
    #[arg(long)]
    pub(crate) no_audio_mark: bool,
    /// Write no manifest
    #[arg(long)]
    pub(crate) no_c2pa: bool,
    /// Keep it out of the registry
    #[arg(long)]
    pub(crate) no_register: bool,
    /// Title of the clip
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Word for finding the clip again in the registry; may be given more than once
    #[arg(long = "label", value_name = "TEXT")]
    pub(crate) labels: Vec<String>,
    /// h264, h265, vp9, av1 or ffv1 [default: the worker's]
    #[arg(long, value_name = "CODEC")]
    pub(crate) video_codec: Option<String>,
    /// Constant quality on the codec's scale, 0 to 63
    #[arg(long, value_name = "N", conflicts_with = "bitrate")]
    pub(crate) crf: Option<f32>,
    /// Bit rate instead of constant quality, such as 4M or 800k
    #[arg(long, value_name = "BITS", value_parser = bitrate)]
    pub(crate) bitrate: Option<u64>,
    /// Speed preset in the encoder's own words
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark worker --queue postgres://proofmark@db.example.com/proofmark --registry postgres://proofmark@db.example.com/proofmark
  proofmark worker --jobs 4 --metrics 127.0.0.1:9473
  proofmark worker --until-empty

Keys, signing identity, trust lists and configuration are those of its home. Objects are fetched and put with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and
AWS_ENDPOINT_URL (AWS_ALLOW_HTTP=true for a store without TLS). SIGTERM and Ctrl-C stop it: what is under way goes back to the queue at once.")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) queue: QueueOption,
    /// Jobs at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// End when nothing is waiting or running any more
    #[arg(long)]
    pub(crate) until_empty: bool,
    /// Seconds of silence after which a worker counts as dead [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) lease: Option<u64>,
    /// Dead workers after which a job is parked [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) deaths: Option<u32>,
    /// Failures of the surroundings after which it is parked [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: Option<u32>,
    /// Address and port for /metrics, /healthz and /readyz; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Folder for copies of objects [default: that for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    /// Certificate chain (PEM, signing certificate first) [default: the home's test identity]
    #[arg(long, env = "PROOFMARK_SIGN_CERT", value_name = "FILE", requires = "sign_key")]
    pub(crate) sign_cert: Option<PathBuf>,
    /// Private key of the signing certificate (PKCS#8 PEM, P-256 or Ed25519)
    #[arg(long, env = "PROOFMARK_SIGN_KEY", value_name = "FILE", requires = "sign_cert")]
    pub(crate) sign_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark jobs                      states, rates, what is stuck or parked
  proofmark jobs --state failed       the newest that failed
  proofmark jobs show 17              one job with its result
  proofmark jobs retry 17             once more, after somebody looked into it")]
pub(crate) struct JobsArgs {
    #[command(flatten)]
    pub(crate) queue: QueueOption,
    /// List the newest jobs of a state: waiting, running, done, failed, parked or cancelled
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<State>,
    /// List at most so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) most: usize,
    #[command(subcommand)]
    pub(crate) action: Option<JobsAction>,
}

#[derive(Subcommand)]
pub(crate) enum JobsAction {
    /// Show one job, with its result
    Show {
        /// Its number
        id: i64,
    },
    /// Have jobs done again that failed, were parked or cancelled
    Retry {
        /// Their numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
    /// Give jobs up that have not ended; one that runs is stopped
    Cancel {
        /// Their numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
}

/// The user's word for a strength, if it is one.
fn strength(text: &str) -> Result<String, String> {
    text.parse::<Strength>().map(|_| text.into()).map_err(|e| e.to_string())
}
