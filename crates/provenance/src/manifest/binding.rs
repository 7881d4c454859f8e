//! The hard binding, which ties a manifest to the bytes of its file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use c2pa::assertions::{BmffHash, DataHash};
use c2pa::{Builder, jumbf_io};
use ring::digest::{Context, Digest, SHA256};

use super::super::placement::STORE;
use super::super::{ProvenanceError, open, size};

/// How a file in boxes, an MP4 and its like, is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoxHash {
    /// As one stretch, which every reader takes.
    #[default]
    Flat,
    /// By a tree over pieces of the media, for files so large that a reader is to check parts of
    /// them. Not every reader takes it.
    Merkle,
}

/// Kilobytes of media that are a leaf of a tree: 4 GB cost 32 kB of manifest.
const LEAF_KB: usize = 4096;
/// The hard binding of an MP4, in the third version.
pub(super) const BMFF_HASH: &str = "c2pa.hash.bmff.v3";
/// Bytes that are hashed at a time.
const PIECE: usize = 1 << 18;

/// Copies a file of boxes and puts a manifest into it. The `c2pa` crate would copy it a second
/// time, and hash it through two buffers of up to 256 MB.
pub(super) fn sign_within(
    builder: &mut Builder,
    mime: &str,
    how: BoxHash,
    unsigned: &mut File,
    signed: &mut File,
) -> c2pa::Result<Within> {
    let mut hash = BmffHash::new("jumbf manifest", "sha256", None);
    hash.set_default_exclusions();
    hash.add_place_holder_hash()?;
    let mut digest = None;
    let reserved = match how {
        BoxHash::Flat => {
            builder.add_assertion(BMFF_HASH, &hash)?;
            let reserved = builder.placeholder(STORE)?;
            jumbf_io::save_jumbf_to_stream(mime, unsigned, signed, &reserved)?;
            digest = bind(builder, mime, hash, signed)?;
            reserved
        }
        BoxHash::Merkle => {
            let mut unsigned = with_long_head(unsigned)?;
            // No proofs: all leaves are in the manifest, and none of them goes into the file.
            hash.add_merkle_map_for_mdats(&mut unsigned, LEAF_KB, 0)?;
            if hash.merkle().is_none_or(|trees| trees.len() != 1) {
                // The crate's reader takes several trees in no certain order.
                return Err(impossible("its media are in several boxes"));
            }
            builder.add_assertion(BMFF_HASH, &hash)?;
            let reserved = builder.placeholder(STORE)?;
            jumbf_io::save_jumbf_to_stream(mime, &mut unsigned, signed, &reserved)?;
            builder.update_hash_from_stream(mime, signed)?;
            reserved
        }
    };
    let store = builder.sign_embeddable(STORE)?;
    put(signed, &reserved, &store)?;
    Ok(Within { store, digest })
}

/// What was put into a file.
pub(super) struct Within {
    /// The manifest store.
    pub(super) store: Vec<u8>,
    /// The hash over the file, if it is our own.
    pub(super) digest: Option<Digest>,
}

/// Whether the hash over a file is still that.
pub(super) fn holds(file: &Path, digest: &Digest) -> Result<bool, ProvenanceError> {
    let now = flat(&mut open(file)?)
        .map_err(|reason| ProvenanceError::Open { path: file.into(), reason })?;
    Ok(now.is_some_and(|now| now.as_ref() == digest.as_ref()))
}

/// Puts the hash of a file with room for a manifest into its hard binding; that hash, if it is our
/// own.
fn bind(
    builder: &mut Builder,
    mime: &str,
    mut hash: BmffHash,
    file: &mut File,
) -> c2pa::Result<Option<Digest>> {
    let Some(digest) = flat(file)? else {
        // What is behind the last box is the crate's to judge.
        builder.update_hash_from_stream(mime, file)?;
        return Ok(None);
    };
    hash.set_hash(digest.as_ref().to_vec());
    builder.definition.assertions.retain(|a| a.label != BMFF_HASH);
    builder.add_assertion(BMFF_HASH, &hash)?;
    Ok(Some(digest))
}

/// Puts the signed manifest where room was made for it.
pub(super) fn put(file: &mut File, reserved: &[u8], store: &[u8]) -> c2pa::Result<()> {
    // The box with the manifest ends with it.
    let at = size::end(file).unwrap_or(0).saturating_sub(reserved.len() as u64);
    let mut there = vec![0; reserved.len()];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut there)?;
    if there != reserved || store.len() != reserved.len() {
        return Err(impossible(
            "the room that was made for the manifest is not where it should be",
        ));
    }
    file.seek(SeekFrom::Start(at))?;
    file.write_all(store)?;
    Ok(())
}

fn impossible(why: &str) -> c2pa::Error {
    c2pa::Error::BadParam(why.into())
}

/// SHA-256 over a file of boxes with the usual exclusions: of each box that counts where it begins,
/// in eight bytes, and all of it (C2PA 2.4, section 18.7). `None` if boxes do not fill the file.
fn flat(file: &mut File) -> io::Result<Option<Digest>> {
    let length = file.metadata()?.len();
    let mut boxes = Vec::new();
    let mut end = 0;
    size::each_box(file, |at, head, bytes| {
        end = at.saturating_add(bytes).min(length);
        let kind = &head[4..8];
        let manifest = kind == b"uuid" && head[8..24] == size::BOX;
        if !manifest && ![b"ftyp", b"mfra", b"free", b"skip"].iter().any(|k| kind == *k) {
            boxes.push((at, end));
        }
    });
    if end != length {
        return Ok(None);
    }
    let mut context = Context::new(&SHA256);
    for (at, end) in boxes {
        context.update(&at.to_be_bytes());
        file.seek(SeekFrom::Start(at))?;
        digest(&mut context, file.take(end - at))?;
    }
    Ok(Some(context.finish()))
}

/// The hard binding of a file that the manifest is not in: SHA-256 over all of it.
pub(super) fn whole_file(path: &Path) -> Result<DataHash, ProvenanceError> {
    let mut context = Context::new(&SHA256);
    digest(&mut context, open(path)?)
        .map_err(|reason| ProvenanceError::Open { path: path.into(), reason })?;
    Ok(of_digest(context.finish().as_ref()))
}

/// The same of bytes whose SHA-256 is known.
pub(super) fn of_digest(digest: &[u8]) -> DataHash {
    let mut hash = DataHash::new("whole file", "sha256");
    hash.hash = digest.to_vec();
    hash
}

fn digest(context: &mut Context, from: impl Read) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(PIECE, from);
    loop {
        let piece = io::BufRead::fill_buf(&mut reader)?;
        if piece.is_empty() {
            return Ok(());
        }
        context.update(piece);
        let read = piece.len();
        io::BufRead::consume(&mut reader, read);
    }
}

/// A file whose media have a head of sixteen bytes: behind a shorter one the `c2pa` crate begins
/// its leaves eight bytes late, and other readers do not. libav leaves a box of eight bytes before
/// the media for that, so that nothing moves.
fn with_long_head(file: &mut File) -> c2pa::Result<Patched<'_>> {
    let (mut before, mut media, mut fragments) = (None, None, false);
    size::each_box(file, |at, head, bytes| {
        let kind = &head[4..8];
        fragments |= kind == b"moof";
        if kind == b"mdat" && media.is_none() {
            media = Some((before, at, bytes, head[..4] == [0, 0, 0, 1]));
        }
        let spare = bytes == 8 && [b"free", b"wide", b"skip"].iter().any(|k| kind == *k);
        before = spare.then_some(at);
    });
    let (at, bytes) = match media {
        // A tree in a file of fragments is taken for that of its fragments.
        _ if fragments => return Err(impossible("it is in fragments")),
        None => return Err(impossible("it has no box of media")),
        Some((_, _, _, true)) => (0, Vec::new()),
        Some((Some(spare), _, bytes, _)) if bytes != u64::MAX => {
            let head = [&1_u32.to_be_bytes()[..], b"mdat", &(bytes + 8).to_be_bytes()].concat();
            (spare, head)
        }
        Some(_) => {
            return Err(impossible("its media have a short head, and no room for a long one"));
        }
    };
    Ok(Patched { file, at, bytes, position: 0 })
}

/// A file some bytes of which are read as others.
struct Patched<'a> {
    file: &'a mut File,
    at: u64,
    bytes: Vec<u8>,
    position: u64,
}

impl Read for Patched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        for (i, byte) in self.bytes.iter().enumerate() {
            let place = (self.at + i as u64).checked_sub(self.position);
            if let Some(slot) = place.and_then(|p| into[..read].get_mut(usize::try_from(p).ok()?)) {
                *slot = *byte;
            }
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}
