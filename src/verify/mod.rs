//! Verification: media → manifest, mark and registry → verdict.

mod compare;
mod error;
mod file;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::control::Control;
use crate::detect::Detected;
use crate::inspect::{self, Inspector};
use crate::isolation::Isolation;
use crate::key::{KeyId, KeyRing};
use crate::media::{Limits, MediaError, Progress};
use crate::payload::Payload;
use crate::provenance::{
    AUDIO_FINGERPRINT, DEFAULT_ALGORITHM, Declaration, ManifestReport, OwnSigners, Trust,
    VIDEO_FINGERPRINT,
};
use crate::recovery::Registered;
use crate::registry::{Content, Registry};
use crate::segments::Segments;
use crate::since_1970;
use crate::verdict::Judgement;
use crate::video::DetectOptions;

pub use error::VerifyError;

/// How to verify.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How to look for the mark. With a blind question, a payload that the manifest names is used
    /// as the expected one, and those of the registry as candidates.
    pub detect: DetectOptions,
    /// Whom to trust.
    pub trust: Trust,
    /// Who signs for this deployment. A manifest of anyone else that names a payload of ours is a
    /// stranger's claim.
    pub own: OwnSigners,
    /// Our algorithm's name in soft bindings.
    pub algorithm: String,
    /// The same of the picture's fingerprint.
    pub picture_algorithm: String,
    /// The same of the sound's.
    pub sound_algorithm: String,
    /// What a file may ask of the machine.
    pub limits: Limits,
    /// Where stamped clips are remembered, if anywhere.
    pub registry: Option<Arc<dyn Registry>>,
    /// Who looks at the file.
    pub inspector: Arc<dyn Inspector>,
    /// Whether to tell what a long clip's beginning carries before all of it was looked at. That is
    /// a first word and counts for nothing in the answer.
    pub glimpse: bool,
    /// Whether a playlist or MPD, or a part of a clip in segments, is followed to the other files
    /// of that clip, which lie beside it. Not for uploads, which have nothing of theirs beside
    /// them.
    pub follow: bool,
    /// Who fetches a manifest that a file names elsewhere and has neither in it nor beside it;
    /// nobody by default.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// Fetches manifests from elsewhere.
pub trait Fetch: fmt::Debug + Send + Sync {
    /// What is at an address, of `most` bytes at most.
    ///
    /// # Errors
    /// Why it could not be fetched, or is not.
    fn fetch(&self, address: &str, most: u64) -> Result<Vec<u8>, String>;
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            detect: DetectOptions::default(),
            trust: Trust::default(),
            own: OwnSigners::default(),
            algorithm: DEFAULT_ALGORITHM.into(),
            picture_algorithm: VIDEO_FINGERPRINT.into(),
            sound_algorithm: AUDIO_FINGERPRINT.into(),
            limits: Limits::default(),
            registry: None,
            inspector: inspect::usual(),
            glimpse: false,
            follow: true,
            fetch: None,
        }
    }
}

/// Tells where files come from: reads the manifest, looks for marks, asks the registry for what it
/// remembers, and compares.
///
/// ```no_run
/// use std::path::Path;
///
/// use proofmark::{KeyRing, Verifier, WatermarkKey, registry};
///
/// let ring = KeyRing::from(WatermarkKey::generate(0)?);
/// let verifier = Verifier::new().ring(ring).registry(registry::open("registry.db")?);
/// let verified = verifier.verify(Path::new("upload.mp4"))?;
/// for reason in &verified.judgement.reasons {
///     println!("{}", reason.code);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    ring: Option<KeyRing>,
    options: VerifyOptions,
}

impl Verifier {
    /// One without keys, which judges manifests alone, and trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for marks of these keys.
    #[must_use]
    pub fn ring(self, ring: impl Into<Option<KeyRing>>) -> Self {
        Self { ring: ring.into(), ..self }
    }

    /// Verifies as these options say, in place of all that was said before but the keys.
    #[must_use]
    pub fn options(self, options: VerifyOptions) -> Self {
        Self { options, ..self }
    }

    /// Asks this registry what it remembers.
    #[must_use]
    pub fn registry(mut self, registry: Arc<dyn Registry>) -> Self {
        self.options.registry = Some(registry);
        self
    }

    /// Trusts these authorities.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.options.trust = trust;
        self
    }

    /// Verifies the file at `path`.
    ///
    /// # Errors
    /// [`VerifyError`] if the file cannot be read or the registry fails. A broken manifest is no
    /// error but a finding, and so is a picture that cannot be decoded in a file that has a
    /// manifest.
    pub fn verify(&self, path: &Path) -> Result<Verified, VerifyError> {
        self.verify_with(path, Control::default())
    }

    /// [`verify`](Self::verify), stopped from outside, and told of each stage.
    ///
    /// # Errors
    /// As there.
    pub fn verify_with(
        &self,
        path: &Path,
        control: Control<'_, Stage>,
    ) -> Result<Verified, VerifyError> {
        file::verify(self, path, control)
    }
}

/// How far a verification has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// The manifest is read.
    Manifest,
    /// The beginning is looked at.
    Beginning,
    /// It carries a mark with this number, of the clip with this title, if the registry knows it
    /// and has one.
    Glimpsed(Payload, Option<String>),
    /// All of it is looked at.
    Whole(Progress),
    /// What looks or sounds like it is searched for.
    Search,
    /// It is looked at again, for the mark of what it is like.
    Closer,
    /// It is held against what is registered.
    Compare,
}

impl Stage {
    /// How much of the file has been looked at, where that is the stage.
    #[must_use]
    pub fn looked(&self) -> Option<Progress> {
        if let Self::Whole(progress) = self { Some(*progress) } else { None }
    }
}

/// All that is known about a file's origin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// What the manifest says; `None` if there is none.
    pub manifest: Option<ManifestReport>,
    /// How its segments fare, of a clip in segments.
    pub segments: Option<Segments>,
    /// Where the file says that its manifest is kept, if that is somewhere else. Not asked of a
    /// file that has its manifest in it.
    pub elsewhere: Option<String>,
    /// Why that could not be fetched, where it was to be.
    pub unfetched: Option<String>,
    /// What it says of itself outside of any manifest, unsigned; `None` if nobody could look.
    pub declarations: Option<Vec<Declaration>>,
    /// What the file is, and what its picture and sound carry; `None` if it has nothing to look at.
    pub detected: Option<Detected>,
    /// What the registry remembers of the marks' payloads and of the one that the manifest names,
    /// in this order; empty without a registry.
    pub registered: Vec<Registered>,
    /// Registered clips that look or sound like this one but whose mark is not in it, the likest
    /// first, those that look like it before others.
    pub similar: Vec<Registered>,
    /// What follows from all of it.
    pub judgement: Judgement,
    /// What kept the file from doing harm while it was looked at.
    pub isolation: Isolation,
    /// What was asked of what, and when: so that an answer can be made again.
    pub check: Check,
}

/// What an answer is about, and what it was made with.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// SHA-256 of the file.
    pub sha256: Content,
    /// Its bytes.
    pub bytes: u64,
    /// When, in seconds since 1970.
    pub time: u64,
    /// The version of this crate.
    pub version: &'static str,
    /// The keys whose marks were looked for.
    pub keys: Vec<KeyId>,
    /// SHA-256 of the trust lists.
    pub lists: Vec<String>,
}

impl Check {
    fn of(path: &Path, ring: Option<&KeyRing>, trust: &Trust) -> Result<Self, MediaError> {
        let fail = |reason| MediaError::Open { path: path.into(), reason };
        let bytes = std::fs::metadata(path).map_err(fail)?.len();
        let sha256 = Content::of_file(path).map_err(fail)?;
        let keys =
            ring.map_or(Vec::new(), |ring| ring.keys().iter().map(|k| k.id().clone()).collect());
        Ok(Self {
            sha256,
            bytes,
            time: since_1970().as_secs(),
            version: env!("CARGO_PKG_VERSION"),
            keys,
            lists: trust.lists().to_vec(),
        })
    }
}
