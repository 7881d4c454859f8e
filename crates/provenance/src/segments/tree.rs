//! Where in a manifest store, and in a segment, it says how segments are hashed.

use std::io::{Read, Seek, SeekFrom};

use c2pa::assertions::{BmffHash, BmffMerkleMap};
use proofmark_core::child_boxes;

use super::super::size;

/// Bytes of what a segment says of its place: proofs of the deepest tree are shorter.
const PLACE: u64 = 64 << 10;
/// The hard binding of files of boxes, whatever its version.
const BMFF_HASH: &str = "c2pa.hash.bmff";
/// Boxes within boxes that are looked into.
const DEPTH: usize = 8;

/// The hard binding of the manifest called `label` in a store.
pub(super) fn hard_binding(store: &[u8], label: &str) -> Option<BmffHash> {
    let (name, cbor) = within(within_label(store, label)?, 0)?;
    let mut hash: BmffHash = ciborium::from_reader(cbor).ok()?;
    let version = name.split(".v").nth(1).and_then(|v| v.split('_').next()?.parse().ok());
    hash.set_bmff_version(version.unwrap_or(1));
    Some(hash)
}

/// What is in the box of that label.
fn within_label<'a>(store: &'a [u8], label: &str) -> Option<&'a [u8]> {
    let all = child_boxes(store).find(|(kind, _)| kind == b"jumb")?.1;
    child_boxes(all).filter(|(kind, _)| kind == b"jumb").map(|(_, body)| body).find(|body| {
        child_boxes(body).next().and_then(|(_, described)| name(described)) == Some(label)
    })
}

/// The first hard binding in these boxes: what it is called, and its CBOR.
fn within(bytes: &[u8], depth: usize) -> Option<(&str, &[u8])> {
    let (_, described) = child_boxes(bytes).next()?;
    if let Some(name) = name(described).filter(|n| n.starts_with(BMFF_HASH)) {
        return child_boxes(bytes).find(|(kind, _)| kind == b"cbor").map(|(_, cbor)| (name, cbor));
    }
    child_boxes(bytes)
        .filter(|(kind, _)| kind == b"jumb" && depth < DEPTH)
        .find_map(|(_, inside)| within(inside, depth + 1))
}

/// The label in a box that describes the one around it: behind a type and a byte of flags, up to a
/// zero (ISO/IEC 19566-5, annex A).
fn name(described: &[u8]) -> Option<&str> {
    let text = described.get(17..)?;
    std::str::from_utf8(&text[..text.iter().position(|b| *b == 0)?]).ok()
}

/// What a segment says of its place among others: a box with the type of manifests, whose purpose
/// is `merkle` (C2PA 2.4, section A.5.3). Several where it is of several trees.
pub(super) fn places(segment: &mut (impl Read + Seek)) -> Vec<BmffMerkleMap> {
    let mut found = Vec::new();
    size::each_box(segment, |at, head, bytes| {
        // Only the usual head leaves room for the type in what is shown.
        if head[4..8] == *b"uuid" && head[8..24] == size::BOX && bytes > 28 {
            found.push((at + 28, (bytes - 28).min(PLACE)));
        }
    });
    let read = |(at, length): (u64, u64)| {
        let mut bytes = Vec::new();
        segment.seek(SeekFrom::Start(at)).ok()?;
        segment.take(length).read_to_end(&mut bytes).ok()?;
        ciborium::from_reader(bytes.strip_prefix(b"merkle\0")?).ok()
    };
    found.into_iter().filter_map(read).collect()
}
