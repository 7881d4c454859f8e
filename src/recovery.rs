//! Recovery: a number in a mark → what the registry remembers of the clip, with its manifest.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::evidence::Question;
use crate::fingerprint::{
    AudioFingerprint, AudioQuery, AudioResemblance, DifferenceMap, Query, Resemblance,
    VideoFingerprint,
};
use crate::media::{Limits, Stills};
use crate::parallel;
use crate::payload::Payload;
use crate::provenance::{self, ManifestReport, ManifestState, ProvenanceError, Trust};
use crate::registry::{Binding, Content, Entry, Registry, RegistryError};
use proofmark_core::TimeRange;

/// Payloads of the registry that the detector chooses among where it cannot read blindly, the
/// newest first: a million take it about two seconds.
const CANDIDATES: usize = 1_000_000;

/// What to ask of marks where nothing is expected: which of those that the registry knows they are,
/// if it knows any.
pub(crate) fn question(registry: &dyn Registry) -> Result<Question, RegistryError> {
    let known = registry.payloads(CANDIDATES)?;
    Ok(if known.is_empty() { Question::Blind } else { Question::Candidates(known) })
}

/// What the registry remembers of a clip.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Registered {
    /// The manifest's label.
    pub id: String,
    /// The number in its marks.
    pub payload: Option<Payload>,
    /// Title of the clip.
    pub title: Option<String>,
    /// When it was stamped, in seconds since 1970.
    pub stamped: u64,
    /// Its media type, such as `video/mp4`.
    pub media_type: String,
    /// SHA-256 of the stamped file.
    pub content: Content,
    /// The user's words for it.
    pub labels: BTreeSet<String>,
    /// Its manifest, judged without its hard binding, which ties it to the bytes of the stamped
    /// file; `None` if it was stamped without one.
    pub manifest: Option<ManifestReport>,
    /// How far the picture in question is from the registered one; `None` if it was not compared,
    /// or has too little to compare.
    pub resemblance: Option<Resemblance>,
    /// Where the picture in question looks otherwise than the registered one; `None` if that cannot
    /// be told: it was not compared, or lies otherwise in the frame.
    pub difference: Option<DifferenceMap>,
    /// Whether it was the part of the picture in question that the mark covers that was compared,
    /// and the rest is another picture's.
    #[serde(skip)]
    pub inset: bool,
    /// When the picture in question looks like no moment of the registered one, in seconds.
    pub unmatched: Vec<TimeRange>,
    /// When each of its pictures is like one that is registered, in seconds.
    #[serde(skip)]
    pub known: Vec<TimeRange>,
    /// How far the sound in question is from the registered one; `None` as above.
    pub sound_resemblance: Option<AudioResemblance>,
    /// Small pictures of it, for people; when each was shown, in seconds, where this is written.
    #[serde(serialize_with = "times")]
    pub stills: Option<Stills>,
    /// What the registered picture looks like.
    #[serde(skip)]
    pub picture: Option<VideoFingerprint>,
    /// What the registered sound is like.
    #[serde(skip)]
    pub sound: Option<AudioFingerprint>,
}

fn times<S: Serializer>(stills: &Option<Stills>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(stills.iter().flat_map(Stills::times))
}

impl Registered {
    /// From an entry, whose manifest is read and validated.
    ///
    /// # Errors
    /// [`ProvenanceError::Trust`] if the trust list is no good.
    pub fn of(entry: Entry, trust: &Trust, limits: &Limits) -> Result<Self, ProvenanceError> {
        let manifest = entry
            .manifest
            .as_ref()
            .map(|store| provenance::read_store(store, trust, limits))
            .transpose()?;
        let Entry {
            id,
            payload,
            content,
            media_type,
            title,
            stamped,
            labels,
            picture,
            sound,
            stills,
            ..
        } = entry;
        let (resemblance, difference, unmatched, known, sound_resemblance) = Default::default();
        Ok(Self {
            id,
            payload,
            title,
            stamped,
            media_type,
            content,
            labels,
            manifest,
            resemblance,
            difference,
            inset: false,
            unmatched,
            known,
            sound_resemblance,
            stills,
            picture,
            sound,
        })
    }

    /// Whether there is a manifest, it holds, and it is the one of this entry.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.own().is_some_and(|m| m.state != ManifestState::Invalid)
    }

    /// Whether there is a manifest of this entry of which nothing fails but its certificate's right
    /// to sign: most have ended before the clip is forgotten.
    #[must_use]
    pub fn outlived(&self) -> bool {
        self.own().is_some_and(ManifestReport::credential_alone)
    }

    /// The manifest, if it is the one of this entry.
    fn own(&self) -> Option<&ManifestReport> {
        self.manifest.as_ref().filter(|m| m.label.as_deref() == Some(self.id.as_str()))
    }
}

/// Why the registry could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The trust list is no good.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
}

/// Why a manifest store is not taken into the registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// It cannot be read.
    #[error(
        "this is no C2PA manifest store, or one too damaged to be read; send the bytes of a .c2pa \
        file"
    )]
    Unreadable,
    /// It fails validation.
    #[error(
        "the manifest does not hold ({}); send one whose signature and assertions are whole",
        failures.join(", ")
    )]
    Invalid {
        /// The C2PA's code for each check that failed.
        failures: Vec<String>,
    },
    /// The trust list is no good.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
}

/// An entry for a manifest store that is handed in without its file at `now`, in seconds since
/// 1970. It must hold, its hard binding excepted, and leads to a mark of ours if it names the mark
/// of its own label by `algorithm`.
///
/// # Errors
/// [`DepositError`].
pub fn deposit(
    store: Vec<u8>,
    algorithm: &str,
    now: u64,
    trust: &Trust,
    limits: &Limits,
) -> Result<Entry, DepositError> {
    let report = provenance::read_store(&store, trust, limits)?;
    let Some(id) = report.label.clone() else { return Err(DepositError::Unreadable) };
    if report.state == ManifestState::Invalid {
        return Err(DepositError::Invalid { failures: report.failures });
    }
    Ok(Entry {
        payload: report.payload(algorithm).filter(|&p| Entry::id_of(p) == id),
        content: Content::of_bytes(&store),
        manifest: Some(store),
        media_type: Entry::MANIFEST_ALONE.into(),
        title: report.title,
        stamped: now,
        labels: BTreeSet::new(),
        bindings: report
            .soft_bindings
            .into_iter()
            .map(|b| Binding { alg: b.alg, value: b.bytes })
            .collect(),
        picture: None,
        sound: None,
        stills: None,
        target: None,
        id,
    })
}

/// What the registry remembers of each payload that it knows, in the order asked.
///
/// # Errors
/// [`RecoveryError`].
pub fn recall(
    registry: &dyn Registry,
    payloads: &[Payload],
    trust: &Trust,
    limits: &Limits,
) -> Result<Vec<Registered>, RecoveryError> {
    let mut out = Vec::new();
    for &payload in payloads {
        if let Some(entry) = registry.by_payload(payload)? {
            out.push(Registered::of(entry, trust, limits)?);
        }
    }
    Ok(out)
}

/// Fingerprints that are read at once.
const PAGE: usize = 4096;
/// Of all that are registered, those that look most alike at a glance and are compared frame by
/// frame.
const CLOSER: usize = 20;
/// Bits by which frames may differ at a glance for that: the nearest of a thousand others comes to
/// about 85.
const GLANCE: f32 = 98.0;

/// What is registered of the clips whose picture looks like this one, the likest first.
///
/// # Errors
/// [`RecoveryError`].
pub fn match_video(
    registry: &dyn Registry,
    query: &Query,
    trust: &Trust,
    limits: &Limits,
) -> Result<Vec<Registered>, RecoveryError> {
    let mut out = Vec::new();
    for id in nearest(|after| registry.looks(after, PAGE), |f| query.glance(f), GLANCE)? {
        let Some(entry) = registry.by_id(&id)? else { continue };
        let resemblance = entry.picture.as_ref().and_then(|f| query.resemblance(f));
        if resemblance.is_some_and(|r| r.same()) {
            out.push(Registered { resemblance, ..Registered::of(entry, trust, limits)? });
        }
    }
    let distance = |r: &Registered| r.resemblance.map_or(f32::INFINITY, |r| r.distance);
    out.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    Ok(out)
}

/// How far sounds may be apart at a glance to be compared closely, chance being one: as they are,
/// and under guesses, of which few hashes are looked at then.
const AUDIO_GLANCE: f32 = AudioResemblance::SAME;
const STRETCHED_GLANCE: f32 = 0.6;

/// What is registered of the clips whose sound is like this one, the likest first. Where none is as
/// it runs, other speeds, tempos and pitches are tried.
///
/// # Errors
/// [`RecoveryError`].
pub fn match_audio(
    registry: &dyn Registry,
    query: &AudioQuery,
    trust: &Trust,
    limits: &Limits,
) -> Result<Vec<Registered>, RecoveryError> {
    let mut ids = nearest(|after| registry.sounds(after, PAGE), |f| query.glance(f), AUDIO_GLANCE)?;
    if ids.is_empty() {
        ids = nearest(
            |after| registry.sounds(after, PAGE),
            |f| query.glance_stretched(f),
            STRETCHED_GLANCE,
        )?;
    }
    let mut out = Vec::new();
    for id in ids {
        let Some(entry) = registry.by_id(&id)? else { continue };
        let sound_resemblance = entry.sound.as_ref().and_then(|f| query.resemblance(f));
        if sound_resemblance.is_some_and(|r| r.same()) {
            out.push(Registered { sound_resemblance, ..Registered::of(entry, trust, limits)? });
        }
    }
    let distance = |r: &Registered| r.sound_resemblance.map_or(f32::INFINITY, |r| r.distance);
    out.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    Ok(out)
}

/// Fingerprints that a thread takes at once.
const SHARE: usize = 64;

/// The ids of the entries whose fingerprints are nearest at a glance, at most `most` away, the
/// nearest first.
fn nearest<T: Sync>(
    page: impl Fn(Option<&str>) -> Result<Vec<(String, T)>, RegistryError>,
    glance: impl Fn(&T) -> f32 + Sync,
    most: f32,
) -> Result<Vec<String>, RegistryError> {
    let mut threads = vec![(); parallel::threads()];
    let mut nearest: Vec<(f32, String)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = page(after.as_deref())?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        let shares: Vec<&[(String, T)]> = page.chunks(SHARE).collect();
        let distances = parallel::map(&shares, &mut threads, |(), share| {
            share.iter().map(|(_, f)| glance(f)).collect::<Vec<f32>>()
        });
        nearest.extend(
            distances
                .into_iter()
                .flatten()
                .zip(page.into_iter().map(|entry| entry.0))
                .filter(|n| n.0 <= most),
        );
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        nearest.truncate(CLOSER);
    }
    Ok(nearest.into_iter().map(|n| n.1).collect())
}
