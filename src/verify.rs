//! Verification: media → manifest, mark and registry → verdict.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::ErrorKind;
use crate::detect::Detected;
use crate::evidence::Question;
use crate::fingerprint::{AudioQuery, Comparison, Query, Sketch};
use crate::inspect::{InProcess, InspectError, Inspector, Showing};
use crate::key::{KeyId, KeyRing};
use crate::media::{Cancel, Limits, MediaError, Progress};
use crate::payload::Payload;
use crate::provenance::{
    AUDIO_FINGERPRINT, DEFAULT_ALGORITHM, ManifestReport, OwnSigners, ProvenanceError, Trust,
    VIDEO_FINGERPRINT,
};
use crate::recovery::{RecoveryError, Registered, recall, resembling, resounding};
use crate::registry::{Content, Registry, RegistryError};
use crate::sandbox::{Isolation, SandboxError};
use crate::verdict::{self, Findings, Judgement, Unseen};
use crate::video::{AreaMap, DetectOptions, Geometry};

/// Payloads of the registry that the detector chooses among where it cannot read blindly, the
/// newest first: a million take it about two seconds.
const CANDIDATES: usize = 1_000_000;

/// How to verify.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How to look for the mark. With a blind question, a payload that the manifest names is used
    /// as the expected one, and those of the registry as candidates.
    pub detect: DetectOptions,
    /// Whom to trust.
    pub trust: Trust,
    /// Who signs for this deployment. A manifest of anyone else that names a payload of ours is a
    /// stranger's claim.
    pub own: OwnSigners,
    /// Our algorithm's name in soft bindings.
    pub algorithm: String,
    /// The same of the picture's fingerprint.
    pub picture_algorithm: String,
    /// The same of the sound's.
    pub sound_algorithm: String,
    /// What a file may ask of the machine.
    pub limits: Limits,
    /// Where stamped clips are remembered, if anywhere.
    pub registry: Option<Arc<dyn Registry>>,
    /// Who looks at the file.
    pub inspector: Arc<dyn Inspector>,
    /// Whether to tell what a long clip's beginning carries before all of it was looked at. That is
    /// a first word and counts for nothing in the answer.
    pub glimpse: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            detect: DetectOptions::default(),
            trust: Trust::default(),
            own: OwnSigners::default(),
            algorithm: DEFAULT_ALGORITHM.into(),
            picture_algorithm: VIDEO_FINGERPRINT.into(),
            sound_algorithm: AUDIO_FINGERPRINT.into(),
            limits: Limits::default(),
            registry: None,
            inspector: Arc::new(InProcess),
            glimpse: false,
        }
    }
}

/// How far a verification has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// The manifest is read.
    Manifest,
    /// The beginning is looked at.
    Beginning,
    /// It carries a mark with this number, of the clip with this title, if the registry knows it
    /// and has one.
    Glimpsed(Payload, Option<String>),
    /// All of it is looked at.
    Whole(Progress),
    /// What looks or sounds like it is searched for.
    Search,
    /// It is looked at again, for the mark of what it is like.
    Closer,
    /// It is held against what is registered.
    Compare,
}

impl Stage {
    /// How much of the file has been looked at, where that is the stage.
    #[must_use]
    pub fn looked(&self) -> Option<Progress> {
        if let Self::Whole(progress) = self { Some(*progress) } else { None }
    }
}

/// All that is known about a file's origin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// What the manifest says; `None` if there is none.
    pub manifest: Option<ManifestReport>,
    /// Where the file says that its manifest is kept, if that is somewhere else; nothing is
    /// fetched. Not asked of a file that has its manifest in it.
    pub elsewhere: Option<String>,
    /// What the file is, and what its picture and sound carry; `None` if it has nothing to look at.
    pub detected: Option<Detected>,
    /// What the registry remembers of the marks' payloads and of the one that the manifest names,
    /// in this order; empty without a registry.
    pub registered: Vec<Registered>,
    /// Registered clips that look or sound like this one but whose mark is not in it, the likest
    /// first, those that look like it before others.
    pub similar: Vec<Registered>,
    /// What follows from all of it.
    pub judgement: Judgement,
    /// What kept the file from doing harm while it was looked at.
    pub isolation: Isolation,
    /// What was asked of what, and when: so that an answer can be made again.
    pub check: Check,
}

/// What an answer is about, and what it was made with.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// SHA-256 of the file.
    pub sha256: Content,
    /// Its bytes.
    pub bytes: u64,
    /// When, in seconds since 1970.
    pub time: u64,
    /// The version of this crate.
    pub version: &'static str,
    /// The keys whose marks were looked for.
    pub keys: Vec<KeyId>,
    /// SHA-256 of the trust lists.
    pub lists: Vec<String>,
}

impl Check {
    fn of(path: &Path, ring: Option<&KeyRing>, trust: &Trust) -> Result<Self, MediaError> {
        let fail = |reason| MediaError::Open { path: path.into(), reason };
        let bytes = std::fs::metadata(path).map_err(fail)?.len();
        let sha256 = Content::of_file(path).map_err(fail)?;
        let time =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let keys =
            ring.map_or(Vec::new(), |ring| ring.keys().iter().map(|k| k.id().clone()).collect());
        Ok(Self {
            sha256,
            bytes,
            time,
            version: env!("CARGO_PKG_VERSION"),
            keys,
            lists: trust.lists().to_vec(),
        })
    }
}

/// Why a file could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Reading media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Reading the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Asking the registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The worker that looked at the file.
    #[error(transparent)]
    Worker(#[from] SandboxError),
}

impl VerifyError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Media(e) => e.code(),
            Self::Provenance(e) => e.code(),
            Self::Registry(e) => e.code(),
            Self::Worker(e) => e.code(),
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Media(e) => e.kind(),
            Self::Provenance(e) => e.kind(),
            Self::Registry(e) => e.kind(),
            Self::Worker(e) => e.kind(),
        }
    }
}

impl From<InspectError> for VerifyError {
    fn from(e: InspectError) -> Self {
        match e {
            InspectError::Media(e) => e.into(),
            InspectError::Provenance(e) => e.into(),
            InspectError::Worker(e) => e.into(),
        }
    }
}

impl From<RecoveryError> for VerifyError {
    fn from(e: RecoveryError) -> Self {
        match e {
            RecoveryError::Registry(e) => e.into(),
            RecoveryError::Provenance(e) => e.into(),
        }
    }
}

/// Reads the manifest, looks for a mark of any key of `ring`, asks the registry for what it
/// remembers, and compares, and tells `watch` each stage. Without a ring the manifest is judged
/// alone.
///
/// # Errors
/// [`VerifyError`] if the file cannot be read or the registry fails. A broken manifest is no error
/// but a finding, and so is a picture that cannot be decoded in a file that has a manifest.
pub fn verify(
    path: &Path,
    ring: Option<&KeyRing>,
    options: &VerifyOptions,
    cancel: &Cancel,
    watch: &mut dyn FnMut(Stage),
) -> Result<Verified, VerifyError> {
    watch(Stage::Manifest);
    let mut look = options.inspector.open(path, &options.limits, cancel)?;
    let manifest = look.manifest(&options.trust)?;
    let elsewhere =
        if manifest.as_ref().is_none_or(|m| m.sidecar) { look.reference()? } else { None };
    let mut how = options.detect.clone();
    let named = manifest.as_ref().and_then(|m| m.payload(&options.algorithm));
    match (&how.question, named, &options.registry) {
        (Question::Blind, Some(payload), _) => how.question = Question::Expected(payload),
        (Question::Blind, None, Some(registry)) if ring.is_some() => {
            let known = registry.payloads(CANDIDATES)?;
            if !known.is_empty() {
                how.question = Question::Candidates(known);
            }
        }
        _ => {}
    }
    if let Some(ring) = ring.filter(|_| options.glimpse) {
        watch(Stage::Beginning);
        let glimpsed =
            look.glimpse(ring, &DetectOptions::default())?.and_then(|seen| seen.picture?.payload);
        if let Some(payload) = glimpsed {
            let entry = options.registry.as_ref().map_or(Ok(None), |r| r.by_payload(payload))?;
            watch(Stage::Glimpsed(payload, entry.and_then(|e| e.title)));
        }
    }
    let what = if options.registry.is_some() { Showing::SKETCHED } else { Showing::ALL };
    let (mut detected, unseen) =
        match ring.map(|ring| look.marks(ring, &how, what, &mut |p| watch(Stage::Whole(p)))) {
            Some(Ok(d)) => (Some(d), None),
            None => (None, Some(Unseen::NoKeys)),
            // Without a picture the manifest still speaks for the file.
            Some(Err(InspectError::Media(
                MediaError::Unsupported { .. }
                | MediaError::NoVideo { .. }
                | MediaError::Decode { .. }
                | MediaError::NotMedia { .. },
            ))) if manifest.is_some() => (None, Some(Unseen::Undecodable)),
            Some(Err(e)) => return Err(e.into()),
        };
    let looks = detected.as_ref().and_then(|d| d.sketch.as_ref()).map(Query::new);
    let sounds = detected.as_ref().and_then(|d| d.recording.as_ref()).and_then(AudioQuery::new);
    let mut similar = Vec::new();
    if let (Some(registry), Some(found), Some(ring)) = (&options.registry, &mut detected, ring)
        && named.is_none()
        && found.payloads().is_empty()
    {
        watch(Stage::Search);
        similar = alike(registry.as_ref(), looks.as_ref(), sounds.as_ref(), options)?;
        // What it is like tells which payload it may carry, and its looks at what size: to confirm
        // that takes much less evidence. One is asked for and no more, so that there are two looks
        // at most, which p-values count.
        let likest = similar
            .first()
            .and_then(|s| Some((s.payload?, s.resemblance.map_or([1.0; 2], |r| r.scale))));
        if let Some((payload, scale)) =
            likest.filter(|_| matches!(options.detect.question, Question::Blind))
        {
            how.question = Question::Expected(payload);
            how.guess = Some(scale);
            watch(Stage::Closer);
            let again = look.marks(ring, &how, Showing::ALL, &mut |_| {})?;
            if !again.payloads().is_empty() {
                *found = Detected {
                    sketch: found.sketch.take(),
                    recording: found.recording.take(),
                    stills: found.stills.take(),
                    ..again
                };
                similar.clear();
            }
        }
    }
    watch(Stage::Compare);
    let mut payloads = detected.as_ref().map(Detected::payloads).unwrap_or_default();
    payloads.extend(named.filter(|n| !payloads.contains(n)));
    let mut registered = options.registry.as_ref().map_or(Ok(Vec::new()), |r| {
        recall(r.as_ref(), &payloads, &options.trust, &options.limits)
    })?;
    let before = detected.as_ref().map(undone).unwrap_or_default();
    // What was turned looks otherwise at every edge.
    let turned =
        detected.as_ref().and_then(|d| d.picture.as_ref()?.geometry).is_some_and(is_turned);
    for r in &mut registered {
        if let Some(((picture, look), sketch)) = r
            .picture
            .as_ref()
            .zip(looks.as_ref())
            .zip(detected.as_ref().and_then(|d| d.sketch.as_ref()))
        {
            let undone = before
                .iter()
                .filter_map(|q| Some(Comparison { difference: None, ..q.compare(picture)? }));
            let plain = look.compare(picture);
            let cut = if plain.as_ref().is_some_and(|p| p.resemblance.same()) {
                Vec::new()
            } else {
                without_bars(sketch, picture.aspect())
            };
            let seen = plain
                .into_iter()
                .chain(cut.iter().filter_map(|q| q.compare(picture)))
                .chain(undone);
            if let Some(nearest) =
                seen.min_by(|a, b| a.resemblance.distance.total_cmp(&b.resemblance.distance))
            {
                r.resemblance = Some(nearest.resemblance);
                r.difference = nearest.difference.filter(|_| !turned);
                r.unmatched = nearest.unmatched;
            }
        }
        r.sound_resemblance =
            sounds.as_ref().zip(r.sound.as_ref()).and_then(|(q, f)| q.resemblance(f));
    }
    let found = Findings {
        manifest: manifest.as_ref(),
        elsewhere: elsewhere.as_deref(),
        detected: detected.as_ref(),
        registered: &registered,
        similar: &similar,
        asked: options.registry.is_some(),
        unseen,
        own: options.own.certificates(),
    };
    let judgement = verdict::judge(found, &options.algorithm);
    if judgement.has("manifest.stranger-names-our-payload") {
        // What a stranger names leads nowhere: only what was read does.
        let read = detected.as_ref().map(Detected::payloads).unwrap_or_default();
        registered.retain(|r| r.payload.is_some_and(|p| read.contains(&p)));
    }
    let check = Check::of(path, ring, &options.trust)?;
    Ok(Verified {
        manifest,
        elsewhere,
        detected,
        registered,
        similar,
        judgement,
        isolation: look.isolation(),
        check,
    })
}

/// A clip as it was before something was done to it, as far as its mark tells: before it was
/// turned, which is tried both ways round since the mark is in no one's frame alone, or its
/// brightness inverted, and before it was put into another picture.
fn undone(found: &Detected) -> Vec<Query> {
    let (Some(sketch), Some(picture)) = (&found.sketch, &found.picture) else { return Vec::new() };
    let Some(g) = picture.geometry else { return Vec::new() };
    let turned = is_turned(g);
    let turns: &[f32] = if turned { &[1.0, -1.0] } else { &[0.0] };
    let needed = turned || g.inverted;
    let straight = turns
        .iter()
        .filter(|_| needed)
        .map(|way| sketch.straightened(way * g.rotation, g.inverted));
    let part = picture
        .area
        .as_ref()
        .filter(|_| !needed)
        .and_then(AreaMap::part)
        .map(|part| sketch.part(part));
    straight.chain(part).map(|s| Query::new(&s)).collect()
}

/// A clip without what may have been taken for bars in the registered one and not here, or here and
/// not there: a sky is as flat as a bar until something flies in it.
fn without_bars(sketch: &Sketch, aspect: f32) -> Vec<Query> {
    let share = sketch.frame() / aspect;
    let parts: Vec<[f32; 4]> = if share.ln().abs() < SAME_SHAPE {
        vec![[0.0, 0.0, 1.0, 1.0]]
    } else {
        let kept = share.min(1.0 / share);
        let part = |from: f32| {
            if share < 1.0 { [0.0, from, 1.0, from + kept] } else { [from, 0.0, from + kept, 1.0] }
        };
        // Bars leave three tenths at the least, and so small a part says little.
        [0.0, (1.0 - kept) / 2.0, 1.0 - kept].into_iter().filter(|_| kept > 0.4).map(part).collect()
    };
    parts.into_iter().map(|part| Query::new(&sketch.part(part))).collect()
}

/// Logarithm of two ratios of width and height that are one but for rounding.
const SAME_SHAPE: f32 = 0.03;

/// Degrees by which a picture is turned that need not be turned back.
const LEVEL: f32 = 0.3;

/// Whether a picture was turned by more.
fn is_turned(geometry: Geometry) -> bool {
    geometry.rotation.abs() > LEVEL
}

/// Registered clips that look like this one, then those that sound like it.
fn alike(
    registry: &dyn Registry,
    looks: Option<&Query>,
    sounds: Option<&AudioQuery>,
    options: &VerifyOptions,
) -> Result<Vec<Registered>, RecoveryError> {
    let mut out = looks
        .map_or(Ok(Vec::new()), |q| resembling(registry, q, &options.trust, &options.limits))?;
    for heard in sounds
        .map_or(Ok(Vec::new()), |q| resounding(registry, q, &options.trust, &options.limits))?
    {
        match out.iter_mut().find(|r| r.id == heard.id) {
            Some(both) => both.sound_resemblance = heard.sound_resemblance,
            None => out.push(heard),
        }
    }
    Ok(out)
}
