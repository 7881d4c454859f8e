//! Where what is written goes: to the target itself, or into the target folder.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::batch::{self, BatchArgs, Files, Input};
use crate::inputs::Search;
use crate::target::of_kind;

/// Where the targets of inputs are.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The target, or the folder of all of them.
    pub(crate) output: &'a Path,
    /// The folder below which folders are kept.
    pub(crate) base: Option<&'a Path>,
    /// What kind of files they are, if that is not the inputs' own.
    pub(crate) to: Option<&'a str>,
    /// The idempotency key of what is made.
    pub(crate) job: Option<&'a str>,
    /// Whether targets are folders.
    pub(crate) folders: Folders,
}

/// Whether targets are folders, as clips in segments are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Folders {
    /// They are files.
    #[default]
    None,
    /// The target itself is to become one.
    One,
    /// Each is to become one in the target folder.
    Each,
}

impl Places<'_> {
    /// The files that are named, with the target folder where there is to be one.
    pub(crate) fn files(&self, inputs: &[PathBuf], batch: &BatchArgs) -> Result<Files> {
        // Where targets lie among the inputs, those of an earlier run are none.
        let real = self.output.canonicalize().ok().filter(|p| p.is_dir());
        let files = batch::files(inputs, batch, Search { but: real.as_deref(), packages: false })?;
        if self.folders != Folders::None && files.single {
            return Ok(files);
        }
        let folder_meant =
            !files.single || self.output.as_os_str().as_encoded_bytes().ends_with(b"/");
        let shown = self.output.display();
        if folder_meant && !self.output.exists() {
            bail!("{shown}: there is no folder of that name; make it first");
        }
        if !files.single && !self.output.is_dir() {
            bail!("{shown}: is no folder; give one as the target for several inputs");
        }
        Ok(files)
    }

    /// Where a file goes: into the target folder under its own name and that of its folders, or to
    /// the target itself.
    pub(crate) fn of(&self, input: &Input) -> PathBuf {
        let below = self.base.and_then(|base| input.path.strip_prefix(base).ok());
        let within = below.unwrap_or(&input.within);
        match self.to {
            _ if self.folders == Folders::One || !self.output.is_dir() => self.output.to_path_buf(),
            _ if self.folders == Folders::Each => self.output.join(within.with_extension("")),
            Some(kind) => self.output.join(of_kind(within, kind)),
            None => self.output.join(within),
        }
    }

    /// The job that makes a target, if it is to be made once; `several` are made under one key.
    pub(crate) fn job(&self, target: &Path, several: bool) -> Option<String> {
        let key = self.job?;
        let below = target.strip_prefix(self.output).ok().filter(|_| several);
        Some(below.map_or_else(|| key.to_string(), |b| format!("{key}/{}", b.display())))
    }

    /// Makes the folder of a target below the target folder.
    pub(crate) fn make_folder(&self, target: &Path) -> Result<()> {
        let folder = target.parent().filter(|f| self.output.is_dir() && !f.as_os_str().is_empty());
        folder.map_or(Ok(()), |folder| {
            std::fs::create_dir_all(folder).with_context(|| {
                format!(
                    "{}: cannot be made; check its permissions and the free space",
                    folder.display()
                )
            })
        })
    }

    /// Refuses, before anything is written, files that would be written twice and files that are
    /// read as well; `done` is what happens to a file, and `written` all that is written for a
    /// target.
    pub(crate) fn expect(
        &self,
        files: &Files,
        done: &str,
        written: impl Fn(&Path) -> Vec<PathBuf>,
    ) -> Result<()> {
        if let Some(base) = self.base
            && let Some(other) = files.inputs.iter().find(|i| i.path.strip_prefix(base).is_err())
        {
            bail!(
                "{}: does not lie below {}; give another --base, or name the file by its way from \
                there",
                other.path.display(),
                base.display()
            );
        }
        if files.single {
            return Ok(());
        }
        let mut writers: HashMap<PathBuf, &Path> = HashMap::new();
        let mut inputs: Option<HashSet<PathBuf>> = None;
        for input in files.inputs.iter().filter(|i| i.unread.is_none()) {
            for target in written(&self.of(input)) {
                let all = || files.inputs.iter().filter_map(|i| i.path.canonicalize().ok());
                if let Ok(real) = target.canonicalize()
                    && inputs.get_or_insert_with(|| all().collect()).contains(&real)
                {
                    bail!(
                        "{}: is an input itself, and the target of {}; choose another target \
                        folder",
                        target.display(),
                        input.path.display()
                    );
                }
                if let Some(other) = writers.insert(target.clone(), &input.path) {
                    let advice = if self.to.is_some() {
                        "rename one of them"
                    } else {
                        "take them one by one"
                    };
                    let (target, other, input) =
                        (target.display(), other.display(), input.path.display());
                    bail!(
                        "{target}: both {other} and {input} would be {done} to it; {advice}, or \
                        keep their folders with --base"
                    );
                }
            }
        }
        Ok(())
    }
}
