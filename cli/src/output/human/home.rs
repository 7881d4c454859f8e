//! The home as it is told to people: that it is ready, its keys, its tokens.

use std::fmt::Write as _;

use anyhow::Result;
use proofmark::KeyRing;
use proofmark::key::KeyId;

use super::{date, line, print, shown, table};
use crate::args::Global;
use crate::home::Home;
use crate::output::{self, BOLD, GOOD, name};
use crate::serve::Token;

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

pub(crate) fn keys(ring: &KeyRing) -> Result<()> {
    let mut out = String::new();
    for (i, key) in ring.keys().iter().enumerate() {
        let role = if i == 0 { "stamps and detects" } else { "detects" };
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}  {}  {role}", key.id(), date(key.created()));
    }
    print(&out)
}

pub(crate) fn tokens(tokens: &[Token]) -> Result<()> {
    if tokens.is_empty() {
        return print("no tokens\n");
    }
    let mut rows = vec![["name", "made", "allows"].map(String::from)];
    for t in tokens {
        rows.push([
            shown(&t.name),
            date(t.created),
            t.scopes.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "),
        ]);
    }
    print(&table(&rows, 3))
}

pub(crate) fn token(token: &str, global: &Global) -> Result<()> {
    print(&format!("{token}\n"))?;
    if !global.quiet {
        output::remark(
            "this token is not kept, and cannot be shown again; clients send it as \
            'Authorization: Bearer …'",
        );
    }
    Ok(())
}

pub(crate) fn revoked(name: &str, global: &Global) -> Result<()> {
    if global.quiet { Ok(()) } else { print(&format!("revoked: {name}\n")) }
}
