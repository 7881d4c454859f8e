//! `proofmark keys`: list, add, use, retire, export, import.

use anyhow::{Context, Result, bail};
use proofmark::{KeyId, WatermarkKey};

use crate::args::{Global, KeysAction, KeysArgs};
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::output;
use crate::target::Target;

pub(crate) fn run(args: &KeysArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    match &args.action {
        KeysAction::List => show(&home, global)?,
        KeysAction::Add => {
            let ring = home.key_ring()?;
            // Later than every other key, whatever the clock says.
            let newest = ring.keys().iter().map(WatermarkKey::created).max().unwrap_or(0);
            let key = WatermarkKey::generate(home::now().max(newest + 1))?;
            home.store_key(&key)?;
            home.use_key(&key.id().to_string())?;
            show(&home, global)?;
        }
        KeysAction::Use { id } => {
            home.use_key(id)?;
            show(&home, global)?;
        }
        KeysAction::Retire { id } => {
            home.retire_key(id)?;
            show(&home, global)?;
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
            // One that is newer would stamp in place of the one that does.
            home.hold_choice()?;
            home.store_key(&key)?;
            show(&home, global)?;
            if !global.quiet && home.key_ring()?.stamping().id() != key.id() {
                output::remark(&format!(
                    "key {0} detects; 'proofmark keys use {0}' has it stamp",
                    key.id()
                ));
            }
        }
    }
    Ok(Exit::Success)
}

fn show(home: &Home, global: &Global) -> Result<()> {
    let ring = home.key_ring()?;
    let retired: Vec<KeyId> =
        home.kept_keys()?.into_iter().filter(|k| k.retired).map(|k| k.key.id().clone()).collect();
    if global.json {
        output::json::keys(&ring, &retired)
    } else {
        output::human::keys(&ring, &retired)
    }
}
