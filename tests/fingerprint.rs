//! Fingerprints on real pictures and sounds: PDQ's published vectors, what copies keep, what others
//! lack.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{clip, ffmpeg, root};
use proofmark::audio::Format;
use proofmark::fingerprint::{
    AudioFingerprint, AudioQuery, Hash, Query, Recorder, Recording, Resemblance, Sketch, Sketcher,
    pdq,
};
use proofmark::media::{AudioReader, Limits, Reader};
use proofmark::video::{Luma, SampleFormat, Samples};
use tempfile::TempDir;

fn sketch(path: &Path) -> Sketch {
    let mut reader = Reader::open(path, &Limits::default()).unwrap();
    let mut sketcher = Sketcher::default();
    while let Some((mut picture, time)) = reader.next_frame(|t| sketcher.wants(t)).unwrap() {
        picture.with_luma(|luma| sketcher.push(luma, time));
    }
    sketcher.finish()
}

fn from_hex(text: &str) -> Hash {
    let bytes: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect();
    Hash::from_bytes(&bytes.try_into().unwrap())
}

#[test]
fn pdq_agrees_with_its_published_vectors() {
    let mut reader =
        Reader::open(&root().join("testdata/pdq_bridge.jpg"), &Limits::default()).unwrap();
    let (mut picture, _) = reader.next_frame(|_| true).unwrap().unwrap();
    let (samples, width, height, hashed) = picture.with_luma(|l| {
        let Samples::U8(s) = l.samples else { panic!("a JPEG has eight bits") };
        let rows: Vec<u8> =
            (0..l.height).flat_map(|y| s[y * l.stride..][..l.width].iter().copied()).collect();
        (rows, l.width, l.height, pdq(l))
    });
    assert_eq!(hashed.1, 100);
    // The other seven were published for files of their own, each compressed anew.
    type Turn = fn(usize, usize, usize, usize) -> (usize, usize);
    let vectors: [(&str, bool, Turn); 8] = [
        (
            "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
            false,
            |x, y, _, _| (x, y),
        ),
        ("30a10efd71cc3d429013d48d0ffffc52e34e0e17ada952a9d29685211ea9e5af", true, |x, y, w, _| {
            (w - 1 - y, x)
        }),
        (
            "adad5a64b5a142e75b62a09857da895ae63b847fc23794b766b319361bc93188",
            false,
            |x, y, w, h| (w - 1 - x, h - 1 - y),
        ),
        ("a5f0a457a48995e8c9065c275aaa5498b61ba4bdf8fcf80387c32f8b1bfc4f05", true, |x, y, _, h| {
            (y, h - 1 - x)
        }),
        (
            "f8f80f31e0f417b20e37f5cd028f980fb36ed02a9662c1e233e64c634e9c64dd",
            false,
            |x, y, _, h| (x, h - 1 - y),
        ),
        (
            "0dad2599b1a1bd1a5362576742da32a5e63b7380c2374b4866b366c91bc9ce77",
            false,
            |x, y, w, _| (w - 1 - x, y),
        ),
        ("f0a5e102f1ccc0bd945308720fff038de34ef1e8ada9a956d2967ade5ea91a50", true, |x, y, _, _| {
            (y, x)
        }),
        ("a5f05aa8a4896a17c906a2d85aaaab07b61b5b42f8fc07fc87c3d0741bfcb0fa", true, |x, y, w, h| {
            (w - 1 - y, h - 1 - x)
        }),
    ];
    for (i, (vector, sideways, turn)) in vectors.into_iter().enumerate() {
        let (w, h) = if sideways { (height, width) } else { (width, height) };
        let turned: Vec<u8> = (0..w * h)
            .map(|p| turn(p % w, p / w, width, height))
            .map(|(x, y)| samples[y * width + x])
            .collect();
        let format = SampleFormat { depth: 8, full_range: true };
        let (hash, _) =
            pdq(&Luma { samples: Samples::U8(&turned), width: w, height: h, stride: w, format });
        let distance = hash.distance(&from_hex(vector));
        assert!(distance <= if i == 0 { 4 } else { 12 }, "vector {i}: {distance} bits");
    }
}

#[test]
fn copies_are_known_and_others_are_not() {
    let work = TempDir::new().unwrap();
    let original = sketch(&clip()).fingerprint();
    let compare = |path: &Path| Query::new(&sketch(path)).resemblance(&original).unwrap();
    let copies = [
        ("-c:v libx264 -crf 35", "re-encoded"),
        ("-vf scale=-2:240 -c:v libx264 -crf 30", "resized"),
        ("-vf crop=iw*0.9:ih*0.9:0:0 -c:v libx264 -crf 28", "cropped by a tenth, in a corner"),
        ("-vf crop=iw*0.71:ih*0.71:iw*0.12:ih*0.2 -c:v libx264 -crf 28", "cropped by half"),
        ("-vf hflip -c:v libx264 -crf 28", "mirrored"),
        ("-vf pad=iw:iw:0:(oh-ih)/2 -c:v libx264 -crf 28", "letterboxed"),
        ("-vf lutyuv=y=val*0.5 -c:v libx264 -crf 28", "darkened"),
        (
            "-vf drawbox=x=0:y=ih*0.8:w=iw:h=ih*0.12:color=black:t=fill -c:v libx264 -crf 28",
            "captioned",
        ),
        ("-vf setpts=0.8*PTS -c:v libx264 -crf 28", "faster by a quarter"),
        ("-vf setpts=1.25*PTS -c:v libx264 -crf 28", "slower by a fifth"),
        ("-ss 1.3 -t 3 -c:v libx264 -crf 28", "three seconds of it"),
    ];
    for (arguments, what) in copies {
        let copy = work.path().join("copy.mp4");
        ffmpeg(&clip(), &format!("-an {arguments}"), &copy);
        let r = compare(&copy);
        assert!(r.same() && !r.different(), "{what}: {r:?}");
    }
    // Of a soft picture it may not be told that it is another; it is none of the copies.
    let soft = "nullsrc=s=640x360:r=25,\
        geq=lum='128+60*sin(X/97+T/3)*cos(Y/71)+40*sin((X+2*Y)/143-T/5)':cb=128:cr=128";
    for (source, told) in [
        ("mandelbrot=s=640x360:r=25", true),
        ("testsrc2=s=640x360:r=25", true),
        ("testsrc=s=640x360:r=25", true),
        (soft, false),
    ] {
        let other = work.path().join("other.mp4");
        common::generate(source, "-t 6 -c:v libx264 -crf 20 -pix_fmt yuv420p", &other);
        let sketch = sketch(&other);
        let resemblance = Query::new(&sketch).resemblance(&original);
        assert!(
            sketch.fingerprint().is_empty()
                || resemblance.is_none_or(|r| !r.same() && (r.different() || !told)),
            "{source}: {resemblance:?}"
        );
    }
}

#[test]
fn clips_with_little_to_see_are_not_compared() {
    let work = TempDir::new().unwrap();
    let black = work.path().join("black.mp4");
    common::generate("color=black:s=640x360:r=25", "-t 4 -c:v libx264", &black);
    let (black, real) = (sketch(&black), sketch(&clip()));
    assert!(black.fingerprint().is_empty());
    assert_eq!(Query::new(&black).resemblance(&real.fingerprint()), None::<Resemblance>);
    assert_eq!(Query::new(&real).resemblance(&black.fingerprint()), None::<Resemblance>);
}

/// What the sound of a file is like, from a second on, of ten at most.
fn recording(path: &Path) -> Recording {
    let mut reader = AudioReader::open(path, &Limits::default()).unwrap().unwrap();
    let format = Format { rate: reader.info().rate, channels: reader.info().channels };
    let (mut recorder, mut left) =
        (Recorder::new(format).unwrap(), 10 * format.rate as usize * format.channels);
    while let Some(samples) = reader.next_block().unwrap().filter(|_| left > 0) {
        let taken = left.min(samples.len());
        recorder.push(&samples[..taken]);
        left -= taken;
    }
    recorder.finish()
}

#[test]
fn copies_of_sound_are_known_and_others_are_not() {
    let work = TempDir::new().unwrap();
    let original = recording(&clip()).fingerprint();
    let copies = [
        ("-c:a aac -b:a 64k", "copy.m4a", "re-encoded"),
        ("-ac 2 -c:a libopus -b:a 32k", "copy.ogg", "at a low rate"),
        ("-ac 1 -ar 8000", "copy.wav", "as on the telephone"),
        ("-af volume=0.1,lowpass=f=4000", "copy.wav", "quiet and dull"),
        ("-af aecho=0.8:0.7:60:0.4", "copy.wav", "with an echo"),
        ("-ss 1.37 -t 3.1 -c:a aac -b:a 96k", "copy.m4a", "three seconds of it"),
        ("-af asetrate=48000*1.06,aresample=48000", "copy.wav", "faster"),
        ("-af asetrate=48000*0.85,aresample=48000", "copy.wav", "slower"),
        ("-af asetrate=48000*1.09,aresample=48000,atempo=0.9174", "copy.wav", "higher"),
        ("-af atempo=0.93", "copy.wav", "stretched"),
    ];
    for (arguments, name, what) in copies {
        let copy = work.path().join(name);
        ffmpeg(&clip(), &format!("-vn {arguments}"), &copy);
        let r = AudioQuery::new(&recording(&copy)).unwrap().resemblance(&original).unwrap();
        assert!(r.same() && !r.different(), "{what}: {r:?}");
    }
    let tune = "aevalsrc=0.2*sin(2*PI*t*220*pow(2\\,mod(floor(t*4)*7\\,19)/12))\
        +0.15*sin(2*PI*t*330*pow(2\\,mod(floor(t*3)*5\\,17)/12)):s=48000";
    for source in [tune, "anoisesrc=c=pink:seed=3", "sine=f=440:beep_factor=3"] {
        let other = work.path().join("other.wav");
        common::generate(source, "-t 8", &other);
        let r = AudioQuery::new(&recording(&other)).and_then(|q| q.resemblance(&original));
        assert!(r.is_none_or(|r| !r.same()), "{source}: {r:?}");
    }
}

#[test]
fn real_sounds_are_told_apart() {
    let Some(media) = common::shared("PROOFMARK_MEDIA", "../shared/media") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(media.join("audio")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let recordings: Vec<Recording> = files.iter().map(|f| recording(f)).collect();
    let fingerprints: Vec<AudioFingerprint> =
        recordings.iter().map(Recording::fingerprint).collect();
    for (i, recording) in recordings.iter().enumerate() {
        let query = AudioQuery::new(recording).unwrap();
        for (j, other) in fingerprints.iter().enumerate() {
            let r = query.resemblance(other).unwrap();
            assert_eq!(
                r.same(),
                i == j,
                "{} and {}: {r:?}",
                files[i].display(),
                files[j].display()
            );
        }
    }
}
