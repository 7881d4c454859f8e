//! Signs a finished file without touching its media: for clips that another encoder wrote, whose
//! frames were marked before, or not at all.
//!
//! `cargo run --release --example sign_finished -- CLIP SIGNED KEY`, where KEY is a key file.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use std::path::PathBuf;

use proofmark::provenance::{Identity, OwnSigners, test_identity};
use proofmark::{KeyRing, Stamper, Verifier, VerifyOptions, WatermarkKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [clip, signed, key] = names.as_slice() else {
        return Err("usage: sign_finished CLIP SIGNED KEY".into());
    };
    let ring = KeyRing::from(WatermarkKey::from_text(&std::fs::read_to_string(key)?)?);

    let test = test_identity()?;
    let mut own = OwnSigners::default();
    own.add(&test.chain)?;
    let identity = Identity::from_pem(test.chain, test.key.to_string(), None)?;
    // Marks are looked for: a manifest claims none that is not there.
    let done = Stamper::of(ring.clone()).identity(identity).sign(clip, signed)?;
    let marked = done.video || done.audio;
    println!("{}: {}", if marked { "marked" } else { "not marked" }, done.payload);

    let mut options = VerifyOptions::default();
    options.own = own;
    let verified = Verifier::new().ring(ring).options(options).verify(signed)?;
    println!("{}", verified.judgement.verdict.name());
    Ok(())
}
