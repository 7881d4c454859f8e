//! The home as it is told to people: that it is ready, its keys.

use std::fmt::Write as _;

use anyhow::Result;
use proofmark::KeyRing;
use proofmark::key::KeyId;

use super::{date, line, print};
use crate::home::Home;
use crate::output::{BOLD, GOOD, name};

pub(crate) fn init(home: &Home, key: &KeyId) -> Result<()> {
    let mut out = format!("{GOOD}ready{GOOD:#}: {}\n", name(home.path()));
    line(
        &mut out,
        "key",
        &format!(
            "{key}, in keys/: whoever has it can find and imitate your marks, so back it up and \
            keep it secret"
        ),
    );
    line(
        &mut out,
        "identity",
        "a TEST certificate, in signing/: good for trying things out, trusted by nobody else",
    );
    line(&mut out, "settings", "config.toml, every one with a comment");
    line(&mut out, "next", "proofmark stamp clip.mp4 -o stamped.mp4");
    print(&out)
}

pub(crate) fn keys(ring: &KeyRing, retired: &[KeyId]) -> Result<()> {
    let mut out = String::new();
    for (i, key) in ring.keys().iter().enumerate() {
        let role = match i {
            0 => "stamps and detects",
            _ if retired.contains(key.id()) => "detects; retired",
            _ => "detects",
        };
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}  {}  {role}", key.id(), date(key.created()));
    }
    print(&out)
}
