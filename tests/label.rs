//! The label that China asks for, in every kind of file that is written.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::Path;

use common::{clip, ffmpeg, ring};
use proofmark::media::texts;
use proofmark::provenance::{Declaration, declarations};
use proofmark::stamp::PackageOptions;
use proofmark::{Control, Payload, StampOptions, Stamped, Stamper};
use tempfile::TempDir;

const PRODUCER: &str = "001191110108MA01ABCDEF00000";

/// What a file says of itself by its label.
fn labels(path: &Path) -> Vec<Declaration> {
    let texts = texts(path, &Default::default()).unwrap();
    declarations(&texts).into_iter().filter(|d| d.kind == "gb45438.aigc").collect()
}

fn stamp(input: &Path, output: &Path, producer: &str) -> Stamped {
    let mut options = StampOptions::default();
    options.aigc_producer = Some(producer.into());
    options.encode.preset =
        Some("ultrafast".into()).filter(|_| output.extension().unwrap() == "mp4");
    Stamper::of(ring()).options(options).stamp(input, output).unwrap()
}

fn says(path: &Path, producer: &str, payload: Payload) {
    let found = labels(path);
    let [label] = found.as_slice() else { panic!("{}: {found:?}", path.display()) };
    let said = (label.by.as_deref(), label.payload);
    assert_eq!(said, (Some(producer), Some(payload)), "{}", path.display());
}

#[test]
fn every_kind_of_file_has_its_place_for_the_label() {
    let work = TempDir::new().unwrap();
    let at = |name: &str| work.path().join(name);
    ffmpeg(&clip(), "-t 1 -vf scale=256:-2 -c:v libx264 -preset ultrafast -c:a aac", &at("in.mp4"));
    ffmpeg(&clip(), "-t 1 -vn -ac 2", &at("in.wav"));
    ffmpeg(&clip(), "-frames:v 1 -vf scale=256:-2", &at("in.png"));
    for kind in
        ["mp4", "mov", "mkv", "webm", "m4a", "wav", "mp3", "flac", "ogg", "png", "jpg", "webp"]
    {
        let input = match kind {
            "mp4" | "mov" | "mkv" | "webm" => "in.mp4",
            "png" | "jpg" | "webp" => "in.png",
            _ => "in.wav",
        };
        let [once, twice] = ["once", "twice"].map(|name| at(&format!("{name}.{kind}")));
        let stamped = stamp(&at(input), &once, PRODUCER);
        let lost = |s: &Stamped| s.summary.left_out.iter().any(|line| line.contains("AIGC"));
        assert!(!lost(&stamped), "{kind}: {:?}", stamped.summary.left_out);
        says(&once, PRODUCER, stamped.payload);
        // There is one in a file, and whose it was stays.
        let again = stamp(&once, &twice, "somebody else");
        assert!(lost(&again), "{kind}: {:?}", again.summary.left_out);
        says(&twice, PRODUCER, stamped.payload);
    }
}

#[test]
fn a_package_is_labelled_in_each_init_segment() {
    let work = TempDir::new().unwrap();
    let [input, folder] = ["in.mp4", "out"].map(|name| work.path().join(name));
    ffmpeg(&clip(), "-t 2 -vf scale=256:-2 -c:v libx264 -preset ultrafast -c:a aac", &input);
    let mut options = StampOptions::default();
    options.aigc_producer = Some(PRODUCER.into());
    options.encode.preset = Some("ultrafast".into());
    let stamper = Stamper::of(ring()).options(options);
    let made =
        stamper.package(&input, &folder, &PackageOptions::default(), Control::default()).unwrap();
    for rendition in &made.renditions {
        let part = |name: &str| std::fs::read(folder.join(&rendition.name).join(name)).unwrap();
        let joined = work.path().join("joined.mp4");
        std::fs::write(&joined, [part("init.mp4"), part("00001.m4s")].concat()).unwrap();
        says(&joined, PRODUCER, made.stamped.payload);
    }
}
