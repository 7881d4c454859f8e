//! Who signs.

use std::path::PathBuf;

use proofmark::ErrorKind;
use proofmark::provenance::{Identity as Signer, OwnSigners, test_identity};
use pyo3::prelude::*;

use super::errors::{made, raise, usage};

/// A certificate chain and its private key, which sign manifests. It is not pickled.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct Identity {
    pub(crate) signer: Signer,
    chain: String,
}

#[pymethods]
impl Identity {
    /// From PEM files: the chain, the signing certificate first, and its private key in PKCS#8.
    #[staticmethod]
    #[pyo3(signature = (certificate, key, *, time_stamp_url=None))]
    fn load(certificate: PathBuf, key: PathBuf, time_stamp_url: Option<String>) -> PyResult<Self> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|e| {
                let text = format!("{}: cannot be read: {e}", path.display());
                made(ErrorKind::of_reading(&e), "identity.unread", text)
            })
        };
        Self::from_pem(read(&certificate)?, read(&key)?, time_stamp_url)
    }

    /// From PEM texts.
    #[staticmethod]
    #[pyo3(signature = (certificate, key, *, time_stamp_url=None))]
    fn from_pem(
        certificate: String,
        key: String,
        time_stamp_url: Option<String>,
    ) -> PyResult<Self> {
        let signer =
            Signer::from_pem(certificate.clone(), key, time_stamp_url).map_err(|e| raise(&e))?;
        Ok(Self { signer, chain: certificate })
    }

    /// One that was made for this process, and that nobody trusts: for trying things out.
    #[staticmethod]
    fn test() -> PyResult<Self> {
        let made = test_identity().map_err(|e| raise(&e))?;
        Self::from_pem(made.chain, made.key.to_string(), None)
    }

    /// Writes one into two new files, the key for its owner alone: as `test`, for trying out what
    /// takes files.
    #[staticmethod]
    fn make_test(certificate: PathBuf, key: PathBuf) -> PyResult<Self> {
        let new = test_identity().map_err(|e| raise(&e))?;
        for (path, text) in [(&key, new.key.as_bytes()), (&certificate, new.chain.as_bytes())] {
            proofmark::draft::write_private(path, text, false).map_err(|e| {
                let text = format!("{}: cannot be written: {e}", path.display());
                made(ErrorKind::of_reading(&e), "identity.unwritten", text)
            })?;
        }
        Self::from_pem(new.chain, new.key.to_string(), None)
    }

    /// Its certificates, in PEM.
    #[getter]
    fn certificate(&self) -> String {
        self.chain.clone()
    }

    fn __repr__(&self) -> &'static str {
        "Identity(...)"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(usage("an identity is not pickled; load it where it is used, with Identity.load"))
    }
}

impl Identity {
    /// Adds it to those who sign for this deployment.
    pub(crate) fn own(&self, own: &mut OwnSigners) -> PyResult<()> {
        own.add(&self.chain).map_err(|e| raise(&e))
    }
}
