//! `proofmark init`: make a home.

use anyhow::Result;
use proofmark::WatermarkKey;
use proofmark::provenance::test_identity;

use crate::args::{Global, InitArgs};
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::output;

pub(crate) fn run(_: &InitArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let key = WatermarkKey::generate(home::now())?;
    home.create(&key, &test_identity()?)?;
    // A home that lacked its identity alone keeps its keys.
    let ring = home.key_ring()?;
    let id = ring.stamping().id();
    if global.json {
        output::json::init(&home, id)?;
    } else {
        output::human::init(&home, id)?;
    }
    Ok(Exit::Success)
}
