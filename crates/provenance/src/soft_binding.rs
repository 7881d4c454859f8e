//! The soft-binding assertion: the manifest's word on the mark.

use c2pa::assertions::labels;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use proofmark_core::Payload;

/// Name of our algorithm in soft bindings. It is not in the C2PA's list of algorithms; a deployment
/// that registers one sets it.
pub const DEFAULT_ALGORITHM: &str = "org.proofmark.video.2";

/// Names that our algorithm had before: the mark of `video.1` has no aperiodic part, and is read as
/// that of today.
pub const EARLIER_ALGORITHMS: [&str; 1] = ["org.proofmark.video.1"];

/// Whether soft bindings of `alg` name our marks, where new ones are of `algorithm`.
#[must_use]
pub fn names_marks(alg: &str, algorithm: &str) -> bool {
    alg == algorithm || EARLIER_ALGORITHMS.contains(&alg)
}

/// Name of the algorithm of our video fingerprint in soft bindings, to which the same applies.
/// Values are excerpts of it.
pub const VIDEO_FINGERPRINT: &str = "org.proofmark.fingerprint.picture.1";

/// Name of the algorithm of our audio fingerprint. Values are excerpts of it.
pub const AUDIO_FINGERPRINT: &str = "org.proofmark.fingerprint.sound.1";

/// Label of the assertion.
pub(super) const LABEL: &str = labels::SOFT_BINDING;

/// What a manifest says about a mark or a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SoftBinding {
    /// The algorithm.
    pub alg: String,
    /// Its value: the payload's UUID where it is one of 16 bytes or its text, else hexadecimal or
    /// as it stood.
    pub value: String,
    /// The bytes of its value, those of the text where it is one.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// The assertion as the specification has it: values are byte strings.
#[derive(Serialize)]
pub(super) struct Assertion<'a> {
    alg: &'a str,
    blocks: [Block; 1],
    pad: ByteBuf,
}

#[derive(Serialize)]
struct Block {
    scope: Scope,
    value: ByteBuf,
}

/// Empty: the whole of the asset.
#[derive(Serialize)]
struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    timespan: Option<TimeSpan>,
}

/// Milliseconds from the beginning of the asset.
#[derive(Serialize)]
struct TimeSpan {
    start: u64,
    end: u64,
}

impl<'a> Assertion<'a> {
    /// Of so many milliseconds of a clip, or of the whole.
    pub(super) fn new(alg: &'a str, value: &[u8], length: Option<u64>) -> Self {
        let scope = Scope { timespan: length.map(|end| TimeSpan { start: 0, end }) };
        Self {
            alg,
            blocks: [Block { scope, value: ByteBuf::from(value.to_vec()) }],
            pad: ByteBuf::new(),
        }
    }
}

/// The assertion as it is met: values as bytes, as text, or as whatever else.
#[derive(Deserialize)]
struct Met {
    #[serde(default)]
    alg: String,
    #[serde(default)]
    blocks: Vec<MetBlock>,
}

#[derive(Deserialize)]
struct MetBlock {
    value: serde_json::Value,
}

/// All bindings of an assertion.
pub(super) fn parse(assertion: &serde_json::Value) -> Vec<SoftBinding> {
    let Ok(met) = Met::deserialize(assertion) else { return Vec::new() };
    met.blocks
        .iter()
        .filter_map(|b| value(&b.value))
        .map(|(value, bytes)| SoftBinding { alg: met.alg.clone(), value, bytes })
        .collect()
}

/// A value as it is shown, and its bytes.
fn value(value: &serde_json::Value) -> Option<(String, Vec<u8>)> {
    match value {
        serde_json::Value::String(s) => Some((s.clone(), s.clone().into_bytes())),
        serde_json::Value::Array(items) => {
            let bytes: Vec<u8> = items
                .iter()
                .map(|i| i.as_u64().and_then(|b| u8::try_from(b).ok()))
                .collect::<Option<_>>()?;
            let shown = match <[u8; 16]>::try_from(bytes.as_slice()) {
                Ok(id) => uuid::Uuid::from_bytes(id).to_string(),
                Err(_) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
            };
            Some((shown, bytes))
        }
        _ => None,
    }
}

impl SoftBinding {
    /// The payload, if the value is one.
    #[must_use]
    pub fn payload(&self) -> Option<Payload> {
        self.value.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_text_are_read_alike() {
        let p = Payload::random();
        let bytes: Vec<u8> = p.as_bytes().to_vec();
        for value in [serde_json::json!(bytes), serde_json::json!(p.to_string())] {
            let met =
                parse(&serde_json::json!({"alg": "x", "blocks": [{"scope": {}, "value": value}]}));
            assert_eq!(met[0].payload(), Some(p));
        }
        let other =
            parse(&serde_json::json!({"alg": "x", "blocks": [{"scope": {}, "value": [1, 255]}]}));
        assert_eq!((other[0].value.as_str(), other[0].payload()), ("01ff", None));
        assert!(parse(&serde_json::json!({"blocks": 3})).is_empty());
    }
}
