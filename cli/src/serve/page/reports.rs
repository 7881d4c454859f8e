//! Reports on disk, each in a folder under a name that cannot be guessed.
//!
//! ```text
//! <id>/upload.<ending>   the clip
//! <id>/about.json        what it was called; with it the clip is whole
//! <id>/report.json       what was found, or
//! <id>/refused.txt       why nothing could be
//! ```

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use proofmark::media::Progress;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::super::Refusal;
use super::super::upload::file_name;
use crate::target::Target;

/// All reports.
pub(in super::super) struct Reports {
    folder: PathBuf,
    keep: Duration,
    most: usize,
    /// How far those are that are being made.
    working: Mutex<HashMap<String, Share>>,
}

/// What is known of a report before it is made.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) id: String,
    /// What the clip was called.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    file: String,
}

/// How a report stands.
pub(super) enum State {
    /// Being made; how much of the clip has been seen, 0 to 1, if it has begun.
    Working(Option<f32>),
    Done(Value),
    Refused(String),
}

/// How much of a clip has been seen, in thousandths plus one; 0 before it begins.
#[derive(Clone, Default)]
pub(super) struct Share(Arc<AtomicU32>);

impl Share {
    pub(super) fn set(&self, p: Progress) {
        let share = p.total.filter(|t| *t > 0.0).map_or(0.0, |t| (p.seconds / t).clamp(0.0, 1.0));
        self.0.store(1 + (1000.0 * share) as u32, Ordering::Relaxed);
    }

    fn get(&self) -> Option<f32> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(|n| n as f32 / 1000.0)
    }
}

/// A folder whose clip is still coming; gone again unless it is kept.
pub(super) struct Draft {
    about: About,
    kept: bool,
}

impl Draft {
    /// Says that the clip is whole.
    pub(super) fn keep(mut self) -> Result<About, Refusal> {
        let about = &self.about;
        let file = about.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = serde_json::to_string(&Written { name: about.name.clone(), file }).map_err(|e| Refusal::broken(&e))?;
        write(&about.path.with_file_name("about.json"), &text).map_err(|e| Refusal::broken(&format!("{e:#}")))?;
        self.kept = true;
        Ok(self.about.clone())
    }
}

impl AsRef<Path> for Draft {
    fn as_ref(&self) -> &Path {
        &self.about.path
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let (false, Some(folder)) = (self.kept, self.about.path.parent()) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    Target::new(path, true, &[])?.write(text.as_bytes())
}

impl Reports {
    pub(in super::super) fn open(folder: &Path, keep: Duration, most: usize) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made; check its permissions and the free space", folder.display()))?;
        let this = Self { folder: folder.into(), keep, most, working: Mutex::default() };
        // What was never whole is nobody's.
        for id in this.ids().filter(|id| this.about(id).is_none()) {
            this.remove(&id);
        }
        Ok(this)
    }

    fn ids(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).filter(|id| Uuid::try_parse(id).is_ok())
    }

    /// A folder for a clip called `name`.
    pub(super) fn draft(&self, name: &str) -> Result<Draft, Refusal> {
        let id = Uuid::new_v4().simple().to_string();
        let folder = self.folder.join(&id);
        fs::create_dir(&folder).map_err(|e| Refusal::broken(&format!("{}: {e}", folder.display())))?;
        Ok(Draft { about: About { id, name: name.into(), path: folder.join(file_name(name)) }, kept: false })
    }

    fn about(&self, id: &str) -> Option<About> {
        // Nothing but names of our own reaches the disk.
        let id = Uuid::try_parse(id).ok()?.simple().to_string();
        let folder = self.folder.join(&id);
        let written: Written = serde_json::from_str(&fs::read_to_string(folder.join("about.json")).ok()?).ok()?;
        Some(About { id, name: written.name, path: folder.join(file_name(&written.file)) })
    }

    pub(super) fn find(&self, id: &str) -> Option<(About, State)> {
        let about = self.about(id)?;
        let read = |name: &str| fs::read_to_string(about.path.with_file_name(name)).ok();
        let done = read("report.json").and_then(|text| serde_json::from_str(&text).ok()).map(State::Done);
        let refused = || read("refused.txt").map(State::Refused);
        let working = || State::Working(self.working.lock().unwrap_or_else(PoisonError::into_inner).get(&about.id).and_then(Share::get));
        let state = done.or_else(refused).unwrap_or_else(working);
        Some((about, state))
    }

    /// Clips whose report was never finished.
    pub(super) fn unfinished(&self) -> Vec<About> {
        self.ids().filter_map(|id| self.find(&id)).filter(|(_, state)| matches!(state, State::Working(_))).map(|(about, _)| about).collect()
    }

    pub(super) fn begin(&self, id: &str) -> Share {
        let share = Share::default();
        self.working.lock().unwrap_or_else(PoisonError::into_inner).insert(id.into(), share.clone());
        share
    }

    fn end(&self, id: &str, file: &str, text: &str) -> Result<()> {
        let written = write(&self.folder.join(id).join(file), text);
        self.working.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        written
    }

    pub(super) fn finish(&self, id: &str, report: &Value) -> Result<()> {
        self.end(id, "report.json", &report.to_string())
    }

    pub(super) fn refuse(&self, id: &str, message: &str) -> Result<()> {
        self.end(id, "refused.txt", message)
    }

    fn remove(&self, id: &str) {
        let folder = self.folder.join(id);
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => crate::output::error(&anyhow::anyhow!("{}: cannot be removed: {e}", folder.display())),
            _ => {}
        }
    }

    /// Removes reports that are older than they are kept, and the oldest beyond the number that is.
    pub(super) fn sweep(&self) {
        let working = |id: &str| self.working.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id);
        let made = |id: &str| fs::metadata(self.folder.join(id).join("about.json")).and_then(|m| m.modified()).ok();
        let mut all: Vec<(SystemTime, String)> = self.ids().filter(|id| !working(id)).filter_map(|id| Some((made(&id)?, id))).collect();
        all.sort_by(|a, b| b.cmp(a));
        let old = |t: &SystemTime| t.elapsed().is_ok_and(|age| age > self.keep);
        for (_, id) in all.iter().enumerate().filter(|(i, (t, _))| *i >= self.most || old(t)).map(|(_, one)| one) {
            self.remove(id);
        }
    }
}
