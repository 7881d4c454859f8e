//! The files that appear, whole or not at all.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::announce::Announced;
use super::{Remember, StampError, StampOptions};
use crate::draft::Draft;
use crate::media::{Container, MediaError};
use crate::provenance::{self, Placement};
use crate::registry::{Entry, Registration, Registry, RegistryError};

/// Every file that stamping writes for the target `output`, that one first: two clips must not
/// share one.
#[must_use]
pub fn targets(output: &Path, options: &StampOptions) -> Vec<PathBuf> {
    Targets::new(output, Container::of(output), options, Attempt::Only)
        .all()
        .map(Path::to_path_buf)
        .collect()
}

/// Whether others may be at the same clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Nobody is.
    Only,
    /// One attempt of several at a job, each of which may end anywhere.
    OfSeveral,
}

/// How often an attempt finds that another one was announced in between, before it gives up.
const ATTEMPTS: usize = 64;

/// A clip that is there, and known.
pub(super) struct Appeared {
    /// Whether it is known in the place of another.
    pub(super) replaced: bool,
    /// Why the registry could not be told that it is there.
    pub(super) unconfirmed: Option<String>,
}

/// What is written for one clip.
pub(super) struct Targets<'a> {
    pub(super) output: &'a Path,
    /// The manifest beside a target that cannot hold it.
    pub(super) sidecar: Option<PathBuf>,
    /// The registration beside it, if it waits there.
    pub(super) registration: Option<PathBuf>,
    overwrite: bool,
    attempt: Attempt,
}

impl<'a> Targets<'a> {
    pub(super) fn new(
        output: &'a Path,
        container: Option<Container>,
        options: &StampOptions,
        attempt: Attempt,
    ) -> Self {
        let apart = options.identity.is_some()
            && container.is_some_and(|c| provenance::placement(c) == Placement::Sidecar);
        Self {
            output,
            sidecar: apart.then(|| provenance::sidecar_path(output)),
            registration: matches!(options.remember, Remember::File)
                .then(|| registration_path(output)),
            overwrite: options.overwrite,
            attempt,
        }
    }

    /// Tells whoever is to remember a clip of it, and gives it and what is beside it their names;
    /// with `replace` in the place of what is known under its number.
    pub(super) fn appear(
        &self,
        (clip, sidecar): (Draft, Option<Draft>),
        entry: impl FnOnce(&Path) -> Result<Entry, MediaError>,
        options: &StampOptions,
        replace: bool,
    ) -> Result<Appeared, StampError> {
        if self.attempt == Attempt::OfSeveral {
            return self.appear_once((clip, sidecar), entry, options);
        }
        let announced = self.announce(|| entry(clip.path()), options, replace)?;
        if let Err(e) = self.publish(clip, sidecar) {
            announced.iter().for_each(Announced::withdraw);
            return Err(e);
        }
        Ok(Appeared {
            replaced: announced.as_ref().is_some_and(Announced::replaced),
            unconfirmed: announced.as_ref().and_then(Announced::confirm),
        })
    }

    /// The same where others may be at the same clip: that counts whose file gets the name, and
    /// whatever else is said of the clip is said again after that. An attempt that ends in between
    /// leaves what the next one completes, and takes nothing back that may be another's by now.
    fn appear_once(
        &self,
        (clip, sidecar): (Draft, Option<Draft>),
        entry: impl FnOnce(&Path) -> Result<Entry, MediaError>,
        options: &StampOptions,
    ) -> Result<Appeared, StampError> {
        let remembered = !matches!(options.remember, Remember::Nowhere);
        let entry = if remembered { Some(entry(clip.path())?) } else { None };
        let replaced = match (&options.remember, &entry) {
            (Remember::Registry(registry), Some(entry)) => {
                self.announce_once(registry.as_ref(), entry)?
            }
            _ => false,
        };
        publish(clip, self.overwrite)?;
        sidecar.map_or(Ok(()), |file| publish(file, true))?;
        let unconfirmed = match (&options.remember, entry) {
            (Remember::Registry(registry), Some(entry)) => {
                // Another attempt may have been announced over this one.
                let there = Entry { target: None, ..entry };
                registry.put(&there, true).err().map(|e| e.to_string())
            }
            (Remember::File, Some(entry)) => {
                self.write_registration(&entry, true)?;
                None
            }
            _ => None,
        };
        Ok(Appeared { replaced, unconfirmed })
    }

    /// Announces a clip in the place of what an earlier attempt announced, as long as none has
    /// finished; whether there was something.
    fn announce_once(&self, registry: &dyn Registry, entry: &Entry) -> Result<bool, StampError> {
        for _ in 0..ATTEMPTS {
            let seen = registry.by_id(&entry.id)?;
            // In this order: whoever finishes after this changes what was seen.
            check(self.output, self.overwrite)?;
            if registry.put_if(entry, seen.as_ref())? {
                return Ok(seen.is_some());
            }
        }
        Err(RegistryError::Conflict { id: entry.id.clone() }.into())
    }

    fn write_registration(&self, entry: &Entry, replace: bool) -> Result<(), StampError> {
        let Some(path) = &self.registration else { return Ok(()) };
        let line = format!("{}\n", Registration::from(entry).line());
        publish(draft_of(path, line.as_bytes())?, replace)
    }

    /// Tells whoever is to remember a clip that it is about to appear: a registry, or the file
    /// beside it for one.
    fn announce<'r>(
        &self,
        entry: impl FnOnce() -> Result<Entry, MediaError>,
        options: &'r StampOptions,
        replace: bool,
    ) -> Result<Option<Announced<'r>>, StampError> {
        match &options.remember {
            Remember::Registry(registry) => {
                Ok(Some(Announced::new(registry.as_ref(), &entry()?, replace)?))
            }
            Remember::File => {
                self.write_registration(&entry()?, self.overwrite)?;
                Ok(None)
            }
            Remember::Nowhere => Ok(None),
        }
    }

    /// Where the clip is remembered; `None` if nowhere.
    pub(super) fn remembered(&self, remember: &Remember) -> Option<String> {
        match remember {
            Remember::Nowhere => None,
            Remember::Registry(registry) => Some(registry.location().to_string()),
            Remember::File => self.registration.as_ref().map(|path| path.display().to_string()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.output).chain(self.beside())
    }

    /// What goes beside the clip.
    fn beside(&self) -> impl Iterator<Item = &Path> {
        self.sidecar.iter().chain(&self.registration).map(PathBuf::as_path)
    }

    /// Refuses what cannot be written, or would replace something, before the work.
    pub(super) fn check(&self, input: &Path) -> Result<(), StampError> {
        let real = |p: &Path| p.canonicalize().ok();
        if real(input).is_some() && real(input) == real(self.output) {
            return Err(StampError::SameFile { path: self.output.into() });
        }
        check(self.output, self.overwrite)?;
        // What lies beside a clip that is not there was left by an attempt that ended.
        let replaces = self.overwrite || self.attempt == Attempt::OfSeveral;
        self.beside().try_for_each(|target| check(target, replaces))
    }

    /// Gives the finished files their names. The sidecar first: a clip without it would look
    /// unsigned, a sidecar without its clip is harmless.
    fn publish(&self, finished: Draft, sidecar: Option<Draft>) -> Result<(), StampError> {
        sidecar.map_or(Ok(()), |file| publish(file, self.overwrite))?;
        publish(finished, self.overwrite).inspect_err(|_| {
            // What came in between is somebody else's, and none of ours belongs beside it.
            if !self.overwrite {
                self.beside().for_each(|path| _ = std::fs::remove_file(path));
            }
        })
    }
}

/// Refuses a target that cannot be written, or is there.
pub(super) fn check(target: &Path, overwrite: bool) -> Result<(), StampError> {
    let unfit =
        |reason: &str| Err(MediaError::Write { path: target.into(), reason: reason.into() }.into());
    if target.is_dir() {
        return unfit("it is a folder");
    }
    // Links that lead nowhere are there, too.
    if target.symlink_metadata().is_ok() && !overwrite {
        return Err(StampError::Exists { path: target.into() });
    }
    if target.exists() && !target.is_file() {
        return unfit("it is no ordinary file");
    }
    Ok(())
}

/// Where the registration of a target goes.
fn registration_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".registration.json");
    name.into()
}

/// Begins a file beside its target.
pub(super) fn draft(target: &Path) -> Result<Draft, MediaError> {
    Draft::beside(target).map_err(|e| unwritten(target, &e))
}

/// Begins one that holds these bytes.
pub(super) fn draft_of(target: &Path, bytes: &[u8]) -> Result<Draft, MediaError> {
    let mut file = draft(target)?;
    file.file().write_all(bytes).map_err(|e| unwritten(target, &e))?;
    Ok(file)
}

/// Why a target was not written.
pub(super) fn unwritten(target: &Path, reason: &std::io::Error) -> MediaError {
    MediaError::Write { path: target.into(), reason: reason.to_string() }
}

/// Gives a finished file its name, which may be another's only where that is to be replaced:
/// somebody else may have been quicker.
pub(super) fn publish(draft: Draft, replace: bool) -> Result<(), StampError> {
    let path = draft.target().to_path_buf();
    draft.publish(replace).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => StampError::Exists { path },
        _ => unwritten(&path, &e).into(),
    })
}
