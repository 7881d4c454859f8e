//! What is remembered of a stamped clip.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ring::digest;
use serde::{Deserialize, Serialize};

use proofmark_core::{Payload, Stills};
use proofmark_fingerprint::{AudioFingerprint, VideoFingerprint};

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Content([u8; 32]);

impl Content {
    /// Of bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// Of a file, which is read once.
    ///
    /// # Errors
    /// What reading it gave.
    pub fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        let mut context = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => context.update(&buffer[..n]),
            }
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Ok(Self(out))
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Content {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<Content> for String {
    fn from(c: Content) -> Self {
        c.to_string()
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({self})")
    }
}

impl TryFrom<String> for Content {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no SHA-256; it has 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut out = [0; 32];
        for (o, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *o = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(out))
    }
}

/// A soft binding as the registry has it: the algorithm and the bytes of the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The algorithm's name.
    pub alg: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// What is remembered of a stamped clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The manifest's label, `urn:c2pa:<payload>`.
    pub id: String,
    /// The number in its marks.
    pub payload: Option<Payload>,
    /// The C2PA manifest store; `None` if it was stamped without one, and in lists.
    pub manifest: Option<Vec<u8>>,
    /// What was in the file; the manifest store itself, where only that was handed in.
    pub content: Content,
    /// Its media type, such as `video/mp4`; [`Entry::MANIFEST_ALONE`] where only a manifest store
    /// was handed in.
    pub media_type: String,
    /// Title of the clip.
    pub title: Option<String>,
    /// When it was stamped, in seconds since 1970.
    pub stamped: u64,
    /// The user's words for it, for finding it again.
    pub labels: BTreeSet<String>,
    /// What its manifest says of marks and fingerprints.
    pub bindings: BTreeSet<Binding>,
    /// What its picture looks like; `None` without a picture, and in lists.
    pub picture: Option<VideoFingerprint>,
    /// What its sound is like; `None` without sound that can be compared, and in lists.
    pub sound: Option<AudioFingerprint>,
    /// Small pictures of it, for people; `None` without a picture, where none were kept, and in
    /// lists.
    pub stills: Option<Stills>,
    /// Where the file is about to appear; `None` once it is there.
    pub target: Option<PathBuf>,
}

impl Entry {
    /// Media type of entries that are a manifest store without a file.
    pub const MANIFEST_ALONE: &'static str = "application/c2pa";

    /// What is remembered of a clip at the least.
    #[must_use]
    pub fn new(payload: Payload, content: Content, media_type: String, stamped: u64) -> Self {
        let (labels, bindings) = Default::default();
        Self {
            id: Self::id_of(payload),
            payload: Some(payload),
            manifest: None,
            content,
            media_type,
            title: None,
            stamped,
            labels,
            bindings,
            picture: None,
            sound: None,
            stills: None,
            target: None,
        }
    }

    /// The label that the manifest of a payload has.
    #[must_use]
    pub fn id_of(payload: Payload) -> String {
        format!("urn:c2pa:{payload}")
    }
}

/// Which entries are asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Filter {
    /// Those with this label.
    pub label: Option<String>,
    /// Those stamped at this time, in seconds since 1970, or later.
    pub since: Option<u64>,
    /// Those that come after this place in the list: time and id of the last one seen.
    pub after: Option<(u64, String)>,
    /// At most so many.
    pub most: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { label: None, since: None, after: None, most: 100 }
    }
}
