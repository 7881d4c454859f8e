//! Marks in pictures that lie in arrays.

use std::sync::{Mutex, MutexGuard, PoisonError};

use proofmark::mark::{Generation, Mark};
use proofmark::video::{
    Capacity, FrameMarker as _, FrameShape, Luma, Marker, MarkerState, Meter, SampleFormat,
    Samples, SamplesMut, Strength,
};
use proofmark::{ErrorKind, Payload, WatermarkKey};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use serde::{Deserialize, Serialize};

use super::arrays::{self, Pictures, View};
use super::errors::{made, usage};
use super::key::ring_of;
use super::told;

/// What a marker of pictures is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) payload: Payload,
    /// The name of the key.
    pub(crate) key: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) fps: f64,
    pub(crate) strength: String,
    pub(crate) pixel_aspect: f32,
}

/// How far a marker has come, as it is kept: with what it was made with, and how many frames it
/// marked.
#[derive(Serialize, Deserialize)]
struct State {
    schema: String,
    setup: Setup,
    frames: u64,
    marker: MarkerState,
}

const SCHEMA: &str = "proofmark.video-marker/1";

/// Marks pictures, one after the other.
#[pyclass(frozen, module = "proofmark")]
pub(crate) struct VideoMarker {
    setup: Setup,
    work: Mutex<Work>,
}

struct Work {
    marker: Marker,
    frames: u64,
    meter: Option<Meter>,
    capacity: Option<Capacity>,
}

impl VideoMarker {
    pub(crate) fn begin(key: &WatermarkKey, setup: Setup, measure: bool) -> PyResult<Self> {
        Self::at(key, setup, None, measure)
    }

    /// One that begins, or goes on after so many frames of another.
    fn at(
        key: &WatermarkKey,
        setup: Setup,
        before: Option<(MarkerState, u64)>,
        measure: bool,
    ) -> PyResult<Self> {
        let unfit = |e: proofmark::video::VideoError| usage(e.to_string());
        if !(setup.fps.is_finite() && setup.fps > 0.0) {
            return Err(usage(format!("{} frames a second cannot be", setup.fps)));
        }
        let shape = FrameShape {
            width: setup.width,
            height: setup.height,
            pixel_aspect: setup.pixel_aspect,
        };
        let strength: Strength = setup.strength.parse().map_err(unfit)?;
        let mark = Mark { payload: setup.payload, generation: Generation::FIRST };
        let marker = Marker::new(key, mark, shape, strength).map_err(unfit)?;
        let (marker, frames) = match before {
            Some((state, frames)) => (marker.resume(&state).map_err(unfit)?, frames),
            None => (marker, 0),
        };
        let meter = measure.then(|| Meter::new(key, mark, None, shape));
        let work = Mutex::new(Work { marker, frames, meter, capacity: None });
        Ok(Self { setup, work })
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the pictures of one array.
    fn mark_array<'py>(
        &self,
        frames: &Bound<'py, PyAny>,
        layout: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = frames.py();
        let mut view = View::of(frames)?;
        let mut marked = frames.clone();
        if !view.writable {
            marked = frames.call_method0("copy")?;
            view = View::of(&marked)?;
        }
        let pictures = Pictures::of(&view, layout)?;
        let Setup { width, height, fps, .. } = self.setup;
        let FrameShape { width: w, height: h, .. } = pictures.shape;
        if (w, h) != (width, height) {
            return Err(usage(format!(
                "pictures of {w}x{h} do not fit a marker of {width}x{height}; make one for their \
                size, or say with layout= how they lie"
            )));
        }
        let whole = py.detach(|| {
            let mut work = self.work();
            let whole = view.embed(&pictures, &mut work.marker);
            let first = work.frames;
            work.frames += pictures.count as u64;
            let mut index = first;
            if let Some(meter) = &mut work.meter {
                view.each_luma(&pictures, &mut |luma| {
                    let time = index as f64 / fps;
                    index += 1;
                    if meter.wants(time) {
                        let format = SampleFormat { depth: 8, full_range: true };
                        let samples = Samples::U8(luma);
                        meter.push(&Luma { samples, width, height, stride: width, format }, time);
                    }
                });
            }
            whole
        });
        if whole { Ok(marked) } else { Err(usage("the array ends before its last picture does")) }
    }
}

#[pymethods]
impl VideoMarker {
    /// Marks pictures in place where they may be written to, in `out` if that is given, else in a
    /// copy, and returns what is marked: T×H×W×C, H×W×C, H×W, or with layout="TCHW" T×C×H×W and
    /// the like; a list of them one after the other. Bytes and words are of full range, floats go
    /// from 0 to 1.
    #[pyo3(signature = (frames, out=None, *, layout=None))]
    fn mark<'py>(
        &self,
        frames: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        layout: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = frames.py();
        if let Some(out) = out {
            out.set_item(py.Ellipsis(), frames)?;
            return self.mark_array(out, layout);
        }
        if frames.is_instance_of::<PyList>() || frames.is_instance_of::<PyTuple>() {
            let marked = PyList::empty(py);
            for one in frames.try_iter()? {
                marked.append(self.mark_array(&one?, layout)?)?;
            }
            return Ok(marked.into_any());
        }
        self.mark_array(frames, layout)
    }

    /// Marks a luma plane at an address: rows of so many bytes, samples of eight bits, or of more
    /// in words.
    fn _mark_plane(
        &self,
        py: Python<'_>,
        address: usize,
        row_bytes: usize,
        depth: u8,
        full_range: bool,
    ) -> PyResult<()> {
        let Setup { width, height, .. } = self.setup;
        let size = if depth > 8 { 2 } else { 1 };
        let unfit = row_bytes < width * size || !row_bytes.is_multiple_of(size);
        if address == 0 || !address.is_multiple_of(size) || unfit || !(8..=16).contains(&depth) {
            return Err(usage("that is no plane of luma of the marker's size"));
        }
        let format = SampleFormat { depth, full_range };
        let stride = row_bytes / size;
        py.detach(|| {
            let mut work = self.work();
            let samples = stride * (height - 1) + width;
            #[allow(unsafe_code, reason = "PyAV keeps the frame, and nobody else has it")]
            // SAFETY: the plane of a decoded frame has so many rows of so many bytes.
            let bytes = unsafe { arrays::plane_mut(address, samples * size) };
            if depth > 8 {
                // SAFETY: any bytes are words, and the address is that of a word.
                #[allow(unsafe_code, reason = "as above")]
                let (_, words, _) = unsafe { bytes.align_to_mut::<u16>() };
                let samples = Samples::U16(words);
                work.marker.analyse(&Luma { samples, width, height, stride, format });
                work.marker.apply(&mut SamplesMut::U16(words), stride, format);
            } else {
                let samples = Samples::U8(bytes);
                work.marker.analyse(&Luma { samples, width, height, stride, format });
                work.marker.apply(&mut SamplesMut::U8(bytes), stride, format);
            }
            work.frames += 1;
        });
        Ok(())
    }

    /// What the marked pictures carry, and what that should survive. The marker must have been made
    /// with measure=True.
    fn capacity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut work = self.work();
        if let Some(meter) = work.meter.take() {
            work.capacity = Some(py.detach(|| meter.finish()));
        }
        match &work.capacity {
            Some(capacity) => told::told(py, "Capacity", capacity),
            None => Err(usage("nothing was measured; make the marker with measure=True")),
        }
    }

    /// How far it has come, for a marker of the frames that follow: it tells nothing of the key.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let work = self.work();
        let state = State {
            schema: SCHEMA.into(),
            setup: self.setup.clone(),
            frames: work.frames,
            marker: work.marker.state(),
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&state, &mut bytes)
            .map_err(|e| made(ErrorKind::Internal, "state.unwritten", e.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Goes on from the state of another marker, whose frames came before, with the same key.
    #[staticmethod]
    #[pyo3(signature = (state, key, *, measure=false))]
    fn resume(state: &[u8], key: &Bound<'_, PyAny>, measure: bool) -> PyResult<Self> {
        let damaged = |_| usage("that is no state of a marker, or it was damaged");
        let State { schema, setup, frames, marker: state } =
            ciborium::from_reader(state).map_err(|e| damaged(format!("{e}")))?;
        if schema != SCHEMA {
            return Err(damaged(schema));
        }
        let ring = ring_of(key)?;
        let Some(key) = ring.keys().iter().find(|k| k.id().to_string() == setup.key) else {
            return Err(usage(format!(
                "the clip is marked with key {}, which is not among these",
                setup.key
            )));
        };
        Self::at(key, setup, Some((state, frames)), measure)
    }

    /// Frames that were marked, those before a state it was resumed from included.
    #[getter]
    fn frames(&self) -> u64 {
        self.work().frames
    }

    fn __repr__(&self) -> String {
        let Setup { width, height, fps, strength, .. } = &self.setup;
        format!("VideoMarker({width}x{height}, {fps} fps, {strength})")
    }
}
