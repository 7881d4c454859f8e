//! One clip on its way: its number, its markers, and its manifest.

use std::path::PathBuf;
use std::sync::Arc;

use proofmark::provenance::Model;
use proofmark::stamp::{Once, Remember};
use proofmark::{Control, KeyRing, Payload, StampOptions, Stamper, report};
use pyo3::prelude::*;

use super::audio::AudioMarker;
use super::errors::{raise, usage};
use super::identity::Identity;
use super::key::ring_of;
use super::media::PyInspector;
use super::registry::{Registry, payload_of};
use super::told;
use super::video::{Setup, VideoMarker};

/// One clip: it has a number, which its picture and its sound are marked with, and what its
/// manifest says.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct Clip {
    ring: KeyRing,
    payload: Payload,
    job: Option<String>,
    options: StampOptions,
}

#[pymethods]
impl Clip {
    #[new]
    #[pyo3(signature = (
        key, *, payload=None, job=None, title=None, model=None, model_version=None, model_id=None,
        prompt=None, oversight=None, training_mining=None, digital_source_type=None,
        labels=Vec::new(), identity=None, registry=None,
    ))]
    fn new(
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        payload: Option<&str>,
        job: Option<String>,
        title: Option<String>,
        model: Option<String>,
        model_version: Option<String>,
        model_id: Option<String>,
        prompt: Option<String>,
        oversight: Option<&str>,
        training_mining: Option<&str>,
        digital_source_type: Option<String>,
        labels: Vec<String>,
        identity: Option<&Bound<'_, Identity>>,
        registry: Option<&Bound<'_, Registry>>,
    ) -> PyResult<Self> {
        let mut ring = ring_of(key)?;
        let mut options = StampOptions::default();
        options.manifest.title = title;
        options.manifest.software_agent = model.clone().map(|m| (m, model_version.clone()));
        options.manifest.model =
            model.map(|name| Model { name, version: model_version, id: model_id });
        options.manifest.prompt = prompt;
        options.manifest.oversight = oversight.map(str::parse).transpose().map_err(usage)?;
        options.manifest.training_mining =
            training_mining.map(str::parse).transpose().map_err(usage)?;
        if let Some(kind) = digital_source_type {
            options.manifest.digital_source_type = kind;
        }
        options.labels = labels.into_iter().collect();
        options.identity = identity.map(|i| i.get().signer.clone());
        if let Some(registry) = registry {
            options.remember = Remember::Registry(registry.get().registry.clone());
        }
        let payload = match (payload, &job) {
            (Some(_), Some(_)) => return Err(usage("a clip has a payload or a job, not both")),
            (Some(text), None) => payload_of(text)?,
            (None, None) => Payload::random(),
            (None, Some(name)) => {
                let stamper = Stamper::of(ring.clone()).options(options.clone());
                let job = py.detach(|| stamper.job(name)).map_err(|e| raise(&e))?;
                let id = job.key().id().clone();
                ring = ring.clone().stamping_with(&id).unwrap_or(ring);
                job.payload()
            }
        };
        Ok(Self { ring, payload, job, options })
    }

    /// Its number, a version 4 UUID.
    #[getter]
    fn payload(&self) -> String {
        self.payload.to_string()
    }

    /// Name of the key that marks it.
    #[getter]
    fn key_id(&self) -> String {
        self.ring.stamping().id().to_string()
    }

    /// A marker for its picture.
    #[pyo3(signature = (
        width, height, fps=24.0, *, strength="standard", pixel_aspect=1.0, measure=false,
    ))]
    fn video(
        &self,
        width: usize,
        height: usize,
        fps: f64,
        strength: &str,
        pixel_aspect: f32,
        measure: bool,
    ) -> PyResult<VideoMarker> {
        let setup = Setup {
            payload: self.payload,
            key: self.ring.stamping().id().to_string(),
            width,
            height,
            fps,
            strength: strength.into(),
            pixel_aspect,
        };
        VideoMarker::begin(self.ring.stamping(), setup, measure)
    }

    /// A marker for its sound.
    fn audio(&self, sample_rate: u32, channels: usize) -> PyResult<AudioMarker> {
        AudioMarker::begin(self.ring.stamping(), self.payload, sample_rate, channels)
    }

    /// What an earlier run of the clip's job left at `target`; None if it did not finish.
    fn earlier<'py>(
        &self,
        py: Python<'py>,
        target: PathBuf,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(name) = &self.job else { return Ok(None) };
        let (options, inspector) = self.options(py, None, false)?;
        let stamper = Stamper::of(self.ring.clone()).options(options);
        let found = py.detach(|| {
            let cancel = proofmark::media::Cancel::default();
            stamper.job(name)?.earlier(&target, &cancel)
        });
        let found = inspector.result(found)?;
        let told = found.map(|e| report::earlier("sign", &target, &target, &e));
        told.map(|report| told::told(py, "Signed", &report)).transpose()
    }

    /// Signs the clip's finished file into `target`, of the same kind; the media stay as they are,
    /// bit by bit. The mark is looked for first, and one that is not there is not claimed.
    #[pyo3(signature = (source, target, *, identity=None, overwrite=false))]
    fn sign<'py>(
        &self,
        py: Python<'py>,
        source: PathBuf,
        target: PathBuf,
        identity: Option<&Bound<'py, Identity>>,
        overwrite: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (mut options, inspector) = self.options(py, identity, overwrite)?;
        options.payload = Some(self.payload);
        let stamper = Stamper::of(self.ring.clone()).options(options);
        let signed = py.detach(|| match &self.job {
            None => stamper.sign(&source, &target).map(Once::Done),
            Some(name) => stamper.job(name)?.sign(&source, &target, Control::default()),
        });
        let report = match inspector.result(signed)? {
            Once::Done(signed) => report::sign(&source, &target, &signed),
            Once::Before(earlier) => report::earlier("sign", &source, &target, &earlier),
        };
        told::told(py, "Signed", &report)
    }

    fn __repr__(&self) -> String {
        format!("Clip({})", self.payload)
    }
}

impl Clip {
    fn options(
        &self,
        py: Python<'_>,
        identity: Option<&Bound<'_, Identity>>,
        overwrite: bool,
    ) -> PyResult<(StampOptions, Arc<PyInspector>)> {
        let inspector = PyInspector::usual(py)?;
        let mut options = self.options.clone();
        options.inspector = inspector.clone();
        options.overwrite = overwrite;
        if let Some(identity) = identity {
            options.identity = Some(identity.get().signer.clone());
        }
        Ok((options, inspector))
    }
}
