//! What was stamped.

use std::sync::Arc;

use proofmark::registry::{self, Entry, Registration};
use proofmark::{Payload, Registry as Remembers};
use pyo3::prelude::*;

use super::errors::{raise, usage};
use super::told::plain;

/// Where stamped clips are remembered: an SQLite file by its path, or a PostgreSQL database by its
/// `postgres://` URL. It is pickled by its location.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct Registry {
    pub(crate) registry: Arc<dyn Remembers>,
    url: String,
}

#[pymethods]
impl Registry {
    #[new]
    fn new(py: Python<'_>, location: String) -> PyResult<Self> {
        let registry = py.detach(|| registry::open(&location)).map_err(|e| raise(&e))?;
        Ok(Self { registry, url: location })
    }

    /// Where it is, without a password.
    #[getter]
    fn location(&self) -> String {
        self.registry.location().into()
    }

    /// Number of entries.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let count = py.detach(|| self.registry.count()).map_err(|e| raise(&e))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The entry of a payload, in the form of `proofmark registry export`.
    fn entry<'py>(&self, py: Python<'py>, payload: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let payload = payload_of(payload)?;
        let entry = py.detach(|| self.registry.by_payload(payload)).map_err(|e| raise(&e))?;
        entry.map(|e| plain(py, &Registration::from(&e))).transpose()
    }

    /// Puts an entry in, in the form of `proofmark registry export`; with `replace` in the place of
    /// another one under its id.
    #[pyo3(signature = (entry, *, replace=false))]
    fn add(&self, py: Python<'_>, entry: &Bound<'_, PyAny>, replace: bool) -> PyResult<()> {
        let line: String = py.import("json")?.call_method1("dumps", (entry,))?.extract()?;
        let entry = Registration::parse(&line).map_err(usage)?;
        py.detach(|| self.registry.put(&entry, replace)).map(drop).map_err(|e| raise(&e))
    }

    /// Entries with these words in their title or labels, or of a file's SHA-256, the newest first,
    /// at most `most`.
    #[pyo3(signature = (words, most=100))]
    fn find<'py>(
        &self,
        py: Python<'py>,
        words: &str,
        most: usize,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let found = py.detach(|| self.registry.find(words, most)).map_err(|e| raise(&e))?;
        found.iter().map(|e| plain(py, &Registration::from(e))).collect()
    }

    /// Forgets the entry of a payload; whether there was one.
    fn delete(&self, py: Python<'_>, payload: &str) -> PyResult<bool> {
        let id = Entry::id_of(payload_of(payload)?);
        py.detach(|| self.registry.delete(&id)).map_err(|e| raise(&e))
    }

    /// What is wrong with it, in a sentence each; empty if it is whole.
    fn check(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.registry.integrity()).map_err(|e| raise(&e))
    }

    fn __repr__(&self) -> String {
        format!("Registry({:?})", self.registry.location())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().into_any().unbind(), (slf.get().url.clone(),)))
    }
}

/// The payload that a text says.
pub(crate) fn payload_of(text: &str) -> PyResult<Payload> {
    text.parse().map_err(|e: proofmark::payload::PayloadError| usage(e.to_string()))
}
