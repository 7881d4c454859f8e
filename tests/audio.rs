//! Sound in files: every kind is stamped, read back and verified, in step with the picture.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{clip, ffmpeg, identity, odd, probe, ring, some_payload, stamp, verify};
use proofmark::audio::{AudioEvidence, Outlook};
use proofmark::evidence::Question;
use proofmark::video::DetectOptions;
use proofmark::{Detected, Detector, Payload, StampOptions, Stamper, Verdict};
use tempfile::TempDir;

fn detect_with(path: &Path, options: &DetectOptions) -> Detected {
    Detector::new(ring()).options(options.clone()).detect(path).unwrap()
}

fn sound(path: &Path) -> AudioEvidence {
    detect_with(path, &DetectOptions::default()).sound.unwrap()
}

/// The clip's sound for `seconds`, as a file of the given name.
fn excerpt(work: &TempDir, name: &str, arguments: &str) -> PathBuf {
    let file = work.path().join(name);
    ffmpeg(&clip(), &format!("-map 0:a:0 {arguments}"), &file);
    file
}

/// The first channel at 48 kHz, as a player would play it: from time 0 on.
fn samples(path: &Path, work: &TempDir) -> Vec<f32> {
    let raw = work.path().join("samples.f32");
    ffmpeg(
        path,
        "-map 0:a:0 -af aresample=48000:async=1:first_pts=0,pan=mono|c0=c0 -f f32le",
        &raw,
    );
    std::fs::read(raw)
        .unwrap()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// Samples by which `b` lags behind `a`, at most 1,500 either way.
fn lag(a: &[f32], b: &[f32]) -> i64 {
    let at = |lag: i64| -> f64 {
        let pairs = (4_000..80_000i64)
            .filter_map(|i| Some((*a.get(i as usize)?, *b.get((i + lag) as usize)?)));
        pairs.map(|(x, y)| f64::from(x) * f64::from(y)).sum()
    };
    (-1_500..=1_500).max_by(|&x, &y| at(x).total_cmp(&at(y))).unwrap()
}

/// When the first frame is shown, in samples.
fn shown(path: &Path) -> f64 {
    48_000.0 * common::frame_times(path)[0].parse::<f64>().unwrap()
}

#[test]
fn every_kind_of_sound_file_is_stamped_and_verified() {
    let work = TempDir::new().unwrap();
    let (identity, trust) = identity();
    for (name, arguments) in [
        ("a.wav", "-ac 2 -c:a pcm_s24le"),
        ("b.flac", "-ac 2 -c:a flac"),
        ("c.mp3", "-ac 2 -c:a libmp3lame -b:a 192k"),
        ("d.m4a", "-ac 1 -ar 32000 -c:a aac -b:a 96k"),
        ("e.ogg", "-ac 2 -c:a libvorbis"),
        ("f.opus", "-ac 2 -c:a libopus -b:a 96k"),
    ] {
        let input = excerpt(&work, name, arguments);
        let target = work.path().join(format!("stamped-{name}"));
        let stamped = stamp(&input, &target, Some(identity.clone()));
        assert!(stamped.sound[0].as_ref().unwrap().outlook >= Outlook::Fragile, "{name}");
        let codec = |p: &Path| {
            probe(p, "-select_streams a -show_entries stream=codec_name,sample_rate,channels")
        };
        assert_eq!(codec(&input), codec(&target), "{name}");
        let found = sound(&target);
        assert_eq!(found.payload, Some(stamped.payload), "{name}: {found:?}");
        assert!(found.p_value.value() < 1e-9);
        let verified = verify(&target, Some(trust.clone()));
        assert_eq!(
            verified.judgement.verdict,
            Verdict::Intact,
            "{name}: {:?}",
            verified.judgement.reasons
        );
        assert_eq!(lag(&samples(&input, &work), &samples(&target, &work)), 0, "{name}");
    }
}

#[test]
fn picture_and_sound_stay_in_step_and_say_the_same() {
    let work = TempDir::new().unwrap();
    for (input, name) in
        [(clip(), "a.mp4"), (clip(), "b.mkv"), (clip(), "c.webm"), (odd("surround.mp4"), "d.mp4")]
    {
        let target = work.path().join(name);
        let stamped = stamp(&input, &target, None);
        // Matroska shifts picture and sound alike.
        let lag = lag(&samples(&input, &work), &samples(&target, &work)) as f64
            - (shown(&target) - shown(&input));
        assert!(lag.abs() <= 48.0, "{name}: {lag} samples of 48 kHz");
        let found = detect_with(&target, &DetectOptions::default());
        let heard = found.sound.unwrap();
        if input == clip() {
            assert_eq!(
                (heard.payload, found.picture.unwrap().payload),
                (Some(stamped.payload), Some(stamped.payload)),
                "{name}"
            );
            let (range, whole) = (&heard.ranges[0], heard.seconds);
            assert!(
                heard.ranges.len() == 1 && range.start < 0.6 && range.end > whole - 0.6,
                "{:?} of {whole}",
                heard.ranges
            );
        }
    }
}

#[test]
fn a_long_clip_is_listened_to_and_looked_at() {
    let work = TempDir::new().unwrap();
    let (stamped, list, long) = (
        work.path().join("stamped.mp4"),
        work.path().join("list.ffconcat"),
        work.path().join("long.mp4"),
    );
    let payload = stamp(&clip(), &stamped, None).payload;
    std::fs::write(&list, format!("ffconcat version 1.0\n{}", "file stamped.mp4\n".repeat(25)))
        .unwrap();
    ffmpeg(&list, "-map 0:v -map 0:a -c copy", &long);
    let found = detect_with(&long, &DetectOptions::default());
    assert!(found.info.seconds.unwrap() > 125.0);
    assert_eq!(
        (found.picture.unwrap().payload, found.sound.unwrap().payload),
        (Some(payload), Some(payload))
    );
}

#[test]
fn what_people_do_to_sound_leaves_the_number() {
    let work = TempDir::new().unwrap();
    let target = work.path().join("stamped.wav");
    let input = excerpt(&work, "in.wav", "-ac 2 -c:a pcm_s16le");
    let payload = stamp(&input, &target, None).payload;
    for (name, arguments, speed, pitch) in [
        ("aac.m4a", "-c:a aac -b:a 96k", 1.0, 1.0),
        ("cut.wav", "-ss 0.7351 -t 4", 1.0, 1.0),
        ("mono.wav", "-ac 1", 1.0, 1.0),
        ("left.wav", "-af pan=mono|c0=c0,volume=-0.3", 1.0, 1.0),
        ("rate.wav", "-ar 22050", 1.0, 1.0),
        ("faster.wav", "-af asetrate=48000*1.08,aresample=48000", 1.08, 1.08),
        ("stretched.wav", "-af atempo=0.94", 0.94, 1.0),
    ] {
        let file = work.path().join(name);
        ffmpeg(&target, arguments, &file);
        let found = sound(&file);
        assert_eq!(found.payload, Some(payload), "{name}: {found:?}");
        let g = found.geometry.unwrap();
        assert!((g.speed - speed).abs() < 0.004 && (g.pitch - pitch).abs() < 0.02, "{name}: {g:?}");
    }
}

#[test]
fn sound_that_is_played_backwards_is_read_and_its_time_told() {
    let work = TempDir::new().unwrap();
    let input = excerpt(&work, "in.wav", "-ac 1 -c:a pcm_s16le");
    let (stamped, turned) = (work.path().join("stamped.wav"), work.path().join("turned.wav"));
    let payload = stamp(&input, &stamped, None).payload;
    // Three seconds that are not marked, and then five that are.
    ffmpeg(
        &input,
        &format!(
            "-i {} -filter_complex \
            [0:a]atrim=0:3[x];[1:a]atrim=0:5,areverse[y];[x][y]concat=n=2:v=0:a=1",
            stamped.display()
        ),
        &turned,
    );
    let found = sound(&turned);
    assert_eq!(found.payload, Some(payload), "{found:?}");
    assert!(found.geometry.unwrap().backwards && !sound(&stamped).geometry.unwrap().backwards);
    let [range] = found.ranges[..] else { panic!("{:?}", found.ranges) };
    assert!((range.start - 3.0).abs() <= 0.5 && (range.end - 8.0).abs() <= 0.5, "{range:?}");
    assert!(found.spans.windows(2).all(|s| s[0].end <= s[1].start + 1e-9));
}

#[test]
fn the_three_questions_have_answers_of_their_own() {
    let work = TempDir::new().unwrap();
    let target = work.path().join("stamped.wav");
    let payload = stamp(&excerpt(&work, "in.wav", "-ac 2 -c:a pcm_s16le"), &target, None).payload;
    // So short that it cannot be read blind.
    let short = work.path().join("short.wav");
    ffmpeg(&target, "-ss 1 -t 1.1", &short);
    let ask = |question: Question| {
        let options = DetectOptions { question, ..DetectOptions::default() };
        detect_with(&short, &options).sound.unwrap()
    };
    let others: Vec<Payload> = (0..50).map(|_| Payload::random()).collect();
    assert_eq!(ask(Question::Expected(payload)).payload, Some(payload));
    assert_eq!(
        ask(Question::Candidates([vec![payload], others.clone()].concat())).payload,
        Some(payload)
    );
    assert_eq!(ask(Question::Expected(some_payload())).payload.filter(|&p| p != payload), None);
    assert_eq!(ask(Question::Candidates(others)).payload.filter(|&p| p != payload), None);
}

#[test]
fn two_marks_in_one_file_are_told_apart_in_time() {
    let work = TempDir::new().unwrap();
    let input = excerpt(&work, "in.wav", "-ac 1 -c:a pcm_s16le");
    let (a, b) = (work.path().join("a.wav"), work.path().join("b.wav"));
    let (first, second) = (stamp(&input, &a, None).payload, stamp(&input, &b, None).payload);
    let spliced = work.path().join("spliced.wav");
    ffmpeg(
        &a,
        &format!(
            "-i {} -filter_complex [0:a]atrim=0:3.5[x];[1:a]atrim=1.2:5.2,asetpts=PTS-STARTPTS[y];\
            [x][y]concat=n=2:v=0:a=1",
            b.display()
        ),
        &spliced,
    );
    let found = sound(&spliced);
    let all: Vec<&AudioEvidence> = std::iter::once(&found).chain(&found.others).collect();
    assert_eq!(all.len(), 2, "{found:?}");
    for (payload, start, end) in [(first, 0.0, 3.5), (second, 3.5, 7.5)] {
        let mark = all.iter().find(|m| m.payload == Some(payload)).unwrap();
        let range = mark.ranges[0];
        assert!(
            (range.start - start).abs() <= 0.5 && (range.end - end).abs() <= 0.5,
            "{range:?} for {start} to {end}"
        );
    }
    let judged = verify(&spliced, None).judgement;
    assert!(judged.verdict == Verdict::Mixed && judged.has("audio.several-marks"), "{judged:?}");
}

#[test]
fn sound_that_was_joined_from_pieces_has_its_ranges_in_order() {
    let work = TempDir::new().unwrap();
    let stamped = work.path().join("stamped.flac");
    let payload = stamp(&excerpt(&work, "whole.flac", "-c:a flac"), &stamped, None).payload;
    // The mark is out of step with itself from piece to piece, so that each is found on its own.
    let joined = work.path().join("joined.flac");
    ffmpeg(
        &stamped,
        "-af asplit=3[a][b][c];[a]atrim=0:4.1[a];[b]atrim=0.7:5,asetpts=PTS-STARTPTS[b];\
        [c]atrim=0.3:5,asetpts=PTS-STARTPTS[c];[a][b][c]concat=3:0:1 -c:a flac",
        &joined,
    );
    let heard = sound(&joined);
    assert_eq!(heard.payload, Some(payload));
    assert!(
        heard.ranges.iter().all(|r| r.start < r.end)
            && heard.ranges.windows(2).all(|r| r[0].end <= r[1].start),
        "{:?}",
        heard.ranges
    );
    assert!(heard.spans.windows(2).all(|s| s[0].end <= s[1].start + 1e-9));
    let marked: f64 = heard.ranges.iter().map(|r| r.end - r.start).sum();
    assert!(marked > 10.0, "{:?}", heard.ranges);
}

#[test]
fn sound_of_another_clip_contradicts_the_picture() {
    let work = TempDir::new().unwrap();
    let (a, b) = (work.path().join("a.mp4"), work.path().join("b.mp4"));
    stamp(&clip(), &a, None);
    stamp(&clip(), &b, None);
    let mixed = work.path().join("mixed.mp4");
    ffmpeg(&a, &format!("-i {} -map 0:v -map 1:a -c copy", b.display()), &mixed);
    let judgement = verify(&mixed, None).judgement;
    assert!(
        judgement.verdict == Verdict::Mixed && judgement.has("audio.from-another-clip"),
        "{:?}",
        judgement.reasons
    );
}

#[test]
fn silence_is_said_to_carry_nothing_and_stays_silent() {
    let work = TempDir::new().unwrap();
    let silent = excerpt(&work, "silent.wav", "-af volume=0 -c:a pcm_s16le");
    let target = work.path().join("stamped.wav");
    let stamped = stamp(&silent, &target, None);
    assert_eq!(stamped.sound[0].as_ref().unwrap().outlook, Outlook::Silent);
    assert!(samples(&target, &work).iter().all(|&s| s == 0.0));
    let found = sound(&target);
    assert!(!found.detected && found.note.is_some());
    // A check promises nothing for silence.
    let mut options = StampOptions::default();
    (options.check, options.overwrite) = (true, true);
    Stamper::new(ring().stamping().clone())
        .options(options.clone())
        .stamp(&silent, &target)
        .unwrap();
}
