//! `proofmark keys`: list, add, export, import.

use anyhow::{Context, Result, bail};
use proofmark::{KeyRing, WatermarkKey};

use crate::args::{Global, KeysAction, KeysArgs};
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::output;
use crate::target::Target;

pub(crate) fn run(args: &KeysArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    match &args.action {
        KeysAction::List => show(&home.key_ring()?, global)?,
        KeysAction::Add => {
            let ring = home.key_ring()?;
            // Later than every other key, whatever the clock says: the newest stamps.
            let created = home::now().max(ring.newest().created() + 1);
            let key = WatermarkKey::generate(created)?;
            home.store_key(&key)?;
            show(&home.key_ring()?, global)?;
        }
        KeysAction::Export { id, output: target } => {
            let ring = home.key_ring()?;
            let key =
                ring.keys().iter().find(|k| k.id().to_string() == *id).with_context(|| {
                    format!("there is no key {id}; 'proofmark keys list' shows those there are")
                })?;
            Target::new(target, false, &[])?;
            home::write_private(target, &key.to_text())?;
            if !global.quiet {
                output::remark(&format!(
                    "{}: holds the secret of key {id}; keep it safe",
                    target.display()
                ));
            }
            if global.json {
                output::json::key_file("exported", key, target)?;
            }
        }
        KeysAction::Import { file } => {
            let key = home::read_key(file)?;
            if home
                .key_ring_if_any()?
                .is_some_and(|ring| ring.keys().iter().any(|k| k.id() == key.id()))
            {
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
