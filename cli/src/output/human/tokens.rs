//! The tokens of the server.

use anyhow::Result;
use proofmark_server::Token;

use super::{date, print, shown, table};
use crate::args::Global;
use crate::output;

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
