//! Boxes of MP4 (ISO/IEC 14496-12, section 4.2), read as far as segments need it: whatever they
//! claim is held to what there is.

use std::io::{self, Read, Seek, SeekFrom};

use proofmark_core::child_boxes;

/// Boxes of a file that are looked at.
const BOXES: usize = 1 << 20;
/// Bytes of a box that is read whole: heads of fragments and of clips.
const LARGEST: u64 = 64 << 20;

/// A box at the top of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BoxAt {
    pub(super) kind: [u8; 4],
    pub(super) at: u64,
    /// Bytes of its head.
    pub(super) head: u64,
    /// Bytes of all of it.
    pub(super) size: u64,
}

/// The boxes at the top of a file.
///
/// # Errors
/// Of the file, and [`io::ErrorKind::InvalidData`] if boxes do not fill it.
pub(super) fn top(file: &mut (impl Read + Seek)) -> io::Result<Vec<BoxAt>> {
    let end = file.seek(SeekFrom::End(0))?;
    let (mut out, mut at) = (Vec::new(), 0);
    while at < end {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head[..8])?;
        let (size, length) = match number(&head[..4]) {
            0 => (end - at, 8),
            1 => {
                file.read_exact(&mut head[8..])?;
                (number(&head[8..]), 16)
            }
            size => (size, 8),
        };
        if size < length || size > end - at || out.len() == BOXES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        out.push(BoxAt { kind: [head[4], head[5], head[6], head[7]], at, head: length, size });
        at += size;
    }
    Ok(out)
}

/// What is in a box.
///
/// # Errors
/// Of the file, and [`io::ErrorKind::InvalidData`] if it is too large to be one that is read.
pub(super) fn body(file: &mut (impl Read + Seek), of: &BoxAt) -> io::Result<Vec<u8>> {
    let length = of.size - of.head;
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(of.at + of.head))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is in the first box on a way through boxes.
pub(super) fn find<'a>(bytes: &'a [u8], way: &[&[u8; 4]]) -> Option<&'a [u8]> {
    way.iter().try_fold(bytes, |inside, kind| {
        child_boxes(inside).find(|(k, _)| k == *kind).map(|(_, body)| body)
    })
}

/// A number, its largest digit first.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b))
}

/// The number in so many bytes at a place.
pub(super) fn number_at(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(length)?).map(number)
}
