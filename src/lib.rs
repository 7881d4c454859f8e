//! Provenance for generated video.
//!
//! *Proof* is a signed C2PA manifest: it says everything about where a clip comes from, and is lost
//! at the first re-encode. *Mark* is a watermark in picture and sound that nobody sees or hears: it
//! says one number, and survives. That number is the manifest's own UUID, so each finds the other,
//! through a registry that remembers what was stamped.
//!
//! | module | what it does | knows |
//! | --- | --- | --- |
//! | [`report`] | what was found or done → JSON | everything below |
//! | [`stamp`] | media → marks → manifest → registry | everything below |
//! | [`mod@verify`], [`verdict`] | media → manifest, marks and registry → one word with reasons | everything below |
//! | [`mod@evaluate`], [`attacks`] | media → mark → attacks → what survives | everything below |
//! | [`inspect`], [`sandbox`], [`isolation`] | a file that others made → manifest and marks, here or in a process that can do no harm | detect, provenance |
//! | [`mod@detect`] | media → evidence of a mark | media, video, audio |
//! | [`recovery`] | number, look or sound → what is remembered, its manifest judged | registry, fingerprint, provenance |
//! | [`segments`] | which segments of a clip are not as they were signed | package, provenance |
//! | [`package`] | playlists and MPDs, followed and written; files cut | nothing else |
//! | [`fingerprint`] | what a clip looks and sounds like, for finding near-duplicates | frames, samples |
//! | [`registry`] | what was stamped, in SQLite or PostgreSQL | payloads |
//! | [`provenance`] | C2PA manifests: sign, read, judge | payloads |
//! | [`media`] | libav: read, write, transcode | frames |
//! | [`video`], [`audio`] | the marks: embed, detect | keys, codes; no files |
//! | [`fec`], [`message`], [`payload`], [`mark`], [`key`], [`stats`] | the code, the number, what a mark says, the secrets, the p-values | nothing else |
//! | [`allocator`], [`draft`], `tls` | what a process asks of it; whole files; whom to trust | nothing else |
//!
//! Arrows run downward only. `docs/design/overview.md` tells the same at more length.

pub mod allocator;
#[cfg(feature = "media")]
pub mod attacks;
pub mod control;
pub mod detect;
pub mod draft;
#[cfg(feature = "media")]
pub mod evaluate;
#[cfg(feature = "sandbox")]
#[doc(hidden)]
pub mod fuzzing;
pub mod inspect;
pub mod isolation;
#[cfg(feature = "media")]
pub mod press;
pub mod recovery;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod segments;
pub mod stamp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod verdict;
pub mod verify;

pub use proofmark_core::{AboutFile, ErrorKind, Payload, parallel, payload, since_1970};
pub use proofmark_watermark::{
    Generation, KeyId, KeyRing, Mark, PValue, WatermarkKey, audio, evidence, fec, key, mark,
    message, stats, video,
};
pub use {
    proofmark_fingerprint as fingerprint, proofmark_package as package,
    proofmark_provenance as provenance, proofmark_registry as registry,
};

#[cfg(feature = "media")]
pub use proofmark_media as media;

/// What is said of media where nothing here decodes them.
#[cfg(not(feature = "media"))]
pub mod media {
    pub use proofmark_core::{
        Cancel, Container, Kind, Limits, MediaError, MediaInfo, Progress, Still, Stills, Text,
        VideoInfo, container_of,
    };
}

pub use control::Control;
pub use detect::Detected;
#[cfg(feature = "media")]
pub use detect::Detector;
#[cfg(feature = "media")]
pub use evaluate::{EvaluateOptions, Report, evaluate};
pub use recovery::Registered;
pub use registry::Registry;
#[cfg(feature = "media")]
pub use stamp::Stamped;
pub use stamp::{StampError, StampOptions, Stamper};
pub use verdict::{Judgement, Language, Severity, Verdict, Vouched};
pub use verify::{Stage, Verified, Verifier, VerifyError, VerifyOptions};
