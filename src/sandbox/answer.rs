//! What a parent makes of what workers answer.

use super::check;
use super::wire::{ANSWER, Answer, receive};
use crate::audio::AudioEvidence;
use crate::detect::Detected;
use crate::key::KeyRing;
use crate::media::{Still, Text};
use crate::provenance::{ManifestReport, Segmented};
use crate::video::VideoEvidence;

/// What the parent makes of an answer to each question; `None` where it makes no sense.
impl Answer {
    pub(super) fn manifest(self) -> Option<Option<ManifestReport>> {
        match self {
            Self::Manifest(None) => Some(None),
            Self::Manifest(Some(told)) => told.into_report().map(Some),
            _ => None,
        }
    }

    pub(super) fn reference(self) -> Option<Option<String>> {
        match self {
            Self::Reference(told) => {
                Some(told).filter(|told| told.as_deref().is_none_or(check::reference))
            }
            _ => None,
        }
    }

    pub(super) fn texts(self) -> Option<Option<Vec<Text>>> {
        match self {
            Self::Texts(told) => Some(told).filter(|told| told.as_deref().is_none_or(check::texts)),
            _ => None,
        }
    }

    /// Of so many segments.
    pub(super) fn segments(self, count: usize) -> Option<Option<Segmented>> {
        match self {
            Self::Segments(None) => Some(None),
            Self::Segments(Some(told)) => told.into_segmented(count).map(Some),
            _ => None,
        }
    }

    pub(super) fn found(
        self,
        ring: &KeyRing,
    ) -> Option<(Option<VideoEvidence>, Option<AudioEvidence>)> {
        match self {
            Self::Found(picture, sound) => check::found(picture.as_deref(), sound.as_deref(), ring)
                .then(|| (picture.map(|p| *p), sound.map(|s| *s))),
            _ => None,
        }
    }

    pub(super) fn frame(self) -> Option<Still> {
        match self {
            Self::Frame(width, height, data) => {
                Some(Still { width, height, data: data.into_vec() }).filter(check::still)
            }
            _ => None,
        }
    }
}

/// What a parent makes of messages from workers: `None` if it does not believe them, and of what
/// was shown the findings in it, which come next.
pub(crate) fn believed(mut messages: &[u8], ring: &KeyRing) -> Option<Option<Detected>> {
    let mut next = || receive::<Answer>(&mut messages, ANSWER).ok();
    match next()? {
        Answer::Shown(shown) if check::shown(&shown) => {
            next()?.found(ring).map(|found| Some(shown.with(found)))
        }
        Answer::Shown(_) => None,
        answer @ Answer::Found(..) => answer.found(ring).map(|_| None),
        answer @ Answer::Manifest(_) => answer.manifest().map(|_| None),
        answer @ Answer::Reference(_) => answer.reference().map(|_| None),
        Answer::Segments(told) => {
            told.map_or(Some(()), |t| t.into_segmented(1).map(|_| ())).map(|()| None)
        }
        answer @ Answer::Texts(_) => answer.texts().map(|_| None),
        answer @ Answer::Frame(..) => answer.frame().map(|_| None),
        // What goes to and fro while a clip is made anew is asked for by nobody else.
        _ => Some(None),
    }
}
