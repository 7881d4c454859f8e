//! Encoders by libav's names, with options of their own: what is asked for is there in the file,
//! and what cannot be is refused.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{clip, detect, ffmpeg, frame_times, generate, probe, verify};
use proofmark::media::{EncodeOptions, Gop, encoder_options};
use proofmark::{StampError, StampOptions, Stamped, Stamper, Verdict};
use tempfile::TempDir;

/// A desk with a short clip on it.
struct Desk {
    work: TempDir,
    clip: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let work = TempDir::new().unwrap();
        let made = work.path().join("clip.mkv");
        ffmpeg(&clip(), "-t 6 -vf scale=480:-2 -c:v ffv1 -c:a flac", &made);
        Self { work, clip: made }
    }

    fn stamp(&self, to: &str, encode: EncodeOptions) -> Result<(PathBuf, Stamped), StampError> {
        self.stamp_file(&self.clip, to, encode)
    }

    fn stamp_file(
        &self,
        from: &Path,
        to: &str,
        encode: EncodeOptions,
    ) -> Result<(PathBuf, Stamped), StampError> {
        let target = self.work.path().join(to);
        let mut options = StampOptions::default();
        (options.encode, options.overwrite) = (encode, true);
        let stamper = Stamper::new(common::ring().stamping().clone()).options(options);
        let stamped = stamper.stamp(from, &target)?;
        Ok((target, stamped))
    }
}

fn codec(name: &str) -> EncodeOptions {
    let mut options = EncodeOptions::default();
    options.set_codec(name).unwrap();
    options
}

fn shows(path: &Path, entries: &str) -> String {
    probe(path, &format!("-select_streams v -show_entries stream={entries}")).trim().to_string()
}

#[test]
fn encoders_of_studios_are_taken_by_their_names() {
    let desk = Desk::new();
    for (name, how, to, shown) in [
        ("prores_ks", "profile=hq", "a.mov", "prores,yuv422p10le"),
        ("prores_ks", "profile=4444", "b.mov", "prores,yuv422p10le"),
        ("dnxhd", "profile=dnxhr_hq", "c.mov", "dnxhd,yuv422p"),
        ("mpeg4", "b=6000000", "d.mp4", "mpeg4,yuv420p"),
        ("libx264rgb", "crf=12", "f.mkv", "h264,gbrp"),
    ] {
        let encode = EncodeOptions { options: encoder_options(how).unwrap(), ..codec(name) };
        let (target, stamped) = desk.stamp(to, encode).unwrap();
        let (coded, format) = shown.split_once(',').unwrap();
        let told = shows(&target, "codec_name,pix_fmt");
        assert!(told.contains(coded), "{name}: {told}");
        assert!(told.contains(format) || name == "libx264rgb", "{name}: {told}");
        assert_eq!(detect(&target).payload, Some(stamped.payload), "{name}");
        assert!(stamped.summary.codec.is_some());
    }
}

#[test]
fn key_frames_come_every_two_seconds_or_as_asked() {
    let desk = Desk::new();
    let plain = desk.work.path().join("long.mp4");
    generate("testsrc2=s=320x192:r=25:d=7", "-pix_fmt yuv420p", &plain);
    let key_frames = |path: &Path| {
        let text = probe(path, "-select_streams v -show_entries packet=pts_time,flags");
        let keys = text.lines().filter(|l| l.contains('K'));
        keys.map(|l| l.split(',').next().unwrap().parse().unwrap()).collect::<Vec<f64>>()
    };
    for name in ["h264", "h265", "vp9", "av1"] {
        for (gop, seconds) in
            [(None, 2.0), (Some(Gop::Frames(25)), 1.0), (Some(Gop::Seconds(3.0)), 3.0)]
        {
            let (target, _) =
                desk.stamp_file(&plain, "out.mkv", EncodeOptions { gop, ..codec(name) }).unwrap();
            let times = key_frames(&target);
            let apart: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
            let most = apart.iter().copied().fold(0.0, f64::max);
            assert!((most - seconds).abs() < 0.05, "{name}, {gop:?}: {times:?}");
            assert_eq!(frame_times(&target).len(), 175);
        }
    }
}

#[test]
fn transparency_and_depth_are_kept_where_a_codec_holds_them_and_missed_aloud() {
    let desk = Desk::new();
    let clear = desk.work.path().join("clear.mkv");
    let how = "-t 1 -vf scale=640:-2,format=rgba,colorchannelmixer=aa=0.5 -c:v ffv1 -an";
    ffmpeg(&clip(), how, &clear);
    let (target, stamped) = desk.stamp_file(&clear, "a.mkv", codec("ffv1")).unwrap();
    assert!(shows(&target, "pix_fmt").contains('a'), "{}", shows(&target, "pix_fmt"));
    assert!(stamped.summary.left_out.is_empty(), "{:?}", stamped.summary.left_out);
    let encode = EncodeOptions {
        pixel_format: Some("yuva444p10le".into()),
        options: encoder_options("profile=4444").unwrap(),
        ..codec("prores_ks")
    };
    let (target, _) = desk.stamp_file(&clear, "b.mov", encode).unwrap();
    assert!(shows(&target, "pix_fmt").starts_with("yuva444p1"), "{}", shows(&target, "pix_fmt"));
    let (_, stamped) = desk.stamp_file(&clear, "c.mp4", codec("h264")).unwrap();
    let told = stamped.summary.left_out.join("\n");
    assert!(told.contains("alpha") && told.contains("a quarter of the picture's"), "{told}");

    let deep = desk.work.path().join("deep.mkv");
    ffmpeg(&clip(), "-t 1 -vf scale=640:-2,format=yuv444p12le -c:v ffv1 -an", &deep);
    let encode = EncodeOptions { pixel_format: Some("yuv420p10le".into()), ..codec("libx265") };
    let (target, stamped) = desk.stamp_file(&deep, "d.mp4", encode).unwrap();
    assert_eq!(shows(&target, "pix_fmt"), "yuv420p10le");
    let told = stamped.summary.left_out.join("\n");
    assert!(told.contains("10 bits a sample instead of 12") && told.contains("quarter"), "{told}");
}

#[test]
fn sound_is_written_as_asked() {
    let desk = Desk::new();
    for (name, rate, to, coded) in [
        ("opus", Some(96_000), "a.mp4", "opus"),
        ("aac", Some(256_000), "b.mov", "aac"),
        ("flac", None, "c.mkv", "flac"),
        ("ac3", Some(192_000), "d.mp4", "ac3"),
        ("pcm_s24le", None, "e.mov", "pcm_s24le"),
    ] {
        let mut encode = EncodeOptions { audio_bitrate: rate, ..codec("h264") };
        encode.set_audio_codec(name).unwrap();
        let (target, stamped) = desk.stamp(to, encode).unwrap();
        let told = probe(&target, "-select_streams a -show_entries stream=codec_name");
        assert_eq!(told.trim().trim_end_matches(','), coded);
        let heard = verify(&target, None).detected.unwrap().sound.unwrap();
        assert_eq!(heard.payload, Some(stamped.payload), "{name}");
    }
    let mut encode = EncodeOptions::default();
    encode.set_audio_codec("opus").unwrap();
    let refused = desk.stamp("f.mov", encode).unwrap_err();
    assert!(refused.to_string().contains("--audio-codec"), "{refused}");
}

#[test]
fn options_reach_the_encoder() {
    let desk = Desk::new();
    let mute = desk.work.path().join("mute.mkv");
    ffmpeg(&desk.clip, "-t 1 -an -c copy", &mute);
    let size = |how: &str, name: &str| {
        let encode = EncodeOptions { options: encoder_options(how).unwrap(), ..codec(name) };
        std::fs::metadata(desk.stamp_file(&mute, "out.mkv", encode).unwrap().0).unwrap().len()
    };
    for (name, option) in [
        ("h264", "qp=40"),
        ("h264", "x264-params=crf=40"),
        ("h265", "x265-params=crf=44"),
        ("vp9", "crf=60"),
        ("av1", "crf=60"),
    ] {
        let (usual, asked) = (size("threads=2", name), size(option, name));
        assert!(asked * 2 < usual, "{name} {option}: {asked} of {usual} bytes");
    }
    let fast = EncodeOptions {
        tune: Some("fastdecode".into()),
        profile: Some("baseline".into()),
        ..codec("h264")
    };
    let (target, _) = desk.stamp("out.mp4", fast).unwrap();
    assert!(shows(&target, "profile").contains("Baseline"), "{}", shows(&target, "profile"));
}

#[test]
fn fragments_are_written_where_the_muxer_is_asked_for_them() {
    let desk = Desk::new();
    let mut options = StampOptions::default();
    options.encode.movflags = Some("+frag_keyframe+empty_moov".into());
    options.identity = Some(common::identity().0);
    let target = desk.work.path().join("out.mp4");
    let stamper = Stamper::new(common::ring().stamping().clone()).options(options);
    stamper.stamp(&desk.clip, &target).unwrap();
    let bytes = std::fs::read(&target).unwrap();
    assert!(bytes.windows(4).any(|w| w == b"moof"));
    assert_eq!(verify(&target, None).judgement.verdict, Verdict::Intact);
}

#[test]
fn what_an_encoder_has_not_is_refused_with_what_it_has() {
    let desk = Desk::new();
    let options = |text: &str| encoder_options(text).unwrap();
    let with = |encode: EncodeOptions, says: &[&str], to: &str| {
        let refused = desk.stamp(to, encode).unwrap_err().to_string();
        assert!(says.iter().all(|part| refused.contains(part)), "{refused}");
        assert_eq!(refused.lines().count(), 1);
        assert!(!desk.work.path().join(to).exists());
    };
    let h264 = || codec("h264");
    let format = |name: &str| EncodeOptions { pixel_format: Some(name.into()), ..h264() };
    with(format("yuv400"), &["yuv400", "yuv420p"], "a.mp4");
    with(format("rgba"), &["none of its pixel formats", "yuv444p"], "a.mp4");
    with(
        EncodeOptions { options: options("no-such=1"), ..h264() },
        &["'no-such'", "ffmpeg -h encoder=libx264"],
        "a.mp4",
    );
    with(EncodeOptions { options: options("psy-rd=x:bf=many"), ..h264() }, &["'many'"], "a.mp4");
    with(EncodeOptions { tune: Some("speed".into()), ..h264() }, &["zerolatency"], "a.mp4");
    with(EncodeOptions { profile: Some("best".into()), ..h264() }, &["high422"], "a.mp4");
    with(codec("prores_ks"), &["prores", ".mkv"], "a.mp4");
    with(codec("h264_vaapi"), &["of its device alone", "proofmark sign"], "a.mp4");
    with(codec("h264_nvenc"), &["a device, which this machine has not"], "a.mp4");
    let mut mp3 = h264();
    mp3.set_audio_codec("mp3").unwrap();
    with(mp3, &["sound of 6 channels", "--audio-codec"], "a.mkv");
    let flags = |flags: &str| EncodeOptions { movflags: Some(flags.into()), ..h264() };
    with(flags("+faststart"), &["--movflags"], "a.mkv");
    with(flags("+no_such_flag"), &["no_such_flag"], "a.mp4");
}
