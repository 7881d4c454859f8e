//! What is told of files, as the classes of `proofmark._report`.

use proofmark::ErrorKind;
use pyo3::prelude::*;
use serde::Serialize;

use super::errors::made;

/// A value as Python's own: dictionaries, lists, numbers, texts.
pub(crate) fn plain<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value)
        .map_err(|e| made(ErrorKind::Internal, "report.unwritten", e.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}

/// A value as one of the classes of reports.
pub(crate) fn told<'py>(
    py: Python<'py>,
    class: &str,
    value: &impl Serialize,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("proofmark._report")?.getattr(class)?.call1((plain(py, value)?,))
}
