//! Images in files whose names are numbered, read one after the other as if they came through a
//! pipe.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::source::check;
use super::{Limits, MediaError};

/// What files of the kinds that can be told apart begin with.
const KINDS: [(&[u8], &str); 2] = [(b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG")];

/// A name in which a number stands, as `frames/%05d.png`.
struct Pattern {
    folder: PathBuf,
    before: String,
    /// Digits at least, filled with zeros.
    digits: usize,
    after: String,
}

impl Pattern {
    /// Of a path whose last part has one number in it; `None` for others.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (before, rest) = name.split_once('%')?;
        let (digits, after) = rest.split_once('d')?;
        let filled = digits.is_empty() || digits.starts_with('0');
        if !filled || !digits.bytes().all(|b| b.is_ascii_digit()) || after.contains('%') {
            return None;
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        Some(Self {
            folder: folder.unwrap_or(Path::new(".")).into(),
            before: before.into(),
            digits: digits.parse::<usize>().unwrap_or(1).clamp(1, 18),
            after: after.into(),
        })
    }

    /// The number in a file's name, if that is one of these.
    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let number = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        (digits == format!("{number:0width$}", width = self.digits)).then_some(number)
    }

    fn path(&self, number: u64) -> PathBuf {
        let Self { folder, before, digits, after } = self;
        let name = format!("{before}{number:0digits$}{after}");
        if folder == Path::new(".") { name.into() } else { folder.join(name) }
    }
}

/// Files of images in their order.
pub struct Sequence {
    files: Arc<[PathBuf]>,
    next: usize,
    open: Option<File>,
    /// What the first file is.
    kind: Option<&'static str>,
    limits: Limits,
}

impl Sequence {
    /// Whether a name stands for such files: it has a number in it, as `%05d`, and no file is
    /// called just so.
    #[must_use]
    pub fn is_pattern(path: &Path) -> bool {
        Pattern::of(path).is_some() && path.symlink_metadata().is_err()
    }

    /// All files that `pattern` names, from the lowest number to the highest.
    ///
    /// # Errors
    /// [`MediaError`] if there is none, if one between them is missing, or if there are too many.
    pub fn find(pattern: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let unfit = |path: &Path, what: String| MediaError::Unfit { path: path.into(), what };
        let names = Pattern::of(pattern).ok_or_else(|| {
            unfit(pattern, "has no number in its name; give one such as %05d".into())
        })?;
        let entries = std::fs::read_dir(&names.folder)
            .map_err(|reason| MediaError::Open { path: names.folder.clone(), reason })?;
        let mut numbers: Vec<u64> =
            entries.flatten().filter_map(|e| names.number(e.file_name().to_str()?)).collect();
        numbers.sort_unstable();
        let [first, .., last] = numbers[..] else {
            return match numbers[..] {
                [one] => Ok(Self::of(vec![names.path(one)], limits)),
                _ => Err(unfit(
                    pattern,
                    "names no file that is there; check the folder and the digits, of which %05d \
                    stands for five"
                        .into(),
                )),
            };
        };
        check(pattern, "a number of frames", numbers.len() as u64, limits.frames)?;
        if let Some(before) = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            return Err(unfit(
                &names.path(before[0] + 1),
                format!(
                    "is missing: the sequence {} goes from {first} to {last}; make it again, or \
                    number the files anew",
                    pattern.display()
                ),
            ));
        }
        Ok(Self::of(numbers.into_iter().map(|n| names.path(n)).collect(), limits))
    }

    fn of(files: Vec<PathBuf>, limits: &Limits) -> Self {
        Self { files: files.into(), next: 0, open: None, kind: None, limits: *limits }
    }

    /// The files.
    pub(super) fn files(&self) -> Arc<[PathBuf]> {
        self.files.clone()
    }

    /// Reads on; 0 after the last file.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, MediaError> {
        loop {
            if let Some(file) = &mut self.open {
                let read = file.read(into).map_err(|reason| self.unreadable(reason))?;
                if read > 0 {
                    return Ok(read);
                }
                self.open = None;
            }
            let Some(path) = self.files.get(self.next) else { return Ok(0) };
            let path = path.clone();
            self.next += 1;
            self.open = Some(self.begin(&path)?);
        }
    }

    fn unreadable(&self, reason: io::Error) -> MediaError {
        let path = self.files[self.next.saturating_sub(1)].clone();
        MediaError::Open { path, reason }
    }

    /// Opens the next file, which must be of the first one's kind.
    fn begin(&mut self, path: &Path) -> Result<File, MediaError> {
        let failed = |reason| MediaError::Open { path: path.into(), reason };
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(MediaError::NotAFile { path: path.into() });
        }
        if meta.len() == 0 {
            return Err(MediaError::Empty { path: path.into() });
        }
        check(path, "a file size (bytes)", meta.len(), self.limits.bytes)?;
        let mut head = [0; 8];
        let read = std::os::unix::fs::FileExt::read_at(&file, &mut head, 0).map_err(failed)?;
        let kind = KINDS.iter().find(|(magic, _)| head[..read].starts_with(magic)).map(|k| k.1);
        let what = match (kind, self.kind) {
            (None, _) => "is neither PNG nor JPEG, of which sequences are".to_string(),
            (Some(kind), Some(first)) if kind != first => {
                format!("is {kind}, and the sequence began with {first}; give them as one kind")
            }
            (kind, _) => {
                self.kind = kind;
                return Ok(file);
            }
        };
        Err(MediaError::Unfit { path: path.into(), what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], pattern: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let sequence = Sequence::find(&folder.path().join(pattern), &Limits::default());
        let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
        sequence.map(|s| s.files.iter().map(name).collect()).map_err(|e| e.to_string())
    }

    #[test]
    fn files_follow_each_other_by_their_numbers() {
        let names = ["f9.png", "f10.png", "f11.png", "f09.png", "g10.png", "f10.jpg", "f.png"];
        assert_eq!(found(&names, "f%d.png").unwrap(), ["f9.png", "f10.png", "f11.png"]);
        assert_eq!(found(&["007.png", "8.png"], "%03d.png").unwrap(), ["007.png"]);
        assert_eq!(found(&["99.png", "100.png"], "%02d.png").unwrap(), ["99.png", "100.png"]);
    }

    #[test]
    fn what_is_missing_is_told() {
        let told = found(&["01.png", "02.png", "04.png"], "%02d.png").unwrap_err();
        assert!(told.contains("03.png: is missing") && told.contains("from 1 to 4"), "{told}");
        let told = found(&["1.png"], "%05d.png").unwrap_err();
        assert!(told.contains("%05d.png: names no file"), "{told}");
        assert!(!Sequence::is_pattern(Path::new("clip.mp4")));
        assert!(!Sequence::is_pattern(Path::new("a%20dance.mp4")));
        assert!(Sequence::is_pattern(Path::new("f%d.png")));
    }
}
