//! `proofmark tokens`: what clients of the server show.

use anyhow::{Result, bail};
use proofmark_server::TokenFile;

use crate::args::{Global, TokensAction, TokensArgs};
use crate::exit::Exit;
use crate::home::Home;
use crate::output;

pub(crate) fn run(args: &TokensArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    if !home.path().is_dir() {
        bail!("{}: there is no home here; make one with 'proofmark init'", home.path().display());
    }
    let tokens = TokenFile::of(home.path());
    match &args.action {
        TokensAction::List if global.json => output::json::tokens(&tokens.list()?)?,
        TokensAction::List => output::human::tokens(&tokens.list()?)?,
        TokensAction::Add { name, scopes } => {
            let token = tokens.add(name, scopes.iter().copied().collect())?;
            if global.json {
                output::json::token(name, &token)?
            } else {
                output::human::token(&token, global)?
            }
        }
        TokensAction::Revoke { name } => {
            tokens.revoke(name)?;
            if global.json {
                output::json::revoked(name)?
            } else {
                output::human::revoked(name, global)?
            }
        }
    }
    Ok(Exit::Success)
}
