//! The payload: the 128-bit number that mark and manifest share.
//!
//! A payload is a version 4 UUID (RFC 9562), so six of its bits are fixed and 122 carry the
//! message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, Variant, Version};

/// Free bits of a version 4 UUID.
pub const MESSAGE_BITS: usize = 122;
/// The number in the mark: a version 4 UUID. The manifest's label is `urn:c2pa:<payload>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Uuid", into = "Uuid")]
pub struct Payload(Uuid);

/// Why a text or a number is no payload.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The text is not a UUID.
    #[error("'{text}' is not a UUID; write it like 01234567-89ab-4cde-8f01-23456789abcd")]
    Syntax {
        /// What was given.
        text: String,
    },
    /// The UUID is of another version, whose fixed bits the mark does not carry.
    #[error(
        "{uuid} is not a version 4 UUID; the mark carries random (version 4) UUIDs alone, so let \
        stamp choose one or make one with uuidgen -r"
    )]
    Version {
        /// What was given.
        uuid: Uuid,
    },
}

impl Payload {
    /// A new random payload.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The 16 bytes of the UUID, big-endian: the value of the manifest's soft binding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The 122 free bits, most significant first as in the UUID, in the low bits of the result.
    #[must_use]
    pub fn message(self) -> u128 {
        let x = self.0.as_u128();
        // Layout of a UUID: 48 free, 4 version, 12 free, 2 variant, 62 free.
        ((x >> 80) << 74) | (((x >> 64) & 0xfff) << 62) | (x & ((1 << 62) - 1))
    }

    /// The payload with those free bits; those above the lowest 122 count for nothing.
    #[must_use]
    pub fn from_message(m: u128) -> Self {
        let m = m & ((1 << MESSAGE_BITS) - 1);
        let x = ((m >> 74) << 80)
            | (4 << 76)
            | (((m >> 62) & 0xfff) << 64)
            | (2 << 62)
            | (m & ((1 << 62) - 1));
        Self(Uuid::from_u128(x))
    }
}

impl TryFrom<Uuid> for Payload {
    type Error = PayloadError;

    fn try_from(uuid: Uuid) -> Result<Self, PayloadError> {
        if uuid.get_version() == Some(Version::Random) && uuid.get_variant() == Variant::RFC4122 {
            Ok(Self(uuid))
        } else {
            Err(PayloadError::Version { uuid })
        }
    }
}

impl From<Payload> for Uuid {
    fn from(p: Payload) -> Self {
        p.0
    }
}

impl FromStr for Payload {
    type Err = PayloadError;

    fn from_str(text: &str) -> Result<Self, PayloadError> {
        let text = text.trim();
        // Behind the number a label may name who made the claim, and a version (C2PA 2.4, 8.2).
        let label = text.strip_prefix("urn:c2pa:");
        let bare = label.map_or(text, |label| label.split(':').next().unwrap_or(label));
        Uuid::parse_str(bare)
            .map_err(|_| PayloadError::Syntax { text: text.chars().take(80).collect() })?
            .try_into()
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_comes_back() {
        for _ in 0..1000 {
            let p = Payload::random();
            assert_eq!(Payload::from_message(p.message()), p);
            assert_eq!(p.to_string().parse::<Payload>().unwrap(), p);
        }
        // Bits that are none of a message change nothing, and none makes no other version.
        let p = Payload::from_message(u128::MAX);
        assert_eq!(Payload::from_message(p.message() | 1 << MESSAGE_BITS), p);
        assert_eq!(Payload::try_from(p.uuid()).unwrap(), p);
    }

    #[test]
    fn other_versions_are_refused() {
        for text in [
            "",
            "not-a-uuid",
            "00000000-0000-0000-0000-000000000000",
            "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        ] {
            assert!(text.parse::<Payload>().is_err(), "{text}");
        }
    }
}
