//! What `sign` can be told.

use std::path::PathBuf;

use clap::Args;
use proofmark::Payload;

use super::options::{MetricsOption, SandboxOption};
use super::stamp::{JobArgs, ManifestArgs, RememberArgs};
use crate::batch::BatchArgs;

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark sign finished.mp4 -o signed.mp4
  proofmark sign finished.mp4 -o signed.mp4 --payload 7f3c1a52-9b64-4d0e-8a31-5e6f70819203
  proofmark sign encoded/ -o signed/ --title 'A kitchen' --json
  proofmark sign packaged/index.m3u8 -o signed/

For clips whose frames were marked on their way to an encoder, as by 'proofmark stamp - -o -': the
media stay as they are, bit by bit. The mark is looked for first, and one that is not there is not
claimed. What the registry knows from when the frames were marked is replaced by the finished
file. Of a playlist or MPD, all segments are signed, into a folder of the same names.")]
pub(crate) struct SignArgs {
    /// Finished clips, sounds, still images, folders of them, or patterns such as 'clips/**/*.mp4'
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Target, of the same kind as the input; a folder for several inputs, or one that is not there
    /// yet for a playlist or MPD
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    /// Number that the clip was marked with: a version 4 UUID [default: the one that is found in
    /// it, else a new one]
    #[arg(long, value_name = "UUID")]
    pub(crate) payload: Option<Payload>,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Replace an existing target, and an entry of another clip in the registry
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Keep the folders below this one under the target folder, wherever the inputs are named
    /// [default: below each folder or pattern that is given]
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remember: RememberArgs,
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsOption,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}
