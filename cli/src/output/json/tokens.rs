//! The tokens of the server.

use anyhow::Result;
use proofmark_server::Token;
use serde_json::{Value, json};

use super::{print, schema};

pub(crate) fn tokens(tokens: &[Token]) -> Result<()> {
    let listed: Vec<Value> = tokens
        .iter()
        .map(|t| json!({"name": t.name, "scopes": t.scopes, "created": t.created}))
        .collect();
    print(&json!({"schema": schema("tokens"), "tokens": listed}))
}

pub(crate) fn token(name: &str, token: &str) -> Result<()> {
    print(&json!({"schema": schema("tokens"), "name": name, "token": token}))
}

pub(crate) fn revoked(name: &str) -> Result<()> {
    print(&json!({"schema": schema("tokens"), "revoked": name}))
}
