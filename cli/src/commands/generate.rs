//! `proofmark completions` and `proofmark man`: made from the arguments themselves.

use std::io::Write;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::exit::Exit;

pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "proofmark", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Success)
}

pub(crate) fn man(args: &ManArgs) -> Result<Exit> {
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("{}: cannot be made", args.output.display()))?;
    clap_mangen::generate_to(Cli::command(), &args.output)
        .with_context(|| format!("{}: cannot be written", args.output.display()))?;
    Ok(Exit::Success)
}
