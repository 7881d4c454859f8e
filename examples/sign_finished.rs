//! Signs a finished file without touching its media: for clips that another encoder wrote, whose
//! frames were marked before, or not at all.
//!
//! `cargo run --release --example sign_finished -- CLIP SIGNED KEY`, where KEY is a key file.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use std::path::PathBuf;

use proofmark::media::container_of;
use proofmark::provenance::{
    Bound, Identity, ManifestOptions, Signing, Source, Trust, sign, test_identity,
};
use proofmark::{Detector, KeyRing, Payload, Verifier, WatermarkKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [clip, signed, key] = names.as_slice() else {
        return Err("usage: sign_finished CLIP SIGNED KEY".into());
    };
    let ring = KeyRing::from(WatermarkKey::from_text(&std::fs::read_to_string(key)?)?);

    // A manifest claims no mark that is not there: it would be held against the clip.
    let found = Detector::new(ring.clone()).detect(clip)?.payloads().first().copied();
    let bound = Bound {
        payload: found.unwrap_or_else(Payload::random),
        marked: found.is_some(),
        picture: None,
        sound: None,
    };

    let test = test_identity()?;
    let identity = Identity::from_pem(test.chain, test.key.to_string(), None)?;
    let file = Signing {
        unsigned: clip,
        signed,
        container: container_of(clip)?,
        source: &Source::new(clip),
    };
    sign(&file, &bound, &identity, &ManifestOptions::default())?;
    println!("{}: {}", if bound.marked { "marked" } else { "not marked" }, bound.payload);

    let mut trust = Trust::default();
    trust.add(&test.authority)?;
    let verified = Verifier::new().ring(ring).trust(trust).verify(signed)?;
    println!("{}", verified.judgement.verdict.name());
    Ok(())
}
