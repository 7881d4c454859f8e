//! Keys, which never leave the memory of their process.

use std::path::PathBuf;

use proofmark::{ErrorKind, KeyRing as Ring, WatermarkKey, since_1970};
use pyo3::prelude::*;
use zeroize::Zeroizing;

use super::errors::{made, raise, usage};

/// A watermark key: the secret that makes marks, and finds them.
///
/// It is not pickled: load it where it is used, from a file or from the environment.
#[pyclass(frozen, module = "proofmark", from_py_object)]
#[derive(Clone)]
pub(crate) struct Key(pub(crate) WatermarkKey);

#[pymethods]
impl Key {
    /// A new key from the system's randomness.
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        WatermarkKey::generate(since_1970().as_secs()).map(Self).map_err(|e| raise(&e))
    }

    /// The key in a file, as `proofmark keys export` and `save` write it.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let text = std::fs::read_to_string(&path).map(Zeroizing::new).map_err(|e| {
            let text = format!("{}: cannot be read: {e}", path.display());
            made(ErrorKind::of_reading(&e), "key.unread", text)
        })?;
        WatermarkKey::from_text(&text)
            .map(Self)
            .map_err(|e| made(ErrorKind::Input, "key.damaged", format!("{}: {e}", path.display())))
    }

    /// The key in a text, as it stands in a file.
    #[staticmethod]
    fn from_text(text: &str) -> PyResult<Self> {
        WatermarkKey::from_text(text)
            .map(Self)
            .map_err(|e| made(ErrorKind::Input, "key.damaged", e.to_string()))
    }

    /// The key in the variable PROOFMARK_KEY, or in the file that PROOFMARK_KEY_FILE names. A
    /// variable stays in the environment of this process, where its child processes see it; a file
    /// is better kept to itself.
    #[staticmethod]
    fn from_env() -> PyResult<Self> {
        if let Ok(text) = std::env::var("PROOFMARK_KEY") {
            return Self::from_text(&Zeroizing::new(text));
        }
        match std::env::var_os("PROOFMARK_KEY_FILE") {
            Some(path) => Self::load(path.into()),
            None => Err(usage(
                "neither PROOFMARK_KEY nor PROOFMARK_KEY_FILE is set; set one, or load a key with \
                Key.load(path)",
            )),
        }
    }

    /// Writes the key to a new file, for its owner alone.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        proofmark::draft::write_private(&path, self.0.to_text().as_bytes(), false).map_err(|e| {
            let text = format!("{}: cannot be written: {e}", path.display());
            made(ErrorKind::of_reading(&e), "key.unwritten", text)
        })
    }

    /// The key's public name, which tells nothing about it.
    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("Key({})", self.0.id())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(usage(
            "a key is not pickled, so that it stays out of logs and object stores; load it where \
            it is used, with Key.from_env() or Key.load(path)",
        ))
    }
}

/// The keys whose marks are found; the newest makes them.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct KeyRing(pub(crate) Ring);

#[pymethods]
impl KeyRing {
    #[new]
    fn new(keys: Vec<Key>) -> PyResult<Self> {
        let keys = keys.into_iter().map(|k| k.0).collect();
        Ring::new(keys).map(Self).map_err(|_| usage("a ring needs a key; Key.generate() makes one"))
    }

    /// The keys' public names, the one that stamps first.
    #[getter]
    fn ids(&self) -> Vec<String> {
        self.0.keys().iter().map(|k| k.id().to_string()).collect()
    }

    fn __repr__(&self) -> String {
        format!("KeyRing({})", self.ids().join(", "))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(usage("a ring is not pickled; load its keys where they are used"))
    }
}

/// What stands for keys in arguments: one of them, or a ring.
pub(crate) fn ring_of(keys: &Bound<'_, PyAny>) -> PyResult<Ring> {
    if let Ok(key) = keys.cast::<Key>() {
        return Ok(key.get().0.clone().into());
    }
    if let Ok(ring) = keys.cast::<KeyRing>() {
        return Ok(ring.get().0.clone());
    }
    Err(usage("give a Key or a KeyRing"))
}
