//! Stamping: media → mark → manifest → registry.

mod stream;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use crate::ErrorKind;
use crate::audio::{self, AudioError};
use crate::draft::Draft;
use crate::fingerprint::{AudioFingerprint, Query, Sketch, Sketcher, VideoFingerprint};
use crate::inspect::{self, InspectError, Inspector, Showing};
use crate::key::{KeyId, KeyRing, WatermarkKey};
use crate::mark::{Generation, Mark};
use crate::media::{
    self, AudioInfo, Cancel, Container, EncodeOptions, Limits, MediaError, Progress, Rework, Stills,
};
use crate::message::Message;
use crate::payload::Payload;
use crate::press::{self, Marks, Order, Press, Presses};
use crate::provenance::{
    self, Bound, Identity, ManifestOptions, Placement, ProvenanceError, Signed, Source, Trust,
};
use crate::recovery::Registered;
use crate::registry::{Binding, Content, Entry, Put, Registration, Registry, RegistryError};
use crate::sandbox::{Isolation, SandboxError};
use crate::video::{
    Canvas, Capacity, DetectOptions, Detector, Marker, Meter, Strength, VideoError, VideoEvidence,
};

pub use stream::{StreamOptions, stamp_stream};

/// Where a stamped clip is remembered.
#[derive(Clone, Debug, Default)]
pub enum Remember {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In a registry.
    Registry(Arc<dyn Registry>),
    /// In a file beside the target, `<target>.registration.json`, for a registry to take in later.
    File,
}

/// How to stamp.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StampOptions {
    /// The payload; a new random one by default.
    pub payload: Option<Payload>,
    /// Strength of the picture mark.
    pub strength: Strength,
    /// Whether to mark the sound too; otherwise it is copied as it is.
    pub mark_sound: bool,
    /// How to encode the picture.
    pub encode: EncodeOptions,
    /// What the manifest says.
    pub manifest: ManifestOptions,
    /// Who signs; without, no manifest is written.
    pub identity: Option<Identity>,
    /// Whether to replace an existing target.
    pub overwrite: bool,
    /// What the input may ask of the machine.
    pub limits: Limits,
    /// Who decodes the input and encodes the target: this process, or workers that know no key. A
    /// stream is always this process's own.
    pub press: Arc<dyn Presses>,
    /// Who reads the finished file back.
    pub inspector: Arc<dyn Inspector>,
    /// Whether to read the finished file back, blind, and to fail if the payload does not come out.
    pub check: bool,
    /// Where the clip is remembered.
    pub remember: Remember,
    /// The user's words for it in the registry.
    pub labels: BTreeSet<String>,
    /// Whether the registry keeps small pictures of it, for people to hold another clip beside.
    pub stills: bool,
}

impl Default for StampOptions {
    fn default() -> Self {
        Self {
            payload: None,
            strength: Strength::default(),
            mark_sound: true,
            encode: EncodeOptions::default(),
            manifest: ManifestOptions::default(),
            identity: None,
            overwrite: false,
            limits: Limits::default(),
            press: Arc::new(press::Own),
            inspector: Arc::new(inspect::InProcess),
            check: false,
            remember: Remember::Nowhere,
            labels: BTreeSet::new(),
            stills: true,
        }
    }
}

/// What was stamped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stamped {
    /// The number in the mark and in the manifest's label.
    pub payload: Payload,
    /// How often the clip has been stamped with this key, this time included.
    pub generation: Generation,
    /// The key that the mark was made with.
    pub key: KeyId,
    /// Where the manifest is; `None` if none was asked for, or it is in the registry alone.
    pub manifest: Option<PathBuf>,
    /// Whether there is one.
    pub signed: bool,
    /// Label of the manifest of what the clip was made from, which is in the new one; `None` if
    /// that had none.
    pub parent: Option<String>,
    /// What was written.
    pub summary: media::Summary,
    /// How much evidence the marked frames carry, and what that should survive; `None` without a
    /// picture.
    pub capacity: Option<Capacity>,
    /// The same of each sound track that was marked, or why it could not be.
    pub sound: Vec<Result<audio::Capacity, AudioError>>,
    /// Where it is remembered: the registry, or the file for one; `None` if nowhere.
    pub remembered: Option<String>,
    /// Why the registry could not be told that the file is there; it knows the clip all the same,
    /// and finds out later.
    pub unconfirmed: Option<String>,
    /// What kept the input from doing harm.
    pub isolation: Isolation,
}

/// Why nothing was stamped. The target is then as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// Reading or writing media.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The picture cannot carry the mark.
    #[error("{}: {reason}", path.display())]
    Picture {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: VideoError,
    },
    /// Building or signing the manifest.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Remembering it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The worker that decoded the input and encoded the target.
    #[error(transparent)]
    Worker(#[from] SandboxError),
    /// The finished file was read back and the payload did not come out.
    #[error("{}: the mark could not be read back from the {part} of the finished file (evidence {evidence:.0}, about 300 are needed); use a longer or larger clip, a better quality or more --strength", path.display())]
    Unreadable {
        /// The target.
        path: PathBuf,
        /// Picture or sound.
        part: &'static str,
        /// Evidence in the finished file.
        evidence: f32,
    },
    /// A stream cannot be stamped like that.
    #[error("{what}")]
    Stream {
        /// Why, and what to do instead.
        what: &'static str,
    },
    /// The target is the input.
    #[error("{}: is the input itself; choose another target with -o", path.display())]
    SameFile {
        /// Which file.
        path: PathBuf,
    },
    /// The target is there already.
    #[error("{}: exists already; choose another target or allow replacing it with --force", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
}

impl StampError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Media(e) => e.code(),
            Self::Picture { .. } => "media.unmarkable",
            Self::Provenance(e) => e.code(),
            Self::Registry(e) => e.code(),
            Self::Worker(e) => e.code(),
            Self::Unreadable { .. } => "target.unreadable-mark",
            Self::Stream { .. } => "stream.unfit",
            Self::SameFile { .. } => "target.same-file",
            Self::Exists { .. } => "target.exists",
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
            Self::Picture { .. } => ErrorKind::Input,
            Self::Unreadable { .. }
            | Self::Stream { .. }
            | Self::SameFile { .. }
            | Self::Exists { .. } => ErrorKind::Usage,
        }
    }
}

impl From<InspectError> for StampError {
    fn from(e: InspectError) -> Self {
        match e {
            InspectError::Media(e) => e.into(),
            InspectError::Provenance(e) => e.into(),
            InspectError::Worker(e) => e.into(),
        }
    }
}

/// Stamps `input` with a mark of `key` and, if there is an identity, a manifest, into `output`. The
/// target appears whole or not at all.
///
/// # Errors
/// [`StampError`] says what, which file, and what to do next.
pub fn stamp(
    input: &Path,
    output: &Path,
    key: &WatermarkKey,
    options: &StampOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress),
) -> Result<Stamped, StampError> {
    let container = media::container_of(output)?;
    let (sidecar, registration) =
        (sidecar(output, container, options), registration(output, options));
    check_targets(input, output, sidecar.iter().chain(&registration), options.overwrite)?;
    if options.identity.is_some() {
        // What cannot be signed is known before the work.
        provenance::check_source(&Source { limits: options.limits, ..Source::new(input) })?;
    }
    let ring = KeyRing::from(key.clone());
    let marked = draft(output)?;
    let mut press = options.press.open(input, marked.path(), &options.limits, cancel)?;
    let beneath = if container.is_sound() { None } else { beginning(press.as_mut(), &ring)? };
    let known = beneath
        .as_ref()
        .and_then(|b| b.payload.zip(b.generation))
        .map(|(payload, generation)| Mark { payload, generation });
    let payload = options.payload.unwrap_or_else(|| payload_beside(known.map(|k| k.payload)));
    let generation = match &beneath {
        Some(b) if b.detected => b.generation.unwrap_or(Generation::FIRST).next(),
        _ => Generation::FIRST,
    };
    let mark = Mark { payload, generation };

    let pass =
        Pass::new(ClipMarker::new(input, key, mark, options.strength, container.is_still()), known);
    let sounds = AudioMarkers::new(key, payload, options.mark_sound);
    let mut marks = ClipMarks { pass, sounds, progress };
    let order = Order {
        target: output,
        container,
        encode: &options.encode,
        seconds: None,
        stills: keeps_stills(options),
    };
    let (mut summary, stills) = press.transcode(&order, &mut marks)?;
    summary.left_out.extend(media::carry_over(
        input,
        marked.path(),
        output,
        container,
        &options.limits,
    )?);

    let (capacity, sketch) = marks.pass.finish();
    let looks = looks(&sketch);
    let capacity = Some(capacity).filter(|_| !container.is_sound());
    let sound = marks.sounds.finish();
    if options.check {
        read_back(marked.path(), output, &ring, payload, &sound, options, cancel)?;
    }

    let likeness = Likeness {
        picture: looks,
        stills,
        sound: if options.identity.is_some() || !matches!(options.remember, Remember::Nowhere) {
            heard(press.as_mut(), sound.len())?
        } else {
            None
        },
    };
    let bound = Bound {
        payload,
        marked: capacity.is_some() || sound.iter().flatten().any(audio::Capacity::is_marked),
        picture: likeness.picture.as_ref().map(VideoFingerprint::excerpt),
        sound: likeness.sound.as_ref().map(AudioFingerprint::excerpt),
    };
    let signed = match &options.identity {
        None => None,
        Some(identity) => {
            let file = draft(sidecar.as_deref().unwrap_or(output))?;
            let remembered = remembered(known.map(|k| k.payload), &sketch, options)?;
            let source =
                Source { path: input, remembered: remembered.as_deref(), limits: options.limits };
            let signed = provenance::sign(
                marked.path(),
                file.path(),
                container,
                &source,
                &bound,
                identity,
                &options.manifest,
            )?;
            Some((file, signed))
        }
    };
    let (finished, beside, signed) = match signed {
        None => (marked, None, None),
        Some((file, signed)) if signed.placement == Placement::Embedded => {
            (file, None, Some(signed))
        }
        Some((file, signed)) => (marked, Some(file), Some(signed)),
    };
    let manifest = signed.as_ref().map(|_| sidecar.clone().unwrap_or_else(|| output.to_path_buf()));

    let entry =
        || entry(finished.path(), output, container, &bound, signed.as_ref(), &likeness, options);
    let announced = match &options.remember {
        Remember::Nowhere => None,
        Remember::Registry(registry) => {
            let entry = entry()?;
            let put = registry.put(&entry, options.overwrite)?;
            Some((registry, entry.id, put))
        }
        Remember::File => {
            let mut file = draft(&registration_path(output))?;
            let line = format!("{}\n", Registration::from(&entry()?).line());
            let written = file.file().write_all(line.as_bytes());
            written.map_err(|e| MediaError::Write {
                path: registration_path(output),
                reason: e.to_string(),
            })?;
            publish(file, options.overwrite)?;
            None
        }
    };
    // The sidecar first: a clip without it would look unsigned, a sidecar without its clip is
    // harmless.
    let published = beside.map_or(Ok(()), |file| publish(file, options.overwrite)).and_then(|()| {
        publish(finished, options.overwrite).inspect_err(|_| {
            // What came in between is somebody else's, and none of ours belongs beside it.
            sidecar
                .iter()
                .chain(&registration)
                .filter(|_| !options.overwrite)
                .for_each(|path| _ = std::fs::remove_file(path));
        })
    });
    if let Err(e) = published {
        // What did not appear need not be remembered; if this fails too, it is forgotten later.
        if let Some((registry, id, Put::Added)) = &announced {
            let _ = registry.delete(id);
        }
        return Err(e);
    }
    let unconfirmed = announced
        .as_ref()
        .and_then(|(registry, id, _)| registry.confirm(id).err())
        .map(|e| e.to_string());
    let remembered = match &options.remember {
        Remember::Nowhere => None,
        Remember::Registry(registry) => Some(registry.location().to_string()),
        Remember::File => Some(registration_path(output).display().to_string()),
    };
    let parent = signed.and_then(|s| s.parent);
    Ok(Stamped {
        payload,
        generation,
        key: key.id().clone(),
        signed: manifest.is_some(),
        manifest,
        parent,
        summary,
        capacity,
        sound,
        remembered,
        unconfirmed,
        isolation: press.isolation(),
    })
}

/// Every file that [`stamp`] writes for the target `output`, that one first: two clips must not
/// share one.
#[must_use]
pub fn targets(output: &Path, options: &StampOptions) -> Vec<PathBuf> {
    let sidecar = Container::of(output).and_then(|container| sidecar(output, container, options));
    std::iter::once(output.to_path_buf())
        .chain(sidecar)
        .chain(registration(output, options))
        .collect()
}

/// The manifest beside a target that cannot hold it.
fn sidecar(output: &Path, container: Container, options: &StampOptions) -> Option<PathBuf> {
    let signs =
        options.identity.is_some() && provenance::placement(container) == Placement::Sidecar;
    signs.then(|| provenance::sidecar_path(output))
}

/// The registration beside a target, if it waits there.
fn registration(output: &Path, options: &StampOptions) -> Option<PathBuf> {
    matches!(options.remember, Remember::File).then(|| registration_path(output))
}

/// What a finished file looks and sounds like.
struct Likeness {
    picture: Option<VideoFingerprint>,
    stills: Option<Stills>,
    sound: Option<AudioFingerprint>,
}

/// Whether small pictures of the clip are made: there must be somebody to keep them.
fn keeps_stills(options: &StampOptions) -> bool {
    options.stills && !matches!(options.remember, Remember::Nowhere)
}

/// What a clip looks like, if there is anything to compare.
fn looks(sketch: &Sketch) -> Option<VideoFingerprint> {
    Some(sketch.fingerprint()).filter(|f| !f.is_empty())
}

/// The manifest that the registry has of the clip whose mark lies beneath, if the input looks like
/// that clip: a mark alone could have been put there.
fn remembered(
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

/// What the sound of a finished file is like. Of several tracks, all marked, none is: whoever keeps
/// another one than was hashed must not be told that its mark was put there.
fn heard(press: &mut dyn Press, tracks: usize) -> Result<Option<AudioFingerprint>, StampError> {
    if tracks > 1 { Ok(None) } else { Ok(press.heard()?) }
}

/// What is remembered of a finished file that is about to appear at `target`.
fn entry(
    finished: &Path,
    target: &Path,
    container: Container,
    bound: &Bound,
    signed: Option<&Signed>,
    likeness: &Likeness,
    options: &StampOptions,
) -> Result<Entry, MediaError> {
    let content = Content::of_file(finished)
        .map_err(|e| MediaError::Write { path: target.into(), reason: e.to_string() })?;
    let target = std::path::absolute(target).unwrap_or_else(|_| target.into());
    Ok(Entry {
        target: Some(target),
        ..entry_of(content, container, bound, signed, likeness, options)
    })
}

/// What is remembered of bytes that are nowhere in particular.
fn entry_of(
    content: Content,
    container: Container,
    bound: &Bound,
    signed: Option<&Signed>,
    likeness: &Likeness,
    options: &StampOptions,
) -> Entry {
    let bindings = bound
        .soft_bindings(&options.manifest)
        .map(|(alg, value)| Binding { alg: alg.into(), value: value.into() });
    Entry {
        id: Entry::id_of(bound.payload),
        payload: Some(bound.payload),
        manifest: signed.map(|s| s.store.clone()),
        content,
        media_type: container.mime().into(),
        title: options.manifest.title.clone(),
        stamped: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs()),
        labels: options.labels.clone(),
        bindings: if signed.is_some() { bindings.collect() } else { BTreeSet::new() },
        picture: likeness.picture.clone(),
        stills: likeness.stills.clone(),
        sound: likeness.sound.clone(),
        target: None,
    }
}

/// Where the registration of a target goes.
fn registration_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".registration.json");
    name.into()
}

/// Seconds of the input that are looked at for a mark beneath the new one.
const BEGINNING: f64 = 1.0;

/// What mark of `ring` the input carries already, if the beginning shows it where a clip has it
/// that was re-encoded or resized.
fn beginning(press: &mut dyn Press, ring: &KeyRing) -> Result<Option<VideoEvidence>, StampError> {
    let question = DetectOptions { search: false, ..DetectOptions::default() };
    let mut detector: Option<Detector> = None;
    press.beginning(BEGINNING, question.rate, &mut |canvas, time, coding| {
        let detector = detector
            .get_or_insert_with(|| Detector::new(ring, canvas.plan().shape, question.clone()));
        if detector.frames() == 0 || detector.wants(time) {
            canvas.look(&mut |luma| detector.push_coded(luma, time, coding));
        }
    })?;
    Ok(detector.map(|mut d| d.finish()))
}

/// A random payload; one of another sub-pattern than the mark beneath, so that each keeps its sync
/// pattern to itself.
fn payload_beside(beneath: Option<Payload>) -> Payload {
    let mut random = std::iter::repeat_with(Payload::random);
    random
        .find(|p| beneath.is_none_or(|b| b.subpattern() != p.subpattern()))
        .unwrap_or_else(Payload::random)
}

/// The one pass over the frames of a clip: each is marked, and what the clip then carries and looks
/// like is measured.
struct Pass<'a> {
    marker: ClipMarker<'a>,
    /// The mark beneath, if there is one.
    known: Option<Mark>,
    meter: Option<Meter>,
    sketcher: Sketcher,
}

impl<'a> Pass<'a> {
    fn new(marker: ClipMarker<'a>, known: Option<Mark>) -> Self {
        Self { marker, known, meter: None, sketcher: Sketcher::default() }
    }

    fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError> {
        self.marker.mark(canvas)?;
        let meter = self.meter.get_or_insert_with(|| {
            Meter::new(self.marker.key, self.marker.mark, self.known, canvas.plan().shape)
        });
        if meter.wants(time) {
            canvas.look(&mut |luma| meter.push(luma, time));
        }
        if self.sketcher.wants(time) {
            canvas.look(&mut |luma| self.sketcher.push(luma, time));
        }
        Ok(())
    }

    fn finish(self) -> (Capacity, Sketch) {
        (self.meter.map_or(Capacity::of_score(0.0), Meter::finish), self.sketcher.finish())
    }
}

/// What is done to a clip on its way from the input to the target.
struct ClipMarks<'a, 'b> {
    pass: Pass<'a>,
    sounds: AudioMarkers<'a>,
    progress: &'b mut dyn FnMut(Progress),
}

impl Marks for ClipMarks<'_, '_> {
    fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError> {
        self.pass.frame(canvas, time)
    }

    fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>> {
        self.sounds.track(info)
    }

    fn progress(&mut self, progress: Progress) {
        (self.progress)(progress);
    }
}

/// Marks the frames of one clip.
pub(crate) struct ClipMarker<'a> {
    clip: &'a Path,
    key: &'a WatermarkKey,
    mark: Mark,
    strength: Strength,
    /// Whether it is a single picture.
    still: bool,
    marker: Option<Marker>,
}

impl<'a> ClipMarker<'a> {
    pub(crate) fn new(
        clip: &'a Path,
        key: &'a WatermarkKey,
        mark: Mark,
        strength: Strength,
        still: bool,
    ) -> Self {
        Self { clip, key, mark, strength, still, marker: None }
    }

    /// Marks the next frame.
    pub(crate) fn mark(&mut self, canvas: &mut dyn Canvas) -> Result<(), StampError> {
        let shape = canvas.plan().shape;
        // A clip whose size changes midway is marked for each size.
        let marker = match &mut self.marker {
            Some(marker) if marker.shape() == shape => marker,
            other => {
                let made = Marker::new(self.key, self.mark, shape, self.strength)
                    .map_err(|reason| StampError::Picture { path: self.clip.into(), reason })?;
                other.insert(if self.still { made.still() } else { made })
            }
        };
        canvas.mark(marker);
        Ok(())
    }
}

/// What tracks carry, or why one could not be marked, by the number of the track.
type Capacities = Rc<RefCell<BTreeMap<usize, Result<audio::Capacity, AudioError>>>>;

/// Marks each sound track of a clip.
struct AudioMarkers<'a> {
    key: &'a WatermarkKey,
    payload: Payload,
    /// Whether sound is marked.
    marks: bool,
    tracks: usize,
    capacities: Capacities,
}

impl<'a> AudioMarkers<'a> {
    fn new(key: &'a WatermarkKey, payload: Payload, marks: bool) -> Self {
        Self { key, payload, marks, tracks: 0, capacities: Rc::default() }
    }

    /// A marker for the next track; `None` if sound is not marked, or if it cannot carry a mark,
    /// which is kept.
    fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>> {
        if !self.marks {
            return None;
        }
        let (format, track) = (info.format(), self.tracks);
        self.tracks += 1;
        let marker = audio::Marker::new(self.key, self.payload, format);
        let made = marker
            .and_then(|marker| Ok((marker, audio::Meter::new(self.key, self.payload, format)?)));
        match made {
            Ok(parts) => Some(Box::new(AudioMarker {
                parts: Some(parts),
                track,
                capacities: self.capacities.clone(),
            })),
            Err(reason) => {
                self.capacities.borrow_mut().insert(track, Err(reason));
                None
            }
        }
    }

    /// What came of each track, in their order.
    fn finish(self) -> Vec<Result<audio::Capacity, AudioError>> {
        self.capacities.take().into_values().collect()
    }
}

/// Marks one sound track, and measures what it then carries.
struct AudioMarker {
    parts: Option<(audio::Marker, audio::Meter)>,
    track: usize,
    capacities: Capacities,
}

impl Rework for AudioMarker {
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if let Some((marker, meter)) = &mut self.parts {
            let done = marker.push(samples);
            meter.push(done);
            out.extend_from_slice(done);
        }
    }

    fn finish(&mut self, out: &mut Vec<f32>) {
        if let Some((marker, mut meter)) = self.parts.take() {
            let done = marker.finish();
            meter.push(&done);
            out.extend_from_slice(&done);
            self.capacities.borrow_mut().insert(self.track, Ok(meter.finish()));
        }
    }
}

/// Reads the finished file as a stranger would.
fn read_back(
    file: &Path,
    target: &Path,
    ring: &KeyRing,
    payload: Payload,
    sound: &[Result<audio::Capacity, AudioError>],
    options: &StampOptions,
    cancel: &Cancel,
) -> Result<(), StampError> {
    let mut look = options.inspector.open(file, &options.limits, cancel)?;
    let found = look.marks(ring, &DetectOptions::default(), Showing::ALL, &mut |_| {})?;
    if let Some(p) = found.picture.filter(|p| p.payload != Some(payload)) {
        return Err(StampError::Unreadable {
            path: target.into(),
            part: "picture",
            evidence: p.evidence,
        });
    }
    // Silence was never promised to carry anything.
    let marked = sound.iter().flatten().any(audio::Capacity::is_marked);
    match found.sound.filter(|s| marked && s.payload != Some(payload)) {
        Some(s) => {
            Err(StampError::Unreadable { path: target.into(), part: "sound", evidence: s.evidence })
        }
        None => Ok(()),
    }
}

fn check_targets<'a>(
    input: &Path,
    output: &'a Path,
    beside: impl Iterator<Item = &'a PathBuf>,
    overwrite: bool,
) -> Result<(), StampError> {
    let real = |p: &Path| p.canonicalize().ok();
    if real(input).is_some() && real(input) == real(output) {
        return Err(StampError::SameFile { path: output.into() });
    }
    for target in std::iter::once(output).chain(beside.map(PathBuf::as_path)) {
        if target.is_dir() {
            return Err(
                MediaError::Write { path: target.into(), reason: "it is a folder".into() }.into()
            );
        }
        // Links that lead nowhere are there, too.
        if target.symlink_metadata().is_ok() && !overwrite {
            return Err(StampError::Exists { path: target.into() });
        }
        if target.exists() && !target.is_file() {
            return Err(MediaError::Write {
                path: target.into(),
                reason: "it is no ordinary file".into(),
            }
            .into());
        }
    }
    Ok(())
}

/// Begins a file beside its target.
fn draft(target: &Path) -> Result<Draft, MediaError> {
    Draft::beside(target)
        .map_err(|e| MediaError::Write { path: target.into(), reason: e.to_string() })
}

/// Gives a finished file its name, which may be another's only where that is to be replaced:
/// somebody else may have been quicker.
fn publish(draft: Draft, replace: bool) -> Result<(), StampError> {
    let path = draft.target().to_path_buf();
    draft.publish(replace).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => StampError::Exists { path },
        _ => MediaError::Write { path, reason: e.to_string() }.into(),
    })
}
