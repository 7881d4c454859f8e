//! A finished clip that is signed as it is: others encoded it, from frames that were marked before
//! or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::likeness::{Likeness, Record, looks};
use super::targets::{Attempt, Targets, draft, unwritten};
use super::{Control, Remember, StampError, StampOptions, Stamper};
use crate::detect::Detected;
use crate::draft::Draft;
use crate::evidence::Question;
use crate::fingerprint::{AudioQuery, Query, Recording};
use crate::inspect::{Inspection, Showing};
use crate::isolation::Isolation;
use crate::key::{KeyId, KeyRing};
use crate::media::{self, Container, MediaError};
use crate::payload::Payload;
use crate::provenance::{
    self, Bound, Identity, ManifestOptions, Placement, ProvenanceError, Signed, Signing, Source,
};
use crate::recovery;
use crate::registry::{Entry, RegistryError};
use crate::video::DetectOptions;

/// A finished clip that was signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedClip {
    /// The number in the manifest's label, and in the marks that were found.
    pub payload: Payload,
    /// Whether the picture carries it.
    pub video: bool,
    /// Whether the sound does.
    pub audio: bool,
    /// The key of the mark that was found; `None` if there is none.
    pub key: Option<KeyId>,
    /// The manifest's label.
    pub label: String,
    /// Where the manifest is: the target, or the file beside it.
    pub manifest: PathBuf,
    /// Label of the manifest that the clip had before, which is in the new one.
    pub parent: Option<String>,
    /// Where it is remembered: the registry, or the file for one; `None` if nowhere.
    pub remembered: Option<String>,
    /// Whether it is remembered in the place of what was marked.
    pub replaced: bool,
    /// Why the registry could not be told that the file is there.
    pub unconfirmed: Option<String>,
    /// What kept the input from doing harm while marks were looked for.
    pub isolation: Isolation,
}

/// What was found in a clip, and what it is therefore signed as.
pub(super) struct Claim {
    pub(super) payload: Payload,
    pub(super) video: bool,
    pub(super) audio: bool,
    pub(super) key: Option<KeyId>,
}

/// A clip on its way.
pub(super) struct Finished<'a> {
    ring: &'a KeyRing,
    pub(super) options: &'a StampOptions,
    pub(super) identity: &'a Identity,
    input: &'a Path,
    container: Container,
    targets: Targets<'a>,
}

/// Signs the clip at `input` into `output`.
pub(super) fn sign(
    stamper: &Stamper,
    input: &Path,
    output: &Path,
    attempt: Attempt,
    mut control: Control<'_>,
) -> Result<SignedClip, StampError> {
    let Stamper { ring, options } = stamper;
    let container = media::container_of(output)?;
    if Container::of(input) != Some(container) {
        return Err(StampError::OtherKind { path: input.into(), target: output.into() });
    }
    let identity = identity(options)?;
    let targets = Targets::new(output, Some(container), options, attempt);
    targets.check(input)?;
    let clip = Finished { ring, options, identity, input, container, targets };
    provenance::check_source(&clip.source())?;
    let (mut found, isolation) = clip.look(&mut control)?;
    let claim = clip.claim(&found)?;
    let likeness = likeness(&mut found, options.keeps_stills());
    let before = clip.before(&claim, &found)?;
    let bound = likeness.bound(claim.payload, claim.video || claim.audio, found.info.seconds);
    clip.publish(claim, (&likeness, &bound), before, isolation)
}

/// Who signs.
fn identity(options: &StampOptions) -> Result<&Identity, StampError> {
    options.identity.as_ref().ok_or_else(|| {
        let reason = "none was given; name a certificate and its key".into();
        ProvenanceError::Identity { reason }.into()
    })
}

/// What a clip looks and sounds like.
pub(super) fn likeness(found: &mut Detected, stills: bool) -> Likeness {
    let video = found.sketch.as_ref().and_then(looks);
    // Of several tracks none is kept, as where they are marked.
    let recording = found.recording.as_ref().filter(|_| found.info.more_sounds == 0);
    let audio = recording.map(Recording::fingerprint).filter(|f| !f.is_empty());
    Likeness { video, stills: found.stills.take().filter(|_| stills), audio }
}

/// Signed files, not yet under their names.
struct Drafts {
    clip: Draft,
    sidecar: Option<Draft>,
    signed: Signed,
}

impl<'a> Finished<'a> {
    /// A clip in segments, whose index is at `input`, on its way to the folder `output`.
    pub(super) fn in_segments(
        stamper: &'a Stamper,
        input: &'a Path,
        output: &'a Path,
    ) -> Result<Self, StampError> {
        let Stamper { ring, options } = stamper;
        let (identity, container) = (identity(options)?, Container::Mp4);
        let targets = Targets::new(output, None, options, Attempt::Only);
        Ok(Self { ring, options, identity, input, container, targets })
    }

    fn source(&self) -> Source<'_> {
        Source { limits: self.options.limits, ..Source::new(self.input) }
    }

    /// What the clip carries, and what it is like.
    fn look(&self, control: &mut Control<'_>) -> Result<(Detected, Isolation), StampError> {
        let Self { options, input, .. } = self;
        let mut look = options.inspector.open(input, &options.limits, &control.cancel)?;
        self.look_with(look.as_mut(), control)
    }

    /// The same, through a look that was begun.
    pub(super) fn look_with(
        &self,
        look: &mut dyn Inspection,
        control: &mut Control<'_>,
    ) -> Result<(Detected, Isolation), StampError> {
        let Self { ring, options, .. } = self;
        let question = match (options.payload, &options.remember) {
            (Some(asked), _) => Question::Expected(asked),
            (None, Remember::Registry(registry)) => recovery::question(registry.as_ref())?,
            (None, _) => Question::Blind,
        };
        let how = DetectOptions { question, ..DetectOptions::default() };
        let found = look.marks(ring, &how, Showing::SKETCHED, &mut control.progress)?;
        self.refuse_other(&found, look)?;
        Ok((found, look.isolation()))
    }

    /// Refuses a clip that was said to carry one number and carries another.
    fn refuse_other(&self, found: &Detected, look: &mut dyn Inspection) -> Result<(), StampError> {
        let Some(asked) = self.options.payload else { return Ok(()) };
        if found.payloads().contains(&asked) {
            return Ok(());
        }
        // Whoever expects one number does not read another.
        let blind = look.marks(self.ring, &DetectOptions::default(), Showing::ALL, &mut |_| {})?;
        match blind.payloads().first() {
            Some(&found) => Err(StampError::OtherMark { path: self.input.into(), found, asked }),
            None => Ok(()),
        }
    }

    /// What the clip is signed as: the number that was asked for or found, else a new one. A
    /// manifest claims no mark that is not there, which would be held against the clip.
    pub(super) fn claim(&self, found: &Detected) -> Result<Claim, StampError> {
        let seen = found.picture.as_ref().filter(|v| v.detected);
        let heard = found.sound.as_ref().filter(|a| a.detected);
        let videos: Vec<_> =
            seen.iter().flat_map(|v| std::iter::once(*v).chain(&v.others)).collect();
        let audios: Vec<_> =
            heard.iter().flat_map(|a| std::iter::once(*a).chain(&a.others)).collect();
        let mut told: Vec<Payload> = videos.iter().filter_map(|v| v.payload).collect();
        told.extend(audios.iter().filter_map(|a| a.payload));
        // What lies beneath another mark was there before, and sound is not marked anew where the
        // picture alone was.
        let beneath = |p: &Payload| {
            seen.is_some_and(|v| v.earlier.iter().any(|e| e.payload.as_ref() == Some(p)))
        };
        let mut distinct: Vec<Payload> = Vec::new();
        for payload in told.iter().filter(|p| !beneath(p)) {
            if !distinct.contains(payload) {
                distinct.push(*payload);
            }
        }
        let payload = match (self.options.payload, distinct.as_slice()) {
            (Some(asked), _) => asked,
            (None, []) => told.first().copied().unwrap_or_else(Payload::random),
            (None, [one]) => *one,
            (None, _) => {
                let path = self.input.into();
                return Err(StampError::SeveralMarks { path, payloads: distinct });
            }
        };
        let in_video = videos.iter().find(|v| v.payload == Some(payload));
        let in_audio = audios.iter().find(|a| a.payload == Some(payload));
        let key =
            (in_video.and_then(|v| v.key.clone())).or_else(|| in_audio.and_then(|a| a.key.clone()));
        Ok(Claim { payload, video: in_video.is_some(), audio: in_audio.is_some(), key })
    }

    /// What the registry has under the number of this clip, if the clip is to take its place: it
    /// was marked on its way to an encoder, and is remembered as it went by.
    pub(super) fn before(
        &self,
        claim: &Claim,
        found: &Detected,
    ) -> Result<Option<Entry>, StampError> {
        let Remember::Registry(registry) = &self.options.remember else { return Ok(None) };
        let Some(entry) = registry.by_payload(claim.payload)? else { return Ok(None) };
        let looks = found.sketch.as_ref().map(Query::new);
        let sounds = found.recording.as_ref().and_then(AudioQuery::new);
        let seen = looks.zip(entry.picture.as_ref()).and_then(|(q, f)| q.resemblance(f));
        let heard = sounds.zip(entry.sound.as_ref()).and_then(|(q, f)| q.resemblance(f));
        let same = seen.is_some_and(|r| r.same()) || heard.is_some_and(|r| r.same());
        let different = seen.is_some_and(|r| r.different()) || heard.is_some_and(|r| r.different());
        // Where a clip is too short to be compared, the mark alone says that it is the one.
        let alike = same || (!different && (claim.video || claim.audio));
        if alike || self.options.overwrite {
            return Ok(Some(entry));
        }
        Err(RegistryError::Conflict { id: entry.id }.into())
    }

    /// Signs the clip, into a file of its own or beside a copy of it.
    fn sign(&self, bound: &Bound, manifest: &ManifestOptions) -> Result<Drafts, StampError> {
        let Self { identity, targets, container, input, .. } = self;
        let mut clip = draft(targets.output)?;
        let sidecar = match provenance::placement(*container) {
            Placement::Embedded => None,
            Placement::Sidecar => {
                copy(input, &mut clip)?;
                Some(draft(targets.sidecar.as_deref().unwrap_or(targets.output))?)
            }
        };
        let source = self.source();
        let (unsigned, signed) = match &sidecar {
            None => (*input, clip.path()),
            Some(beside) => (clip.path(), beside.path()),
        };
        let file = Signing { unsigned, signed, container: *container, source: Some(&source) };
        let signed = provenance::sign(&file, bound, identity, manifest)?;
        Ok(Drafts { clip, sidecar, signed })
    }

    /// Signs the clip, announces it where it is to be remembered, gives it its name, and confirms
    /// it. It keeps the title and the labels that it was remembered with.
    fn publish(
        &self,
        claim: Claim,
        (likeness, bound): (&Likeness, &Bound),
        before: Option<Entry>,
        isolation: Isolation,
    ) -> Result<SignedClip, StampError> {
        let Self { targets, container, .. } = self;
        let mut options = self.options.clone();
        let replace = before.is_some() || options.overwrite;
        let stamped = before.as_ref().map(|b| b.stamped);
        if let Some(before) = before {
            options.manifest.title = options.manifest.title.or(before.title);
            options.labels.extend(before.labels);
        }
        let Drafts { clip, sidecar, signed } = self.sign(bound, &options.manifest)?;
        let record = Record {
            container: *container,
            bound,
            signed: Some(&signed),
            likeness,
            options: &options,
        };
        let entry = |clip: &Path| {
            let entry = record.of_file(clip, targets.output)?;
            Ok(Entry { stamped: stamped.unwrap_or(entry.stamped), ..entry })
        };
        let appeared = targets.appear((clip, sidecar), entry, &options, replace)?;
        let Claim { payload, video, audio, key } = claim;
        Ok(SignedClip {
            payload,
            video,
            audio,
            key,
            manifest: targets.sidecar.clone().unwrap_or_else(|| targets.output.to_path_buf()),
            label: signed.label,
            parent: signed.parent,
            remembered: targets.remembered(&options.remember),
            replaced: appeared.replaced,
            unconfirmed: appeared.unconfirmed,
            isolation,
        })
    }
}

/// Copies the clip that its manifest is to lie beside.
fn copy(input: &Path, to: &mut Draft) -> Result<(), StampError> {
    let mut from =
        File::open(input).map_err(|reason| MediaError::Open { path: input.into(), reason })?;
    let target = to.target().to_path_buf();
    std::io::copy(&mut from, to.file()).map_err(|e| unwritten(&target, &e))?;
    Ok(())
}
