//! A look at a clip in segments: each rendition as one file, with its manifest held against the
//! segments one by one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{InspectError, Inspection, Inspector, Showing};
use crate::detect::Detected;
use crate::draft::Draft;
use crate::isolation::Isolation;
use crate::key::KeyRing;
use crate::media::{Cancel, Limits, MediaError, Progress, Still, Text};
use crate::package::{Package, PackageError, Rendition};
use crate::provenance::{ManifestReport, ManifestState, SegmentState, Segmented, Trust};
use crate::segments::{RenditionReport, Segments};
use crate::video::DetectOptions;

/// Begins to look at the file at `path`, or at the clip in segments that it is the index or a part
/// of.
///
/// # Errors
/// As for [`Inspector::open`], and if an index leads to what is not here.
pub fn look(
    inspector: &dyn Inspector,
    path: &Path,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Box<dyn Inspection>, InspectError> {
    match Package::of(path)? {
        Some(package) => open(inspector, &package, limits, cancel),
        None => inspector.open(path, limits, cancel),
    }
}

/// Begins to look at a clip in segments.
///
/// # Errors
/// As for [`look`].
pub fn open(
    inspector: &dyn Inspector,
    package: &Package,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Box<dyn Inspection>, InspectError> {
    let mut forms = Vec::new();
    // What all of them take together is held to the limit of a file.
    let mut left = limits.bytes;
    for rendition in &package.renditions {
        let joined = joined(package, rendition, &mut left, (limits, cancel))?;
        let named = |e: InspectError| e.named(&package.index);
        let look = inspector.open(joined.file.path(), limits, cancel).map_err(named)?;
        forms.push(Form { rendition: rendition.clone(), joined, look });
    }
    if forms.is_empty() {
        let (path, what) = (package.index.clone(), "it names no segment".into());
        return Err(PackageError::Index { path, what }.into());
    }
    Ok(Box::new(PackageInspection { forms, index: package.index.clone(), segments: None }))
}

/// A rendition in one file.
struct Joined {
    file: Draft,
    /// Bytes of the init segment, 0 where there is none, and of each segment that is there.
    lengths: Vec<u64>,
    /// Which of the files each segment is, if it is there: one may be listed more than once.
    there: Vec<Option<usize>>,
}

/// Lays a rendition's files one behind the other.
fn joined(
    package: &Package,
    rendition: &Rendition,
    left: &mut u64,
    (limits, cancel): (&Limits, &Cancel),
) -> Result<Joined, InspectError> {
    let open = |path: &Path, reason| PackageError::Open { path: path.into(), reason };
    let write = |reason| PackageError::Write { path: std::env::temp_dir(), reason };
    let extension = if rendition.init.is_some() { "mp4" } else { "ts" };
    let mut file = Draft::scratch(extension).map_err(write)?;
    let mut lengths = Vec::new();
    let mut add = |path: &Path, lengths: &mut Vec<u64>| -> Result<(), InspectError> {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: package.index.clone() }.into());
        }
        if !path.metadata().map_err(|reason| open(path, reason))?.is_file() {
            return Err(MediaError::NotAFile { path: path.into() }.into());
        }
        let from = File::open(path).map_err(|reason| open(path, reason))?;
        let bytes = from.metadata().map_err(|reason| open(path, reason))?.len();
        *left = left.saturating_sub(bytes);
        if *left == 0 && bytes > 0 {
            let (path, limit) = (package.index.clone(), limits.bytes);
            let (what, found) = ("a file size (bytes)", bytes);
            return Err(MediaError::Limit { path, what, found, limit }.into());
        }
        lengths.push(io::copy(&mut io::Read::take(from, bytes), file.file()).map_err(write)?);
        Ok(())
    };
    match &rendition.init {
        Some(init) => add(init, &mut lengths)?,
        None => lengths.push(0),
    }
    let (mut there, mut files) = (Vec::new(), HashMap::<&Path, usize>::new());
    for segment in &rendition.segments {
        let path = segment.path.as_path();
        let number = match files.get(path) {
            Some(number) => Some(*number),
            None if path.is_file() => {
                add(path, &mut lengths)?;
                files.insert(path, files.len());
                Some(files.len() - 1)
            }
            None => None,
        };
        there.push(number);
    }
    file.file().flush().map_err(write)?;
    Ok(Joined { file, lengths, there })
}

struct Form {
    rendition: Rendition,
    joined: Joined,
    look: Box<dyn Inspection>,
}

struct PackageInspection {
    /// Pictures before sounds, the best first.
    forms: Vec<Form>,
    index: std::path::PathBuf,
    /// Once the manifest was asked for.
    segments: Option<Segments>,
}

impl PackageInspection {
    /// What each rendition's manifest says, and how its segments fare.
    fn held(&mut self, trust: &Trust) -> Result<Vec<Option<Segmented>>, InspectError> {
        let index = self.index.clone();
        let ask = |form: &mut Form| {
            let Form { rendition, joined, look } = form;
            if rendition.init.is_none() {
                return Ok(None);
            }
            look.segments(&joined.lengths, trust).map_err(|e| e.named(&index))
        };
        self.forms.iter_mut().map(ask).collect()
    }

    /// The picture, or what stands for it.
    fn first(&mut self) -> &mut dyn Inspection {
        self.forms[0].look.as_mut()
    }
}

impl Inspection for PackageInspection {
    /// What the manifest says that is in the init segments: one for all of them, whose segments
    /// hold.
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        let held = self.held(trust)?;
        let store = held.iter().flatten().find_map(|h| h.report.store.clone());
        let mut report: Option<ManifestReport> = None;
        let mut told = Vec::new();
        for (form, held) in self.forms.iter().zip(held) {
            let Form { rendition, joined, .. } = form;
            let states = match &held {
                // Another manifest than that of the picture speaks of another clip.
                Some(held) if held.report.store == store => held.segments.clone(),
                Some(held) => vec![SegmentState::Foreign; held.segments.len()],
                None => vec![SegmentState::Unsigned; joined.lengths.len() - 1],
            };
            let signed = held.as_ref().and_then(|h| h.signed);
            let states = store.is_some().then_some(states.as_slice());
            told.push(RenditionReport::new(rendition, &joined.there, states, signed));
            if let Some(held) = held {
                let failed = held.report.content_holds == Some(false);
                let report = report.get_or_insert_with(|| held.report.clone());
                if failed && report.content_holds != Some(false) {
                    fail(report, held.report.failures);
                }
            }
        }
        let segments = Segments { renditions: told };
        if let Some(report) = report.as_mut().filter(|_| segments.has_faults()) {
            fail(report, vec!["assertion.bmffHash.mismatch".into()]);
        }
        self.segments = Some(segments);
        Ok(report)
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        self.first().reference()
    }

    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        self.first().texts()
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        self.first().fetched(address, store, trust)
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        self.first().segments(lengths, trust)
    }

    fn in_segments(&self) -> Option<&Segments> {
        self.segments.as_ref()
    }

    /// The picture of the best rendition, and the sound that goes with it.
    fn marks(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
        what: Showing,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Detected, InspectError> {
        let index = self.index.clone();
        let named = |e: InspectError| e.named(&index);
        let mut found = match self.first().marks(ring, how, what, progress) {
            // An init segment all of whose segments are gone has nothing to look at.
            Err(InspectError::Media(MediaError::Unsupported { .. })) => {
                return Err(MediaError::NoVideo { path: index }.into());
            }
            found => found.map_err(named)?,
        };
        let apart = self.forms.iter_mut().skip(1).find(|f| f.rendition.sound);
        if let Some(form) = apart.filter(|_| found.sound.is_none() && !found.info.has_audio) {
            let heard = form.look.marks(ring, how, what, &mut |_| {}).map_err(named)?;
            found.info.has_audio = heard.info.has_audio;
            (found.sound, found.recording) = (heard.sound, heard.recording);
        }
        Ok(found)
    }

    fn glimpse(
        &mut self,
        ring: &KeyRing,
        how: &DetectOptions,
    ) -> Result<Option<Detected>, InspectError> {
        self.first().glimpse(ring, how)
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError> {
        self.first().frame(seconds)
    }

    fn seconds(&self) -> Option<f64> {
        self.forms.first().and_then(|f| f.look.seconds())
    }

    fn isolation(&self) -> Isolation {
        self.forms.first().map_or_else(Isolation::default, |f| f.look.isolation())
    }
}

/// Notes that segments are not as signed.
fn fail(report: &mut ManifestReport, failures: Vec<String>) {
    report.state = ManifestState::Invalid;
    report.content_holds = Some(false);
    for failure in failures {
        if !report.failures.contains(&failure) {
            report.failures.push(failure);
        }
    }
}
