//! The bits of a payload as the marks carry them.
//!
//! The video mark carries the 122 free bits of a payload in two parts: six choose the sub-pattern,
//! the other 116 and a CRC-32 go through the error-correcting code. The audio mark has no
//! sub-patterns.

use proofmark_core::{Payload, payload::MESSAGE_BITS};

use crate::fec::crc32;

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

/// What a mark makes of a [`Payload`].
pub trait Message: Sized {
    /// Which of the [`SUBPATTERNS`] this payload chooses.
    #[must_use]
    fn subpattern(self) -> usize;

    /// The bits that enter the code, in order: 116 message bits, then the CRC-32 of all 122.
    #[must_use]
    fn coded_bits(self) -> [bool; CODED_BITS];

    /// The payload behind decoded bits and the sub-pattern they were found under; `None` if the CRC
    /// disagrees.
    #[must_use]
    fn from_coded_bits(bits: &[bool; CODED_BITS], subpattern: usize) -> Option<Self>;

    /// The bits that enter the code of the sound mark, in order: 122 message bits, then the check.
    #[must_use]
    fn checked_bits(self) -> [bool; CHECKED_BITS];

    /// The payload behind decoded bits of the sound mark; `None` if the check disagrees.
    #[must_use]
    fn from_checked_bits(bits: &[bool; CHECKED_BITS]) -> Option<Self>;
}

impl Message for Payload {
    fn subpattern(self) -> usize {
        (self.message() & (SUBPATTERNS as u128 - 1)) as usize
    }

    fn coded_bits(self) -> [bool; CODED_BITS] {
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

    fn from_coded_bits(bits: &[bool; CODED_BITS], subpattern: usize) -> Option<Self> {
        let (message, check) = bits.split_at(MESSAGE_BITS - SUBPATTERN_BITS);
        let m = message.iter().fold(0u128, |m, &b| m << 1 | u128::from(b));
        let m = m << SUBPATTERN_BITS | (subpattern % SUBPATTERNS) as u128;
        let crc = check.iter().fold(0u32, |c, &b| c << 1 | u32::from(b));
        (crc32(&m.to_be_bytes()) == crc).then(|| Self::from_message(m))
    }

    fn checked_bits(self) -> [bool; CHECKED_BITS] {
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

    fn from_checked_bits(bits: &[bool; CHECKED_BITS]) -> Option<Self> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_payload_comes_back(message in any::<u128>()) {
            let p = Payload::from_message(message);
            prop_assert_eq!(Payload::from_coded_bits(&p.coded_bits(), p.subpattern()), Some(p));
            prop_assert_eq!(Payload::from_checked_bits(&p.checked_bits()), Some(p));
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
}
