//! Watermark keys: the secret behind every keyed sequence of the marks.
//!
//! A deployment holds a [`KeyRing`]; the newest key stamps, all of them detect. A key is 32 random
//! bytes. Sequences are expanded from it with HKDF-SHA-256 (RFC 5869) under a label, then
//! HMAC-SHA-256 in counter mode, so that no part of a mark tells anything about another.

use std::fmt;

use ring::rand::SecureRandom;
use ring::{hkdf, hmac};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use proofmark_core::Payload;

/// Bytes of a watermark key.
pub const KEY_BYTES: usize = 32;

/// Why a key could not be made or read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The system gave no randomness.
    #[error("the system's random source gave nothing; try again once the machine has booted fully")]
    Randomness,
    /// Not a key file.
    #[error(
        "this is not a Proofmark key: {reason}; restore it from a backup, or export it again with \
        'proofmark keys export'"
    )]
    Syntax {
        /// What is wrong, without any of the content.
        reason: String,
    },
    /// The secret has the wrong length.
    #[error(
        "the secret has {bytes} bytes instead of 32; the file was cut short or edited, restore it \
        from a backup"
    )]
    Length {
        /// Bytes that were found.
        bytes: usize,
    },
    /// The secret does not belong to the id beside it.
    #[error(
        "the secret does not belong to key {id}; the file was damaged or edited, restore it from \
        a backup"
    )]
    Mismatch {
        /// The id that the file names.
        id: String,
    },
    /// A ring without a key.
    #[error("there is no watermark key; make one with 'proofmark init'")]
    Empty,
}

/// Public name of a key: eight hexadecimal digits that follow from the secret and tell nothing
/// about it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// A watermark key. Neither `Debug` nor any error shows the secret, and it is wiped when dropped.
#[derive(Clone)]
pub struct WatermarkKey {
    id: KeyId,
    created: u64,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

/// A key as it stands in a key file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    schema: String,
    id: KeyId,
    created: u64,
    secret: String,
}

const KEY_SCHEMA: &str = "proofmark.key/1";

impl WatermarkKey {
    /// A new key from the system's randomness, created at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`KeyError::Randomness`] if the system has none.
    pub fn generate(now: u64) -> Result<Self, KeyError> {
        let mut secret = [0; KEY_BYTES];
        ring::rand::SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::Randomness)?;
        let key = Self::from_secret(secret, now);
        secret.zeroize();
        Ok(key)
    }

    /// The key with the given secret.
    #[must_use]
    pub fn from_secret(secret: [u8; KEY_BYTES], created: u64) -> Self {
        let mut key = Self { id: KeyId(String::new()), created, secret: Zeroizing::new(secret) };
        let digits = key.sequence("proofmark key id").bytes(4);
        key.id = KeyId(hex(&digits));
        key
    }

    /// The key's public name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// When the key was made, in seconds since 1970.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// The pseudo-random sequence of this key under `label`.
    #[must_use]
    pub fn sequence(&self, label: &str) -> Sequence {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"proofmark watermark 1");
        let prk = salt.extract(self.secret.as_slice());
        let info = [label.as_bytes()];
        // Expanding one digest length cannot fail; an all-zero seed would merely be another fixed
        // sequence.
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        let _ = prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(seed.as_mut_slice()));
        Sequence {
            key: hmac::Key::new(hmac::HMAC_SHA256, seed.as_slice()),
            counter: 0,
            block: Vec::new(),
        }
    }

    /// The payload that this key gives to a job: the same whenever and wherever it is asked, and
    /// nothing that tells another's without the key.
    #[must_use]
    pub fn payload_of(&self, job: &str) -> Payload {
        let mut bits = self.sequence(&format!("job {job}"));
        Payload::from_message((0..16).fold(0, |m, _| m << 8 | u128::from(bits.byte())))
    }

    /// The key as the text of a key file. It holds the secret: write it with mode 0600.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex(self.secret.as_slice()));
        Zeroizing::new(format!(
            "{{\n  \"schema\": \"{KEY_SCHEMA}\",\n  \"id\": \"{}\",\n  \"created\": {},\n  \
            \"secret\": \"{}\"\n}}\n",
            self.id, self.created, *secret
        ))
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with it, never what it holds.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let file: KeyFile = serde_json::from_str(text).map_err(|e| KeyError::Syntax {
            reason: match e.classify() {
                serde_json::error::Category::Eof => "it is empty or ends too early".into(),
                serde_json::error::Category::Data => {
                    "a field is missing or of the wrong kind".into()
                }
                _ => format!("it is not JSON (line {})", e.line()),
            },
        })?;
        let hex_digits = Zeroizing::new(file.secret);
        if file.schema != KEY_SCHEMA {
            return Err(KeyError::Syntax {
                reason: "it is of a kind that this version does not know".into(),
            });
        }
        let bytes =
            Zeroizing::new(unhex(&hex_digits).ok_or_else(|| KeyError::Syntax {
                reason: "the secret is not hexadecimal".into(),
            })?);
        let secret: [u8; KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| KeyError::Length { bytes: bytes.len() })?;
        let key = Self::from_secret(secret, file.created);
        if key.id != file.id {
            return Err(KeyError::Mismatch { id: file.id.0.chars().take(16).collect() });
        }
        Ok(key)
    }
}

impl fmt::Debug for WatermarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatermarkKey({})", self.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits?;
    (digits.len() % 2 == 0).then(|| digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect())
}

/// A keyed pseudo-random sequence: HMAC-SHA-256 of a counter.
pub struct Sequence {
    key: hmac::Key,
    counter: u64,
    block: Vec<u8>,
}

impl Sequence {
    fn byte(&mut self) -> u8 {
        loop {
            if let Some(b) = self.block.pop() {
                return b;
            }
            self.block = hmac::sign(&self.key, &self.counter.to_be_bytes()).as_ref().to_vec();
            self.counter += 1;
        }
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.byte()).collect()
    }

    /// The next `n` fair coin tosses.
    pub fn bits(&mut self, n: usize) -> Vec<bool> {
        self.bytes(n.div_ceil(8))
            .iter()
            .flat_map(|b| (0..8).map(move |i| b >> i & 1 == 1))
            .take(n)
            .collect()
    }

    /// A uniform permutation of `0..n` (Fisher and Yates, with rejection so that no order is
    /// likelier).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut p: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            let j = self.below(i as u32 + 1) as usize;
            p.swap(i, j);
        }
        p
    }

    fn below(&mut self, n: u32) -> u32 {
        let limit = u32::MAX - u32::MAX % n;
        loop {
            let x = u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]);
            if x < limit {
                return x % n;
            }
        }
    }
}

/// The secret watermark keys of a deployment: the first stamps, all detect.
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Vec<WatermarkKey>,
}

impl From<WatermarkKey> for KeyRing {
    fn from(key: WatermarkKey) -> Self {
        Self { keys: vec![key] }
    }
}

impl KeyRing {
    /// A ring of keys, in any order; doubles are dropped. The newest stamps.
    ///
    /// # Errors
    /// [`KeyError::Empty`] if there is none.
    pub fn new(mut keys: Vec<WatermarkKey>) -> Result<Self, KeyError> {
        keys.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        let mut seen = Vec::new();
        keys.retain(|k| {
            !seen.contains(&k.id) && {
                seen.push(k.id.clone());
                true
            }
        });
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// The same ring in which the key of this id stamps; `None` if it has none.
    #[must_use]
    pub fn stamping_with(mut self, id: &KeyId) -> Option<Self> {
        let at = self.keys.iter().position(|k| k.id == *id)?;
        self.keys[..=at].rotate_right(1);
        Some(self)
    }

    /// The key that stamps.
    #[must_use]
    pub fn stamping(&self) -> &WatermarkKey {
        &self.keys[0]
    }

    /// All keys, the one that stamps first, then the newest; never none.
    #[must_use]
    pub fn keys(&self) -> &[WatermarkKey] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip_and_refusals() {
        let key = WatermarkKey::generate(7).unwrap();
        let text = key.to_text();
        let back = WatermarkKey::from_text(&text).unwrap();
        assert_eq!((back.id(), back.created(), &back.secret[..]), (key.id(), 7, &key.secret[..]));
        assert!(matches!(WatermarkKey::from_text(""), Err(KeyError::Syntax { .. })));
        assert!(matches!(WatermarkKey::from_text("{}"), Err(KeyError::Syntax { .. })));
        let secret = hex(key.secret.as_slice());
        assert_eq!(
            WatermarkKey::from_text(&text.replace(&secret, &secret[..60])).unwrap_err(),
            KeyError::Length { bytes: 30 }
        );
        let other = if secret.starts_with('0') { "1" } else { "0" };
        let damaged = text.replace(&secret, &format!("{other}{}", &secret[1..]));
        assert!(matches!(WatermarkKey::from_text(&damaged), Err(KeyError::Mismatch { .. })));
    }

    #[test]
    fn nothing_shows_the_secret() {
        let key = WatermarkKey::from_secret([0xab; 32], 0);
        assert!(!format!("{key:?}").contains("abab"));
        let text = key.to_text().replace("abab", "abzz");
        assert!(!WatermarkKey::from_text(&text).unwrap_err().to_string().contains("abzz"));
    }

    #[test]
    fn sequences_are_stable_and_apart() {
        let key = WatermarkKey::from_secret([1; 32], 0);
        assert_eq!(key.sequence("a").bytes(40), key.sequence("a").bytes(40));
        assert_ne!(key.sequence("a").bytes(40), key.sequence("b").bytes(40));
        let mut p = key.sequence("p").permutation(1000);
        assert_ne!(p, (0..1000).collect::<Vec<_>>());
        p.sort_unstable();
        assert_eq!(p, (0..1000).collect::<Vec<_>>());
        // Pinned, so that a change that would orphan stamped clips cannot pass unseen.
        assert_eq!(key.id().to_string(), "59482e59");
    }

    #[test]
    fn a_job_has_one_payload_a_key() {
        let [a, b] = [1, 2].map(|n| WatermarkKey::from_secret([n; 32], 0));
        assert_eq!(a.payload_of("clip 7"), a.payload_of("clip 7"));
        let payloads = [&a, &b].map(|k| ["clip 7", "clip 8", ""].map(|job| k.payload_of(job)));
        let distinct: std::collections::BTreeSet<_> = payloads.iter().flatten().collect();
        assert_eq!(distinct.len(), 6);
        // Pinned: a job that is run again after an update must be given what it had.
        assert_eq!(payloads[0][0].to_string(), "0eedbc20-229c-4160-a9a2-96947e53ba39");
    }

    #[test]
    fn newest_stamps() {
        let (a, b) = (WatermarkKey::from_secret([1; 32], 5), WatermarkKey::from_secret([2; 32], 9));
        let ring = KeyRing::new(vec![a.clone(), b.clone(), a]).unwrap();
        assert_eq!(ring.stamping().id(), b.id());
        assert_eq!(ring.keys().len(), 2);
        assert_eq!(KeyRing::new(vec![]).unwrap_err(), KeyError::Empty);
    }
}
