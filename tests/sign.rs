//! Finished clips that are signed as they are.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::desk::Desk;
use common::{clip, ffmpeg, generate, identity, ring, some_payload};
use proofmark::provenance::{self, sidecar_path};
use proofmark::registry::Content;
use proofmark::stamp::Remember;
use proofmark::{ErrorKind, Payload, StampError, Stamper, Verdict, Verifier};

/// The streams of a file, each by what it is and the hash of its packets; of stills, which are
/// their own packet, that of the picture.
fn streams(path: &Path) -> String {
    let still = ["png", "jpg", "webp"].iter().any(|e| path.extension().unwrap() == *e);
    let how: &[&str] = if still { &[] } else { &["-c", "copy"] };
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-map", "0"])
        .args(how)
        .args(["-f", "streamhash", "-"])
        .output()
        .unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn what_another_encoder_wrote_is_signed_as_it_is_and_known_in_the_place_of_its_frames() {
    let desk = Desk::new();
    let marked = desk.marked("marked.mkv", "-t 3 -vf scale=640:-2");
    let before = desk.entry(some_payload()).unwrap();
    for (kind, how) in [
        ("mp4", "-c:v libx264 -crf 23 -c:a aac"),
        ("mov", "-c:v prores_ks -c:a pcm_s16le"),
        ("mkv", "-c:v libx265 -x265-params log-level=error -c:a libopus"),
    ] {
        let [finished, signed] =
            ["finished", "signed"].map(|name| desk.path(&format!("{name}.{kind}")));
        ffmpeg(&marked, how, &finished);
        let done = desk.stamper().sign(&finished, &signed).unwrap();
        assert_eq!((done.payload, done.video, done.audio), (some_payload(), true, true), "{kind}");
        assert!(done.replaced && done.unconfirmed.is_none());
        assert_eq!(streams(&finished), streams(&signed), "{kind}");
        if kind == "mkv" {
            assert_eq!(done.manifest, sidecar_path(&signed));
            assert_eq!(std::fs::read(&finished).unwrap(), std::fs::read(&signed).unwrap());
        }
        let entry = desk.entry(some_payload()).unwrap();
        assert_eq!(entry.content, Content::of_file(&signed).unwrap());
        assert!(entry.manifest.is_some() && entry.picture.is_some() && entry.sound.is_some());
        assert_eq!((entry.title.as_deref(), entry.stamped), (Some("A rabbit"), before.stamped));
        assert_eq!(entry.target, None, "it is there");
        let told = desk.verify(&signed);
        assert_eq!(told.judgement.verdict, Verdict::Intact, "{kind}: {:?}", told.judgement);
        if kind == "mp4" {
            let again = desk.stamper().sign(&signed, &desk.path("again.mp4")).unwrap_err();
            assert_eq!((again.code(), again.kind()), ("signing.already", ErrorKind::Input));
            assert!(!desk.path("again.mp4").exists());
        }
        assert_eq!(told.manifest.unwrap().title.as_deref(), Some("A rabbit"));
        std::fs::remove_file(&finished).unwrap();
    }
    assert_eq!(desk.registry.count().unwrap(), 1);
}

#[test]
fn a_mark_that_is_not_there_is_not_claimed() {
    let desk = Desk::new();
    let [plain, signed] = ["plain.mp4", "signed.mp4"].map(|name| desk.path(name));
    ffmpeg(&clip(), "-t 5 -c:v libx264 -preset ultrafast -vf scale=640:-2", &plain);
    let mut stamper = desk.stamper();
    for asked in [None, Some(some_payload())] {
        if let Some(payload) = asked {
            stamper = stamper.payload(payload);
            std::fs::remove_file(&signed).unwrap();
        }
        let done = stamper.sign(&plain, &signed).unwrap();
        assert!(!done.video && !done.audio && done.key.is_none());
        assert_eq!(asked.unwrap_or(done.payload), done.payload);
        let told = desk.verify(&signed);
        assert_eq!(told.judgement.verdict, Verdict::Intact, "{:?}", told.judgement);
        for missing in ["video.mark-missing", "audio.mark-missing"] {
            assert!(!told.judgement.has(missing), "nobody said that there is one");
        }
        let manifest = told.manifest.unwrap();
        let algorithms: Vec<_> = manifest.soft_bindings.iter().map(|b| b.alg.as_str()).collect();
        assert_eq!(
            algorithms,
            [provenance::VIDEO_FINGERPRINT, provenance::AUDIO_FINGERPRINT],
            "its looks and its sound find it, and no mark does"
        );
        assert!(manifest.actions.iter().all(|a| !a.action.starts_with("c2pa.watermarked")));
        assert_eq!(told.registered.len(), 1, "the registry knows it by its label");
    }
    // To somebody who knows neither the signer nor the clip its label says nothing.
    let told = Verifier::new().ring(ring()).verify(&signed).unwrap();
    assert_eq!(told.judgement.verdict, Verdict::Foreign, "{:?}", told.judgement);
}

#[test]
fn a_label_that_a_stranger_took_leads_nowhere() {
    let desk = Desk::new();
    let [plain, signed, other, claimed] =
        ["plain.mp4", "signed.mp4", "other.mp4", "claimed.mp4"].map(|name| desk.path(name));
    ffmpeg(&clip(), "-t 2 -an -c:v libx264 -preset ultrafast -vf scale=640:-2", &plain);
    generate("testsrc2=s=640x360:r=25:d=2", "-pix_fmt yuv420p", &other);
    let victim = desk.stamper().sign(&plain, &signed).unwrap().payload;
    let stranger = Stamper::of(ring()).identity(identity().0).payload(victim);
    stranger.sign(&other, &claimed).unwrap();
    let told = desk.verify(&claimed);
    assert_eq!(told.judgement.verdict, Verdict::Foreign, "{:?}", told.judgement);
    assert!(told.registered.is_empty(), "the clip of that number is another");
}

#[test]
fn one_number_is_said_and_it_is_the_clips_own() {
    let desk = Desk::new();
    let marked = desk.marked("marked.mkv", "-t 3 -vf scale=640:-2");
    let [finished, signed] = ["finished.mp4", "signed.mp4"].map(|name| desk.path(name));
    ffmpeg(&marked, "-c:v libx264 -c:a aac", &finished);
    let other = Payload::random();
    match desk.stamper().payload(other).sign(&finished, &signed) {
        Err(StampError::OtherMark { found, asked, .. }) => {
            assert_eq!((found, asked), (some_payload(), other));
        }
        other => panic!("{other:?}"),
    }
    // Two clips beside each other in time.
    let (second, both) = (desk.path("second.mp4"), desk.path("both.mp4"));
    let mut options = desk.options.clone();
    (options.identity, options.remember) = (None, Remember::Nowhere);
    Stamper::of(ring()).options(options).stamp(&desk.path("plain.mkv"), &second).unwrap();
    let joined = format!(
        "-i {} -filter_complex [0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1 -c:a aac",
        second.display()
    );
    ffmpeg(&finished, &joined, &both);
    match desk.stamper().sign(&both, &signed) {
        Err(e @ StampError::SeveralMarks { .. }) => {
            assert!(e.to_string().contains(&some_payload().to_string()), "{e}");
        }
        other => panic!("{other:?}"),
    }
    let done = desk.stamper().payload(some_payload()).sign(&both, &signed);
    assert!(done.is_ok_and(|done| done.video && done.audio), "of two, one may be chosen");
}

#[test]
fn another_clip_of_the_same_number_takes_nobodys_place() {
    let desk = Desk::new();
    desk.marked("marked.mkv", "-t 3 -vf scale=640:-2");
    let known = desk.entry(some_payload()).unwrap();
    let [other, signed] = ["other.mp4", "signed.mp4"].map(|name| desk.path(name));
    generate("testsrc2=s=640x360:r=25:d=3", "-pix_fmt yuv420p", &other);
    let stamper = desk.stamper().payload(some_payload());
    let refused = stamper.sign(&other, &signed).unwrap_err();
    assert_eq!(refused.code(), "registry.conflict", "{refused}");
    assert!(!signed.exists());
    assert_eq!(desk.entry(some_payload()).unwrap(), known);
    let mut options = desk.options.clone();
    (options.payload, options.overwrite) = (Some(some_payload()), true);
    let done = Stamper::of(ring()).options(options).sign(&other, &signed).unwrap();
    assert!(done.replaced, "unless that is what was asked for");
}

#[test]
fn sounds_and_stills_are_signed_too() {
    let desk = Desk::new();
    let (sound, still) = (desk.path("sound.wav"), desk.path("still.png"));
    ffmpeg(&clip(), "-t 3 -vn -c:a pcm_s16le", &sound);
    ffmpeg(&clip(), "-ss 2 -frames:v 1", &still);
    let files = [
        (&sound, "wav", ""),
        (&sound, "m4a", "-c:a aac"),
        (&sound, "mp3", "-c:a libmp3lame"),
        (&sound, "flac", ""),
        (&sound, "ogg", "-c:a libopus"),
        (&still, "png", ""),
        (&still, "jpg", ""),
        (&still, "webp", ""),
    ];
    for (from, kind, how) in files {
        let [finished, signed] = ["made", "signed"].map(|n| desk.path(&format!("{n}.{kind}")));
        ffmpeg(from, how, &finished);
        let done = desk.stamper().sign(&finished, &signed).unwrap();
        assert_eq!(streams(&finished), streams(&signed), "{kind}");
        let told = desk.verify(&signed);
        assert_eq!(told.judgement.verdict, Verdict::Intact, "{kind}: {:?}", told.judgement);
        if kind == "mp4" {
            let again = desk.stamper().sign(&signed, &desk.path("again.mp4")).unwrap_err();
            assert_eq!((again.code(), again.kind()), ("signing.already", ErrorKind::Input));
            assert!(!desk.path("again.mp4").exists());
        }
        // What was signed before is kept, and signed again over it.
        let again = desk.path(&format!("again.{kind}"));
        let twice = desk.stamper().sign(&signed, &again).unwrap();
        let parent = Some(format!("urn:c2pa:{}", done.payload));
        assert_eq!(twice.parent, parent, "{kind}");
        assert_eq!(desk.verify(&again).judgement.verdict, Verdict::Intact, "{kind}");
    }
}

#[test]
fn fragments_in_a_file_are_signed() {
    let desk = Desk::new();
    let [plain, signed] = ["plain.mp4", "signed.mp4"].map(|name| desk.path(name));
    // Many, and one.
    for gop in [12, 600] {
        let how = format!(
            "-t 2 -vf scale=640:-2 -c:v libx264 -preset ultrafast -g {gop} -c:a aac -movflags \
            frag_keyframe+empty_moov"
        );
        ffmpeg(&clip(), &how, &plain);
        desk.stamper().sign(&plain, &signed).unwrap();
        assert_eq!(streams(&plain), streams(&signed));
        assert_eq!(desk.verify(&signed).judgement.verdict, Verdict::Intact, "{gop}");
        std::fs::remove_file(&signed).unwrap();
    }
}

#[test]
fn what_cannot_be_signed_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    let plain = desk.path("plain.mp4");
    ffmpeg(&clip(), "-t 1 -c copy", &plain);
    let [signed, other, there] =
        ["signed.mp4", "signed.mov", "there.mp4"].map(|name| desk.path(name));
    std::fs::write(&there, "mine").unwrap();
    let stamper = desk.stamper();
    let nobody = Stamper::of(ring());
    let text = desk.path("text.mp4");
    std::fs::write(&text, "no clip").unwrap();
    for (stamper, from, to, code) in [
        (&stamper, &plain, &other, "target.other-kind"),
        (&stamper, &plain, &plain, "target.same-file"),
        (&stamper, &plain, &there, "target.exists"),
        (&nobody, &plain, &signed, "signing.identity"),
        (&stamper, &text, &signed, "media.none"),
        (&stamper, &desk.path("none.mp4"), &signed, "file.unreadable"),
    ] {
        let refused = stamper.sign(from, to).unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
    assert_eq!(desk.registry.count().unwrap(), 0);
    let left = std::fs::read_dir(desk.work.path()).unwrap().map(|e| e.unwrap().file_name());
    let left: Vec<_> = left.filter(|n| n.to_string_lossy().contains("signed")).collect();
    assert!(left.is_empty(), "{left:?}");
}
