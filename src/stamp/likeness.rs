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
    /// What the manifest of a clip of so many seconds, 0 or `None` for a still image, binds it to.
    pub(super) fn bound(&self, payload: Payload, marked: bool, seconds: Option<f64>) -> Bound {
        let length = seconds.filter(|seconds| *seconds > 0.0);
        Bound {
            payload,
            marked,
            picture: self.video.as_ref().map(VideoFingerprint::excerpt),
            sound: self.audio.as_ref().map(AudioFingerprint::excerpt),
            length: length.map(|seconds| (seconds * 1000.0).round() as u64),
            thumbnail: self.thumbnail(),
        }
    }

    /// The first still that shows something: a black or blank frame is of few bytes.
    fn thumbnail(&self) -> Option<Vec<u8>> {
        let stills = self.stills.as_ref()?;
        let all = || (0..).map_while(|index| stills.jpeg(index));
        let most = all().map(<[u8]>::len).max()?;
        all().find(|jpeg| jpeg.len() * 2 >= most).map(<[u8]>::to_vec)
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

impl<'a> Record<'a> {
    /// That of a clip in segments, which are MP4.
    pub(super) fn of_package(
        bound: &'a Bound,
        signed: Option<&'a Signed>,
        likeness: &'a Likeness,
        options: &'a StampOptions,
    ) -> Self {
        Self { container: Container::Mp4, bound, signed, likeness, options }
    }

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
            stills: self.likeness.stills.clone().filter(|_| options.stills),
            sound: self.likeness.audio.clone(),
            target: None,
        }
    }
}
