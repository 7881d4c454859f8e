//! One JSON object a line; the schemas are in `docs/schema/`.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use proofmark::attacks::Attack;
use proofmark::inspect::InspectError;
use proofmark::key::KeyId;
use proofmark::media::MediaError;
use proofmark::provenance::ProvenanceError;
use proofmark::queue::{Ended, Job, Overview, State, Submitted};
use proofmark::registry::{Entry, Event, RegistryError};
use proofmark::sandbox::Isolation;
use proofmark::stamp::SignedClip;
use proofmark::verdict::{Language, Reason};
use proofmark::{
    Detected, ErrorKind, KeyRing, Registered, Report, StampError, Stamped, Verified, VerifyError,
    WatermarkKey,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::batch;
use crate::home::Home;
use crate::serve::Token;

/// Prints an object, whole and at once.
pub(crate) fn print(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}

/// Adds the name of a file, which need not be text.
fn named(mut object: Value, what: &str, path: &Path) -> Value {
    let (text, bytes) = batch::text(path);
    object[what] = text.into();
    if let Some(bytes) = bytes {
        object[format!("{what}_bytes")] = bytes.into();
    }
    object
}

fn schema(verb: &str) -> String {
    format!("proofmark.{verb}/1")
}

pub(crate) fn failure(verb: &str, file: &Path, e: &anyhow::Error) -> Value {
    let mut told = json!({"schema": schema(verb), "error": format!("{e:#}")});
    if verb == "verify" {
        told["schema"] = VERIFY.into();
        told["code"] = code(e).into();
    }
    named(told, "file", file)
}

/// The code of an error.
pub(crate) fn code(e: &anyhow::Error) -> &'static str {
    e.chain().find_map(code_of).unwrap_or("file.unusable")
}

/// An error in other words, under its code.
#[derive(Debug)]
pub(crate) struct Reworded {
    pub(crate) text: String,
    pub(crate) code: &'static str,
}

impl fmt::Display for Reworded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Reworded {}

fn code_of(e: &(dyn Error + 'static)) -> Option<&'static str> {
    (e.downcast_ref().map(|e: &Reworded| e.code))
        .or_else(|| e.downcast_ref().map(VerifyError::code))
        .or_else(|| e.downcast_ref().map(InspectError::code))
        .or_else(|| e.downcast_ref().map(MediaError::code))
        .or_else(|| e.downcast_ref().map(ProvenanceError::code))
        .or_else(|| e.downcast_ref().map(RegistryError::code))
        .or_else(|| e.downcast_ref().map(StampError::code))
}

/// What can be done about an error, where that is one of ours.
pub(crate) fn kind(e: &anyhow::Error) -> Option<ErrorKind> {
    let of = |e: &(dyn Error + 'static)| {
        (e.downcast_ref().map(VerifyError::kind))
            .or_else(|| e.downcast_ref().map(InspectError::kind))
            .or_else(|| e.downcast_ref().map(MediaError::kind))
            .or_else(|| e.downcast_ref().map(ProvenanceError::kind))
            .or_else(|| e.downcast_ref().map(RegistryError::kind))
            .or_else(|| e.downcast_ref().map(StampError::kind))
    };
    e.chain().find_map(of)
}

/// What reports of `verify` are called.
const VERIFY: &str = "proofmark.verify/2";

pub(crate) fn init(home: &Home, key: &KeyId) -> Result<()> {
    print(
        &json!({"schema": schema("init"), "home": home.path(), "key": key, "authority": home.authority()}),
    )
}

pub(crate) fn keys(ring: &KeyRing) -> Result<()> {
    let keys: Vec<Value> = ring
        .keys()
        .iter()
        .enumerate()
        .map(|(i, k)| json!({"id": k.id(), "created": k.created(), "stamps": i == 0}))
        .collect();
    print(&json!({"schema": schema("keys"), "keys": keys}))
}

pub(crate) fn key_file(what: &str, key: &WatermarkKey, file: &Path) -> Result<()> {
    print(&json!({"schema": schema("keys"), what: key.id(), "file": file}))
}

pub(crate) fn stamp(file: &Path, target: &Path, stamped: &Stamped) -> Value {
    let place = stamped.manifest.as_deref();
    let manifest = stamped
        .signed
        .then(|| json!({"label": format!("urn:c2pa:{}", stamped.payload), "path": place.map(Path::to_string_lossy), "embedded": place == Some(target), "parent": stamped.parent}));
    let s = &stamped.summary;
    let sound: Vec<Value> = stamped
        .sound
        .iter()
        .map(|track| match track {
            Ok(capacity) => json!({"marked": capacity.is_marked(), "capacity": capacity}),
            Err(reason) => json!({"marked": false, "reason": reason.to_string()}),
        })
        .collect();
    let report = json!({
        "schema": schema("stamp"),
        "payload": stamped.payload,
        "generation": stamped.generation,
        "key": stamped.key,
        "manifest": manifest,
        "video": s.info.picture.as_ref().filter(|_| s.codec.is_some()).map(|p| json!({"codec": s.codec, "width": p.width, "height": p.height, "frames": s.frames, "seconds": s.seconds})),
        "audio": sound,
        "capacity": stamped.capacity,
        "left_out": s.left_out,
        "registered": stamped.remembered,
        "isolation": stamped.isolation,
    });
    named(named(report, "file", file), "output", target)
}

pub(crate) fn sign(file: &Path, target: &Path, signed: &SignedClip) -> Value {
    let place = signed.manifest.to_string_lossy();
    let report = json!({
        "schema": schema("sign"),
        "payload": signed.payload,
        "key": signed.key,
        "marked": {"video": signed.video, "audio": signed.audio},
        "manifest": {
            "label": format!("urn:c2pa:{}", signed.payload),
            "path": place,
            "embedded": signed.manifest == target,
            "parent": signed.parent,
        },
        "registered": signed.remembered,
        "replaced": signed.replaced,
        "isolation": signed.isolation,
    });
    named(named(report, "file", file), "output", target)
}

/// The part of a report that the detectors fill.
fn evidence(detected: &Detected) -> Result<Value> {
    Ok(
        json!({"video": serde_json::to_value(&detected.picture)?, "audio": serde_json::to_value(&detected.sound)?}),
    )
}

pub(crate) fn detect(file: &Path, detected: &Detected, isolation: Isolation) -> Result<Value> {
    let mut report =
        named(json!({"schema": schema("detect"), "isolation": isolation}), "file", file);
    merge(&mut report, evidence(detected)?);
    Ok(report)
}

/// The report of `verify`, which the server gives too.
pub(crate) fn verify(file: &Path, v: &Verified, language: Language) -> Result<Value> {
    let j = &v.judgement;
    let reason = |r: &Reason| json!({"code": r.code, "severity": r.severity, "params": r.params, "text": r.text(language)});
    let next = |(code, text): (&str, String)| json!({"code": code, "text": text});
    let mut manifest = serde_json::to_value(&v.manifest)?;
    if !manifest.is_null() {
        manifest["invalid"] = j.manifest_invalid.into();
    }
    let mut report = json!({
        "schema": VERIFY,
        "verdict": j.verdict,
        "trust": j.trust,
        "severity": j.severity,
        "summary": j.summary(language),
        "reasons": j.reasons.iter().map(reason).collect::<Vec<Value>>(),
        "next": j.steps(language).into_iter().map(next).collect::<Vec<Value>>(),
        "check": v.check,
        "manifest": manifest,
        "elsewhere": v.elsewhere,
        "registered": v.registered,
        "similar": v.similar,
        "isolation": v.isolation,
    });
    report = named(report, "file", file);
    merge(
        &mut report,
        v.detected.as_ref().map_or(Ok(json!({"video": null, "audio": null})), evidence)?,
    );
    Ok(report)
}

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

pub(crate) fn submitted(file: &str, submitted: Submitted) -> Value {
    json!({"schema": schema("submit"), "file": file, "id": submitted.id, "new": submitted.new})
}

/// What an attempt of a worker came to.
#[derive(Serialize)]
pub(crate) struct Attempt<'a> {
    pub(crate) id: i64,
    pub(crate) state: State,
    pub(crate) verb: &'a str,
    pub(crate) file: &'a str,
    pub(crate) seconds: f64,
    pub(crate) error: Option<&'a str>,
}

pub(crate) fn attempt(attempt: &Attempt<'_>) -> Value {
    let mut told = json!(attempt);
    told["schema"] = schema("worker").into();
    told
}

pub(crate) fn queue(location: &str, overview: &Overview, stuck: &[Job], parked: &[Job]) -> Value {
    let states: serde_json::Map<String, Value> =
        overview.states.iter().map(|(state, count)| (state.to_string(), (*count).into())).collect();
    json!({
        "schema": schema("jobs"), "queue": location, "states": states, "ended_last_minute": overview.last_minute, "ended_last_hour": overview.last_hour,
        "longest_wait": overview.longest_wait, "stuck": stuck, "parked": parked,
    })
}

pub(crate) fn jobs(jobs: &[Job]) -> Value {
    json!({"schema": schema("jobs"), "jobs": jobs})
}

pub(crate) fn job(job: &Job, result: Option<&Ended>) -> Value {
    json!({"schema": schema("jobs"), "job": job, "result": result})
}

/// What was done with a job on request.
pub(crate) fn changed(what: &str, id: i64) -> Value {
    json!({"schema": schema("jobs"), what: id})
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(a), Value::Object(b)) = (into, from) {
        a.extend(b);
    }
}
