//! Where the manifest store in a file is and how large, asked before anything takes it into memory.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::ProvenanceError;
use proofmark_core::Limits;

/// Parts of a file that are looked at: what has more has them inside others.
const PARTS: usize = 100_000;
/// Bytes of heads before a store at most.
const HEADS: usize = 64;
/// The type of the box that holds a manifest store in files of the MP4 family: C2PA 2.2, section
/// A.5.1.
pub(super) const BOX: [u8; 16] = [
    0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81,
];

/// Refuses a manifest of so many bytes, in the file at `path` or that file itself, if it is over
/// the limit.
pub(super) fn check(path: &Path, bytes: u64, limits: &Limits) -> Result<(), ProvenanceError> {
    let limit = limits.manifest_bytes;
    if bytes > limit {
        Err(ProvenanceError::TooLarge { path: path.into(), bytes, limit })
    } else {
        Ok(())
    }
}

/// Bytes that the largest manifest store of a file claims, where that can be large: in boxes (MP4)
/// and in chunks (RIFF, PNG). `None` if there is none. The file is left at its beginning.
pub(super) fn announced(file: &mut (impl Read + Seek)) -> Option<u64> {
    largest(file).map(|(_, part)| part.size)
}

/// That manifest store itself, of a file that need not be whole; `None` if there is none, or the
/// file ends within it.
pub(super) fn store(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    let (at, part) = largest(file)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).ok()?;
    file.take(part.size).read_to_end(&mut bytes).ok()?;
    let _ = file.rewind();
    // Behind the heads of boxes and chunks, which differ, a store begins with its own, and says how
    // long it is.
    let begin = bytes.windows(4).take(HEADS).position(|w| w == b"jumb")?.checked_sub(4)?;
    let length = usize::try_from(number(&bytes[begin..begin + 4])).ok()?;
    bytes.get(begin..begin.checked_add(length)?).map(<[u8]>::to_vec)
}

/// Where that manifest store ends.
pub(super) fn end(file: &mut (impl Read + Seek)) -> Option<u64> {
    largest(file).and_then(|(at, part)| at.checked_add(part.size))
}

/// The largest manifest store and where it begins.
fn largest(file: &mut (impl Read + Seek)) -> Option<(u64, Part)> {
    let largest = walk(file);
    let _ = file.rewind();
    largest
}

fn walk(file: &mut (impl Read + Seek)) -> Option<(u64, Part)> {
    let mut head = [0; 12];
    file.rewind().ok()?;
    file.read_exact(&mut head).ok()?;
    let (start, next): (u64, fn(&[u8; 32]) -> Part) = match (&head[..4], &head[8..]) {
        (b"RIFF", _) => (12, chunk),
        ([0x89, b'P', b'N', b'G'], _) => (8, picture_chunk),
        _ => (0, mp4_box),
    };
    let mut largest: Option<(u64, Part)> = None;
    each(file, start, next, |at, _, part| {
        if part.manifest && largest.as_ref().is_none_or(|(_, l)| part.size > l.size) {
            largest = Some((at, part));
        }
    });
    largest
}

/// Shows each part of a file from `start` on: where it is, its head, and what that says.
fn each(
    file: &mut (impl Read + Seek),
    start: u64,
    next: fn(&[u8; 32]) -> Part,
    mut show: impl FnMut(u64, &[u8; 32], Part),
) {
    let mut at = start;
    for _ in 0..PARTS {
        let mut head = [0; 32];
        // What is behind the last part, and is none, takes nothing from those before.
        if file.seek(SeekFrom::Start(at)).is_err() || read_some(file, &mut head) < 8 {
            break;
        }
        let part = next(&head);
        let end = at.checked_add(part.size).filter(|_| part.size >= 8);
        show(at, &head, part);
        let Some(end) = end else { break };
        at = end;
    }
}

/// Shows each box of an MP4: where it begins, its first bytes, and how many it has, `u64::MAX`
/// where it goes on to the end of the file.
pub(super) fn each_box(file: &mut (impl Read + Seek), mut show: impl FnMut(u64, &[u8; 32], u64)) {
    each(file, 0, mp4_box, |at, head, part| show(at, head, part.size));
    let _ = file.rewind();
}

/// A part of a file, its head included.
struct Part {
    size: u64,
    manifest: bool,
}

/// A number, its largest digit first.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b))
}

fn mp4_box(head: &[u8; 32]) -> Part {
    let (size, body) = match number(&head[..4]) {
        1 => (number(&head[8..16]), 16),
        // To the end of the file, wherever that is.
        0 => (u64::MAX, 8),
        size => (size, 8),
    };
    Part {
        size,
        manifest: head[4..8] == *b"uuid"
            && head.get(body..body + 16).is_some_and(|kind| kind == BOX),
    }
}

fn chunk(head: &[u8; 32]) -> Part {
    let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    Part { size: 8 + size + size % 2, manifest: head[..4] == *b"C2PA" }
}

fn picture_chunk(head: &[u8; 32]) -> Part {
    Part { size: 12 + number(&head[..4]), manifest: head[4..8] == *b"caBX" }
}

fn read_some(file: &mut impl Read, into: &mut [u8]) -> usize {
    let mut filled = 0;
    while let Ok(n @ 1..) = file.read(&mut into[filled..]) {
        filled += n;
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn of(bytes: Vec<u8>) -> Option<u64> {
        announced(&mut Cursor::new(bytes))
    }

    #[test]
    fn what_is_announced_is_seen_wherever_it_stands() {
        let plain = |size: u32, kind: &[u8]| {
            [&size.to_be_bytes()[..], kind, &vec![0; size as usize - 8]].concat()
        };
        let store = [&1u32.to_be_bytes()[..], b"uuid", &(5u64 << 32).to_be_bytes(), &BOX].concat();
        let small = [&40u32.to_be_bytes()[..], b"uuid", &BOX, &[0; 16]].concat();
        assert_eq!(
            of([plain(24, b"ftyp"), plain(100, b"moov"), store.clone()].concat()),
            Some(5 << 32)
        );
        assert_eq!(
            of([plain(24, b"ftyp"), small.clone(), store].concat()),
            Some(5 << 32),
            "the largest"
        );
        assert_eq!(of([plain(24, b"ftyp"), small].concat()), Some(40));
        assert_eq!(
            of([plain(24, b"ftyp"), [&0u32.to_be_bytes()[..], b"uuid", &BOX].concat()].concat()),
            Some(u64::MAX),
            "to the end"
        );
        let riff =
            [b"RIFF\xff\xff\xff\xffWAVE", &b"fmt \x02\0\0\0ab"[..], b"C2PA\0\0\0\xf0...."].concat();
        assert_eq!(of(riff), Some(8 + 0xf000_0000));
        let png =
            [&[0x89, b'P', b'N', b'G', 13, 10, 26, 10][..], &[0x70, 0, 0, 0], b"caBX...."].concat();
        assert_eq!(of(png), Some(12 + 0x7000_0000));
    }

    #[test]
    fn nonsense_ends() {
        assert_eq!(of(Vec::new()), None);
        assert_eq!(of(b"no media at all, but text".to_vec()), None);
        assert_eq!(of([&[0, 0, 0, 8][..], b"free"].concat().repeat(200_000)), None);
    }
}
