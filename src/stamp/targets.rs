//! The files that appear, whole or not at all.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::announce::Announced;
use super::{Remember, StampError, StampOptions};
use crate::draft::Draft;
use crate::media::{Container, MediaError};
use crate::provenance::{self, Placement};
use crate::registry::{Entry, Registration};

/// Every file that stamping writes for the target `output`, that one first: two clips must not
/// share one.
#[must_use]
pub fn targets(output: &Path, options: &StampOptions) -> Vec<PathBuf> {
    Targets::new(output, Container::of(output), options).all().map(Path::to_path_buf).collect()
}

/// What is written for one clip.
pub(super) struct Targets<'a> {
    pub(super) output: &'a Path,
    /// The manifest beside a target that cannot hold it.
    pub(super) sidecar: Option<PathBuf>,
    /// The registration beside it, if it waits there.
    pub(super) registration: Option<PathBuf>,
    overwrite: bool,
}

impl<'a> Targets<'a> {
    pub(super) fn new(
        output: &'a Path,
        container: Option<Container>,
        options: &StampOptions,
    ) -> Self {
        let apart = options.identity.is_some()
            && container.is_some_and(|c| provenance::placement(c) == Placement::Sidecar);
        Self {
            output,
            sidecar: apart.then(|| provenance::sidecar_path(output)),
            registration: matches!(options.remember, Remember::File)
                .then(|| registration_path(output)),
            overwrite: options.overwrite,
        }
    }

    /// Tells whoever is to remember a clip that it is about to appear: a registry, or the file
    /// beside it for one.
    pub(super) fn announce<'r>(
        &self,
        entry: impl FnOnce() -> Result<Entry, MediaError>,
        options: &'r StampOptions,
        replace: bool,
    ) -> Result<Option<Announced<'r>>, StampError> {
        match (&options.remember, &self.registration) {
            (Remember::Registry(registry), _) => {
                Ok(Some(Announced::new(registry.as_ref(), &entry()?, replace)?))
            }
            (Remember::File, Some(path)) => {
                let line = format!("{}\n", Registration::from(&entry()?).line());
                publish(draft_of(path, line.as_bytes())?, self.overwrite)?;
                Ok(None)
            }
            _ => Ok(None),
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
        self.all().try_for_each(|target| check(target, self.overwrite))
    }

    /// Gives the finished files their names. The sidecar first: a clip without it would look
    /// unsigned, a sidecar without its clip is harmless.
    pub(super) fn publish(
        &self,
        finished: Draft,
        sidecar: Option<Draft>,
    ) -> Result<(), StampError> {
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
