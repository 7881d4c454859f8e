//! Files that are written when the work is done.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proofmark::draft::Draft;
use proofmark::media::Container;

use crate::inputs;

/// A file to write: refused before the work if it cannot be, and whole or not there after.
pub(crate) struct Target<'a> {
    path: &'a Path,
    force: bool,
}

impl<'a> Target<'a> {
    /// Refuses what could not be written, an existing file without `force`, and the inputs
    /// themselves.
    pub(crate) fn new(path: &'a Path, force: bool, inputs: &[PathBuf]) -> Result<Self> {
        let shown = path.display();
        if path == Path::new("-") {
            bail!(
                "{shown}: standard output is not written to here; name a file, ./- for one of \
                that name"
            );
        }
        if path.is_dir() {
            bail!("{shown}: is a folder; name a file to write");
        }
        // Links that lead nowhere are there, too.
        let there = path.symlink_metadata().is_ok();
        if path.exists() && !path.is_file() {
            bail!("{shown}: is no ordinary file; choose another name");
        }
        if path
            .canonicalize()
            .is_ok_and(|real| inputs.iter().any(|i| i.canonicalize().is_ok_and(|i| i == real)))
        {
            bail!("{shown}: is the input itself; choose another name");
        }
        if there && !force {
            bail!(
                "{shown}: exists already; choose another name or allow replacing it with --force"
            );
        }
        if !folder(path).is_dir() {
            bail!(
                "{shown}: cannot be written: there is no folder {}; make it first",
                folder(path).display()
            );
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
    pub(crate) fn write_with(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        self.try_write(write).with_context(|| {
            format!(
                "{}: cannot be written; check the folder, its permissions and the free space",
                self.path.display()
            )
        })
    }

    fn try_write(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let mut draft = Draft::beside(self.path)?;
        let mut buffered = BufWriter::new(draft.file());
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        Ok(draft.publish(self.force)?)
    }
}

/// Where a file lies.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The kind of file that an extension stands for, if it is one that can be written.
pub(crate) fn kind(extension: &str) -> Result<String, String> {
    let extension = extension.strip_prefix('.').unwrap_or(extension).to_ascii_lowercase();
    let known = !extension.contains(['/', '.'])
        && Container::of(Path::new(&format!("clip.{extension}"))).is_some();
    known.then_some(extension).ok_or_else(|| {
        "give mp4, mov, mkv, webm, m4a, ogg, flac, mp3, wav, png, jpg or webp".into()
    })
}

/// A name with the extension of `kind`, in place of another kind's. What else follows a dot, as in
/// `take.2`, belongs to the name.
pub(crate) fn of_kind(name: &Path, kind: &str) -> PathBuf {
    let mut stem =
        if inputs::is_media(name) { name.with_extension("") } else { name.into() }.into_os_string();
    stem.push(".");
    stem.push(kind);
    stem.into()
}

/// Refuses `--to` where the target itself says what it is to be, and says another.
pub(crate) fn refuse_other_kind(target: &Path, kind: Option<&String>) -> Result<()> {
    if let Some(kind) = kind
        && Container::of(target)
            .is_none_or(|named| Container::of(&of_kind(Path::new("clip"), kind)) != Some(named))
    {
        bail!(
            "{}: is a file's name, which says what to write, and --to {kind} says another; leave \
            one of them out, or give a folder",
            target.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_an_extension_that_can_be_written() {
        assert_eq!((kind("mp4"), kind(".MKV")), (Ok("mp4".into()), Ok("mkv".into())));
        for wrong in ["", ".", "gif", "a/b.mp4", "x.mp4", "h264"] {
            assert!(kind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_kind_takes_the_place_of_a_kind_and_of_nothing_else() {
        for (name, expected) in [
            ("a.ts", "a.mp4"),
            ("b/a.v2.AVI", "b/a.v2.mp4"),
            ("take.2", "take.2.mp4"),
            ("clip", "clip.mp4"),
            ("c/.d/e.mp4", "c/.d/e.mp4"),
        ] {
            assert_eq!(of_kind(Path::new(name), "mp4"), Path::new(expected));
        }
    }
}
