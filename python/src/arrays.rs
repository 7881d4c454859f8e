//! Arrays of other libraries, looked at where they lie: NumPy's by its array interface, PyTorch's
//! and anybody else's by DLPack. Nothing is copied.
#![allow(
    unsafe_code,
    reason = "both protocols hand over addresses; whoever does so says that what lies there is as \
        described, and stays until the view is dropped"
)]

use std::ffi::c_void;
use std::ptr::NonNull;

use half::f16;
use proofmark::video::{FrameShape, Layout, Marker, Sample};
use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use super::errors::usage;

/// What the samples of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    U16,
    F16,
    F32,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// From an array interface's type, in the order of bytes of this machine.
    fn of_type(text: &str) -> PyResult<Self> {
        match text {
            "|u1" => Ok(Self::U8),
            "<u2" => Ok(Self::U16),
            "<f2" => Ok(Self::F16),
            "<f4" => Ok(Self::F32),
            _ => Err(Self::unknown(text)),
        }
    }

    fn of_dlpack(t: DataType) -> PyResult<Self> {
        match (t.code, t.bits, t.lanes) {
            (1, 8, 1) => Ok(Self::U8),
            (1, 16, 1) => Ok(Self::U16),
            (2, 16, 1) => Ok(Self::F16),
            (2, 32, 1) => Ok(Self::F32),
            _ => Err(Self::unknown(&format!("DLPack type {} of {} bits", t.code, t.bits))),
        }
    }

    fn unknown(what: &str) -> PyErr {
        usage(format!(
            "samples of type {what} are not marked; convert to uint8 or uint16 of full range, or \
            to float16 or float32 from 0 to 1"
        ))
    }
}

/// A 16-bit float from 0 to 1.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Half(f16);

impl Sample for Half {
    const FINE: bool = true;
    fn byte(self) -> u8 {
        self.0.to_f32().byte()
    }
    fn step(row: &mut [Self], steps: &[i16]) {
        const PIECE: usize = 64;
        let mut floats = [0.0; PIECE];
        for (row, steps) in row.chunks_mut(PIECE).zip(steps.chunks(PIECE)) {
            let floats = &mut floats[..row.len()];
            floats.iter_mut().zip(&*row).for_each(|(f, h)| *f = h.0.to_f32());
            f32::step(floats, steps);
            row.iter_mut().zip(floats).for_each(|(h, f)| h.0 = f16::from_f32(*f));
        }
    }
}

/// An array where it lies.
pub(crate) struct View {
    address: NonNull<u8>,
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// Steps in samples.
    strides: Vec<isize>,
    pub(crate) writable: bool,
    /// Keeps the memory.
    _owner: Owner,
}

// SAFETY: the memory may be used from any thread, as arrays are; the owner is let go of under the
// interpreter's lock.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

/// Who keeps the memory of a view.
enum Owner {
    Array(#[allow(dead_code, reason = "it is held, not read")] Py<PyAny>),
    Dlpack(NonNull<ManagedTensor>),
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Self::Dlpack(tensor) = self {
            // SAFETY: the tensor was taken over from its capsule, whose consumer calls this once.
            Python::attach(|_| unsafe {
                if let Some(deleter) = tensor.as_ref().deleter {
                    deleter(tensor.as_ptr());
                }
            });
        }
    }
}

/// As `dlpack.h` has them, versions before 1.
#[repr(C)]
#[derive(Clone, Copy)]
struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device: [i32; 2],
    dimensions: i32,
    data_type: DataType,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct ManagedTensor {
    tensor: Tensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut ManagedTensor)>,
}

/// Devices whose memory this processor reads: its own, and what is pinned for others.
const OWN: [i32; 3] = [1, 3, 11];

impl View {
    /// The array that an object is.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Ok(interface) = object.getattr(intern!(py, "__array_interface__")) {
            return Self::of_interface(object, interface.cast::<PyDict>()?);
        }
        if object.hasattr(intern!(py, "__dlpack__"))? {
            return Self::of_dlpack(object);
        }
        Err(usage(format!(
            "{} is no array; give one of NumPy or PyTorch, or one with __dlpack__",
            object.get_type().name()?
        )))
    }

    fn of_interface(object: &Bound<'_, PyAny>, of: &Bound<'_, PyDict>) -> PyResult<Self> {
        let item = |name: &str| {
            of.get_item(name)?.ok_or_else(|| usage(format!("the array does not tell its {name}")))
        };
        let kind = Kind::of_type(&item("typestr")?.extract::<String>()?)?;
        let shape: Vec<usize> = item("shape")?.extract()?;
        let (address, read_only): (usize, bool) = item("data")?.extract()?;
        let bytes: Option<Vec<isize>> = match of.get_item("strides")? {
            Some(strides) if !strides.is_none() => Some(strides.extract()?),
            _ => None,
        };
        let size = kind.size() as isize;
        let strides = match bytes {
            Some(bytes) if bytes.iter().all(|b| b % size == 0) => {
                bytes.iter().map(|b| b / size).collect()
            }
            Some(_) => return Err(usage("the array's samples lie between bytes; copy it first")),
            None => dense(&shape),
        };
        Self::new(address, kind, shape, strides, !read_only, Owner::Array(object.clone().unbind()))
    }

    fn of_dlpack(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let told = object.call_method0(intern!(py, "__dlpack_device__"));
        let (device, number): (i32, i32) = told
            .and_then(|told| told.extract())
            .map_err(|e| usage(format!("the array does not say where it lies ({e})")))?;
        if !OWN.contains(&device) {
            return Err(usage(format!(
                "the array is on another device ({}:{number}), and marks are made by the \
                processor; pass array.cpu(), and copy what comes back",
                if device == 2 { "cuda".into() } else { format!("DLPack device {device}") }
            )));
        }
        let capsule = object.call_method0(intern!(py, "__dlpack__")).map_err(|e| {
            if e.is_instance_of::<PyBufferError>(py) || e.to_string().contains("grad") {
                usage(format!("the array is not handed over ({e}); pass array.detach()"))
            } else {
                e
            }
        })?;
        let capsule = capsule.cast::<PyCapsule>()?;
        let pointer = capsule.pointer_checked(Some(c"dltensor"))?.cast::<ManagedTensor>();
        // SAFETY: a capsule of that name holds such a tensor; whoever takes it over gives the
        // capsule another name, so that it is let go of once.
        let tensor = unsafe {
            pyo3::ffi::PyCapsule_SetName(capsule.as_ptr(), c"used_dltensor".as_ptr());
            &pointer.as_ref().tensor
        };
        let owner = Owner::Dlpack(pointer);
        let dimensions = usize::try_from(tensor.dimensions).unwrap_or(0);
        // SAFETY: shape and strides have as many numbers as there are dimensions; strides may be
        // left out.
        let numbers = |at: *mut i64| unsafe {
            (!at.is_null() && dimensions > 0)
                .then(|| std::slice::from_raw_parts(at, dimensions).to_vec())
        };
        let shape: Vec<usize> = numbers(tensor.shape)
            .unwrap_or_default()
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(0))
            .collect();
        let strides = numbers(tensor.strides)
            .map_or_else(|| dense(&shape), |s| s.iter().map(|&n| n as isize).collect());
        let kind = Kind::of_dlpack(tensor.data_type)?;
        let address = tensor.data as usize + tensor.byte_offset as usize;
        Self::new(address, kind, shape, strides, true, owner)
    }

    fn new(
        address: usize,
        kind: Kind,
        shape: Vec<usize>,
        strides: Vec<isize>,
        writable: bool,
        owner: Owner,
    ) -> PyResult<Self> {
        let far = shape.iter().zip(&strides).any(|(&n, &s)| n > 1 && s <= 0);
        if far || strides.len() != shape.len() {
            return Err(usage(
                "the array is flipped, or repeats its samples; pass numpy.ascontiguousarray(array)",
            ));
        }
        if !address.is_multiple_of(kind.size()) {
            return Err(usage("the array's samples lie between words; copy it first"));
        }
        let address = std::ptr::with_exposed_provenance_mut(address);
        let address = NonNull::new(address).unwrap_or(NonNull::dangling());
        Ok(Self { address, kind, shape, strides, writable, _owner: owner })
    }

    /// Samples from the first to the last, those of others in between included.
    fn extent(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        let steps = self.shape.iter().zip(&self.strides);
        1 + steps.map(|(&n, &s)| (n - 1) * s.unsigned_abs()).sum::<usize>()
    }

    /// The samples, gaps included.
    fn samples<T>(&self) -> &[T] {
        // SAFETY: `T` is of the size of a sample, the address is aligned to it, and whoever gave it
        // has so many of them there.
        unsafe {
            std::slice::from_raw_parts(
                self.address.as_ptr().cast::<T>().cast_const(),
                self.extent(),
            )
        }
    }

    /// The same to write to.
    fn samples_mut<T>(&mut self) -> &mut [T] {
        // SAFETY: as above, and the array may be written to.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr().cast::<T>(), self.extent()) }
    }

    /// Marks each picture; whether all lie within the array.
    pub(crate) fn embed(&mut self, p: &Pictures, marker: &mut Marker) -> bool {
        match self.kind {
            Kind::U8 => p.embed::<u8>(self.samples_mut(), marker),
            Kind::U16 => p.embed::<u16>(self.samples_mut(), marker),
            Kind::F16 => p.embed::<Half>(self.samples_mut(), marker),
            Kind::F32 => p.embed::<f32>(self.samples_mut(), marker),
        }
    }

    /// Takes the luma of each picture, in bytes of full range.
    pub(crate) fn each_luma(&self, p: &Pictures, take: &mut dyn FnMut(&[u8])) -> bool {
        let mut luma = Vec::new();
        p.starts().all(|at| {
            let (shape, layout) = (p.shape, p.layout);
            let fits = match self.kind {
                Kind::U8 => layout.luma(&self.samples::<u8>()[at..], shape, &mut luma),
                Kind::U16 => layout.luma(&self.samples::<u16>()[at..], shape, &mut luma),
                Kind::F16 => layout.luma(&self.samples::<Half>()[at..], shape, &mut luma),
                Kind::F32 => layout.luma(&self.samples::<f32>()[at..], shape, &mut luma),
            };
            if fits {
                take(&luma);
            }
            fits
        })
    }

    /// Sound as interleaved floats: N×C, or C×N where `layout` says "CN", or N.
    pub(crate) fn sound(&self, channels: usize, layout: Option<&str>) -> PyResult<Vec<f32>> {
        let shape = self.shape.as_slice();
        let [n, c] = match (layout, shape) {
            (None | Some("N"), [_]) if channels == 1 => [0, usize::MAX],
            (None | Some("NC"), [_, c]) if *c == channels => [0, 1],
            (Some("CN"), [c, _]) if *c == channels => [1, 0],
            _ => {
                return Err(usage(format!(
                    "samples of shape {shape:?} are not those of {channels} channels; give N×C, or \
                    C×N with layout=\"CN\""
                )));
            }
        };
        if self.kind != Kind::F32 {
            return Err(usage("samples are float32, full scale being 1; convert them first"));
        }
        let (samples, step) = (self.samples::<f32>(), self.strides[n].unsigned_abs());
        let beside = self.strides.get(c).map_or(0, |s| s.unsigned_abs());
        let frames = if self.extent() == 0 { 0 } else { shape[n] };
        Ok((0..frames)
            .flat_map(|i| (0..channels).map(move |c| samples[i * step + c * beside]))
            .collect())
    }
}

/// Steps between samples that lie without gaps.
fn dense(shape: &[usize]) -> Vec<isize> {
    let mut strides: Vec<isize> = shape
        .iter()
        .rev()
        .scan(1isize, |step, &n| {
            let this = *step;
            *step = step.saturating_mul(n as isize);
            Some(this)
        })
        .collect();
    strides.reverse();
    strides
}

/// Pictures in an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pictures {
    pub(crate) shape: FrameShape,
    pub(crate) count: usize,
    step: usize,
    layout: Layout,
}

impl Pictures {
    /// The pictures of an array in a layout: T×H×W×C and what is shorter, or T×C×H×W.
    pub(crate) fn of(view: &View, layout: Option<&str>) -> PyResult<Self> {
        let shape = view.shape.as_slice();
        let last_is_colour = shape.last().is_some_and(|c| [1, 3, 4].contains(c));
        let named = match (layout, shape.len()) {
            (Some(layout), n) if layout.len() == n => layout,
            (None, 2) => "HW",
            (None, 3) if last_is_colour => "HWC",
            (None, 4) if last_is_colour => "THWC",
            _ => {
                return Err(usage(format!(
                    "pictures of shape {shape:?} are not told from each other; say how they lie \
                    with layout=: \"THWC\", \"HWC\", \"TCHW\", \"CHW\", \"THW\" or \"HW\""
                )));
            }
        };
        if !["THWC", "HWC", "TCHW", "CHW", "THW", "HW"].contains(&named) {
            return Err(usage(format!(
                "layout {named:?} is none of \"THWC\", \"HWC\", \"TCHW\", \"CHW\", \"THW\" and \"HW\""
            )));
        }
        let axis = |name: char| named.find(name);
        let size = |name| axis(name).map_or(1, |i| shape[i]);
        let step = |name| axis(name).map_or(0, |i| view.strides[i].unsigned_abs());
        let channels = match size('C') {
            1 => 1,
            3 | 4 => 3,
            n => {
                return Err(usage(format!(
                    "pictures of {n} channels are not marked: 1, 3 and 4 are grey, red, green and \
                    blue, and those with alpha"
                )));
            }
        };
        let layout =
            Layout { row: step('H'), pixel: step('W'), channel: step('C').max(1), channels };
        let shape = FrameShape { width: size('W'), height: size('H'), pixel_aspect: 1.0 };
        Ok(Self { shape, count: size('T'), step: step('T'), layout })
    }

    fn embed<T: Sample>(&self, samples: &mut [T], marker: &mut Marker) -> bool {
        self.starts().all(|at| marker.embed_packed(&mut samples[at..], self.layout))
    }

    fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        let step = self.step;
        (0..self.count).map(move |t| t * step)
    }
}

/// The bytes of a plane at an address that PyAV gave.
///
/// # Safety
/// So many bytes must be there for as long as they are looked at.
pub(crate) unsafe fn plane<'a>(address: usize, bytes: usize) -> &'a [u8] {
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address), bytes) }
}

/// The same to write to.
///
/// # Safety
/// As above, and nobody else may look at them meanwhile.
pub(crate) unsafe fn plane_mut<'a>(address: usize, bytes: usize) -> &'a mut [u8] {
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(address), bytes) }
}
