//! Detection in a file.

use std::path::Path;

use super::{Audience, Detected, Detectors, Projector, Showing};
use crate::control::Control;
use crate::key::KeyRing;
use crate::media::{Limits, MediaError};
use crate::video::DetectOptions;

/// Looks for marks in the picture and in the sound of files.
///
/// ```no_run
/// use std::path::Path;
///
/// use proofmark::{Detector, KeyRing, WatermarkKey};
///
/// let ring = KeyRing::from(WatermarkKey::generate(0)?);
/// let detected = Detector::new(ring).detect(Path::new("upload.mp4"))?;
/// println!("{:?}", detected.payloads());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    ring: KeyRing,
    options: DetectOptions,
    limits: Limits,
}

impl Detector {
    /// One that looks for marks of any key of `ring`.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, options: DetectOptions::default(), limits: Limits::default() }
    }

    /// Asks and searches so.
    #[must_use]
    pub fn options(self, options: DetectOptions) -> Self {
        Self { options, ..self }
    }

    /// Lets a file ask so much of the machine.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What the file at `path` carries.
    ///
    /// # Errors
    /// [`MediaError`] if the file cannot be read or decoded, or passes a limit.
    pub fn detect(&self, path: &Path) -> Result<Detected, MediaError> {
        self.detect_with(path, Control::default())
    }

    /// [`detect`](Self::detect), stopped and watched from outside.
    ///
    /// # Errors
    /// As there, and if the work was cancelled.
    pub fn detect_with(
        &self,
        path: &Path,
        mut control: Control<'_>,
    ) -> Result<Detected, MediaError> {
        let mut detectors = Detectors::new(&self.ring, &self.options);
        let (mut watch, mut listen) = detectors.parts();
        let mut audience = Audience { watch: &mut watch, listen: &mut listen };
        let projector = Projector {
            path,
            rate: self.options.rate,
            limits: &self.limits,
            cancel: &control.cancel,
        };
        let shown = projector.show(Showing::ALL, &mut audience, &mut control.progress)?;
        Ok(shown.with(detectors.evidence()))
    }
}
