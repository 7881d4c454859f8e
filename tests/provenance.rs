//! Manifests of long files: what they cost, and what they tell apart.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test that fails should say so at once")]

mod common;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use common::{clip, ffmpeg, identity, peak_memory, some_payload};
use proofmark::media::{Container, Limits};
use proofmark::provenance::{Bound, ManifestOptions, ManifestState, read, sign};
use tempfile::TempDir;

/// Bytes of media that nobody plays.
const LENGTH: u64 = 400 << 20;

fn flip(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[!byte[0]]).unwrap();
}

#[test]
fn a_long_file_is_signed_and_checked_in_little_memory_and_to_its_last_byte() {
    let folder = TempDir::new().unwrap();
    let [unsigned, signed] = ["unsigned.mp4", "signed.mp4"].map(|n| folder.path().join(n));
    ffmpeg(&clip(), "-t 0.2 -c copy -movflags +faststart", &unsigned);
    // Its media are its last box, which is made longer.
    let clip = std::fs::read(&unsigned).unwrap();
    let at = clip.windows(4).rposition(|w| w == b"mdat").unwrap() - 4;
    let mut file = File::options().write(true).open(&unsigned).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&u32::try_from(LENGTH).unwrap().to_be_bytes()).unwrap();
    file.set_len(at as u64 + LENGTH).unwrap();
    drop(file);

    let (identity, trust) = identity();
    let bound = Bound { payload: some_payload(), picture: None, sound: None };
    sign(&unsigned, &signed, Container::Mp4, &unsigned, &bound, &identity, &ManifestOptions::default()).unwrap();
    let check = || read(&signed, &trust, &Limits::default()).unwrap().unwrap();
    assert_eq!(check().state, ManifestState::Trusted);
    assert!(peak_memory() < 150 << 20, "{} bytes", peak_memory());

    // The first and last bytes of the media, one amid it, and one of the box's head.
    let length = signed.metadata().unwrap().len();
    for at in [length - LENGTH + 8, length - LENGTH / 2, length - 1, length - LENGTH + 7] {
        flip(&signed, at);
        let told = check();
        assert!(told.state == ManifestState::Invalid && told.content_changed(), "byte {at} of {length}: {:?}", told.failures);
        flip(&signed, at);
    }
    assert_eq!(check().state, ManifestState::Trusted);
    // A box more behind it, which moves nothing.
    File::options().append(true).open(&signed).unwrap().write_all(b"\0\0\0\x0cmdatmore").unwrap();
    assert!(check().content_changed(), "{:?}", check().failures);
}
