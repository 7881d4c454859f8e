//! A clip that is made once, however often it is asked for.
//!
//! Engines run a task once or more: a machine dies, a network parts, and the same task runs again,
//! here or elsewhere, at times beside the first. So a job has a name, from which its payload
//! follows; the registry holds one entry under that payload, and one file gets the target's name. A
//! run finds what an earlier one finished, announced or left half done.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::targets::{Attempt, Targets, draft_of, publish};
use super::{Control, Remember, SignedClip, StampError, StampOptions, Stamper, sign};
#[cfg(feature = "media")]
use super::{Stamped, file};
use crate::evidence::Question;
use crate::inspect::Showing;
use crate::key::{KeyId, KeyRing, WatermarkKey};
#[cfg(feature = "media")]
use crate::media::Inlet;
use crate::media::{Cancel, Container, MediaError};
use crate::payload::Payload;
use crate::provenance::{self, ManifestReport, Trust};
use crate::registry::{Content, Entry, Registration};
use crate::video::DetectOptions;

/// Longest name of a job, in bytes.
const LONGEST_NAME: usize = 1024;
/// How long a clip that is there is waited for to be known: another attempt, whose clip it is, may
/// be about to say so.
const SETTLING: Duration = Duration::from_secs(5);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What came of running a job.
#[derive(Clone, Debug)]
pub enum Once<T> {
    /// It was done.
    Done(T),
    /// An earlier run had done it, or one beside this was first.
    Before(Earlier),
}

/// What an earlier run of a job made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Earlier {
    /// The number of the clip.
    pub payload: Payload,
    /// The key that gave it.
    pub key: KeyId,
    /// Where its manifest is: the target, or the file beside it; `None` if none was asked for.
    pub manifest: Option<PathBuf>,
    /// Where it is remembered: the registry, or the file for one; `None` if nowhere.
    pub remembered: Option<String>,
}

/// A job: a clip to be made once.
#[derive(Clone, Debug)]
pub struct Job {
    /// Marks with the job's key, and with its payload.
    stamper: Stamper,
    payload: Payload,
}

/// How far a job is.
enum State {
    /// There is no clip.
    Open,
    /// The clip is there, whole and known.
    Finished(Earlier),
    /// A clip of this job is there, and not known as it is.
    Half,
}

impl Job {
    pub(super) fn new(stamper: &Stamper, name: &str) -> Result<Self, StampError> {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(StampError::Job { bytes: name.len() });
        }
        let key = begun_with(&stamper.ring, name, &stamper.options)?;
        let payload = key.payload_of(name);
        let id = key.id().clone();
        let ring = stamper.ring.clone();
        let ring = ring.clone().stamping_with(&id).unwrap_or(ring);
        let options = StampOptions { payload: Some(payload), ..stamper.options.clone() };
        Ok(Self { stamper: Stamper { ring, options }, payload })
    }

    /// The number of its clip.
    #[must_use]
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// The key that gives it, and marks.
    #[must_use]
    pub fn key(&self) -> &WatermarkKey {
        self.stamper.ring.stamping()
    }

    /// Stamps `input` into `output`, unless an earlier run did.
    ///
    /// # Errors
    /// As of [`Stamper::stamp`]; [`StampError::Exists`] only if what is there is none of this job's.
    #[cfg(feature = "media")]
    pub fn stamp(
        &self,
        input: &Path,
        output: &Path,
        control: Control<'_>,
    ) -> Result<Once<Stamped>, StampError> {
        let cancel = control.cancel.clone();
        let stamp =
            |stamper: &Stamper| file::stamp(stamper, input, output, Attempt::OfSeveral, control);
        self.run(output, &cancel, stamp)
    }

    /// Stamps what comes through `from` into `output`, unless an earlier run did; then nothing of it
    /// is read.
    ///
    /// # Errors
    /// As of [`stamp`](Self::stamp).
    #[cfg(feature = "media")]
    pub fn stamp_inlet(
        &self,
        from: Inlet,
        output: &Path,
        control: Control<'_>,
    ) -> Result<Once<Stamped>, StampError> {
        let cancel = control.cancel.clone();
        let stamp = |stamper: &Stamper| {
            file::stamp_inlet(stamper, from, output, Attempt::OfSeveral, control)
        };
        self.run(output, &cancel, stamp)
    }

    /// Signs the finished clip `input` into `output`, unless an earlier run did.
    ///
    /// # Errors
    /// As of [`Stamper::sign`]; [`StampError::Exists`] only if what is there is none of this job's.
    pub fn sign(
        &self,
        input: &Path,
        output: &Path,
        control: Control<'_>,
    ) -> Result<Once<SignedClip>, StampError> {
        let cancel = control.cancel.clone();
        let sign =
            |stamper: &Stamper| sign::sign(stamper, input, output, Attempt::OfSeveral, control);
        self.run(output, &cancel, sign)
    }

    /// What an earlier run left at `output`, if it finished; for whoever makes clips by other means
    /// than [`stamp`](Self::stamp), and is about to begin.
    ///
    /// # Errors
    /// [`StampError::Exists`] if what is there is none of this job's.
    pub fn earlier(&self, output: &Path, cancel: &Cancel) -> Result<Option<Earlier>, StampError> {
        Ok(match self.settled(output, cancel)? {
            State::Finished(earlier) => Some(earlier),
            State::Open | State::Half => None,
        })
    }

    fn run<T>(
        &self,
        output: &Path,
        cancel: &Cancel,
        attempt: impl FnOnce(&Stamper) -> Result<T, StampError>,
    ) -> Result<Once<T>, StampError> {
        let mut stamper = self.stamper.clone();
        match self.settled(output, cancel)? {
            State::Finished(earlier) => return Ok(Once::Before(earlier)),
            // What is half done is done again, in its own place.
            State::Half => stamper.options.overwrite = true,
            State::Open => {}
        }
        match attempt(&stamper) {
            Ok(done) => Ok(Once::Done(done)),
            // Another attempt was first; unless that is so, what is there is somebody else's.
            Err(exists @ StampError::Exists { .. }) => match self.settled(output, cancel)? {
                State::Finished(earlier) => Ok(Once::Before(earlier)),
                State::Open | State::Half => Err(exists),
            },
            Err(e) => Err(e),
        }
    }

    /// How far the job is, once nobody seems to be about to change that.
    fn settled(&self, output: &Path, cancel: &Cancel) -> Result<State, StampError> {
        let Stamper { options, .. } = &self.stamper;
        let container = Container::of(output);
        let targets = Targets::new(output, container, options, Attempt::OfSeveral);
        let from = Instant::now();
        loop {
            if output.symlink_metadata().is_err() {
                return Ok(State::Open);
            }
            let Some(entry) = self.known(&targets)? else { break };
            if self.finish(&entry, &targets)? {
                return Ok(State::Finished(self.made(&targets)));
            }
            // Whoever was announced last need not be who is first with the file.
            let unsettled = entry.target.is_some();
            if !unsettled || cancel.is_cancelled() || from.elapsed() > SETTLING {
                break;
            }
            std::thread::sleep(LOOK);
        }
        if !self.carried_by(output, cancel)? {
            let foreign = || StampError::Exists { path: output.into() };
            return if options.overwrite { Ok(State::Half) } else { Err(foreign()) };
        }
        let told = matches!(options.remember, Remember::Nowhere)
            && targets.sidecar.as_ref().is_none_or(|_| self.read(output).is_some());
        Ok(if told { State::Finished(self.made(&targets)) } else { State::Half })
    }

    /// What is remembered of the job's clip.
    fn known(&self, targets: &Targets<'_>) -> Result<Option<Entry>, StampError> {
        match &self.stamper.options.remember {
            Remember::Nowhere => Ok(None),
            Remember::Registry(registry) => Ok(registry.by_payload(self.payload)?),
            Remember::File => {
                let text = targets.registration.as_ref().and_then(|p| read_to_string(p).ok());
                let entry = text.and_then(|text| Registration::parse(text.trim_end()).ok());
                Ok(entry.filter(|e| e.payload == Some(self.payload)))
            }
        }
    }

    /// Whether the clip is there as it is known. What an attempt that ended right after giving it
    /// its name did not come to is done.
    fn finish(&self, entry: &Entry, targets: &Targets<'_>) -> Result<bool, StampError> {
        if Content::of_file(targets.output).ok() != Some(entry.content) {
            return Ok(false);
        }
        if let (Some(path), Some(store)) = (&targets.sidecar, &entry.manifest)
            && std::fs::read(path).ok().as_ref() != Some(store)
        {
            publish(draft_of(path, store)?, true)?;
        }
        if let (Remember::Registry(registry), Some(_)) =
            (&self.stamper.options.remember, &entry.target)
        {
            registry.confirm(&entry.id)?;
        }
        Ok(true)
    }

    /// The manifest of what is at `output`, if it is this job's and holds.
    fn read(&self, output: &Path) -> Option<ManifestReport> {
        let read = provenance::read(output, &Trust::default(), &self.stamper.options.limits);
        read.ok().flatten().filter(|m| m.as_signed() && m.labelled() == Some(self.payload))
    }

    /// Whether what is at `output` is a clip of this job: its manifest says so, or its mark.
    fn carried_by(&self, output: &Path, cancel: &Cancel) -> Result<bool, StampError> {
        if self.read(output).is_some() {
            return Ok(true);
        }
        let Stamper { ring, options } = &self.stamper;
        let question = Question::Expected(self.payload);
        let how = DetectOptions { question, ..DetectOptions::default() };
        let look = options.inspector.open(output, &options.limits, cancel);
        // What is no clip at all is none of this job's.
        let found = look.and_then(|mut look| look.marks(ring, &how, Showing::ALL, &mut |_| {}));
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: output.into() }.into());
        }
        Ok(found.is_ok_and(|found| found.payloads().contains(&self.payload)))
    }

    fn made(&self, targets: &Targets<'_>) -> Earlier {
        let options = &self.stamper.options;
        let beside = || targets.sidecar.clone().unwrap_or_else(|| targets.output.to_path_buf());
        Earlier {
            payload: self.payload,
            key: self.key().id().clone(),
            manifest: options.identity.as_ref().map(|_| beside()),
            remembered: targets.remembered(&options.remember),
        }
    }
}

/// The key that a job was begun with, as the registry knows; else the one that stamps. A job keeps
/// its number when another key has begun to stamp meanwhile.
fn begun_with<'r>(
    ring: &'r KeyRing,
    name: &str,
    options: &StampOptions,
) -> Result<&'r WatermarkKey, StampError> {
    if let Remember::Registry(registry) = &options.remember {
        for key in ring.keys() {
            if registry.by_payload(key.payload_of(name))?.is_some() {
                return Ok(key);
            }
        }
    }
    Ok(ring.stamping())
}
