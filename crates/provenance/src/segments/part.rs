//! A stretch of a file that is read as a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// A stretch of a file.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    start: u64,
    length: u64,
    position: u64,
}

impl Part {
    pub(super) fn new(path: &Path, start: u64, length: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, start, length, position: 0 })
    }

    /// All of a file.
    pub(super) fn whole(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, start: 0, length, position: 0 })
    }
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        self.file.seek(SeekFrom::Start(self.start + self.position))?;
        let read = self.file.read(&mut into[..most])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        // Nothing lies further than files can be long.
        let to = to.filter(|to| to.checked_add(self.start).is_some());
        self.position = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
