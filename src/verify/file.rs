//! One file that is verified, step by step.

use std::path::Path;

use super::compare::Queries;
use super::{Check, Stage, Verified, Verifier, VerifyError, VerifyOptions};
use crate::control::Control;
use crate::detect::Detected;
use crate::evidence::Question;
use crate::inspect::{InspectError, Inspection, Showing, look};
use crate::key::KeyRing;
use crate::media::{Cancel, MediaError};
use crate::payload::Payload;
use crate::provenance::{self, ManifestReport};
use crate::recovery::{RecoveryError, Registered, match_audio, match_video, question, recall};
use crate::registry::Registry;
use crate::verdict::{self, Findings, Unseen};
use crate::video::DetectOptions;

/// A file that is looked at.
struct Verifying<'a, 'b> {
    options: &'a VerifyOptions,
    ring: Option<&'a KeyRing>,
    look: Box<dyn Inspection>,
    control: Control<'b, Stage>,
}

/// Verifies the file at `path`.
pub(super) fn verify(
    verifier: &Verifier,
    path: &Path,
    mut control: Control<'_, Stage>,
) -> Result<Verified, VerifyError> {
    let Verifier { ring, options } = verifier;
    let ring = ring.as_ref();
    (control.progress)(Stage::Manifest);
    let mut look = open(options, path, &control.cancel)?;
    let (manifest, elsewhere, unfetched) = told(look.as_mut(), options)?;
    let declarations = look.texts()?.as_deref().map(provenance::declarations);
    let named = manifest.as_ref().and_then(|m| m.payload(&options.algorithm));
    let mut work = Verifying { options, ring, look, control };
    let mut how = work.question(named)?;
    work.glimpse()?;
    let (mut detected, unseen) = work.detect(&how, manifest.is_some())?;
    let queries = Queries::of(detected.as_ref());
    let similar = match &mut detected {
        Some(found) if named.is_none() && found.payloads().is_empty() => {
            work.search(&queries, found, &mut how)?
        }
        _ => Vec::new(),
    };
    work.tell(Stage::Compare);
    let labelled = manifest.as_ref().and_then(ManifestReport::labelled);
    let payloads = numbers(detected.as_ref(), [named, labelled]);
    let mut registered = options.registry.as_ref().map_or(Ok(Vec::new()), |r| {
        recall(r.as_ref(), &payloads, &options.trust, &options.limits)
    })?;
    queries.compare(detected.as_ref(), &mut registered);
    let segments = work.look.in_segments().cloned();
    let found = Findings {
        manifest: manifest.as_ref(),
        segments: segments.as_ref(),
        elsewhere: elsewhere.as_deref().filter(|_| manifest.as_ref().is_none_or(|m| m.sidecar)),
        unfetched: unfetched.as_deref(),
        declarations: declarations.as_deref().unwrap_or_default(),
        detected: detected.as_ref(),
        registered: &registered,
        similar: &similar,
        asked: options.registry.is_some(),
        unseen,
        own: options.own.certificates(),
    };
    let judgement = verdict::judge(found, &options.algorithm);
    // What a stranger names leads nowhere: only what was read does, and what ours names.
    let mut told = detected.as_ref().map(Detected::payloads).unwrap_or_default();
    told.extend(verdict::named(found, &options.algorithm));
    registered.retain(|r| r.payload.is_some_and(|p| told.contains(&p)));
    let check = Check::of(path, ring, &options.trust)?;
    let isolation = work.look.isolation();
    Ok(Verified {
        manifest,
        segments,
        elsewhere,
        unfetched,
        declarations,
        detected,
        registered,
        similar,
        judgement,
        isolation,
        check,
    })
}

/// Begins to look at the file, or at the clip in segments that it leads to.
fn open(
    options: &VerifyOptions,
    path: &Path,
    cancel: &Cancel,
) -> Result<Box<dyn Inspection>, InspectError> {
    let (inspector, limits) = (options.inspector.as_ref(), &options.limits);
    if options.follow {
        look(inspector, path, limits, cancel)
    } else {
        inspector.open(path, limits, cancel)
    }
}

/// What the manifest says, in the file, beside it or fetched; where the file says that it is kept,
/// if that is elsewhere; and why it could not be fetched from there, if it was to be.
fn told(look: &mut dyn Inspection, options: &VerifyOptions) -> Result<Told, InspectError> {
    let manifest = look.manifest(&options.trust)?;
    if manifest.as_ref().is_some_and(|m| !m.sidecar) {
        return Ok((manifest, None, None));
    }
    let elsewhere = look.reference()?;
    let (None, Some(address), Some(fetch)) = (&manifest, &elsewhere, &options.fetch) else {
        return Ok((manifest, elsewhere, None));
    };
    match fetch.fetch(address, options.limits.manifest_bytes) {
        Ok(store) => {
            let manifest = look.fetched(address, &store, &options.trust)?;
            Ok((Some(manifest), elsewhere, None))
        }
        Err(why) => Ok((None, elsewhere, Some(why))),
    }
}

type Told = (Option<ManifestReport>, Option<String>, Option<String>);

/// Every number that was read, or that the manifest names, once.
fn numbers(detected: Option<&Detected>, named: [Option<Payload>; 2]) -> Vec<Payload> {
    let mut all = detected.map(Detected::payloads).unwrap_or_default();
    for number in named.into_iter().flatten() {
        if !all.contains(&number) {
            all.push(number);
        }
    }
    all
}

impl Verifying<'_, '_> {
    fn tell(&mut self, stage: Stage) {
        (self.control.progress)(stage);
    }

    /// What is asked of the marks: what the manifest names, or what the registry knows, where
    /// nothing else was asked.
    fn question(&self, named: Option<Payload>) -> Result<DetectOptions, VerifyError> {
        let mut how = self.options.detect.clone();
        match (&how.question, named, &self.options.registry) {
            (Question::Blind, Some(payload), _) => how.question = Question::Expected(payload),
            (Question::Blind, None, Some(registry)) if self.ring.is_some() => {
                how.question = question(registry.as_ref())?;
            }
            _ => {}
        }
        Ok(how)
    }

    /// Tells what a long clip's beginning carries, if that is asked for.
    fn glimpse(&mut self) -> Result<(), VerifyError> {
        let Some(ring) = self.ring.filter(|_| self.options.glimpse) else { return Ok(()) };
        self.tell(Stage::Beginning);
        let seen = self.look.glimpse(ring, &DetectOptions::default())?;
        if let Some(payload) = seen.and_then(|seen| seen.picture?.payload) {
            let registry = self.options.registry.as_ref();
            let entry = registry.map_or(Ok(None), |r| r.by_payload(payload))?;
            self.tell(Stage::Glimpsed(payload, entry.and_then(|e| e.title)));
        }
        Ok(())
    }

    /// What picture and sound carry, or why nobody looked.
    fn detect(
        &mut self,
        how: &DetectOptions,
        signed: bool,
    ) -> Result<(Option<Detected>, Option<Unseen>), VerifyError> {
        let Some(ring) = self.ring else { return Ok((None, Some(Unseen::NoKeys))) };
        let what = if self.options.registry.is_some() { Showing::SKETCHED } else { Showing::ALL };
        let watch = &mut self.control.progress;
        match self.look.marks(ring, how, what, &mut |p| watch(Stage::Whole(p))) {
            Ok(found) => Ok((Some(found), None)),
            Err(InspectError::Media(MediaError::Unsupported { kind, .. }))
                if kind.may_have_manifest() =>
            {
                Ok((None, Some(Unseen::Kind(kind))))
            }
            // Without a picture the manifest still speaks for the file.
            Err(InspectError::Media(
                MediaError::Unsupported { .. }
                | MediaError::NoVideo { .. }
                | MediaError::Decode { .. }
                | MediaError::NotMedia { .. },
            )) if signed => Ok((None, Some(Unseen::Undecodable))),
            Err(e) => Err(e.into()),
        }
    }

    /// Registered clips that look or sound like one in which nothing was read. The likest tells
    /// which payload it may carry, and its looks how it lies here: to confirm that takes much less
    /// evidence. One is asked for and no more, so that there are two looks at most, which p-values
    /// count.
    fn search(
        &mut self,
        queries: &Queries,
        found: &mut Detected,
        how: &mut DetectOptions,
    ) -> Result<Vec<Registered>, VerifyError> {
        let (Some(registry), Some(ring)) = (&self.options.registry, self.ring) else {
            return Ok(Vec::new());
        };
        self.tell(Stage::Search);
        let similar = alike(registry.as_ref(), queries, self.options)?;
        let likest = similar
            .first()
            .and_then(|s| Some((s.payload?, s.resemblance.map(|r| r.placement))))
            .filter(|_| matches!(self.options.detect.question, Question::Blind));
        let Some((payload, placement)) = likest else { return Ok(similar) };
        how.question = Question::Expected(payload);
        (how.placement, how.again) = (placement, true);
        self.tell(Stage::Closer);
        let again = self.look.marks(ring, how, Showing::ALL, &mut |_| {})?;
        if again.payloads().is_empty() {
            return Ok(similar);
        }
        *found = Detected {
            sketch: found.sketch.take(),
            recording: found.recording.take(),
            stills: found.stills.take(),
            ..again
        };
        Ok(Vec::new())
    }
}

/// Registered clips that look like this one, then those that sound like it.
fn alike(
    registry: &dyn Registry,
    queries: &Queries,
    options: &VerifyOptions,
) -> Result<Vec<Registered>, RecoveryError> {
    let VerifyOptions { trust, limits, .. } = options;
    let video = queries.video.as_ref();
    let audio = queries.audio.as_ref();
    let mut out = video.map_or(Ok(Vec::new()), |q| match_video(registry, q, trust, limits))?;
    for heard in audio.map_or(Ok(Vec::new()), |q| match_audio(registry, q, trust, limits))? {
        match out.iter_mut().find(|r| r.id == heard.id) {
            Some(both) => both.sound_resemblance = heard.sound_resemblance,
            None => out.push(heard),
        }
    }
    Ok(out)
}
