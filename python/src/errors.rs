//! What goes wrong, as exceptions: one class for each kind of what can be done about it, with the
//! library's code.

use std::error::Error;

use proofmark::{ErrorKind, report};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    proofmark,
    ProofmarkError,
    PyException,
    "What went wrong; `code` is a stable word for it, such as 'registry.conflict'."
);
create_exception!(
    proofmark,
    InputError,
    ProofmarkError,
    "The file is at fault: with the same file it happens again."
);
create_exception!(
    proofmark,
    UsageError,
    ProofmarkError,
    "What was asked for cannot be, whatever the file: ask for something else."
);
create_exception!(
    proofmark,
    RetryableError,
    ProofmarkError,
    "The surroundings are at fault, such as a disk or a database: it may pass."
);
create_exception!(proofmark, CancelledError, ProofmarkError, "The work was stopped on request.");
create_exception!(
    proofmark,
    InternalError,
    ProofmarkError,
    "Proofmark is at fault, or how it was installed."
);

/// The code of a misuse that the library cannot know.
const MISUSE: &str = "python.usage";

/// An error of the library's as an exception.
pub(crate) fn raise(e: &(dyn Error + 'static)) -> PyErr {
    let kind = report::kind(e).unwrap_or(ErrorKind::Internal);
    made(kind, report::code(e), e.to_string())
}

/// An exception for an argument that cannot be.
pub(crate) fn usage(what: impl Into<String>) -> PyErr {
    made(ErrorKind::Usage, MISUSE, what.into())
}

/// An exception of a kind, with a code.
pub(crate) fn made(kind: ErrorKind, code: &'static str, text: String) -> PyErr {
    let e = match kind {
        ErrorKind::Input => InputError::new_err(text),
        ErrorKind::Usage => UsageError::new_err(text),
        ErrorKind::Retryable => RetryableError::new_err(text),
        ErrorKind::Cancelled => CancelledError::new_err(text),
        _ => InternalError::new_err(text),
    };
    Python::attach(|py| {
        // An exception takes any attribute.
        let _ = e.value(py).setattr("code", code);
    });
    e
}
