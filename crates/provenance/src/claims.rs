//! Whether a manifest store claims to hold more than it does, asked before anything takes it apart.
//!
//! A string in CBOR has its length before it. The `c2pa` crate makes room for that length, and
//! fills it, before it looks how much there is: 14 kB that claim 1.3 GB take 1.3 GB. Here strings
//! are stepped over, none is read.

use std::io::{self, Write};

use super::size::number;

/// Boxes within boxes that are looked into; the crate refuses deeper ones.
const DEPTH: usize = 32;

/// Whether a string in `store` is longer than its box, or a compressed manifest longer than `most`
/// bytes.
pub(super) fn overstated(store: &[u8], most: u64) -> bool {
    boxes(store, 0, most)
}

fn boxes(bytes: &[u8], depth: usize, most: u64) -> bool {
    let mut rest = bytes;
    while let [a, b, c, d, kind @ ..] = rest
        && let Some((kind, body)) = kind.split_first_chunk::<4>()
    {
        let size = match u32::from_be_bytes([*a, *b, *c, *d]) {
            1 => body.first_chunk().map_or(0, |size| u64::from_be_bytes(*size)),
            size => u64::from(size),
        };
        // What is cut off is looked at as far as it goes.
        let end = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let body = &body[..end.saturating_sub(8)];
        let found = match kind {
            b"jumb" => depth < DEPTH && boxes(body, depth + 1, most),
            b"cbor" => strings(body),
            b"brob" => {
                depth < DEPTH
                    && inflate(body, most).is_none_or(|inside| boxes(&inside, depth + 1, most))
            }
            _ => false,
        };
        if found || end < 8 {
            return found;
        }
        rest = &rest[end..];
    }
    false
}

/// Whether a string in CBOR (RFC 8949, section 3) is longer than what follows.
fn strings(mut rest: &[u8]) -> bool {
    while let [head, after @ ..] = rest {
        let more = match head & 0x1f {
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => 0,
        };
        let Some((argument, after)) = after.split_at_checked(more) else { return false };
        let value = if more == 0 { u64::from(head & 0x1f) } else { number(argument) };
        // Bytes and text; 31 stands for pieces that each have a length.
        let is_string = matches!(head >> 5, 2 | 3) && head & 0x1f < 28;
        let length = if is_string { usize::try_from(value).unwrap_or(usize::MAX) } else { 0 };
        let Some(next) = after.get(length..) else { return true };
        rest = next;
    }
    false
}

/// A compressed manifest; `None` if it is more than `most` bytes. Of one that is broken, what there
/// is.
fn inflate(body: &[u8], most: u64) -> Option<Vec<u8>> {
    struct Bounded {
        bytes: Vec<u8>,
        most: u64,
        full: bool,
    }
    impl Write for Bounded {
        fn write(&mut self, more: &[u8]) -> io::Result<usize> {
            if (self.bytes.len() + more.len()) as u64 > self.most {
                self.full = true;
                return Err(io::Error::other("more than may be"));
            }
            self.bytes.extend_from_slice(more);
            Ok(more.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Bounded { bytes: Vec::new(), most, full: false };
    let _ = brotli::BrotliDecompress(&mut { body }, &mut out);
    (!out.full).then_some(out.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::BrotliCompress(
            &mut { bytes },
            &mut out,
            &brotli::enc::BrotliEncoderParams::default(),
        )
        .unwrap();
        out
    }

    #[test]
    fn strings_are_held_to_what_there_is() {
        // An array, a map, a number, text in pieces, and four bytes of a string.
        let honest = [0x82, 0xa1, 0x61, b'a', 0x19, 1, 0, 0x7f, 0x61, b'b', 0xff, 0x44, 1, 2, 3, 4];
        assert!(!strings(&honest));
        for end in 12..honest.len() {
            assert!(strings(&honest[..end]), "{end}");
        }
        assert!(
            strings(&[0x5a, 0x4d, 0, 0, 0, 1])
                && strings(&[0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
        );
    }

    #[test]
    fn boxes_are_looked_into_however_they_are_packed() {
        let lie = wrap(b"cbor", &[0x5a, 0x4d, 0, 0, 0]);
        let truth = wrap(b"cbor", &[0x41, 0]);
        let large =
            [&1u32.to_be_bytes()[..], b"cbor", &21u64.to_be_bytes(), &[0x5a, 0x4d, 0, 0, 0]]
                .concat();
        for (inside, expected) in [
            (lie.clone(), true),
            (truth.clone(), false),
            (large, true),
            ([truth.clone(), lie.clone()].concat(), true),
        ] {
            let jumb = wrap(b"jumb", &[wrap(b"jumd", b"what it is"), inside].concat());
            let packed = wrap(b"jumb", &wrap(b"brob", &compressed(&jumb)));
            for store in [&jumb, &packed, &wrap(b"jumb", &packed)] {
                assert_eq!(overstated(store, 1 << 20), expected, "{store:?}");
            }
        }
        assert!(!overstated(&[truth, vec![0; 100]].concat(), 1 << 20), "padding");
        assert!(overstated(&wrap(b"brob", &compressed(&vec![0; 10_000])), 9_999));
    }
}
