//! `proofmark keys`: list, add, export, import.

use anyhow::{Context, Result, bail};
use proofmark::{KeyRing, WatermarkKey};

use crate::args::{Global, KeysAction, KeysArgs};
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::output;

pub(crate) fn run(args: &KeysArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let ring = home.key_ring()?;
    match &args.action {
        KeysAction::List => show(&ring, global)?,
        KeysAction::Add => {
            // Later than every other key, whatever the clock says: the newest stamps.
            let created = home::now().max(ring.newest().created() + 1);
            let key = WatermarkKey::generate(created)?;
            home.store_key(&key)?;
            show(&home.key_ring()?, global)?;
        }
        KeysAction::Export { id, output: target } => {
            let key = ring.keys().iter().find(|k| k.id().to_string() == *id).with_context(|| format!("there is no key {id}; 'proofmark keys list' shows those there are"))?;
            if target.exists() {
                bail!("{}: exists already; choose another target", target.display());
            }
            home::write_private(target, &key.to_text())?;
            if !global.quiet {
                output::remark(&format!("{}: holds the secret of key {id}; keep it safe", target.display()));
            }
            if global.json {
                output::json::key_file("exported", key, target)?;
            }
        }
        KeysAction::Import { file } => {
            let key = home::read_key(file)?;
            if ring.keys().iter().any(|k| k.id() == key.id()) {
                bail!("{}: key {} is in the ring already", file.display(), key.id());
            }
            home.store_key(&key)?;
            show(&home.key_ring()?, global)?;
        }
    }
    Ok(Exit::Success)
}

fn show(ring: &KeyRing, global: &Global) -> Result<()> {
    if global.json { output::json::keys(ring) } else { output::human::keys(ring) }
}
