//! One JSON object a line; the schemas are in `docs/schema/`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use proofmark::attacks::Attack;
use proofmark::key::KeyId;
use proofmark::sound::Outlook as SoundOutlook;
use proofmark::{Detected, KeyRing, Report, Stamped, Verified, WatermarkKey};
use serde_json::{Value, json};

use crate::home::Home;

fn print(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}

fn schema(verb: &str) -> String {
    format!("proofmark.{verb}/1")
}

pub(crate) fn failure(verb: &str, file: &Path, e: &anyhow::Error) -> Result<()> {
    print(&json!({"schema": schema(verb), "file": file, "error": format!("{e:#}")}))
}

pub(crate) fn init(home: &Home, key: &KeyId) -> Result<()> {
    print(&json!({"schema": schema("init"), "home": home.path(), "key": key, "authority": home.authority()}))
}

pub(crate) fn keys(ring: &KeyRing) -> Result<()> {
    let keys: Vec<Value> = ring.keys().iter().enumerate().map(|(i, k)| json!({"id": k.id(), "created": k.created(), "stamps": i == 0})).collect();
    print(&json!({"schema": schema("keys"), "keys": keys}))
}

pub(crate) fn key_file(what: &str, key: &WatermarkKey, file: &Path) -> Result<()> {
    print(&json!({"schema": schema("keys"), what: key.id(), "file": file}))
}

pub(crate) fn stamp(file: &Path, target: &Path, stamped: &Stamped) -> Result<()> {
    let manifest = stamped.manifest.as_ref().map(|path| json!({"label": format!("urn:c2pa:{}", stamped.payload), "path": path, "embedded": path == target}));
    let s = &stamped.summary;
    let sound: Vec<Value> = stamped
        .sound
        .iter()
        .map(|track| match track {
            Ok(capacity) => json!({"marked": capacity.outlook != SoundOutlook::Silent, "capacity": capacity}),
            Err(reason) => json!({"marked": false, "reason": reason.to_string()}),
        })
        .collect();
    print(&json!({
        "schema": schema("stamp"),
        "file": file,
        "output": target,
        "payload": stamped.payload,
        "generation": stamped.generation,
        "key": stamped.key,
        "manifest": manifest,
        "video": s.info.picture.as_ref().filter(|_| s.codec.is_some()).map(|p| json!({"codec": s.codec, "width": p.width, "height": p.height, "frames": s.frames, "seconds": s.seconds})),
        "audio": sound,
        "capacity": stamped.capacity,
        "left_out": s.left_out,
    }))
}

/// The part of a report that the detectors fill.
fn evidence(detected: &Detected) -> Result<Value> {
    Ok(json!({"video": serde_json::to_value(&detected.picture)?, "audio": serde_json::to_value(&detected.sound)?}))
}

pub(crate) fn detect(file: &Path, detected: &Detected) -> Result<()> {
    let mut report = json!({"schema": schema("detect"), "file": file});
    merge(&mut report, evidence(detected)?);
    print(&report)
}

pub(crate) fn verify(file: &Path, v: &Verified) -> Result<()> {
    let mut report = json!({
        "schema": schema("verify"),
        "file": file,
        "verdict": v.judgement.verdict,
        "reasons": v.judgement.reasons,
        "next": v.judgement.next,
        "manifest": v.manifest,
    });
    merge(&mut report, v.detected.as_ref().map_or(Ok(json!({"video": null, "audio": null})), evidence)?);
    print(&report)
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
