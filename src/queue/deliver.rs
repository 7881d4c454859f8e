//! How a stamped clip comes into the world once, though its worker may die at any moment.
//!
//! A clip is made in a folder of the attempt's own ([`Workplace`]). When it is finished its worker
//! notes in the job's row what is about to appear, puts the entry into the registry, moves the
//! files into place, and then ends the job. Who claims the job after a death reads the note
//! ([`resume`]): if the clip is there as noted, the job is ended with the report that was noted
//! too; if not, what was begun is taken back, and the clip is made anew under the same number.
//!
//! A worker that was thought dead and wakes up finds its folder gone, and cannot move anything into
//! place any more: a successor removes it before it begins.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Hold, Job, Place, QueueError, Report, StampTask, StoreError, Stores};
use crate::provenance::sidecar_path;
use crate::registry::{Content, Entry, Put, Registry, RegistryError};

/// Why a finished clip was not put in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The target.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// What became of a finished clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is in its place.
    Here,
    /// The lease was lost before: somebody else makes it, and nothing was put anywhere.
    Lost,
}

/// A finished clip, in the folder of its attempt.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The clip.
    pub clip: PathBuf,
    /// Its media type.
    pub mime: &'static str,
    /// What the registry is to remember of it, if anything.
    pub entry: Option<Entry>,
}

/// A folder for what one attempt at a stamp makes: beside a target in the file system, so that
/// moving is renaming; in `scratch` for one in a store. It goes when this is dropped.
#[derive(Debug)]
pub struct Workplace {
    folder: PathBuf,
}

impl Workplace {
    /// Makes it; what earlier attempts left was taken away by [`resume`].
    ///
    /// # Errors
    /// [`StoreError::Local`] if it cannot be made.
    pub fn new(job: &Job, task: &StampTask, scratch: &Path) -> Result<Self, StoreError> {
        let folder = folder(job, task, scratch, job.attempt);
        // What is to replace a file may be nobody else's business, either.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|e| StoreError::Local { path: folder.clone(), reason: e.to_string() })?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Where the clip is made: under the target's own name, which tells its kind.
    #[must_use]
    pub fn clip(&self, task: &StampTask) -> PathBuf {
        self.folder.join(task.target.name())
    }

    /// Takes away what the attempts at a job left, unless a worker is at it now.
    pub fn clear(job: &Job, task: &StampTask, scratch: &Path) {
        for attempt in 1..=job.attempt {
            let _ = std::fs::remove_dir_all(folder(job, task, scratch, attempt));
        }
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The number tells jobs of several queues apart.
fn folder(job: &Job, task: &StampTask, scratch: &Path, attempt: i64) -> PathBuf {
    let number = task.payload.map(|p| p.to_string()).unwrap_or_default();
    let name =
        format!(".proofmark-job-{}-{}-{attempt}", job.id, number.get(..8).unwrap_or_default());
    match &task.target {
        Place::File(target) => target
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
            .join(name),
        Place::Object { .. } => scratch.join(name),
    }
}

/// What is about to appear.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    clip: Content,
    sidecar: Option<Content>,
    /// The registry's name for it.
    entry: Option<String>,
    report: Report,
}

/// Puts a finished clip in its place, with its sidecar and its entry in the registry; `report` is
/// what the job ends with, should this worker not live to say so.
///
/// # Errors
/// [`DeliverError`]. What is there then is taken back by who tries again.
#[expect(clippy::too_many_arguments, reason = "each is another thing")]
pub fn deliver(
    hold: &Hold<'_>,
    stores: &Stores,
    registry: Option<&dyn Registry>,
    finished: &Finished,
    task: &StampTask,
    report: &Report,
) -> Result<Delivered, DeliverError> {
    let local = |e: std::io::Error| StoreError::Local {
        path: finished.clip.clone(),
        reason: e.to_string(),
    };
    let beside = Some(sidecar_path(&finished.clip)).filter(|s| s.exists());
    let note = Note {
        clip: Content::of_file(&finished.clip).map_err(local)?,
        sidecar: beside.as_ref().map(|s| Content::of_file(s)).transpose().map_err(local)?,
        entry: finished.entry.as_ref().map(|e| e.id.clone()),
        report: report.clone(),
    };
    // Strings and numbers always serialise.
    if !hold.note(&serde_json::to_string(&note).unwrap_or_default())? {
        return Ok(Delivered::Lost);
    }
    let placed = place(stores, registry, finished, task, beside.as_deref(), &note);
    if let Err(DeliverError::Store(StoreError::Exists { .. })) = &placed {
        // It will never appear.
        undo(stores, registry, task, &note)?;
    }
    placed?;
    if let (Some(registry), Some(id)) = (registry, &note.entry) {
        // It is known; that it is there is found out later, if not now.
        let _ = registry.confirm(id);
    }
    Ok(Delivered::Here)
}

#[expect(clippy::too_many_arguments, reason = "each is another thing")]
fn place(
    stores: &Stores,
    registry: Option<&dyn Registry>,
    finished: &Finished,
    task: &StampTask,
    beside: Option<&Path>,
    note: &Note,
) -> Result<(), DeliverError> {
    if let (Some(registry), Some(entry)) = (registry, &finished.entry) {
        let target = Some(PathBuf::from(task.target.to_string()));
        // A number that was drawn for this job is nobody else's.
        let put = registry.put(&Entry { target, ..entry.clone() }, task.force || task.drawn)?;
        debug_assert!(put != Put::Taken);
    }
    // The sidecar first: a clip without it would look unsigned, a sidecar without its clip is
    // harmless.
    if let (Some(file), Some(content)) = (beside, &note.sidecar) {
        stores.put(file, &task.target.sidecar(), content, "application/c2pa", task.force)?;
    }
    Ok(stores.put(&finished.clip, &task.target, &note.clip, finished.mime, task.force)?)
}

/// What a dead worker noted: its report, if the clip is there as noted; else what it had begun is
/// taken back. Its folder is removed in either case, and first: from then on nothing of it can
/// appear any more.
///
/// # Errors
/// [`DeliverError`].
pub fn resume(
    job: &Job,
    scratch: &Path,
    stores: &Stores,
    registry: Option<&dyn Registry>,
    task: &StampTask,
) -> Result<Option<Report>, DeliverError> {
    Workplace::clear(job, task, scratch);
    // Written by a program of the same queue, or it means nothing.
    let Some(note) = job.note.as_deref().and_then(|n| serde_json::from_str::<Note>(n).ok()) else {
        return Ok(None);
    };
    if stores.content(&task.target)? == Some(Some(note.clip)) {
        if let (Some(registry), Some(id)) = (registry, &note.entry) {
            registry.confirm(id)?;
        }
        return Ok(Some(note.report));
    }
    undo(stores, registry, task, &note)?;
    Ok(None)
}

fn undo(
    stores: &Stores,
    registry: Option<&dyn Registry>,
    task: &StampTask,
    note: &Note,
) -> Result<(), DeliverError> {
    let sidecar = task.target.sidecar();
    if note.sidecar.is_some() && stores.content(&sidecar)? == Some(note.sidecar) {
        stores.remove(&sidecar)?;
    }
    if let (Some(registry), Some(id)) = (registry, &note.entry)
        && registry.by_id(id)?.is_some_and(|e| e.content == note.clip)
    {
        registry.delete(id)?;
    }
    Ok(())
}
