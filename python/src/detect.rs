//! Looking for marks, in frames and in files; and what files are like.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proofmark::evidence::Question;
use proofmark::inspect::{Inspector as _, Showing};
use proofmark::media::{Cancel, Limits};
use proofmark::video::{DetectOptions, Detector, FrameShape, Luma, SampleFormat, Samples};
use proofmark::{KeyRing, report};
use pyo3::prelude::*;
use serde_json::json;

use super::arrays::{Pictures, View};
use super::errors::{raise, usage};
use super::key::ring_of;
use super::media::PyInspector;
use super::registry::payload_of;
use super::told::{plain, told};

/// Looks for a mark in frames, one after the other.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct FrameDetector {
    ring: KeyRing,
    options: DetectOptions,
    fps: f64,
    /// The detector, from the first frame on, and how many frames came.
    work: Mutex<(Option<Detector>, u64)>,
}

#[pymethods]
impl FrameDetector {
    #[new]
    #[pyo3(signature = (keys, *, fps=24.0, payload=None, search=true))]
    fn new(
        keys: &Bound<'_, PyAny>,
        fps: f64,
        payload: Option<&str>,
        search: bool,
    ) -> PyResult<Self> {
        if !(fps.is_finite() && fps > 0.0) {
            return Err(usage(format!("{fps} frames a second cannot be")));
        }
        let options = DetectOptions { search, ..options(payload)? };
        Ok(Self { ring: ring_of(keys)?, options, fps, work: Mutex::default() })
    }

    /// Takes in pictures, as a marker does; whether what they carry is certain by now.
    #[pyo3(signature = (frames, *, layout=None))]
    fn push(&self, frames: &Bound<'_, PyAny>, layout: Option<&str>) -> PyResult<bool> {
        let view = View::of(frames)?;
        let pictures = Pictures::of(&view, layout)?;
        frames.py().detach(|| {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let (detector, count) = &mut *work;
            let shape = pictures.shape;
            let detector = detector
                .get_or_insert_with(|| Detector::new(&self.ring, shape, self.options.clone()));
            let FrameShape { width, height, .. } = shape;
            let whole = view.each_luma(&pictures, &mut |luma| {
                let time = *count as f64 / self.fps;
                *count += 1;
                if detector.frames() == 0 || detector.wants(time) {
                    let format = SampleFormat { depth: 8, full_range: true };
                    let samples = Samples::U8(luma);
                    detector.push(&Luma { samples, width, height, stride: width, format }, time);
                }
            });
            if whole {
                Ok(detector.is_certain())
            } else {
                Err(usage("the array ends before its last picture does"))
            }
        })
    }

    /// What was found.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = py.detach(|| {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            work.0.as_mut().map(Detector::finish)
        });
        match found {
            Some(found) => told(py, "Evidence", &found),
            None => Err(usage("no frame was given")),
        }
    }
}

/// The question of whoever expects a payload, or none.
fn options(payload: Option<&str>) -> PyResult<DetectOptions> {
    let question = match payload {
        Some(text) => Question::Expected(payload_of(text)?),
        None => Question::Blind,
    };
    Ok(DetectOptions { question, ..DetectOptions::default() })
}

/// What marks of `keys` the picture and the sound of a file carry.
#[pyfunction]
#[pyo3(signature = (path, keys, *, payload=None))]
pub(crate) fn detect<'py>(
    py: Python<'py>,
    path: PathBuf,
    keys: &Bound<'py, PyAny>,
    payload: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let (ring, options) = (ring_of(keys)?, options(payload)?);
    let inspector = PyInspector::usual(py)?;
    let found = py.detach(|| {
        let mut look = inspector.open(&path, &Limits::default(), &Cancel::default())?;
        let found = look.marks(&ring, &options, Showing::ALL, &mut |_| {})?;
        Ok((found, look.isolation()))
    });
    let (found, isolation): (_, _) =
        inspector.result::<_, proofmark::inspect::InspectError>(found)?;
    told(py, "Detection", &report::detect(&path, &found, isolation).map_err(|e| raise(&e))?)
}

/// What a file looks and sounds like, in the form in which registries keep it.
#[pyfunction]
pub(crate) fn fingerprint<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
    let inspector = PyInspector::usual(py)?;
    let found = py.detach(|| {
        let mut look = inspector.open(&path, &Limits::default(), &Cancel::default())?;
        let ring = proofmark::WatermarkKey::from_secret([0; 32], 0).into();
        let how = DetectOptions { search: false, ..DetectOptions::default() };
        look.marks(&ring, &how, Showing::SKETCHED, &mut |_| {})
    });
    let found = inspector.result(found)?;
    let picture = found.sketch.map(|s| s.fingerprint()).filter(|f| !f.is_empty());
    let sound = found.recording.map(|r| r.fingerprint()).filter(|f| !f.is_empty());
    let told = json!({
        "video": picture.map(|p| json!({
            "hashes": STANDARD.encode(p.hashes()),
            "pictures": STANDARD.encode(p.pictures()),
        })),
        "audio": sound.map(|s| STANDARD.encode(s.to_bytes())),
    });
    plain(py, &told)
}
