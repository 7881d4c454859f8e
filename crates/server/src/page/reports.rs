//! Reports on disk, each in a folder under a name that cannot be guessed.
//!
//! ```text
//! <id>/upload.<ending>         the clip
//! <id>/about.json              what it was called; with it the clip is whole
//! <id>/stills.bin              small pictures of it
//! <id>/report.<language>.json  what was found, or
//! <id>/refused.txt             why nothing could be
//! ```

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use proofmark::draft;
use proofmark::media::{Cancel, Stills};
use proofmark::{Language, Payload, Stage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::super::Problem;
use super::super::upload::file_name;
use super::text::Text;

/// All reports.
pub(in super::super) struct Reports {
    folder: PathBuf,
    keep: Duration,
    most: usize,
    /// Those that are being made.
    working: Mutex<HashMap<String, Work>>,
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
    /// Being made, if it has begun.
    Working(Option<Work>),
    Done,
    Refused(String),
}

/// A report that is being made.
#[derive(Clone)]
pub(super) struct Work {
    /// The clip's number in the line.
    pub(super) number: u64,
    seen: Arc<Mutex<Seen>>,
    cancel: Cancel,
    task: Option<AbortHandle>,
}

/// How far it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The stage that it is in.
    pub(super) stage: Option<Stage>,
    /// What the beginning carries: a number, and the title that belongs to it.
    pub(super) glimpse: Option<(Payload, Option<String>)>,
}

impl Work {
    /// It has come to another stage.
    pub(super) fn reach(&self, stage: Stage) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match stage {
            Stage::Glimpsed(payload, title) => seen.glimpse = Some((payload, title)),
            stage => seen.stage = Some(stage),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A folder whose clip is still coming; gone again unless it is kept.
pub(super) struct Draft {
    about: About,
    kept: bool,
}

impl Draft {
    /// Says that the clip is whole.
    pub(super) fn keep(mut self) -> Result<About, Problem> {
        let about = &self.about;
        let file = about.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = serde_json::to_string(&Written { name: about.name.clone(), file })
            .map_err(|e| Problem::broken(&e))?;
        write(&about.path.with_file_name("about.json"), text.as_bytes())
            .map_err(|e| Problem::broken(&format!("{e:#}")))?;
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

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut draft = draft::Draft::beside(path)?;
        draft.file().write_all(bytes)?;
        draft.publish(true)
    };
    write().with_context(|| {
        format!(
            "{}: cannot be written; check the folder, its permissions and the free space",
            path.display()
        )
    })
}

fn report_name(language: Language) -> String {
    format!("report.{}.json", language.code())
}

impl About {
    fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// What was found, in a language.
    pub(super) fn report(&self, text: Text) -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(self.beside(&report_name(text.0))).ok()?).ok()
    }

    /// Small pictures of the clip.
    pub(super) fn stills(&self) -> Option<Stills> {
        Stills::from_bytes(&fs::read(self.beside(STILLS)).ok()?)
    }
}

/// Time after which a clip that never became whole is nobody's.
const STALE: Duration = Duration::from_secs(24 * 3600);

const STILLS: &str = "stills.bin";
const REFUSED: &str = "refused.txt";

impl Reports {
    pub(in super::super) fn open(folder: &Path, keep: Duration, most: usize) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| {
            format!(
                "{}: cannot be made; check its permissions and the free space",
                folder.display()
            )
        })?;
        let this = Self { folder: folder.into(), keep, most, working: Mutex::default() };
        // What was never whole is nobody's.
        for id in this.ids().filter(|id| this.about(id).is_none()) {
            this.remove(&id);
        }
        Ok(this)
    }

    fn ids(&self) -> impl Iterator<Item = String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        entries
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|id| Uuid::try_parse(id).is_ok())
    }

    /// A folder for a clip called `name`.
    pub(super) fn draft(&self, name: &str) -> Result<Draft, Problem> {
        let id = Uuid::new_v4().simple().to_string();
        let folder = self.folder.join(&id);
        fs::create_dir(&folder)
            .map_err(|e| Problem::broken(&format!("{}: {e}", folder.display())))?;
        Ok(Draft {
            about: About { id, name: name.into(), path: folder.join(file_name(name)) },
            kept: false,
        })
    }

    fn about(&self, id: &str) -> Option<About> {
        // Nothing but names of our own reaches the disk.
        let id = Uuid::try_parse(id).ok()?.simple().to_string();
        let folder = self.folder.join(&id);
        let written: Written =
            serde_json::from_str(&fs::read_to_string(folder.join("about.json")).ok()?).ok()?;
        Some(About { id, name: written.name, path: folder.join(file_name(&written.file)) })
    }

    pub(super) fn find(&self, id: &str) -> Option<(About, State)> {
        let about = self.about(id)?;
        // The one in the language that is written last.
        let done = about.beside(&report_name(LAST)).exists().then_some(State::Done);
        let refused = || fs::read_to_string(about.beside(REFUSED)).ok().map(State::Refused);
        let working = || State::Working(self.working().get(&about.id).cloned());
        let state = done.or_else(refused).unwrap_or_else(working);
        Some((about, state))
    }

    fn working(&self) -> std::sync::MutexGuard<'_, HashMap<String, Work>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clips whose report was never finished.
    pub(super) fn unfinished(&self) -> Vec<About> {
        self.ids()
            .filter_map(|id| self.find(&id))
            .filter(|(_, state)| matches!(state, State::Working(_)))
            .map(|(about, _)| about)
            .collect()
    }

    /// A report is being made of a clip with a number in the line, until `cancel` is set.
    pub(super) fn begin(&self, id: &str, number: u64, cancel: Cancel) -> Work {
        let work = Work { number, seen: Arc::default(), cancel, task: None };
        self.working().insert(id.into(), work.clone());
        work
    }

    /// Which task makes it.
    pub(super) fn made_by(&self, id: &str, task: AbortHandle) {
        if let Some(work) = self.working().get_mut(id) {
            work.task = Some(task);
        }
    }

    /// Stops making a report, and deletes the clip; whether it was still being made.
    pub(super) fn cancel(&self, id: &str) -> bool {
        let Some(work) = self.working().remove(id) else { return false };
        work.cancel.cancel();
        if let Some(task) = work.task {
            task.abort();
        }
        self.remove(id);
        true
    }

    /// Ends the work on a report, with what is written in its folder. One that was cancelled has
    /// none any more, and whoever cancels now comes too late.
    fn end(&self, id: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        if self.working().remove(id).is_none() {
            return Ok(());
        }
        // Without an outcome it would look as if it were still being made.
        write(&self.folder.join(id)).inspect_err(|_| self.remove(id))
    }

    /// Keeps a report, in each language, and small pictures of the clip.
    pub(super) fn finish(
        &self,
        id: &str,
        reports: &[(Language, Value)],
        stills: Option<&Stills>,
    ) -> Result<()> {
        self.end(id, |folder| {
            stills.map_or(Ok(()), |s| write(&folder.join(STILLS), &s.to_bytes()))?;
            reports.iter().try_for_each(|(language, report)| {
                write(&folder.join(report_name(*language)), report.to_string().as_bytes())
            })
        })
    }

    pub(super) fn refuse(&self, id: &str, message: &str) -> Result<()> {
        self.end(id, |folder| {
            write(&folder.join(REFUSED), message.as_bytes())?;
            // Nobody looks at it again.
            let upload = self.about(id).map(|about| about.path);
            upload.map_or(Ok(()), |path| {
                fs::remove_file(&path)
                    .with_context(|| format!("{}: cannot be removed", path.display()))
            })
        })
    }

    fn remove(&self, id: &str) {
        let folder = self.folder.join(id);
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                log::error!("{}: cannot be removed: {e}", folder.display());
            }
            _ => {}
        }
    }

    /// Removes reports that are older than they are kept, and the oldest beyond the number that is.
    pub(super) fn sweep(&self) {
        let working = |id: &str| self.working().contains_key(id);
        let time = |path: PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
        // A clip that is still coming is as old as its folder.
        let made = |id: &str| {
            time(self.folder.join(id).join("about.json")).or_else(|| {
                time(self.folder.join(id)).filter(|t| t.elapsed().is_ok_and(|age| age > STALE))
            })
        };
        let mut all: Vec<(SystemTime, String)> =
            self.ids().filter(|id| !working(id)).filter_map(|id| Some((made(&id)?, id))).collect();
        all.sort_by(|a, b| b.cmp(a));
        let old = |t: &SystemTime| t.elapsed().is_ok_and(|age| age > self.keep);
        for (_, id) in all
            .iter()
            .enumerate()
            .filter(|(i, (t, _))| *i >= self.most || old(t))
            .map(|(_, one)| one)
        {
            self.remove(id);
        }
    }
}

/// The language whose report is written last.
const LAST: Language = Text::LANGUAGES[Text::LANGUAGES.len() - 1].0;
