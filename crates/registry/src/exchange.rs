//! How an entry travels in a file: one JSON object a line.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::{Binding, Content, Entry};
use proofmark_core::{Payload, Stills};
use proofmark_fingerprint::{AudioFingerprint, VideoFingerprint};

/// The schema's name.
const SCHEMA: &str = "proofmark.registration/1";

/// An entry as it is written: byte strings in base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Registration {
    schema: String,
    id: String,
    payload: Option<Payload>,
    manifest: Option<String>,
    /// SHA-256, in hexadecimal.
    content: Content,
    media_type: String,
    #[serde(default)]
    title: Option<String>,
    stamped: u64,
    #[serde(default)]
    labels: BTreeSet<String>,
    #[serde(default)]
    bindings: Vec<WrittenBinding>,
    #[serde(default)]
    picture: Option<WrittenPicture>,
    /// A fingerprint of the sound.
    #[serde(default)]
    sound: Option<String>,
    /// Small pictures, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stills: Option<String>,
}

/// A fingerprint of the picture.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPicture {
    hashes: String,
    pictures: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBinding {
    alg: String,
    value: String,
}

impl From<&Entry> for Registration {
    fn from(e: &Entry) -> Self {
        Self {
            schema: SCHEMA.into(),
            id: e.id.clone(),
            payload: e.payload,
            manifest: e.manifest.as_ref().map(|m| BASE64.encode(m)),
            content: e.content,
            media_type: e.media_type.clone(),
            title: e.title.clone(),
            stamped: e.stamped,
            labels: e.labels.clone(),
            bindings: e
                .bindings
                .iter()
                .map(|b| WrittenBinding { alg: b.alg.clone(), value: BASE64.encode(&b.value) })
                .collect(),
            picture: e.picture.as_ref().map(|p| WrittenPicture {
                hashes: BASE64.encode(p.hashes()),
                pictures: BASE64.encode(p.pictures()),
            }),
            sound: e.sound.as_ref().map(|s| BASE64.encode(s.to_bytes())),
            stills: e.stills.as_ref().map(|s| BASE64.encode(s.to_bytes())),
        }
    }
}

impl Registration {
    /// From the text of one line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Entry, String> {
        let r: Self = serde_json::from_str(line).map_err(|e| e.to_string())?;
        if r.schema != SCHEMA {
            return Err(format!("its schema is '{}', and '{SCHEMA}' is understood here", r.schema));
        }
        if r.payload.is_some_and(|p| r.id != Entry::id_of(p)) {
            return Err("its id is not that of its payload".into());
        }
        let decode = |text: &str, what: &str| {
            BASE64.decode(text).map_err(|e| format!("its {what} is no base64: {e}"))
        };
        let picture = |p: WrittenPicture| {
            let parts = VideoFingerprint::from_parts(
                &decode(&p.hashes, "fingerprint")?,
                decode(&p.pictures, "fingerprint")?,
            );
            parts.ok_or_else(|| "its fingerprint is damaged".to_string())
        };
        let sound = |s: String| {
            AudioFingerprint::from_bytes(&decode(&s, "fingerprint of sound")?)
                .ok_or_else(|| "its fingerprint of sound is damaged".to_string())
        };
        let stills = |s: String| {
            Stills::from_bytes(&decode(&s, "stills")?)
                .ok_or_else(|| "its stills are damaged".to_string())
        };
        Ok(Entry {
            stills: r.stills.map(stills).transpose()?,
            picture: r.picture.map(picture).transpose()?,
            sound: r.sound.map(sound).transpose()?,
            manifest: r.manifest.as_deref().map(|m| decode(m, "manifest")).transpose()?,
            bindings: r
                .bindings
                .into_iter()
                .map(|b| Ok(Binding { value: decode(&b.value, "binding")?, alg: b.alg }))
                .collect::<Result<_, String>>()?,
            id: r.id,
            payload: r.payload,
            content: r.content,
            media_type: r.media_type,
            title: r.title,
            stamped: r.stamped,
            labels: r.labels,
            // Whoever takes it in has the file, or had it.
            target: None,
        })
    }

    /// The text of one line, without the end of the line.
    #[must_use]
    pub fn line(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
