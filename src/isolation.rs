//! What keeps files that others made from doing harm, and what becomes of a worker that gave no
//! answer, in words that every build knows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{AboutFile, ErrorKind};

/// What keeps a file from doing harm while it is looked at. All false where this
/// process looks at it itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Isolation {
    /// A process of its own, with limits on memory, time and open files.
    pub process: bool,
    /// The kernel lets it open no file but the one, by Landlock.
    pub files: bool,
    /// Which version of Landlock that is: before 4 it holds no connection, and before 6 neither
    /// abstract sockets nor signals, which seccomp holds as well; 0 for none.
    pub landlock: u8,
    /// It has a root of its own in which there is nothing but the file, so that it cannot ask what
    /// else there is.
    pub namespace: bool,
    /// The kernel refuses it network, programs, processes and writing, by seccomp.
    pub calls: bool,
}

/// What became of a worker that gave no answer. Each is an error of the one file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// None could be started.
    #[error(
        "no worker can be started to look at files in ({reason}); see to the machine's limits on \
        processes and memory, or look with --no-sandbox"
    )]
    Start {
        /// Why.
        reason: std::io::Error,
    },
    /// It crashed, or something killed it.
    #[error("{}: the worker that looked at it was killed by {signal}; the file may be made to \
        break readers, so open it nowhere else", path.display())]
    Killed {
        /// Which file.
        path: PathBuf,
        /// Name of the signal.
        signal: String,
    },
    /// It ended by itself, which is a bug of ours.
    #[error("{}: the worker that looked at it failed ({reason}); please report the file, and open \
        it nowhere else", path.display())]
    Failed {
        /// Which file.
        path: PathBuf,
        /// Its last words.
        reason: String,
    },
    /// It was not done in time.
    #[error("{}: looking at it took longer than {seconds} seconds; raise wall_seconds in the \
        configuration if you trust the file", path.display())]
    Slow {
        /// Which file.
        path: PathBuf,
        /// The limit.
        seconds: u64,
    },
    /// It took too much processor time.
    #[error("{}: looking at it took more than {seconds} seconds of processor time; raise \
        processor_seconds in the configuration if you trust the file", path.display())]
    Processor {
        /// Which file.
        path: PathBuf,
        /// The limit.
        seconds: u64,
    },
    /// It ran out of memory.
    #[error("{}: looking at it needed more memory than {} MiB; raise memory_bytes in the \
        configuration if you trust the file", path.display(), bytes >> 20)]
    Memory {
        /// Which file.
        path: PathBuf,
        /// The limit.
        bytes: u64,
    },
    /// It answered something else than was asked.
    #[error("{}: the worker that looked at it gave no answer that makes sense; the file may be \
        made to break readers, so open it nowhere else", path.display())]
    Answer {
        /// Which file.
        path: PathBuf,
    },
}

impl AboutFile for SandboxError {
    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Killed { path, .. }
            | Self::Failed { path, .. }
            | Self::Slow { path, .. }
            | Self::Processor { path, .. }
            | Self::Memory { path, .. }
            | Self::Answer { path, .. } => Some(path),
            Self::Start { .. } => None,
        }
    }
}

impl SandboxError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Start { .. } => "worker.not-started",
            Self::Killed { .. } => "worker.killed",
            Self::Failed { .. } => "worker.failed",
            Self::Slow { .. } => "limit.time",
            Self::Processor { .. } => "limit.processor",
            Self::Memory { .. } => "limit.memory",
            Self::Answer { .. } => "worker.answer",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Start { .. } => ErrorKind::Retryable,
            Self::Failed { .. } => ErrorKind::Internal,
            Self::Killed { .. }
            | Self::Slow { .. }
            | Self::Processor { .. }
            | Self::Memory { .. }
            | Self::Answer { .. } => ErrorKind::Input,
        }
    }
}
