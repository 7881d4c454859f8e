//! Stamping: media → mark → manifest → registry.

mod announce;
mod error;
mod file;
mod likeness;
mod marking;
mod options;
mod sign;
mod stream;
mod targets;

use std::path::{Path, PathBuf};

use crate::audio::{self, AudioError};
use crate::control::Control;
use crate::key::{KeyId, KeyRing, WatermarkKey};
use crate::mark::Generation;
use crate::media::{self, Inlet, Outlet};
use crate::payload::Payload;
use crate::provenance::Identity;
use crate::sandbox::Isolation;
use crate::video::Capacity;

pub use error::StampError;
pub(crate) use marking::ClipMarker;
pub use options::{Remember, StampOptions};
pub use sign::SignedClip;
pub use stream::StreamOptions;
pub use targets::targets;

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
    key: WatermarkKey,
    /// What a finished clip may carry a mark of.
    ring: KeyRing,
    options: StampOptions,
}

impl Stamper {
    /// One that marks with `key`, and neither signs nor remembers.
    #[must_use]
    pub fn new(key: WatermarkKey) -> Self {
        Self { ring: key.clone().into(), key, options: StampOptions::default() }
    }

    /// One that marks with the newest key of `ring`, and knows the marks of all of them.
    #[must_use]
    pub fn of(ring: KeyRing) -> Self {
        Self { key: ring.newest().clone(), ring, options: StampOptions::default() }
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
        file::stamp(self, input, output, control)
    }

    /// Signs a finished clip without touching its media: `output` is `input` with a manifest in it,
    /// or beside it. Marks are looked for, and what is not there is not claimed. With a payload that
    /// was chosen before, as by whoever marked the frames, the clip must carry that or none.
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
        sign::sign(self, input, output, control)
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
}

/// What was stamped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stamped {
    /// The number in the mark and in the manifest's label.
    pub payload: Payload,
    /// How often the clip has been stamped with this key, this time included.
    pub generation: Generation,
    /// The key that the mark was made with.
    pub key: KeyId,
    /// Where the manifest is; `None` if none was asked for, or it is in the registry alone.
    pub manifest: Option<PathBuf>,
    /// Whether there is one.
    pub signed: bool,
    /// Label of the manifest of what the clip was made from, which is in the new one; `None` if
    /// that had none.
    pub parent: Option<String>,
    /// What was written.
    pub summary: media::Summary,
    /// How much evidence the marked frames carry, and what that should survive; `None` without a
    /// picture.
    pub capacity: Option<Capacity>,
    /// The same of each sound track that was marked, or why it could not be.
    pub sound: Vec<Result<audio::Capacity, AudioError>>,
    /// Where it is remembered: the registry, or the file for one; `None` if nowhere.
    pub remembered: Option<String>,
    /// Why the registry could not be told that the file is there; it knows the clip all the same,
    /// and finds out later.
    pub unconfirmed: Option<String>,
    /// What kept the input from doing harm.
    pub isolation: Isolation,
}
