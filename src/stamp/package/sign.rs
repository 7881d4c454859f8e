//! A clip in segments that others packaged: signed as it is, under the same names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::likeness::Record;
use super::super::sign::{Finished, SignedClip, likeness};
use super::super::targets::unwritten;
use super::folder::{Appearing, begin, below, make_folder, remembered, settle};
use crate::control::Control;
use crate::inspect::look;
use crate::package::{Extent, Package, PackageError};
use crate::provenance::{self, ProvenanceError, SigningSegments, Trust, UnsignedRendition};
use crate::stamp::{StampError, Stamper};

/// Signs the package into `folder`.
pub(crate) fn sign(
    stamper: &Stamper,
    package: &Package,
    folder: &Path,
    mut control: Control<'_>,
) -> Result<SignedClip, StampError> {
    let root = package.index.parent().unwrap_or(Path::new("")).to_path_buf();
    whole(package)?;
    let clip = &Finished::in_segments(stamper, &package.index, folder)?;
    let known = remembered(&clip.options.remember)?;
    let (inspector, limits) = (clip.options.inspector.as_ref(), &clip.options.limits);
    let mut look = look(inspector, &package.index, limits, &control.cancel)?;
    if look.manifest(&Trust::default())?.is_some() {
        let reason = "it is signed already; give its segments as they were before".into();
        return Err(ProvenanceError::Sign { path: package.index.clone(), reason }.into());
    }
    let (mut found, isolation) = clip.look_with(look.as_mut(), &mut control)?;
    let claim = clip.claim(&found)?;
    let likeness = likeness(&mut found, clip.options.keeps_stills());
    let before = clip.before(&claim, &found)?;
    let bound = likeness.bound(claim.payload, claim.video || claim.audio, found.info.seconds);

    let mut options = clip.options.clone();
    let replace = before.is_some() || options.overwrite;
    let stamped = before.as_ref().map(|b| b.stamped);
    if let Some(before) = before {
        options.manifest.title = options.manifest.title.or(before.title);
        options.labels.extend(before.labels);
    }
    let draft = begin(folder, options.overwrite)?;
    let renditions = renditions(package, draft.path());
    let signing = SigningSegments { renditions: &renditions, name: &package.index, source: None };
    let signed = provenance::sign_segments(&signing, &bound, clip.identity, &options.manifest)?;
    let part = draft.path().join("part");
    make_folder(&part)?;
    for rendition in &renditions {
        for file in std::iter::once(&rendition.init).chain(&rendition.segments) {
            let from = rendition.folder.join(file.file_name().unwrap_or_default());
            settle(&from, &part.join(below(file, &root)))?;
        }
    }
    for file in std::iter::once(&package.index).chain(&package.playlists) {
        let to = part.join(below(file, &root));
        make_folder(to.parent().unwrap_or(&part))?;
        std::fs::copy(file, &to).map_err(|e| unwritten(folder, &e))?;
    }
    let record = Record::of_package(&bound, Some(&signed), &likeness, &options);
    let index = below(&package.index, &root);
    let appearing = Appearing { part: &part, folder, index: &index, replace, stamped };
    let (replaced, unconfirmed) = appearing.appear(draft, &record)?;
    Ok(SignedClip {
        payload: claim.payload,
        video: claim.video,
        audio: claim.audio,
        key: claim.key,
        // In the init segments, all of which are in it.
        manifest: folder.to_path_buf(),
        label: signed.label,
        parent: signed.parent,
        remembered: known,
        replaced,
        unconfirmed,
        isolation,
    })
}

/// Refuses a package whose segments are not all there, or have no init segment.
fn whole(package: &Package) -> Result<(), StampError> {
    let unfit = |what: &str| {
        let (path, what) = (package.index.clone(), what.into());
        Err(PackageError::Index { path, what }.into())
    };
    for rendition in &package.renditions {
        let has = |path: &PathBuf| *path == package.index;
        if rendition.init.as_ref().is_some_and(has)
            || rendition.segments.iter().any(|s| has(&s.path))
        {
            return unfit("it is a part of a clip; give the playlist or MPD of all of it");
        }
        if rendition.init.is_none() {
            return unfit(
                "its segments are MPEG-TS, in which a manifest has no place; package the \
                clip as fragmented MP4",
            );
        }
        if rendition.extent != Extent::Whole {
            return unfit("it lists a part of the clip alone; sign it once it is whole");
        }
        if let Some(gone) = rendition.segments.iter().find(|s| !s.path.is_file()) {
            return unfit(&format!("{} is not there", gone.path.display()));
        }
    }
    Ok(())
}

/// Its renditions, each with a folder of its own to be signed into; several that share an init
/// segment are one.
fn renditions(package: &Package, work: &Path) -> Vec<UnsignedRendition> {
    let mut found: BTreeMap<&Path, UnsignedRendition> = BTreeMap::new();
    for (rendition, number) in package.renditions.iter().zip(1..) {
        let Some(init) = &rendition.init else { continue };
        let one = found.entry(init).or_insert_with(|| UnsignedRendition {
            init: init.clone(),
            segments: Vec::new(),
            folder: work.join(format!("signed-{number}")),
        });
        let more = rendition.segments.iter().map(|s| s.path.clone());
        let more: Vec<PathBuf> = more.filter(|path| !one.segments.contains(path)).collect();
        one.segments.extend(more);
    }
    found.into_values().collect()
}
