//! A desk with a registry and somebody who signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proofmark::provenance::{self, OwnSigners, test_identity};
use proofmark::registry::{self, Entry};
use proofmark::stamp::Remember;
use proofmark::{Payload, Registry, StampOptions, Stamper, Verified, Verifier, VerifyOptions};
use tempfile::TempDir;

use super::{clip, ffmpeg, ring, some_payload};

/// A desk with a registry and somebody who signs.
pub(crate) struct Desk {
    pub(crate) work: TempDir,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) own: OwnSigners,
    pub(crate) options: StampOptions,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let work = TempDir::new().unwrap();
        let registry = registry::open(work.path().join("r.db").to_str().unwrap()).unwrap();
        let test = test_identity().unwrap();
        let mut own = OwnSigners::default();
        own.add(&test.chain).unwrap();
        let mut options = StampOptions::default();
        options.identity =
            Some(provenance::Identity::from_pem(test.chain, test.key.to_string(), None).unwrap());
        options.remember = Remember::Registry(registry.clone());
        Self { work, registry, own, options }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub(crate) fn stamper(&self) -> Stamper {
        Stamper::of(ring()).options(self.options.clone())
    }

    /// A stretch of the real clip, marked and neither signed nor compressed.
    pub(crate) fn marked(&self, name: &str, arguments: &str) -> PathBuf {
        let (plain, marked) = (self.path("plain.mkv"), self.path(name));
        ffmpeg(&clip(), &format!("{arguments} -c:v ffv1 -c:a flac"), &plain);
        let mut options = self.options.clone();
        options.identity = None;
        options.payload = Some(some_payload());
        options.manifest.title = Some("A rabbit".into());
        Stamper::of(ring()).options(options).stamp(&plain, &marked).unwrap();
        marked
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let mut options = VerifyOptions::default();
        options.own = self.own.clone();
        options.registry = Some(self.registry.clone());
        Verifier::new().ring(ring()).options(options)
    }

    pub(crate) fn verify(&self, path: &Path) -> Verified {
        self.verifier().verify(path).unwrap()
    }

    pub(crate) fn entry(&self, payload: Payload) -> Option<Entry> {
        self.registry.by_payload(payload).unwrap()
    }
}
