//! Proofmark for Python. Each class is thin: it turns arguments into those of the library, lets go
//! of the interpreter's lock, and turns what comes back, and what goes wrong, into Python's words.

#![allow(clippy::too_many_arguments, reason = "they are keywords in Python")]

mod arrays;
mod audio;
mod clip;
mod detect;
mod errors;
mod identity;
mod key;
mod media;
mod registry;
mod told;
mod verify;
mod video;

use pyo3::prelude::*;

/// What is written in Rust; the package around it is `proofmark`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::audio::AudioMarker;
    #[pymodule_export]
    use super::clip::Clip;
    #[pymodule_export]
    use super::detect::{FrameDetector, detect, fingerprint};
    #[pymodule_export]
    use super::errors::{
        CancelledError, InputError, InternalError, ProofmarkError, RetryableError, UsageError,
    };
    #[pymodule_export]
    use super::identity::Identity;
    #[pymodule_export]
    use super::key::{Key, KeyRing};
    #[pymodule_export]
    use super::registry::Registry;
    #[pymodule_export]
    use super::verify::verify;
    #[pymodule_export]
    use super::video::VideoMarker;

    use super::*;

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
