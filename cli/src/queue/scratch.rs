//! A folder for copies of objects, one a worker; a worker that was killed has its own cleared by
//! the next one on the machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use proofmark::queue::Job;
use tempfile::TempDir;

/// What the folders are called.
const PREFIX: &str = "proofmark-worker-";
/// Who holds this file in it is alive.
const LOCK: &str = "lock";
/// A folder younger than this may be about to get its lock.
const YOUNG: Duration = Duration::from_secs(10);

/// The folder. It goes when this is dropped.
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes it in `parent`, after those whose workers are dead were taken away.
    pub(crate) fn new(parent: &Path) -> Result<Self> {
        for left in fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .filter(is_abandoned)
        {
            // What belongs to another user stays.
            let _ = fs::remove_dir_all(left);
        }
        let failed = || {
            format!(
                "{}: no folder for copies can be made here; check its permissions, or name \
                another with --scratch",
                parent.display()
            )
        };
        let folder =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).with_context(failed)?;
        let lock = File::create(folder.path().join(LOCK)).with_context(failed)?;
        lock.try_lock().with_context(failed)?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder for the copies of one attempt, gone when it is dropped.
    pub(crate) fn of(&self, job: &Job) -> Result<TempDir> {
        let made =
            tempfile::Builder::new().prefix(&format!("job-{}-", job.id)).tempdir_in(self.path());
        made.with_context(|| {
            format!(
                "{}: no folder for copies can be made here; check the free space",
                self.path().display()
            )
        })
    }
}

fn is_abandoned(folder: &PathBuf) -> bool {
    let ours = folder.file_name().is_some_and(|n| n.to_string_lossy().starts_with(PREFIX));
    let old = || {
        fs::metadata(folder)
            .and_then(|m| m.modified())
            .is_ok_and(|m| m.elapsed().is_ok_and(|age| age > YOUNG))
    };
    ours && old() && File::open(folder.join(LOCK)).map_or(true, |lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_is_cleared_and_what_the_living_have_stays() {
        let parent = TempDir::new().unwrap();
        let alive = Scratch::new(parent.path()).unwrap();
        let dead = parent.path().join("proofmark-worker-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let other = parent.path().join("somebody's");
        fs::create_dir(&other).unwrap();
        let old = std::time::SystemTime::now() - 2 * YOUNG;
        for folder in [alive.path(), &dead, &other] {
            File::open(folder).unwrap().set_modified(old).unwrap();
        }
        let _next = Scratch::new(parent.path()).unwrap();
        assert!(alive.path().exists() && other.exists() && !dead.exists());
    }
}
