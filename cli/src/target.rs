//! Files that are written when the work is done.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};

/// A file to write: refused before the work if it cannot be, and whole or not there after.
pub(crate) struct Target<'a> {
    path: &'a Path,
    force: bool,
}

impl<'a> Target<'a> {
    /// Refuses what could not be written, an existing file without `force`, and the inputs themselves.
    pub(crate) fn new(path: &'a Path, force: bool, inputs: &[PathBuf]) -> Result<Self> {
        let shown = path.display();
        if path == Path::new("-") {
            bail!("{shown}: standard output is not written to here; name a file, ./- for one of that name");
        }
        if path.is_dir() {
            bail!("{shown}: is a folder; name a file to write");
        }
        // Links that lead nowhere are there, too.
        let there = path.symlink_metadata().is_ok();
        if path.exists() && !path.is_file() {
            bail!("{shown}: is no ordinary file; choose another name");
        }
        if path.canonicalize().is_ok_and(|real| inputs.iter().any(|i| i.canonicalize().is_ok_and(|i| i == real))) {
            bail!("{shown}: is the input itself; choose another name");
        }
        if there && !force {
            bail!("{shown}: exists already; choose another name or allow replacing it with --force");
        }
        if !folder(path).is_dir() {
            bail!("{shown}: cannot be written: there is no folder {}; make it first", folder(path).display());
        }
        Ok(Self { path, force })
    }

    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// Writes it.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        self.write_with(|file| Ok(file.write_all(bytes)?))
    }

    /// Has it written bit by bit.
    pub(crate) fn write_with(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        self.try_write(write).with_context(|| format!("{}: cannot be written; check the folder, its permissions and the free space", self.path.display()))
    }

    fn try_write(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        // The permissions of an ordinary new file, less what the user masks.
        let mut file = tempfile::Builder::new().prefix(".proofmark-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder(self.path))?;
        let mut buffered = BufWriter::new(&mut file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        let named = if self.force { file.persist(self.path) } else { file.persist_noclobber(self.path) };
        named.map(|_| ()).map_err(|e| Error::from(e.error))
    }
}

/// Where a file lies.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
