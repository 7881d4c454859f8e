//! What an error asks of whoever meets it, whichever part of the crate it comes from.

use std::io;
use std::path::{Path, PathBuf};

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is at fault: with the same file it happens again.
    Input,
    /// What was asked for cannot be, whatever the file: ask for something else.
    Usage,
    /// The surroundings are at fault, such as a disk, a database or a machine without room: it may
    /// pass.
    Retryable,
    /// The work was stopped on request.
    Cancelled,
    /// This program is at fault, or how it was installed.
    Internal,
}

impl ErrorKind {
    /// That of a file that cannot be opened or read.
    pub fn of_reading(e: &io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput => Self::Input,
            _ => Self::Retryable,
        }
    }
}

/// An error that may be about a file, which it then names.
pub trait AboutFile: Sized {
    /// The file that it is about.
    fn file_mut(&mut self) -> Option<&mut PathBuf>;

    /// The same of a file that goes by another name, as an upload does.
    #[must_use]
    fn named(mut self, name: &Path) -> Self {
        if let Some(file) = self.file_mut() {
            *file = name.into();
        }
        self
    }
}
