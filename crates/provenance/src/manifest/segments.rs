//! One manifest over a clip in segments: in the init segment of each rendition.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use c2pa::assertions::BmffHash;
use c2pa::{Builder, jumbf_io};

use super::super::placement::{Placement, STORE};
use super::super::segments::{SegmentState, read_files};
use super::super::{Identity, ProvenanceError, Source, parent};
use super::binding::{BMFF_HASH, put};
use super::{Bound, ManifestOptions, Origin, Signed, Work, label};
use proofmark_core::{Container, Limits};

/// Hashes that stand in a segment at most: each halves what stands in the manifest, of 32 bytes for
/// every segment.
const PROOFS: usize = 5;

/// A rendition that is to be signed.
#[derive(Clone, Debug)]
pub struct UnsignedRendition {
    /// Its init segment.
    pub init: PathBuf,
    /// Its segments, in order.
    pub segments: Vec<PathBuf>,
    /// The folder that signed files go to, under the same names. It is not to be used if signing
    /// failed.
    pub folder: PathBuf,
}

impl UnsignedRendition {
    fn signed(&self, file: &Path) -> PathBuf {
        self.folder.join(file.file_name().unwrap_or_default())
    }
}

/// A clip in segments that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct SigningSegments<'a> {
    /// Its renditions.
    pub renditions: &'a [UnsignedRendition],
    /// What it is called in messages.
    pub name: &'a Path,
    /// What it was made from, if that is a file.
    pub source: Option<&'a Source<'a>>,
}

/// Signs the renditions of a clip with one manifest.
///
/// # Errors
/// [`ProvenanceError`] as of [`sign`](super::sign).
pub fn sign_segments(
    clip: &SigningSegments<'_>,
    bound: &Bound,
    identity: &Identity,
    options: &ManifestOptions,
) -> Result<Signed, ProvenanceError> {
    let SigningSegments { renditions, name, source } = *clip;
    let limits = source.map_or_else(Limits::default, |source| source.limits);
    let work = Work { container: Container::Mp4, name, bound, options, limits };
    let (mut builder, remote) = work.builder(identity)?;
    if remote {
        return Err(work.wrong("'remote_url' is not written into init segments".into()));
    }
    let parent = source.map_or(Ok(None), |source| parent::add(&mut builder, source))?;
    let origin = if parent.is_some() { Origin::Reencoded } else { Origin::New };
    work.say(&mut builder, origin)?;
    let store = bind(&mut builder, renditions, tree_of(bound)).map_err(|e| match e {
        c2pa::Error::BadParam(what) if what.contains("in fragment") => work.fail(
            "a segment has several fragments, or none; package the clip with one in each, as \
            ffmpeg does where -frag_type is not given"
                .into(),
        ),
        e => work.failed(e),
    })?;
    if options.check {
        renditions.iter().try_for_each(|r| read_back(&work, r))?;
    }
    let placement = Placement::Embedded;
    Ok(Signed { placement, label: label(&builder), store, parent })
}

/// The number of a clip's trees: one that other clips' segments have not, so that they are told.
fn tree_of(bound: &Bound) -> usize {
    let [a, b, c, d, ..] = bound.payload.as_bytes();
    (u32::from_be_bytes([*a, *b, *c, *d]) >> 1) as usize
}

/// Hashes the segments of each rendition into a tree, numbered `tree` and within the clip, and puts
/// the manifest into the init segments.
fn bind(
    builder: &mut Builder,
    renditions: &[UnsignedRendition],
    tree: usize,
) -> c2pa::Result<Vec<u8>> {
    let mut hash = BmffHash::new("jumbf manifest", "sha256", None);
    hash.set_default_exclusions();
    for (rendition, number) in renditions.iter().zip(1..) {
        let UnsignedRendition { segments, folder, .. } = rendition;
        hash.add_merkle_for_fragmented(PROOFS, "sha256", segments, folder, number, tree)?;
    }
    builder.add_assertion(BMFF_HASH, &hash)?;
    let reserved = builder.placeholder(STORE)?;
    for (rendition, number) in renditions.iter().zip(1..) {
        let signed = rendition.signed(&rendition.init);
        let mut to = File::create_new(&signed)?;
        let mut from = File::open(&rendition.init)?;
        jumbf_io::save_jumbf_to_stream(Container::Mp4.mime(), &mut from, &mut to, &reserved)?;
        hash.update_fragmented_inithash(tree, number, &signed)?;
    }
    builder.definition.assertions.retain(|a| a.label != BMFF_HASH);
    builder.add_assertion(BMFF_HASH, &hash)?;
    let store = builder.sign_embeddable(STORE)?;
    for rendition in renditions {
        let signed = rendition.signed(&rendition.init);
        put(&mut fs::OpenOptions::new().read(true).write(true).open(signed)?, &reserved, &store)?;
    }
    Ok(store)
}

/// Reads a signed rendition as anybody will.
fn read_back(work: &Work<'_>, rendition: &UnsignedRendition) -> Result<(), ProvenanceError> {
    let signed: Vec<PathBuf> = rendition.segments.iter().map(|s| rendition.signed(s)).collect();
    let read = read_files(&rendition.signed(&rendition.init), &signed, &work.limits)?;
    let Some(read) = read else { return work.refuse(&["claim.missing".into()]) };
    let placed = read.segments.iter().zip(0..).all(|(s, at)| *s == SegmentState::Holds(at));
    let mut failures = read.report.failures;
    failures.extend((!placed).then(|| "assertion.bmffHash.mismatch".to_string()));
    work.refuse(&failures)
}
