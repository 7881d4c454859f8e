//! Stamping: media → mark → manifest → registry.

mod announce;
mod error;
#[cfg(feature = "media")]
mod file;
mod job;
#[cfg(feature = "media")]
mod label;
mod likeness;
#[cfg(feature = "media")]
mod marking;
mod options;
mod package;
mod sign;
#[cfg(feature = "media")]
mod stamped;
#[cfg(feature = "media")]
mod stream;
mod targets;

use std::path::Path;

use crate::control::Control;
use crate::key::{KeyRing, WatermarkKey};
#[cfg(feature = "media")]
use crate::media::{Inlet, Outlet};
use crate::package::Package;
use crate::payload::Payload;
use crate::provenance::Identity;

pub use error::StampError;
pub use job::{Earlier, Job, Once};
#[cfg(feature = "media")]
pub(crate) use marking::ClipMarker;
pub use options::{Remember, StampOptions};
#[cfg(feature = "media")]
pub use package::{PackageOptions, Packaged, PackagedRendition, Rung};
pub use sign::SignedClip;
#[cfg(feature = "media")]
pub use stamped::Stamped;
#[cfg(feature = "media")]
pub use stream::StreamOptions;
pub use targets::targets;

use targets::Attempt;

/// Stamps clips with marks of one key and, if there is an identity, manifests.
///
/// ```no_run
/// use std::path::Path;
///
/// use proofmark::provenance::{Identity, test_identity};
/// use proofmark::{Stamper, WatermarkKey};
///
/// let test = test_identity()?;
/// let identity = Identity::from_pem(test.chain, test.key.to_string(), None)?;
/// let stamper = Stamper::new(WatermarkKey::generate(0)?).identity(identity);
/// let stamped = stamper.stamp(Path::new("clip.mp4"), Path::new("stamped.mp4"))?;
/// println!("{}", stamped.payload);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stamper {
    /// The newest of them marks; a finished clip may carry a mark of any.
    ring: KeyRing,
    options: StampOptions,
}

impl Stamper {
    /// One that marks with `key`, and neither signs nor remembers.
    #[must_use]
    pub fn new(key: WatermarkKey) -> Self {
        Self { ring: key.into(), options: StampOptions::default() }
    }

    /// One that marks with the newest key of `ring`, and knows the marks of all of them.
    #[must_use]
    pub fn of(ring: KeyRing) -> Self {
        Self { ring, options: StampOptions::default() }
    }

    /// Stamps as these options say, in place of all that was said before.
    #[must_use]
    pub fn options(self, options: StampOptions) -> Self {
        Self { options, ..self }
    }

    /// Signs a manifest as `identity`.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.options.identity = Some(identity);
        self
    }

    /// Calls the clip so, in its manifest and in the registry.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.options.manifest.title = Some(title.into());
        self
    }

    /// Remembers the clip.
    #[must_use]
    pub fn remember(mut self, remember: Remember) -> Self {
        self.options.remember = remember;
        self
    }

    /// Marks with this payload, for one clip; without, each clip gets a random one.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.options.payload = Some(payload);
        self
    }

    /// The job of this name, whose clip is made once, however often and wherever it is asked for:
    /// an engine that runs tasks once or more gives each a name of its own, and runs it again after
    /// any death.
    ///
    /// # Errors
    /// [`StampError::Job`] if the name is empty or longer than 1024 bytes, and
    /// [`StampError::Registry`] if what an earlier run left cannot be looked up.
    pub fn job(&self, name: &str) -> Result<Job, StampError> {
        Job::new(self, name)
    }

    /// Signs a finished clip without touching its media: `output` is `input` with a manifest in it,
    /// or beside it; of a clip in segments, whose index `input` is, the folder of all its files.
    /// Marks are looked for, and what is not there is not claimed. With a payload that was chosen
    /// before, as by whoever marked the frames, the clip must carry that or none.
    ///
    /// A registry that knows the payload from when it was marked knows this clip in its place, if
    /// both look or sound alike.
    ///
    /// # Errors
    /// [`StampError`]: as of [`stamp`](Self::stamp), and if the clip carries another payload or
    /// several, or is to be of another kind of file.
    pub fn sign(&self, input: &Path, output: &Path) -> Result<SignedClip, StampError> {
        self.sign_with(input, output, Control::default())
    }

    /// [`sign`](Self::sign), stopped and watched from outside.
    ///
    /// # Errors
    /// As there.
    pub fn sign_with(
        &self,
        input: &Path,
        output: &Path,
        control: Control<'_>,
    ) -> Result<SignedClip, StampError> {
        match Package::of(input)? {
            Some(package) => package::sign(self, &package, output, control),
            None => sign::sign(self, input, output, Attempt::Only, control),
        }
    }
}

/// Stamping, which takes what decodes and encodes.
#[cfg(feature = "media")]
impl Stamper {
    /// Stamps `input` into `output`, which appears whole or not at all.
    ///
    /// # Errors
    /// [`StampError`] says what, which file, and what to do next.
    pub fn stamp(&self, input: &Path, output: &Path) -> Result<Stamped, StampError> {
        self.stamp_with(input, output, Control::default())
    }

    /// [`stamp`](Self::stamp), stopped and watched from outside.
    ///
    /// # Errors
    /// As there.
    pub fn stamp_with(
        &self,
        input: &Path,
        output: &Path,
        control: Control<'_>,
    ) -> Result<Stamped, StampError> {
        file::stamp(self, input, output, Attempt::Only, control)
    }

    /// Stamps `input` and packages it: `folder` appears whole or not at all, with a folder for each
    /// rendition and the indexes of all of them, `index.m3u8` or `index.mpd`. Each rendition is
    /// made from frames that were marked at the size of the input; the manifest is in the init
    /// segments.
    ///
    /// # Errors
    /// As for [`stamp`](Self::stamp), and if the folder holds something already.
    pub fn package(
        &self,
        input: &Path,
        folder: &Path,
        options: &PackageOptions,
        control: Control<'_>,
    ) -> Result<Packaged, StampError> {
        package::make(self, input, folder, options, control)
    }

    /// Stamps what comes through `from` and passes it on to `to`, frame by frame. A mark that it
    /// may carry already is not looked for: what was stamped before is stamped as a file.
    ///
    /// # Errors
    /// [`StampError`]; then `to` lacks its end, no manifest was written, and no registry remembers
    /// it. A stream cannot be read back, has nothing beside it, and is signed only where somebody
    /// keeps the manifest.
    pub fn stamp_stream(
        &self,
        from: Inlet,
        to: Outlet,
        stream: &StreamOptions,
        control: Control<'_>,
    ) -> Result<Stamped, StampError> {
        stream::stamp(self, from, to, stream, control)
    }

    /// Stamps what comes through `from` into `output`, which appears whole or not at all. As of
    /// [`stamp_stream`](Self::stamp_stream), a mark that it may carry already is not looked for.
    ///
    /// # Errors
    /// As for [`stamp`](Self::stamp).
    pub fn stamp_inlet(
        &self,
        from: Inlet,
        output: &Path,
        control: Control<'_>,
    ) -> Result<Stamped, StampError> {
        file::stamp_inlet(self, from, output, Attempt::Only, control)
    }
}
