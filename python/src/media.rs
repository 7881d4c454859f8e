//! Files, decoded by PyAV: what of it the library asks for. There is no sandbox around it.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use proofmark::audio::Format;
use proofmark::fingerprint::{Recorder, Sketcher};
use proofmark::inspect::{
    Audience, Decoding, InspectError, Inspection, Inspector, Listen, Showing, Shown, Watch,
    inspection,
};
use proofmark::media::{Cancel, Limits, MediaError, MediaInfo, Progress, Still, Text};
use proofmark::provenance::{self, ManifestReport, Segmented, Trust};
use proofmark::video::{Canvas as _, Coding, FramePlan, FrameShape, Pace, Planes, SampleFormat};
use proofmark::{ErrorKind, report};
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use super::arrays;
use super::errors::raise;

/// The Python module that reads files.
const READER: &str = "proofmark._av";

/// Opens files through PyAV. An exception that is none of decoding waits here for whoever asked.
pub(crate) struct PyInspector {
    open: Py<PyAny>,
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl fmt::Debug for PyInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PyInspector")
    }
}

impl PyInspector {
    /// One that reads through PyAV.
    pub(crate) fn usual(py: Python<'_>) -> PyResult<Arc<Self>> {
        let open = py.import(READER)?.getattr(intern!(py, "open_file"))?.unbind();
        Ok(Arc::new(Self { open, raised: Arc::default() }))
    }

    /// What came of work that read files, or the exception that ended it.
    pub(crate) fn result<T, E: std::error::Error + 'static>(
        &self,
        result: Result<T, E>,
    ) -> PyResult<T> {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, raised) {
            (Ok(value), _) => Ok(value),
            (Err(e), Some(raised)) if report::kind(&e) == Some(ErrorKind::Cancelled) => Err(raised),
            (Err(e), _) => Err(raise(&e)),
        }
    }
}

impl Inspector for PyInspector {
    fn open(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Inspection>, InspectError> {
        let bytes = std::fs::metadata(path)
            .map_err(|reason| MediaError::Open { path: path.into(), reason })?;
        if !bytes.is_file() {
            return Err(MediaError::NotAFile { path: path.into() }.into());
        }
        if bytes.len() == 0 {
            return Err(MediaError::Empty { path: path.into() }.into());
        }
        let mut decoding = PyDecoding {
            path: path.into(),
            limits: *limits,
            cancel: cancel.clone(),
            file: Err(String::new()),
            raised: self.raised.clone(),
        };
        decoding.file = Python::attach(|py| {
            let opened = self.open.bind(py).call1((path,)).and_then(|file| {
                let info: String = file.getattr(intern!(py, "info"))?.extract()?;
                Ok((file.unbind(), info))
            });
            match opened {
                // What is no media may have a manifest all the same.
                Err(e) if e.is_instance_of::<PyOSError>(py) => Ok(Err(e.value(py).to_string())),
                Err(e) => Err(decoding.failed(py, e)),
                Ok((file, info)) => match serde_json::from_str(&info) {
                    Ok(info) => Ok(Ok((file, info))),
                    Err(e) => Ok(Err(e.to_string())),
                },
            }
        })?;
        Ok(inspection(Box::new(decoding)))
    }
}

struct PyDecoding {
    path: PathBuf,
    limits: Limits,
    cancel: Cancel,
    /// The open file and what it is, or why it is none that can be read.
    file: Result<(Py<PyAny>, MediaInfo), String>,
    raised: Arc<Mutex<Option<PyErr>>>,
}

// Python objects may be let go of on any thread.
impl PyDecoding {
    /// An exception as the library's error: of decoding, or one that waits for whoever asked.
    fn failed(&self, py: Python<'_>, e: PyErr) -> MediaError {
        if e.is_instance_of::<PyOSError>(py)
            || e.is_instance_of::<pyo3::exceptions::PyValueError>(py)
        {
            let reason = e.value(py).to_string();
            return MediaError::Decode { path: self.path.clone(), reason };
        }
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
        MediaError::Cancelled { path: self.path.clone() }
    }

    fn media(&self) -> Result<&(Py<PyAny>, MediaInfo), MediaError> {
        self.file.as_ref().map_err(|reason| MediaError::NotMedia {
            path: self.path.clone(),
            reason: reason.clone(),
        })
    }

    /// What a method of the open file yields.
    fn items(&self, method: &str) -> Result<Py<PyIterator>, MediaError> {
        let (file, _) = self.media()?;
        Python::attach(|py| {
            let items = file.bind(py).call_method0(method).and_then(|items| items.try_iter());
            items.map(Bound::unbind).map_err(|e| self.failed(py, e))
        })
    }

    /// Takes the next item from Python into this side's own; `None` at the end.
    fn next<T>(
        &self,
        items: &Py<PyIterator>,
        take: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<Option<T>, MediaError> {
        if self.cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: self.path.clone() });
        }
        Python::attach(|py| {
            let next = items.bind(py).clone().next().transpose();
            let taken = next.and_then(|item| {
                py.check_signals()?;
                item.map(|item| take(&item)).transpose()
            });
            taken.map_err(|e| self.failed(py, e))
        })
    }

    /// Shows the picture up to a second; how many frames were shown.
    fn look(
        &self,
        (rate, until): (f64, f64),
        watch: &mut dyn Watch,
        mut sketcher: Option<&mut Sketcher>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, MediaError> {
        let total = self.media()?.1.seconds;
        let (mut pace, mut frames, mut seen) = (Pace::new(rate), 0, 0u64);
        let mut planes = Planes::default();
        let items = self.items("frames")?;
        loop {
            let wants = |time: f64| {
                let drawn = sketcher.as_ref().is_some_and(|s| s.wants(time));
                (drawn, frames == 0 || pace.wants(time))
            };
            let next = self.next(&items, |frame| {
                let plane: Plane = frame.extract()?;
                let (drawn, wanted) = wants(plane.time);
                let whole = !(drawn || wanted) || plane.read(&self.limits, &mut planes);
                Ok((plane, drawn, wanted, whole))
            })?;
            let Some((plane, drawn, wanted, whole)) = next else { break };
            seen += 1;
            if plane.time > until || seen > self.limits.frames {
                break;
            }
            if !whole {
                let reason = "a frame is larger than is looked at".into();
                return Err(MediaError::Decode { path: self.path.clone(), reason });
            }
            if let Some(sketcher) = sketcher.as_mut().filter(|_| drawn) {
                planes.look(&mut |luma| sketcher.push(luma, plane.time));
            }
            if wanted {
                let coding = Coding { bits: None, intra: plane.intra };
                watch.frame(&mut planes, plane.time, coding);
                pace.took(plane.time);
                frames += 1;
                progress(Progress { frames, seconds: plane.time, total });
            }
        }
        Ok(frames)
    }

    /// Plays the sound, and records it if it is to be kept what it is like; `None` if there is none
    /// that can be listened to.
    fn play(
        &self,
        listen: &mut dyn Listen,
        keep: bool,
    ) -> Result<Option<Option<Recorder>>, MediaError> {
        let items = self.items("sounds")?;
        let mut begun: Option<Option<Recorder>> = None;
        while let Some((format, samples)) = self.next(&items, sound)? {
            if begun.is_none() {
                if !listen.begin(format) {
                    return Ok(None);
                }
                begun = Some(keep.then(|| Recorder::new(format).ok()).flatten());
            }
            listen.samples(&samples);
            if let Some(Some(recorder)) = &mut begun {
                recorder.push(&samples);
            }
        }
        if begun.is_some() {
            listen.finish();
        }
        Ok(begun)
    }
}

/// A block of sound, as the reader describes it.
fn sound(block: &Bound<'_, PyAny>) -> PyResult<(Format, Vec<f32>)> {
    let (rate, channels, address, bytes): (u32, usize, usize, usize) = block.extract()?;
    if address == 0 {
        return Ok((Format { rate, channels }, Vec::new()));
    }
    #[allow(unsafe_code, reason = "PyAV keeps the block for as long as it is looked at")]
    // SAFETY: so many bytes are there.
    let bytes = unsafe { arrays::plane(address, bytes) };
    let samples = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect();
    Ok((Format { rate, channels }, samples))
}

/// A plane of luma, as the reader describes it.
#[derive(FromPyObject)]
struct Plane {
    time: f64,
    address: usize,
    row_bytes: usize,
    width: usize,
    height: usize,
    depth: u8,
    full_range: bool,
    pixel_aspect: f32,
    intra: bool,
}

impl Plane {
    /// Copies it; `false` if it is larger than it may be, or no plane.
    fn read(&self, limits: &Limits, planes: &mut Planes) -> bool {
        let Self { width, height, pixel_aspect, depth, full_range, .. } = *self;
        let plan = FramePlan {
            shape: FrameShape { width, height, pixel_aspect },
            format: SampleFormat { depth, full_range },
            planes: 1,
        };
        if !plan.is_possible(limits.pixels) || self.row_bytes < plan.row() || self.address == 0 {
            return false;
        }
        let bytes = self.row_bytes * (height - 1) + plan.row();
        #[allow(unsafe_code, reason = "PyAV keeps the frame for as long as it is looked at")]
        // SAFETY: the plane of a decoded frame has so many rows of so many bytes.
        let all = unsafe { arrays::plane(self.address, bytes) };
        let mut rows = Vec::with_capacity(plan.bytes());
        for row in all.chunks(self.row_bytes) {
            // Memory that is there takes all that is written.
            let _ = rows.write_all(&row[..plan.row()]);
        }
        planes.read(plan, &mut rows.as_slice()).is_ok()
    }
}

impl Decoding for PyDecoding {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        Ok(provenance::read(&self.path, trust, &self.limits)?)
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        Ok(provenance::reference(&self.path)?)
    }

    // They are read by the crate that has libav, which this has not.
    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        Ok(None)
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        Ok(provenance::read_fetched(&self.path, (address, store), trust, &self.limits)?)
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        Ok(provenance::read_segments(&self.path, lengths, trust, &self.limits)?)
    }

    fn show(
        &mut self,
        rate: f64,
        what: Showing,
        audience: &mut Audience<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Shown, InspectError> {
        let info = self.media()?.1.clone();
        let Audience { watch, listen } = audience;
        let mut shown = Shown::nothing_of(info.clone());
        shown.picture = info.picture.is_some();
        if shown.picture {
            let mut sketcher = what.sketch.then(Sketcher::default);
            if let Some(until) = what.picture {
                let seen = self.look((rate, until), *watch, sketcher.as_mut(), progress)?;
                if seen == 0 {
                    let reason = "not one whole frame in it".into();
                    return Err(MediaError::Decode { path: self.path.clone(), reason }.into());
                }
            }
            watch.finish();
            shown.sketch = sketcher.map(Sketcher::finish);
        }
        if what.sound && info.has_audio {
            let played = match self.play(*listen, what.sketch) {
                // Sound that cannot be decoded takes nothing from the picture.
                Err(MediaError::Decode { .. }) if shown.picture => None,
                played => played?,
            };
            shown.sound = played.is_some();
            shown.recording = played.flatten().map(Recorder::finish);
        }
        Ok(shown)
    }

    fn frame(&mut self, _: f64) -> Result<Still, InspectError> {
        let reason = "stills are shown by the command and its server".into();
        Err(MediaError::Decode { path: self.path.clone(), reason }.into())
    }

    fn seconds(&self) -> Option<f64> {
        self.file.as_ref().ok().and_then(|(_, info)| info.seconds)
    }
}
