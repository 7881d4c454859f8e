//! Stamps a clip, verifies what came of it, and acts on verdict, severity and reason codes.
//!
//! `cargo run --release --example stamp_and_verify -- CLIP STAMPED.mp4 REGISTRY.db`
#![allow(clippy::too_many_lines, clippy::print_stdout, reason = "an example says what it does")]

use std::path::PathBuf;
use std::sync::Arc;

use proofmark::provenance::{Identity, Trust, test_identity};
use proofmark::stamp::Remember;
use proofmark::{
    KeyRing, Registry, Severity, StampOptions, Stamper, Verifier, VerifyOptions, WatermarkKey,
    registry,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [clip, stamped, database] = names.as_slice() else {
        return Err("usage: stamp_and_verify CLIP STAMPED.mp4 REGISTRY.db".into());
    };
    // A key and an identity are kept, of course; those of a certificate authority are
    // `Identity::from_pem`.
    let key = WatermarkKey::generate(0)?;
    let test = test_identity()?;
    let registry: Arc<dyn Registry> =
        registry::open(database.to_str().ok_or("a name that is text")?)?;

    let mut options = StampOptions::default();
    options.identity = Some(Identity::from_pem(test.chain, test.key.to_string(), None)?);
    options.manifest.title = Some("An example".into());
    options.remember = Remember::Registry(registry.clone());
    let done = Stamper::new(key.clone()).options(options.clone()).stamp(clip, stamped)?;
    println!("stamped with {}", done.payload);

    // Files of strangers are better looked at in workers: see `proofmark::sandbox`.
    let mut options = VerifyOptions::default();
    options.trust = Trust::default();
    options.trust.add(&test.authority)?;
    options.registry = Some(registry);
    let ring = KeyRing::from(key);
    let verified = Verifier::new().ring(ring.clone()).options(options.clone()).verify(stamped)?;
    for reason in &verified.judgement.reasons {
        println!("{}", reason.code);
    }
    match verified.judgement.severity {
        Severity::Good => println!("{}: publish it", verified.judgement.verdict.name()),
        Severity::Note => println!("publish it, and say what is known"),
        Severity::Doubt => println!("have somebody look at it"),
        _ => println!("hold it back"),
    }
    Ok(())
}
