//! `proofmark identity`: what the identity that signs is good for.

use anyhow::{Context, Result};
use proofmark::provenance::{Identity, check_identity};

use crate::args::{CheckArgs, Global, IdentityAction, IdentityArgs};
use crate::exit::Exit;
use crate::home::Home;
use crate::output;

pub(crate) fn run(args: &IdentityArgs, global: &Global) -> Result<Exit> {
    match &args.action {
        IdentityAction::Check(args) => check(args, global),
    }
}

fn check(args: &CheckArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let config = home.config()?;
    let trust = super::trust(Some(&args.trust), &config)?;
    let signing = home.signing(Some(&args.signing), &config.signing)?;
    let file = signing.file;
    let report = Identity::whatever(&signing.chain, signing.key, signing.options)
        .and_then(|identity| check_identity(&identity, &trust))
        .with_context(|| file.display().to_string())?;
    if global.json {
        output::json::identity(&file, &report)?;
    } else {
        output::human::identity(&file, &report)?;
    }
    Ok(if report.is_good() { Exit::Success } else { Exit::Nothing })
}
