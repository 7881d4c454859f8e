//! Exit codes, which scripts rely on.

use std::process::ExitCode;

/// What a command's end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; a mark was found; provenance was found and is consistent.
    Success,
    /// No mark; nothing found.
    Nothing,
    /// Usage, input or output error.
    Error,
    /// Altered, contradictory, or a manifest that fails validation.
    Doubtful,
    /// Some files of a batch failed.
    SomeFailed,
    /// Stopped by a signal.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        e.code().into()
    }
}

impl Exit {
    /// Its number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Nothing => 1,
            Self::Error => 2,
            Self::Doubtful => 3,
            Self::SomeFailed => 4,
            Self::Interrupted => 130,
        }
    }

    /// What a single file ended with.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        [Self::Success, Self::Nothing, Self::Error, Self::Doubtful]
            .into_iter()
            .find(|e| e.code() == code)
    }

    /// What a batch ends with: failures outrank doubt, doubt outranks finding nothing.
    pub(crate) fn of_batch(each: &[Self]) -> Self {
        match each {
            [one] => *one,
            _ if each.contains(&Self::Interrupted) => Self::Interrupted,
            _ if each.contains(&Self::Error) => Self::SomeFailed,
            _ => [Self::Doubtful, Self::Nothing]
                .into_iter()
                .find(|e| each.contains(e))
                .unwrap_or(Self::Success),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{Doubtful, Error, Nothing, SomeFailed, Success};

    #[test]
    fn batches() {
        let of = super::Exit::of_batch;
        assert_eq!(of(&[Error]), Error);
        assert_eq!(of(&[Error, Success]), SomeFailed);
        assert_eq!(of(&[Nothing, Doubtful, Success]), Doubtful);
        assert_eq!(of(&[Success, Nothing]), Nothing);
        assert_eq!(of(&[Success, Success]), Success);
        assert_eq!(of(&[]), Success, "a share may hold no file");
    }
}
