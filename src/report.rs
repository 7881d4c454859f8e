//! Reports: what [`Verifier`](crate::Verifier) and [`Detector`](crate::Detector) found and
//! [`Stamper`](crate::Stamper) did, each as one JSON object, and what an error is called there.
//! Command, server and whoever else tells of a file say it in these words; the schemas are in
//! `docs/schema/`.

use std::error::Error;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Result, Value, json};

#[cfg(feature = "media")]
use crate::Stamped;
use crate::inspect::InspectError;
use crate::isolation::Isolation;
use crate::media::MediaError;
use crate::provenance::ProvenanceError;
use crate::registry::RegistryError;
#[cfg(feature = "media")]
use crate::stamp::Packaged;
use crate::stamp::{Earlier, SignedClip};
use crate::verdict::{Language, Reason};
use crate::{Detected, ErrorKind, StampError, Verified, VerifyError};

/// What a report of `verify` has as its `schema`.
pub const VERIFY: &str = "proofmark.verify/2";
/// The same of `detect`.
pub const DETECT: &str = "proofmark.detect/1";
/// The same of `stamp`.
pub const STAMP: &str = "proofmark.stamp/1";

/// The same of `sign`.
pub const SIGN: &str = "proofmark.sign/1";

/// The code of an error that has none of its own.
const UNUSABLE: &str = "file.unusable";

/// What [`Verifier`](crate::Verifier) says of `file`, with sentences in `language`.
///
/// # Errors
/// If a part of it cannot be told in JSON.
pub fn verify(file: &Path, verified: &Verified, language: Language) -> Result<Value> {
    let (v, j) = (verified, &verified.judgement);
    let reason = |r: &Reason| {
        json!({
            "code": r.code,
            "severity": r.severity,
            "params": r.params,
            "text": r.text(language),
        })
    };
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
        "segments": v.segments,
        "elsewhere": v.elsewhere,
        "unfetched": v.unfetched,
        "declarations": v.declarations,
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

/// What [`Detector`](crate::Detector) says of `file`, and what held whoever looked at it.
///
/// # Errors
/// If a part of it cannot be told in JSON.
pub fn detect(file: &Path, detected: &Detected, isolation: Isolation) -> Result<Value> {
    let mut report = named(json!({"schema": DETECT, "isolation": isolation}), "file", file);
    merge(&mut report, evidence(detected)?);
    Ok(report)
}

/// The part of a report that the detectors fill.
fn evidence(detected: &Detected) -> Result<Value> {
    Ok(json!({
        "video": serde_json::to_value(&detected.picture)?,
        "audio": serde_json::to_value(&detected.sound)?,
    }))
}

/// What [`Stamper`](crate::Stamper) made of `file` at `target`.
#[cfg(feature = "media")]
#[must_use]
pub fn stamp(file: &Path, target: &Path, stamped: &Stamped) -> Value {
    let place = stamped.manifest.as_deref();
    let manifest = stamped.label.as_ref().map(|label| {
        json!({
            "label": label,
            "path": place.map(Path::to_string_lossy),
            "embedded": place == Some(target),
            "parent": stamped.parent,
        })
    });
    let s = &stamped.summary;
    let sound: Vec<Value> = stamped
        .sound
        .iter()
        .map(|track| match track {
            Ok(capacity) => json!({"marked": capacity.is_marked(), "capacity": capacity}),
            Err(reason) => json!({"marked": false, "reason": reason.to_string()}),
        })
        .collect();
    let video = s.info.picture.as_ref().filter(|_| s.codec.is_some()).map(|p| {
        json!({
            "codec": s.codec,
            "width": p.width,
            "height": p.height,
            "frames": s.frames,
            "seconds": s.seconds,
        })
    });
    let report = json!({
        "schema": STAMP,
        "payload": stamped.payload,
        "generation": stamped.generation,
        "key": stamped.key,
        "manifest": manifest,
        "video": video,
        "audio": sound,
        "capacity": stamped.capacity,
        "left_out": s.left_out,
        "registered": stamped.remembered,
        "isolation": stamped.isolation,
    });
    named(named(report, "file", file), "output", target)
}

/// What [`Stamper::package`](crate::Stamper::package) made of `file` in the folder `target`.
#[cfg(feature = "media")]
#[must_use]
pub fn package(file: &Path, target: &Path, packaged: &Packaged) -> Value {
    let renditions = packaged.renditions.iter().map(|r| {
        json!({
            "name": r.name,
            "codecs": r.codecs,
            "width": r.size.map(|s| s.0),
            "height": r.size.map(|s| s.1),
            "segments": r.segments,
        })
    });
    let mut report = stamp(file, target, &packaged.stamped);
    report["package"] = json!({
        "indexes": packaged.indexes.iter().map(|i| i.to_string_lossy()).collect::<Vec<_>>(),
        "renditions": renditions.collect::<Vec<Value>>(),
    });
    if !report["manifest"].is_null() {
        report["manifest"]["embedded"] = true.into();
    }
    report
}

/// What was signed of `file` at `target`.
#[must_use]
pub fn sign(file: &Path, target: &Path, signed: &SignedClip) -> Value {
    let report = json!({
        "schema": SIGN,
        "payload": signed.payload,
        "key": signed.key,
        "marked": {"video": signed.video, "audio": signed.audio},
        "manifest": {
            "label": signed.label,
            "path": signed.manifest.to_string_lossy(),
            "embedded": signed.manifest == target,
            "parent": signed.parent,
        },
        "registered": signed.remembered,
        "replaced": signed.replaced,
        "isolation": signed.isolation,
    });
    named(named(report, "file", file), "output", target)
}

/// What an earlier run of a job made at `target`, as `verb` tells of it.
#[must_use]
pub fn earlier(verb: &str, file: &Path, target: &Path, earlier: &Earlier) -> Value {
    let manifest = earlier.manifest.as_deref().map(|path| {
        json!({
            "label": format!("urn:c2pa:{}", earlier.payload),
            "path": path.to_string_lossy(),
            "embedded": path == target,
        })
    });
    let report = json!({
        "schema": format!("proofmark.{verb}/1"),
        "earlier": true,
        "payload": earlier.payload,
        "key": earlier.key,
        "manifest": manifest,
        "registered": earlier.remembered,
    });
    named(named(report, "file", file), "output", target)
}

/// What stands in place of a report that `verb` could not make: the error with all that led to it,
/// and its [`code`].
#[must_use]
pub fn failure(verb: &str, file: &Path, e: &(dyn Error + 'static)) -> Value {
    let why: Vec<String> = chain(e).map(ToString::to_string).collect();
    let schema = if verb == "verify" { VERIFY.into() } else { format!("proofmark.{verb}/1") };
    let told = json!({"schema": schema, "error": why.join(": "), "code": code(e)});
    named(told, "file", file)
}

/// The code of an error, or of the first of what led to it that has one: stable, for scripts.
#[must_use]
pub fn code(e: &(dyn Error + 'static)) -> &'static str {
    chain(e).find_map(code_of).unwrap_or(UNUSABLE)
}

fn code_of(e: &(dyn Error + 'static)) -> Option<&'static str> {
    (e.downcast_ref().map(VerifyError::code))
        .or_else(|| e.downcast_ref().map(InspectError::code))
        .or_else(|| e.downcast_ref().map(MediaError::code))
        .or_else(|| e.downcast_ref().map(ProvenanceError::code))
        .or_else(|| e.downcast_ref().map(RegistryError::code))
        .or_else(|| e.downcast_ref().map(StampError::code))
}

/// What can be done about an error, if it or what led to it is one of ours.
#[must_use]
pub fn kind(e: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let of = |e: &(dyn Error + 'static)| {
        (e.downcast_ref().map(VerifyError::kind))
            .or_else(|| e.downcast_ref().map(InspectError::kind))
            .or_else(|| e.downcast_ref().map(MediaError::kind))
            .or_else(|| e.downcast_ref().map(ProvenanceError::kind))
            .or_else(|| e.downcast_ref().map(RegistryError::kind))
            .or_else(|| e.downcast_ref().map(StampError::kind))
    };
    chain(e).find_map(of)
}

/// An error and what led to it.
fn chain<'e>(e: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(e), |&e| e.source())
}

/// Adds the name of a file under `what`, and under `what_bytes` where it is no text ([`name`]).
#[must_use]
pub fn named(mut object: Value, what: &str, path: &Path) -> Value {
    let (text, bytes) = name(path);
    object[what] = text.into();
    if let Some(bytes) = bytes {
        object[format!("{what}_bytes")] = bytes.into();
    }
    object
}

/// A path as JSON can hold it, and in base64 beside it where that is not the whole truth: a name
/// need not be text.
#[must_use]
pub fn name(path: &Path) -> (String, Option<String>) {
    let bytes = || STANDARD.encode(path.as_os_str().as_encoded_bytes());
    (path.to_string_lossy().into_owned(), path.to_str().is_none().then(bytes))
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(a), Value::Object(b)) = (into, from) {
        a.extend(b);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::{fmt, io};

    use super::*;

    /// An error that another led to.
    #[derive(Debug)]
    struct Around(Box<dyn Error>);

    impl fmt::Display for Around {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it went wrong")
        }
    }

    impl Error for Around {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    fn stopped() -> MediaError {
        MediaError::Cancelled { path: "a.mp4".into() }
    }

    #[test]
    fn an_error_of_ours_is_known_behind_others() {
        let around = Around(Box::new(Around(Box::new(stopped()))));
        assert_eq!((code(&around), kind(&around)), (stopped().code(), Some(ErrorKind::Cancelled)));
        let others = Around(Box::new(io::Error::other("no space")));
        assert_eq!((code(&others), kind(&others)), (UNUSABLE, None));
    }

    #[test]
    fn a_failure_tells_all_that_led_to_it() {
        let e = Around(Box::new(io::Error::other("no space")));
        assert_eq!(
            failure("detect", Path::new("a.mp4"), &e),
            json!({
                "schema": DETECT,
                "code": UNUSABLE,
                "error": "it went wrong: no space",
                "file": "a.mp4",
            })
        );
        assert_eq!(
            failure("verify", Path::new("a.mp4"), &e),
            json!({
                "schema": VERIFY,
                "code": UNUSABLE,
                "error": "it went wrong: no space",
                "file": "a.mp4",
            })
        );
    }

    #[test]
    fn a_name_that_is_no_text_is_whole_in_its_bytes() {
        let told = named(json!({}), "output", Path::new(OsStr::from_bytes(b"a\xff.mp4")));
        assert_eq!(told, json!({"output": "a\u{fffd}.mp4", "output_bytes": "Yf8ubXA0"}));
        assert_eq!(named(json!({}), "file", Path::new("ä.mp4")), json!({"file": "ä.mp4"}));
    }
}
