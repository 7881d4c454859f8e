//! What a finished clip is like, and what is remembered of it.

use std::collections::BTreeSet;
use std::path::Path;

use super::StampOptions;
use super::targets::unwritten;
use crate::fingerprint::{AudioFingerprint, Sketch, VideoFingerprint};
use crate::media::{Container, MediaError, Stills};
use crate::payload::Payload;
use crate::provenance::{Bound, Signed};
use crate::registry::{Binding, Content, Entry};
use crate::since_1970;

/// What a finished clip looks and sounds like.
pub(super) struct Likeness {
    pub(super) video: Option<VideoFingerprint>,
    pub(super) stills: Option<Stills>,
    pub(super) audio: Option<AudioFingerprint>,
}

impl Likeness {
    /// What its manifest binds it to.
    pub(super) fn bound(&self, payload: Payload, marked: bool) -> Bound {
        Bound {
            payload,
            marked,
            picture: self.video.as_ref().map(VideoFingerprint::excerpt),
            sound: self.audio.as_ref().map(AudioFingerprint::excerpt),
        }
    }
}

/// What a clip looks like, if there is anything to compare.
pub(super) fn looks(sketch: &Sketch) -> Option<VideoFingerprint> {
    Some(sketch.fingerprint()).filter(|f| !f.is_empty())
}

/// What an entry in the registry is made of.
pub(super) struct Record<'a> {
    pub(super) container: Container,
    pub(super) bound: &'a Bound,
    pub(super) signed: Option<&'a Signed>,
    pub(super) likeness: &'a Likeness,
    pub(super) options: &'a StampOptions,
}

impl Record<'_> {
    /// The entry of a finished file that is about to appear at `target`.
    pub(super) fn of_file(&self, finished: &Path, target: &Path) -> Result<Entry, MediaError> {
        let content = Content::of_file(finished).map_err(|e| unwritten(target, &e))?;
        let target = std::path::absolute(target).unwrap_or_else(|_| target.into());
        Ok(Entry { target: Some(target), ..self.of_content(content) })
    }

    /// The entry of bytes that are nowhere in particular.
    pub(super) fn of_content(&self, content: Content) -> Entry {
        let Self { bound, options, .. } = self;
        let bindings = bound
            .soft_bindings(&options.manifest)
            .map(|(alg, value)| Binding { alg: alg.into(), value: value.into() });
        Entry {
            id: Entry::id_of(bound.payload),
            payload: Some(bound.payload),
            manifest: self.signed.map(|s| s.store.clone()),
            content,
            media_type: self.container.mime().into(),
            title: options.manifest.title.clone(),
            stamped: since_1970().as_secs(),
            labels: options.labels.clone(),
            bindings: if self.signed.is_some() { bindings.collect() } else { BTreeSet::new() },
            picture: self.likeness.video.clone(),
            stills: self.likeness.stills.clone(),
            sound: self.likeness.audio.clone(),
            target: None,
        }
    }
}
