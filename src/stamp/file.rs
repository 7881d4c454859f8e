//! One file that is stamped, step by step.

use std::path::Path;
use std::sync::Arc;

use super::label;
use super::likeness::{Likeness, Record, looks};
use super::marking::{AudioMarkers, ClipMarker, ClipMarks, Pass, beginning, payload_beside};
use super::stream::{untraced, watched};
use super::targets::{Attempt, Targets, draft};
use super::{Control, Remember, StampError, StampOptions, Stamped, Stamper};
use crate::audio::{self, AudioError};
use crate::draft::Draft;
use crate::fingerprint::{AudioFingerprint, Query, Sketch};
use crate::inspect::{Showing, look};
use crate::key::{KeyRing, WatermarkKey};
use crate::mark::{Generation, Mark};
use crate::media::{self, Carrying, Container, EncodeOptions, Inlet, Summary};
use crate::payload::Payload;
use crate::press::{Order, Press, StreamPress};
use crate::provenance::{self, Bound, Placement, Signed, Source, Trust};
use crate::recovery::Registered;
use crate::video::{Capacity, DetectOptions, MarkerState};

/// A file on its way.
pub(super) struct Stamping<'a> {
    pub(super) key: &'a WatermarkKey,
    pub(super) options: &'a StampOptions,
    /// What it is called in messages.
    pub(super) input: &'a Path,
    /// Whether that is a file, which can be looked at again.
    pub(super) file: bool,
    pub(super) container: Container,
    pub(super) targets: Targets<'a>,
    pub(super) ring: KeyRing,
    pub(super) press: Box<dyn Press>,
}

/// What was marked.
pub(super) struct Marked {
    pub(super) mark: Mark,
    /// The mark beneath, if there is one.
    pub(super) known: Option<Mark>,
    pub(super) summary: Summary,
    pub(super) capacity: Option<Capacity>,
    pub(super) sound: Vec<Result<audio::Capacity, AudioError>>,
    pub(super) state: Option<MarkerState>,
    pub(super) sketch: Sketch,
    pub(super) likeness: Likeness,
}

impl Marked {
    /// What the manifest binds the clip to.
    pub(super) fn bound(&self) -> Bound {
        let marked =
            self.capacity.is_some() || self.sound.iter().flatten().any(audio::Capacity::is_marked);
        self.likeness.bound(self.mark.payload, marked, Some(self.summary.seconds))
    }
}

/// Finished files, not yet under their names.
struct Finished {
    clip: Draft,
    sidecar: Option<Draft>,
    signed: Option<Signed>,
}

/// Stamps `input` into `output`.
pub(super) fn stamp(
    stamper: &Stamper,
    input: &Path,
    output: &Path,
    attempt: Attempt,
    control: Control<'_>,
) -> Result<Stamped, StampError> {
    let Stamper { ring, options } = stamper;
    let key = ring.stamping();
    let container = media::container_of(output)?;
    let targets = Targets::new(output, Some(container), options, attempt);
    targets.check(input)?;
    if options.identity.is_some() {
        // What cannot be signed is known before the work.
        provenance::check_source(&Source { limits: options.limits, ..Source::new(input) })?;
    }
    let clip = draft(output)?;
    let press = options.press.open(input, clip.path(), &options.limits, &control.cancel)?;
    let (file, ring) = (true, KeyRing::from(key.clone()));
    Stamping { key, options, input, file, container, targets, ring, press }.run(clip, control)
}

/// Stamps what comes through `from` into `output`.
pub(super) fn stamp_inlet(
    stamper: &Stamper,
    from: Inlet,
    output: &Path,
    attempt: Attempt,
    control: Control<'_>,
) -> Result<Stamped, StampError> {
    let Stamper { ring, options } = stamper;
    let (key, input) = (ring.stamping(), from.name().to_path_buf());
    let container = media::container_of(output)?;
    let targets = Targets::new(output, Some(container), options, attempt);
    targets.check(&input)?;
    let traced = Arc::default();
    let from = if options.identity.is_some() { watched(from, &traced) } else { from };
    let clip = draft(output)?;
    let press = Box::new(StreamPress::new(from, clip.path(), &options.limits, &control.cancel));
    let (file, ring) = (false, KeyRing::from(key.clone()));
    let stamping = Stamping { key, options, input: &input, file, container, targets, ring, press };
    let stamped = stamping.run(clip, control);
    // What the watch ended looks like a stream that was stopped.
    untraced(&traced)?;
    stamped
}

impl Stamping<'_> {
    fn run(mut self, clip: Draft, mut control: Control<'_>) -> Result<Stamped, StampError> {
        let marked = self.mark(clip.path(), &mut control)?;
        if self.options.check {
            self.read_back(clip.path(), marked.mark.payload, &marked.sound, &control)?;
        }
        let bound = marked.bound();
        let finished = self.sign(clip, &marked, &bound)?;
        self.publish(finished, marked, &bound)
    }

    /// What the clip is to carry, and what it carries already.
    fn choose(&mut self) -> Result<(Mark, Option<Mark>), StampError> {
        let beneath = if self.container.is_sound() || !self.file {
            None
        } else {
            beginning(self.press.as_mut(), &self.ring)?
        };
        let known = beneath
            .as_ref()
            .and_then(|b| b.payload.zip(b.generation))
            .map(|(payload, generation)| Mark { payload, generation });
        let payload =
            self.options.payload.unwrap_or_else(|| payload_beside(known.map(|k| k.payload)));
        let generation = match &beneath {
            Some(b) if b.detected => b.generation.unwrap_or(Generation::FIRST).next(),
            _ => Generation::FIRST,
        };
        Ok((Mark { payload, generation }, known))
    }

    /// Marks the clip into `clip`.
    fn mark(&mut self, clip: &Path, control: &mut Control<'_>) -> Result<Marked, StampError> {
        self.mark_as(clip, &self.options.encode, control)
    }

    /// The same, encoded so.
    pub(super) fn mark_as(
        &mut self,
        clip: &Path,
        encode: &EncodeOptions,
        control: &mut Control<'_>,
    ) -> Result<Marked, StampError> {
        let (mark, known) = self.choose()?;
        let encode = &label::on(encode, self.options, mark.payload);
        let Self { key, options, input, container, targets, .. } = &*self;
        let marker = ClipMarker::new(input, key, mark, options.strength)
            .continuing(options.continues.as_ref());
        let pass = Pass::new(marker, known);
        let sounds = AudioMarkers::new(key, mark.payload, options.mark_sound);
        let mut marks = ClipMarks { pass, sounds, progress: &mut control.progress };
        let order = Order {
            target: targets.output,
            container: *container,
            encode,
            seconds: None,
            stills: options.keeps_stills(),
        };
        let (mut summary, stills) = self.press.transcode(&order, &mut marks)?;
        let carrying = Carrying {
            input: self.input,
            still: clip,
            target: self.targets.output,
            container: self.container,
            aigc: encode.aigc.as_deref(),
        };
        if self.file {
            let told = media::carry_over(&carrying, &self.options.limits)?;
            summary.left_out.extend(told);
        }
        label::check(&carrying, mark.payload, self.options, &mut summary)?;
        let (capacity, sketch, state) = marks.pass.finish();
        let capacity = Some(capacity).filter(|_| !self.container.is_sound());
        let sound = marks.sounds.finish();
        let told =
            self.options.identity.is_some() || !matches!(self.options.remember, Remember::Nowhere);
        let audio = if told { heard(self.press.as_mut(), sound.len())? } else { None };
        let likeness = Likeness { video: looks(&sketch), stills, audio };
        Ok(Marked { mark, known, summary, capacity, sound, state, sketch, likeness })
    }

    /// Reads the finished file, or the clip whose index it is, as a stranger would.
    pub(super) fn read_back(
        &self,
        file: &Path,
        payload: Payload,
        sound: &[Result<audio::Capacity, AudioError>],
        control: &Control<'_>,
    ) -> Result<(), StampError> {
        let Self { options, ring, .. } = self;
        let inspector = options.inspector.as_ref();
        let mut look = look(inspector, file, &options.limits, &control.cancel)?;
        let found = look.marks(ring, &DetectOptions::default(), Showing::ALL, &mut |_| {})?;
        let path = || self.targets.output.into();
        if let Some(p) = found.picture.filter(|p| p.payload != Some(payload)) {
            let (part, evidence) = ("picture", p.evidence);
            return Err(StampError::Unreadable { path: path(), part, evidence });
        }
        // Silence was never promised to carry anything.
        let marked = sound.iter().flatten().any(audio::Capacity::is_marked);
        match found.sound.filter(|s| marked && s.payload != Some(payload)) {
            Some(s) => {
                let (part, evidence) = ("sound", s.evidence);
                Err(StampError::Unreadable { path: path(), part, evidence })
            }
            None => Ok(()),
        }
    }

    /// Signs the marked clip, into a file of its own or beside it, if somebody is to sign.
    fn sign(&self, clip: Draft, marked: &Marked, bound: &Bound) -> Result<Finished, StampError> {
        let Self { options, targets, .. } = self;
        let Some(identity) = &options.identity else {
            return Ok(Finished { clip, sidecar: None, signed: None });
        };
        let file = draft(targets.sidecar.as_deref().unwrap_or(targets.output))?;
        let remembered = remembered(marked.known.map(|k| k.payload), &marked.sketch, options)?;
        let source =
            Source { path: self.input, remembered: remembered.as_deref(), limits: options.limits };
        let signing = provenance::Signing {
            unsigned: clip.path(),
            signed: file.path(),
            container: self.container,
            source: Some(&source).filter(|_| self.file),
        };
        let signed = provenance::sign(&signing, bound, identity, &options.manifest)?;
        let (clip, sidecar) = match signed.placement {
            Placement::Embedded => (file, None),
            Placement::Sidecar => (clip, Some(file)),
        };
        Ok(Finished { clip, sidecar, signed: Some(signed) })
    }

    /// Announces the clip where it is to be remembered, gives it its name, and confirms it.
    fn publish(
        &self,
        finished: Finished,
        marked: Marked,
        bound: &Bound,
    ) -> Result<Stamped, StampError> {
        let Self { options, targets, .. } = self;
        let Finished { clip, sidecar, signed } = finished;
        let record = Record {
            container: self.container,
            bound,
            signed: signed.as_ref(),
            likeness: &marked.likeness,
            options,
        };
        let entry = |clip: &Path| record.of_file(clip, targets.output);
        let appeared = targets.appear((clip, sidecar), entry, options, options.overwrite)?;
        let remembered = targets.remembered(&options.remember);
        let manifest = signed
            .as_ref()
            .map(|_| targets.sidecar.clone().unwrap_or_else(|| targets.output.to_path_buf()));
        Ok(Stamped {
            payload: marked.mark.payload,
            generation: marked.mark.generation,
            key: self.key.id().clone(),
            label: signed.as_ref().map(|s| s.label.clone()),
            manifest,
            parent: signed.and_then(|s| s.parent),
            summary: marked.summary,
            capacity: marked.capacity,
            sound: marked.sound,
            state: marked.state,
            remembered,
            unconfirmed: appeared.unconfirmed,
            isolation: self.press.isolation(),
        })
    }
}

/// What the sound of a finished file is like. Of several tracks, all marked, none is: whoever keeps
/// another one than was hashed must not be told that its mark was put there.
fn heard(press: &mut dyn Press, tracks: usize) -> Result<Option<AudioFingerprint>, StampError> {
    if tracks > 1 { Ok(None) } else { Ok(press.heard()?) }
}

/// The manifest that the registry has of the clip whose mark lies beneath, if the input looks like
/// that clip: a mark alone could have been put there.
pub(super) fn remembered(
    beneath: Option<Payload>,
    sketch: &Sketch,
    options: &StampOptions,
) -> Result<Option<Vec<u8>>, StampError> {
    let (Some(payload), Remember::Registry(registry)) = (beneath, &options.remember) else {
        return Ok(None);
    };
    let Some(entry) = registry.by_payload(payload)? else { return Ok(None) };
    let same = entry
        .picture
        .as_ref()
        .and_then(|f| Query::new(sketch).resemblance(f))
        .is_some_and(|r| r.same());
    let store = entry.manifest.clone().filter(|_| same);
    let holds =
        store.is_some() && Registered::of(entry, &Trust::default(), &options.limits)?.holds();
    Ok(store.filter(|_| holds))
}
