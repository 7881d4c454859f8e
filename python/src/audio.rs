//! Marks in sound that lies in arrays.

use std::sync::{Mutex, MutexGuard, PoisonError};

use proofmark::audio::{Format, Marker};
use proofmark::{Payload, WatermarkKey};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

use super::arrays::View;
use super::errors::usage;

/// Marks sound, block by block.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct AudioMarker {
    channels: usize,
    marker: Mutex<Option<Marker>>,
}

#[pymethods]
impl AudioMarker {
    /// Takes in samples, N×C float32 with full scale 1, or C×N with layout="CN", and returns those
    /// that are done, N×C: they lag behind by `latency`.
    #[pyo3(signature = (samples, *, layout=None))]
    fn push<'py>(
        &self,
        samples: &Bound<'py, PyAny>,
        layout: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = samples.py();
        let sound = View::of(samples)?.sound(self.channels, layout)?;
        let done = py.detach(|| {
            let mut marker = self.marker();
            marker.as_mut().map(|m| bytes_of(m.push(&sound)))
        });
        self.array(py, &done.ok_or_else(|| usage("the sound has ended; make another marker"))?)
    }

    /// The rest: with it, as many samples have come out as went in.
    fn flush<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let marker = self.marker().take();
        let rest = py.detach(|| marker.map(|m| bytes_of(&m.finish()))).unwrap_or_default();
        self.array(py, &rest)
    }

    /// Samples by which the output lags behind the input at most.
    #[getter]
    fn latency(&self) -> usize {
        self.marker().as_ref().map_or(0, Marker::latency)
    }
}

impl AudioMarker {
    /// One for sound of a rate and so many channels.
    pub(crate) fn begin(
        key: &WatermarkKey,
        payload: Payload,
        rate: u32,
        channels: usize,
    ) -> PyResult<Self> {
        let marker = Marker::new(key, payload, Format { rate, channels })
            .map_err(|e| usage(e.to_string()))?;
        Ok(Self { channels, marker: Mutex::new(Some(marker)) })
    }

    fn marker(&self) -> MutexGuard<'_, Option<Marker>> {
        self.marker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn array<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let numpy = py.import("numpy")?;
        let flat = numpy.call_method1("frombuffer", (PyByteArray::new(py, bytes), "float32"))?;
        flat.call_method1("reshape", ((-1, self.channels),))
    }
}

fn bytes_of(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_ne_bytes()).collect()
}
