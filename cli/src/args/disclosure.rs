//! What a manifest can be told of the model and of people.

use std::path::PathBuf;

use clap::Args;
use proofmark::provenance::{Oversight, TrainingMining};

#[derive(Args)]
#[command(next_help_heading = "Disclosure")]
pub(crate) struct DisclosureArgs {
    /// Model that generated the clip: an ingredient of it, and in the assertion on AI
    #[arg(long, env = "PROOFMARK_MODEL", value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Its version
    #[arg(long, env = "PROOFMARK_MODEL_VERSION", value_name = "VERSION", requires = "model")]
    pub(crate) model_version: Option<String>,
    /// Where the model is found: an address, or a number of its maker's
    #[arg(long, env = "PROOFMARK_MODEL_ID", value_name = "ID", requires = "model")]
    pub(crate) model_id: Option<String>,
    /// What the model was asked for. Whoever has the clip can read it
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_file")]
    pub(crate) prompt: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) prompt_file: Option<PathBuf>,
    /// How far people had a hand in it: fully_autonomous, prompt_guided or human_validated
    #[arg(long, env = "PROOFMARK_OVERSIGHT", value_name = "LEVEL")]
    pub(crate) oversight: Option<Oversight>,
    /// Whether the clip may be taken for mining data and training models: allowed, notAllowed, or
    /// constrained:CONDITIONS
    #[arg(long, env = "PROOFMARK_TRAINING_MINING", value_name = "USE")]
    pub(crate) training_mining: Option<TrainingMining>,
    /// Further metadata, a file with a JSON-LD object: the assertion cawg.metadata
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Put a small picture of the clip into the manifest
    #[arg(long)]
    pub(crate) thumbnail: bool,
    /// Hash an MP4 by a tree over pieces of its media, so that parts of a very large file can be
    /// checked. Not every reader takes it
    #[arg(long)]
    pub(crate) merkle: bool,
    /// Do not read back what was signed
    #[arg(long)]
    pub(crate) no_check: bool,
}
