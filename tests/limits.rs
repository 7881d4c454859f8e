//! Each limit against a file that would take hours or all memory without it. The files are made
//! here: none is large on disk.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{clip, ffmpeg, generate, peak_memory, ring};
use proofmark::inspect::{InProcess, InspectError, Inspector, Showing};
use proofmark::media::{AudioReader, Cancel, Limits};
use proofmark::provenance::Trust;
use proofmark::video::DetectOptions;
use tempfile::TempDir;

/// What a file is refused with, by the limits that `change` makes. It must not take long.
fn refused(path: &Path, change: impl FnOnce(&mut Limits)) -> String {
    let mut limits = Limits::default();
    change(&mut limits);
    let began = Instant::now();
    let look = || -> Result<(), InspectError> {
        let mut look = InProcess.open(path, &limits, &Cancel::default())?;
        look.manifest(&Trust::default())?;
        look.marks(&ring(), &DetectOptions::default(), Showing::ALL, &mut |_| {}).map(drop)
    };
    let told = look().unwrap_err().to_string();
    assert!(began.elapsed() < Duration::from_secs(60), "{told}: {:?}", began.elapsed());
    told
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A GIF of `frames` frames that are one pixel each, on a canvas of `side`×`side`.
fn gif(side: u16, frames: usize) -> Vec<u8> {
    let mut out = b"GIF89a".to_vec();
    out.extend(side.to_le_bytes());
    out.extend(side.to_le_bytes());
    out.extend([0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff]);
    for _ in 0..frames {
        out.extend([0x21, 0xf9, 4, 0, 4, 0, 0, 0]);
        out.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
    }
    out.push(0x3b);
    out
}

#[test]
fn pixels() {
    let folder = TempDir::new().unwrap();
    // 400 million pixels, 1.6 GB a frame, in 50 bytes. What tells its size in its head is told so;
    // a GIF is decoded, and has not one frame that may be.
    let told = refused(&clip(), |l| l.pixels = 100_000);
    assert!(told.contains("frame size (pixels) of 921600 is over the limit of 100000"), "{told}");
    let told = refused(&write(&folder, "wide.gif", &gif(20_000, 1)), |_| {});
    assert!(told.contains("not one whole frame"), "{told}");
}

#[test]
fn a_length_that_is_only_claimed_takes_no_memory() {
    let folder = TempDir::new().unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], length: u32, data: &[u8]| {
        png.extend(length.to_be_bytes());
        png.extend(kind);
        png.extend(data);
        png.extend([0; 4]);
    };
    chunk(b"IHDR", 13, &[0, 0, 0, 64, 0, 0, 0, 48, 8, 2, 0, 0, 0]);
    chunk(b"acTL", 8, &[0, 0, 0, 1, 0, 0, 0, 0]);
    chunk(b"IDAT", 4, &[0; 4]);
    // 1.3 GB, of which the file has 1 kB.
    chunk(b"vast", 0x5000_0000, &[0; 1000]);
    let told = refused(&write(&folder, "vast.png", &png), |_| {});
    assert!(told.contains("larger than a frame may be"), "{told}");
    assert!(peak_memory() < 1 << 30, "{} bytes", peak_memory());
}

#[test]
fn frames() {
    let folder = TempDir::new().unwrap();
    let told = refused(&write(&folder, "many.gif", &gif(160, 50_000)), |l| l.frames = 2000);
    assert!(told.contains("number of frames of 2001 is over the limit of 2000"), "{told}");
}

#[test]
fn seconds_of_picture_and_of_sound() {
    let folder = TempDir::new().unwrap();
    let (picture, sound) = (folder.path().join("picture.mkv"), folder.path().join("sound.mka"));
    // A gap of ten days: the sound in it would be 166 GB of silence.
    let gap = "if(gte(N\\,20)\\,864000/TB\\,0)";
    generate(
        "testsrc2=s=160x160:d=4:r=10",
        &format!("-vf setpts=PTS+{gap} -c:v ffv1 -fps_mode passthrough"),
        &picture,
    );
    generate("sine=d=4", &format!("-af asetpts=PTS+{gap} -c:a flac"), &sound);
    for path in [picture, sound] {
        let told = refused(&path, |_| {});
        assert!(
            told.contains("duration (seconds) of 864") && told.contains("over the limit of 14400"),
            "{told}"
        );
    }
}

#[test]
fn hours_of_silence_come_in_pieces() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gap.mka");
    generate(
        "sine=d=2:r=48000",
        "-af asetpts=PTS+if(gte(N\\,20)\\,3*3600/TB\\,0) -c:a flac",
        &path,
    );
    let mut reader = AudioReader::open(&path, &Limits::default()).unwrap().unwrap();
    let (mut samples, mut largest) = (0, 0);
    while let Some(block) = reader.next_block().unwrap() {
        samples += block.len();
        largest = largest.max(block.len());
    }
    assert_eq!(samples / 48_000, 3 * 3600 + 2);
    assert!(largest < 4 * 48_000, "{largest} samples at once");
}

#[test]
fn bytes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("endless.mp4");
    std::fs::copy(clip(), &path).unwrap();
    // Only the length is there, no data: a hash over it would take days.
    File::options().write(true).open(&path).unwrap().set_len(8 << 40).unwrap();
    let told = refused(&path, |_| {});
    assert!(told.contains("file size (bytes) of 8796093022208 is over the limit"), "{told}");
}

#[test]
fn streams() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("many.mkv");
    ffmpeg(&clip(), &format!("{} -t 0.2 -c copy", "-map 0:v ".repeat(70)), &path);
    let told = refused(&path, |_| {});
    assert!(
        told.contains("many.mkv")
            && (told.contains("number of streams") || told.contains("no media file")),
        "{told}"
    );
}

#[test]
fn a_sidecar_is_not_read_whatever_its_size() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clip.mkv");
    ffmpeg(&clip(), "-t 0.2 -c copy", &path);
    File::create(folder.path().join("clip.c2pa")).unwrap().set_len(1 << 40).unwrap();
    let told = refused(&path, |_| {});
    assert!(
        told.contains("clip.c2pa")
            && told.contains("1099511627776 bytes is over the limit of 67108864"),
        "{told}"
    );
}

/// A box, its size in 64 bits.
fn large(kind: &[u8; 4], size: u64) -> Vec<u8> {
    [&1u32.to_be_bytes()[..], kind, &size.to_be_bytes()].concat()
}

#[test]
fn an_embedded_manifest_is_not_read_whatever_its_size() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clip.mp4");
    ffmpeg(&clip(), "-t 0.2 -c copy", &path);
    // 32 GiB of manifest, that is, of nothing, behind the clip.
    let size = 32u64 << 30;
    let mut file = File::options().write(true).open(&path).unwrap();
    let end = file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&large(b"uuid", size)).unwrap();
    file.write_all(&[
        0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4,
        0x81,
    ])
    .unwrap();
    file.write_all(b"\0\0\0\0manifest\0\0\0\0\0\0\0\0\0").unwrap();
    file.set_len(end + size).unwrap();
    drop(file);
    let told = refused(&path, |_| {});
    assert!(
        told.contains("clip.mp4: its manifest of 34359738368 bytes is over the limit of 67108864"),
        "{told}"
    );
}
