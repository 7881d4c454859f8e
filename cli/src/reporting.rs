//! A report that goes to a file of its own, beside what is printed.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::target::Target;

/// Where a report goes: refused before the work if nothing can be written there.
pub(crate) enum ReportFile<'a> {
    /// A file that appears whole.
    File(Target<'a>),
    /// A descriptor, which whoever started us opened and may be reading.
    Descriptor(&'a Path, File),
    /// A FIFO or a device, opened when there is something to write.
    Pipe(&'a Path),
}

impl<'a> ReportFile<'a> {
    /// Of the name that was given for one, if any; a file of that name is replaced with `force`.
    pub(crate) fn asked(path: Option<&'a Path>, force: bool) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let shown = path.display();
        let there = path.metadata();
        let same = |m: &std::fs::Metadata| {
            Path::new("/dev/stdout")
                .metadata()
                .is_ok_and(|o| (o.dev(), o.ino()) == (m.dev(), m.ino()))
        };
        if there.as_ref().is_ok_and(|m| same(m) && m.rdev() == 0) {
            bail!("{shown}: is standard output, where the clip goes; choose another file");
        }
        if is_descriptor(path) {
            let opened = File::options().write(true).open(path);
            let file = opened.with_context(|| {
                format!("{shown}: cannot be written; open it, as in '3>report.json'")
            })?;
            return Ok(Some(Self::Descriptor(path, file)));
        }
        match there {
            Ok(meta) if !meta.is_file() && !meta.is_dir() => Ok(Some(Self::Pipe(path))),
            _ => Ok(Some(Self::File(Target::new(path, force, &[])?))),
        }
    }

    /// Writes the report, on a line of its own.
    pub(crate) fn write(self, report: &Value) -> Result<()> {
        let line = format!("{report}\n");
        let failed = |path: &Path| format!("{}: the report cannot be written", path.display());
        match self {
            Self::File(target) => target.write(line.as_bytes()),
            Self::Descriptor(path, mut file) => {
                file.write_all(line.as_bytes()).with_context(|| failed(path))
            }
            Self::Pipe(path) => File::options()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(line.as_bytes()))
                .with_context(|| failed(path)),
        }
    }
}

/// Whether a name, or what it is a link to, is a descriptor of this process.
fn is_descriptor(path: &Path) -> bool {
    let within = |path: &Path| {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        folder.is_some_and(|f| f.starts_with("/proc") && f.ends_with("fd"))
    };
    let behind =
        |path: &Path| -> Option<PathBuf> { Some(path.parent()?.join(path.read_link().ok()?)) };
    within(path) || behind(path).is_some_and(|path| within(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_told_from_files() {
        for path in ["/dev/fd/3", "/dev/stderr", "/proc/self/fd/1"] {
            assert!(is_descriptor(Path::new(path)), "{path}");
        }
        for path in ["/dev/null", "report.json", "/tmp/fd/3"] {
            assert!(!is_descriptor(Path::new(path)), "{path}");
        }
    }
}
