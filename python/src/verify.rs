//! Where a file comes from.

use std::path::PathBuf;

use proofmark::evidence::Question;
use proofmark::provenance::{OwnSigners, Trust};
use proofmark::{ErrorKind, Language, Verifier, VerifyOptions, report};
use pyo3::prelude::*;

use super::errors::{made, raise};
use super::identity::Identity;
use super::key::ring_of;
use super::media::PyInspector;
use super::registry::{Registry, payload_of};
use super::told::told;

/// Where a file comes from: its manifest, the marks of `keys` in it, and what `registry` remembers,
/// weighed against each other.
///
/// `trust` are PEM files of authorities that signers are held to, and `own` those who sign for you.
/// `language` is that of the sentences, "en" or "ja"; the codes are the same in all.
///
/// The file is decoded in this process. For what strangers upload, run the command or its server,
/// which decode in a sandbox.
#[pyfunction]
#[pyo3(signature = (
    path, keys=None, *, registry=None, trust=Vec::new(), own=Vec::new(), payload=None,
    language="en",
))]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    path: PathBuf,
    keys: Option<&Bound<'_, PyAny>>,
    registry: Option<&Bound<'_, Registry>>,
    trust: Vec<PathBuf>,
    own: Vec<Bound<'_, Identity>>,
    payload: Option<&str>,
    language: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let inspector = PyInspector::usual(py)?;
    let mut options = VerifyOptions::default();
    options.inspector = inspector.clone();
    options.trust = trust_of(&trust)?;
    let mut ours = OwnSigners::default();
    own.iter().try_for_each(|identity| identity.get().own(&mut ours))?;
    options.own = ours;
    options.registry = registry.map(|r| r.get().registry.clone());
    if let Some(payload) = payload {
        options.detect.question = Question::Expected(payload_of(payload)?);
    }
    let verifier = Verifier::new().ring(keys.map(ring_of).transpose()?).options(options);
    let verified = inspector.result(py.detach(|| verifier.verify(&path)))?;
    let language = if language.starts_with("ja") { Language::Japanese } else { Language::English };
    told(py, "Report", &report::verify(&path, &verified, language).map_err(|e| raise(&e))?)
}

/// The trust lists in PEM files.
fn trust_of(lists: &[PathBuf]) -> PyResult<Trust> {
    let mut trust = Trust::default();
    for path in lists {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let text = format!("{}: cannot be read: {e}", path.display());
            made(ErrorKind::of_reading(&e), "trust.unread", text)
        })?;
        trust.add(&text).map_err(|e| raise(&e))?;
    }
    Ok(trust)
}
