//! The payload: the 128-bit number that mark and manifest share.
//!
//! A payload is a version 4 UUID (RFC 9562), so six of its bits are fixed and 122 carry the
//! message. The mark carries those 122, in two parts: six choose the sub-pattern, the other 116 and
//! a CRC-32 go through the error-correcting code.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, Variant, Version};

use crate::fec::crc32;

/// Free bits of a version 4 UUID.
pub const MESSAGE_BITS: usize = 122;
/// How many payloads there are: what blind decoding chooses among, so that each is a trial.
pub(crate) const PAYLOADS: f64 = (1u128 << MESSAGE_BITS) as f64;
/// Message bits that choose the sub-pattern: 64 sub-patterns make averaging many clips of one key
/// 64 times weaker.
pub const SUBPATTERN_BITS: usize = 6;
/// Number of sub-patterns of a key.
pub const SUBPATTERNS: usize = 1 << SUBPATTERN_BITS;
/// Bits that enter the error-correcting code: the rest of the message and a CRC-32 over all of it.
pub const CODED_BITS: usize = MESSAGE_BITS - SUBPATTERN_BITS + 32;

/// Bits that enter the code of the sound mark, which has no sub-patterns: the whole message and a
/// check.
pub const CHECKED_BITS: usize = MESSAGE_BITS + CHECK_BITS;
/// Bits of the check in the sound mark: the first ones of the message's SHA-256. They tell the
/// right sequence of a decoder's list from its neighbours; that there is a payload at all is told
/// by the score of its word.
const CHECK_BITS: usize = 28;

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
        "{uuid} is not a version 4 UUID; the mark carries random (version 4) UUIDs alone, so let stamp choose one or make one with uuidgen -r"
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

    /// Which of the [`SUBPATTERNS`] this payload chooses.
    #[must_use]
    pub fn subpattern(self) -> usize {
        (self.message() & (SUBPATTERNS as u128 - 1)) as usize
    }

    /// The 122 free bits, most significant first as in the UUID, in the low bits of the result.
    fn message(self) -> u128 {
        let x = self.0.as_u128();
        // Layout of a UUID: 48 free, 4 version, 12 free, 2 variant, 62 free.
        ((x >> 80) << 74) | (((x >> 64) & 0xfff) << 62) | (x & ((1 << 62) - 1))
    }

    fn from_message(m: u128) -> Self {
        let x = ((m >> 74) << 80)
            | (4 << 76)
            | (((m >> 62) & 0xfff) << 64)
            | (2 << 62)
            | (m & ((1 << 62) - 1));
        Self(Uuid::from_u128(x))
    }

    /// The bits that enter the code, in order: 116 message bits, then the CRC-32 of all 122.
    #[must_use]
    pub fn coded_bits(self) -> [bool; CODED_BITS] {
        let m = self.message();
        let crc = crc32(&m.to_be_bytes());
        let mut bits = [false; CODED_BITS];
        let (message, check) = bits.split_at_mut(MESSAGE_BITS - SUBPATTERN_BITS);
        for (i, b) in message.iter_mut().enumerate() {
            *b = (m >> (MESSAGE_BITS - 1 - i)) & 1 == 1;
        }
        for (i, b) in check.iter_mut().enumerate() {
            *b = (crc >> (31 - i)) & 1 == 1;
        }
        bits
    }

    /// The payload behind decoded bits and the sub-pattern they were found under; `None` if the CRC
    /// disagrees.
    #[must_use]
    pub fn from_coded_bits(bits: &[bool; CODED_BITS], subpattern: usize) -> Option<Self> {
        let (message, check) = bits.split_at(MESSAGE_BITS - SUBPATTERN_BITS);
        let m = message.iter().fold(0u128, |m, &b| m << 1 | u128::from(b));
        let m = m << SUBPATTERN_BITS | (subpattern % SUBPATTERNS) as u128;
        let crc = check.iter().fold(0u32, |c, &b| c << 1 | u32::from(b));
        (crc32(&m.to_be_bytes()) == crc).then(|| Self::from_message(m))
    }

    /// The bits that enter the code of the sound mark, in order: 122 message bits, then the check.
    #[must_use]
    pub fn checked_bits(self) -> [bool; CHECKED_BITS] {
        let m = self.message();
        let check = check(m);
        std::array::from_fn(|i| {
            if i < MESSAGE_BITS {
                (m >> (MESSAGE_BITS - 1 - i)) & 1 == 1
            } else {
                (check >> (CHECKED_BITS - 1 - i)) & 1 == 1
            }
        })
    }

    /// The payload behind decoded bits of the sound mark; `None` if the check disagrees.
    #[must_use]
    pub fn from_checked_bits(bits: &[bool; CHECKED_BITS]) -> Option<Self> {
        let (message, rest) = bits.split_at(MESSAGE_BITS);
        let m = message.iter().fold(0u128, |m, &b| m << 1 | u128::from(b));
        let found = rest.iter().fold(0u64, |c, &b| c << 1 | u64::from(b));
        (check(m) == found).then(|| Self::from_message(m))
    }
}

/// The check of a message.
fn check(message: u128) -> u64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, &message.to_be_bytes());
    digest.as_ref().iter().take(8).fold(0, |c, &b| c << 8 | u64::from(b)) >> (64 - CHECK_BITS)
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
        let bare = text.trim().trim_start_matches("urn:c2pa:");
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_payload_comes_back(hi in any::<u64>(), lo in any::<u64>()) {
            let p = Payload::try_from(uuid::Builder::from_u128(u128::from(hi) << 64 | u128::from(lo)).with_version(Version::Random).with_variant(Variant::RFC4122).into_uuid()).unwrap();
            prop_assert_eq!(Payload::from_coded_bits(&p.coded_bits(), p.subpattern()), Some(p));
            prop_assert_eq!(Payload::from_checked_bits(&p.checked_bits()), Some(p));
            prop_assert_eq!(p.to_string().parse::<Payload>().unwrap(), p);
        }

        #[test]
        fn one_wrong_bit_is_noticed(i in 0..CODED_BITS) {
            let p = Payload::random();
            let mut bits = p.coded_bits();
            bits[i] = !bits[i];
            prop_assert_eq!(Payload::from_coded_bits(&bits, p.subpattern()), None);
            let mut bits = p.checked_bits();
            bits[i] = !bits[i];
            prop_assert_eq!(Payload::from_checked_bits(&bits), None);
        }
    }

    #[test]
    fn a_wrong_subpattern_is_noticed() {
        let p = Payload::random();
        assert_eq!(Payload::from_coded_bits(&p.coded_bits(), p.subpattern() ^ 1), None);
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
