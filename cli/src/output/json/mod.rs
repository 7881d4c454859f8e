//! One JSON object a line; the schemas are in `docs/schema/`.

mod identity;
#[cfg(feature = "server")]
mod tokens;

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use proofmark::attacks::Attack;
use proofmark::key::KeyId;
use proofmark::registry::{Entry, Event};
use proofmark::report::named;
use proofmark::{KeyRing, Registered, Report, WatermarkKey};
use serde::Serialize;
use serde_json::{Value, json};

use crate::home::Home;

pub(crate) use identity::identity;
#[cfg(feature = "server")]
pub(crate) use tokens::{revoked, token, tokens};

/// Prints an object, whole and at once.
pub(crate) fn print(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}

fn schema(verb: &str) -> String {
    format!("proofmark.{verb}/1")
}

pub(crate) fn init(home: &Home, key: &KeyId) -> Result<()> {
    print(
        &json!({"schema": schema("init"), "home": home.path(), "key": key, "authority": home.authority()}),
    )
}

pub(crate) fn keys(ring: &KeyRing, retired: &[KeyId]) -> Result<()> {
    let one = |(i, k): (usize, &WatermarkKey)| {
        json!({
            "id": k.id(),
            "created": k.created(),
            "stamps": i == 0,
            "retired": retired.contains(k.id()),
        })
    };
    let keys: Vec<Value> = ring.keys().iter().enumerate().map(one).collect();
    print(&json!({"schema": schema("keys"), "keys": keys}))
}

pub(crate) fn key_file(what: &str, key: &WatermarkKey, file: &Path) -> Result<()> {
    print(&json!({"schema": schema("keys"), what: key.id(), "file": file}))
}

/// What became of a file of registrations.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Imported {
    pub(crate) added: usize,
    pub(crate) replaced: usize,
    pub(crate) unchanged: usize,
    pub(crate) refused: usize,
}

impl Imported {
    /// Counts a line that was not taken in, and says why.
    pub(crate) fn refuse(&mut self, file: &Path, line: usize, reason: &anyhow::Error) {
        self.refused += 1;
        super::error(&anyhow::anyhow!("{}: line {line}: {reason:#}", file.display()));
    }

    pub(crate) fn all(&self) -> usize {
        self.added + self.replaced + self.unchanged + self.refused
    }
}

/// What a check of the registry found.
#[derive(Debug, Serialize)]
pub(crate) struct Checked<'a> {
    pub(crate) location: &'a str,
    pub(crate) entries: usize,
    /// Entries whose file is there after a crash.
    pub(crate) confirmed: usize,
    /// Entries whose file is not there, or not as announced.
    pub(crate) open: usize,
    pub(crate) wrong: Vec<String>,
}

fn registry(object: Value) -> Result<()> {
    let mut report = json!({"schema": schema("registry")});
    merge(&mut report, object);
    print(&report)
}

pub(crate) fn entries(entries: &[Entry]) -> Result<()> {
    let listed: Vec<Value> = entries
        .iter()
        .map(|e| json!({"id": e.id, "payload": e.payload, "title": e.title, "stamped": e.stamped, "media_type": e.media_type, "content": e.content, "labels": e.labels, "confirmed": e.target.is_none()}))
        .collect();
    registry(json!({"entries": listed}))
}

pub(crate) fn entry(entry: &Registered) -> Result<()> {
    registry(json!({"entry": entry}))
}

pub(crate) fn imported(file: &Path, done: &Imported) -> Result<()> {
    registry(json!({"file": file, "imported": done}))
}

pub(crate) fn deleted(id: &str) -> Result<()> {
    registry(json!({"deleted": id}))
}

pub(crate) fn log(events: &[Event]) -> Result<()> {
    registry(json!({"log": events}))
}

pub(crate) fn checked(checked: &Checked<'_>) -> Result<()> {
    registry(json!({"checked": checked}))
}

/// What is in both, a registry and its copy.
pub(crate) fn kept(what: &str, file: &Path, location: &str, entries: u64) -> Result<()> {
    registry(json!({what: named(json!({"location": location, "entries": entries}), "file", file)}))
}

pub(crate) fn lookup(what: &Path, found: &[Registered]) -> Result<()> {
    print(&json!({"schema": schema("lookup"), "query": what, "registered": found}))
}

pub(crate) fn evaluate(report: &Report) -> Result<()> {
    let mut object = json!({"schema": schema("evaluate")});
    merge(&mut object, serde_json::to_value(report)?);
    print(&object)
}

pub(crate) fn attacks(list: &[&Attack]) -> Result<()> {
    print(&json!({"schema": schema("evaluate"), "attacks": list}))
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(a), Value::Object(b)) = (into, from) {
        a.extend(b);
    }
}
