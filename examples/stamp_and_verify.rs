//! Stamps a clip, verifies what came of it, and acts on verdict, severity and reason codes.
//!
//! `cargo run --release --example stamp_and_verify -- CLIP STAMPED.mp4 REGISTRY.db`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use std::path::PathBuf;
use std::sync::Arc;

use proofmark::provenance::{Identity, Trust, test_identity};
use proofmark::stamp::Remember;
use proofmark::{KeyRing, Registry, Severity, Stamper, Verifier, WatermarkKey, registry};

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

    let identity = Identity::from_pem(test.chain, test.key.to_string(), None)?;
    let stamper = Stamper::new(key.clone())
        .identity(identity)
        .title("An example")
        .remember(Remember::Registry(registry.clone()));
    let done = stamper.stamp(clip, stamped)?;
    println!("stamped with {}", done.payload);

    // Files of strangers are better looked at in workers: see `proofmark::sandbox`.
    let mut trust = Trust::default();
    trust.add(&test.authority)?;
    let verifier = Verifier::new().ring(KeyRing::from(key)).registry(registry).trust(trust);
    let verified = verifier.verify(stamped)?;
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
