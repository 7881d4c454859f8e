//! Streams, clocks and containers.

use std::path::{Path, PathBuf};

use proofmark::media::{MediaError, VideoCodec};
use proofmark::{StampError, StampOptions, Stamped, Stamper, Verifier};
use tempfile::TempDir;

use super::case;
use super::common::{ffmpeg, generate, probe, ring, verify};

/// What is stamped, and where.
struct Made {
    _folder: TempDir,
    path: PathBuf,
    stamped: Stamped,
}

impl Made {
    fn notes(&self) -> String {
        self.stamped.summary.left_out.join("\n")
    }

    /// What ffprobe says of each stream of a kind, or of all.
    fn streams(&self, of: &str, what: &str) -> String {
        let select = if of.is_empty() { String::new() } else { format!("-select_streams {of} ") };
        probe(&self.path, &format!("{select}-show_entries stream={what}"))
    }

    fn start_and_seconds(&self, of: &str) -> (f64, f64) {
        let text = self.streams(of, "start_time,duration");
        let mut numbers = text.trim().split(',').map(|n| n.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }
}

fn try_make(input: &Path, name: &str, codec: Option<&str>) -> Result<Made, StampError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    let mut options = StampOptions::default();
    options.encode.codec = codec.and_then(VideoCodec::parse);
    options.encode.preset =
        Some("ultrafast".into()).filter(|_| matches!(codec, Some("h264" | "h265")));
    let stamped =
        Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(input, &path)?;
    Ok(Made { _folder: folder, path, stamped })
}

fn make(input: &Path, name: &str) -> Made {
    try_make(input, name, None).unwrap()
}

/// What ffprobe says of a tag of the whole file.
fn tags(path: &Path, name: &str) -> String {
    probe(path, &format!("-show_entries format_tags={name}"))
}

/// Two files, one behind the other, as `cat` joins them.
fn joined(folder: &TempDir, name: &str, parts: &[&Path]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(
        &path,
        parts.iter().flat_map(|p| std::fs::read(p).unwrap()).collect::<Vec<u8>>(),
    )
    .unwrap();
    path
}

#[test]
fn a_picture_whose_size_changes_midway_is_brought_to_its_first_size() {
    let Some(call) = case("media/switch_down.webm") else { return };
    for (name, codec) in [("o.mkv", Some("ffv1")), ("o.mp4", Some("h264")), ("o.webm", None)] {
        let made = try_make(&call, name, codec).unwrap();
        assert!(
            made.notes().contains("the size of the picture changes at 2.0 s: it is 320x180"),
            "{}",
            made.notes()
        );
        assert_eq!(made.stamped.summary.frames, 100);
        assert_eq!(made.streams("v", "width,height").trim(), "640,360");
        // Nothing of this process's memory is in a lossless picture: it would stand out of rows
        // that hardly differ.
        if codec == Some("ffv1") {
            assert_eq!(super::common::detect(&made.path).payload, Some(made.stamped.payload));
        }
    }
}

#[test]
fn sizes_and_formats_change_in_other_containers_too() {
    let folder = TempDir::new().unwrap();
    let part = |name: &str, source: &str, how: &str| {
        let path = folder.path().join(name);
        generate(source, how, &path);
        path
    };
    let large = part("a.ts", "testsrc2=s=320x240:r=25:d=1", "-c:v libx264 -pix_fmt yuv420p");
    let small = part("b.ts", "testsrc2=s=160x128:r=25:d=1", "-c:v libx264 -pix_fmt yuv420p");
    let full = part("c.ts", "testsrc2=s=320x240:r=25:d=1", "-c:v libx264 -pix_fmt yuv444p");
    for (name, parts, says) in [
        ("up.ts", [&small, &large], "size"),
        ("down.ts", [&large, &small], "size"),
        ("format.ts", [&large, &full], "pixel format"),
    ] {
        let made =
            try_make(&joined(&folder, name, &parts.map(PathBuf::as_path)), "o.mkv", Some("ffv1"))
                .unwrap();
        assert!(
            made.notes().contains(&format!("the {says} of the picture changes")),
            "{name}: {}",
            made.notes()
        );
        let (start, seconds) = (0.0, made.stamped.summary.seconds);
        assert!((start..2.1).contains(&seconds) && seconds > 1.8, "{name}: {seconds}");
    }
}

#[test]
fn recordings_that_were_joined_follow_one_another() {
    let Some(path) = case("media/joined.ts") else { return };
    let made = make(&path, "o.mp4");
    for of in ["v", "a"] {
        let (start, seconds) = made.start_and_seconds(of);
        assert!(start < 0.1 && (3.9..4.3).contains(&seconds), "{of}: {start} {seconds}");
    }
    assert_eq!(made.stamped.summary.frames, 100);
    let times: Vec<f64> =
        super::common::frame_times(&made.path).iter().map(|t| t.parse().unwrap()).collect();
    assert!(times.windows(2).all(|w| (0.02..0.25).contains(&(w[1] - w[0]))), "{times:?}");
}

#[test]
fn clips_start_at_zero_whatever_their_clock_says() {
    let Some(path) = case("media/broadcast_clock.ts") else { return };
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("p.mpg");
    generate("testsrc2=s=320x240:r=25:d=2", "-f vob -c:v mpeg2video", &program);
    let far = folder.path().join("far.mkv");
    generate("testsrc2=s=320x240:r=25:d=2", "-output_ts_offset 40000 -c:v libx264", &far);
    for (input, lasts) in [(&path, 4.0), (&program, 2.0), (&far, 2.0)] {
        let made = make(input, "o.mp4");
        let (start, seconds) = made.start_and_seconds("v");
        assert!(
            start < 0.1 && (lasts - 0.2..lasts + 0.2).contains(&seconds),
            "{}: {start} {seconds}",
            input.display()
        );
    }
}

#[test]
fn frames_without_times_get_those_of_their_rate() {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("bare.h264");
    generate("testsrc2=s=320x240:r=25:d=2", "-c:v libx264 -bf 0", &bare);
    let made = make(&bare, "o.mp4");
    let (_, seconds) = made.start_and_seconds("v");
    assert!((1.8..2.2).contains(&seconds), "{seconds}");
}

#[test]
fn h265_in_mp4_is_what_apples_players_take() {
    let Some(path) = case("media/hvc1.mp4") else { return };
    for name in ["o.mp4", "o.mov"] {
        assert_eq!(make(&path, name).streams("v", "codec_tag_string").trim(), "hvc1", "{name}");
    }
}

#[test]
fn streams_of_an_unknown_kind_are_named_and_left_out() {
    let Some(path) = case("media/iphone_apac.mov") else { return };
    for name in ["o.mov", "o.mp4", "o.mkv"] {
        let made = make(&path, name);
        assert!(
            made.notes().contains("(sound, apac) was left out") && made.notes().contains("mebx"),
            "{}",
            made.notes()
        );
        assert!(made.streams("a", "codec_name").contains("aac"));
    }
}

#[test]
fn gif_becomes_video_that_every_player_takes() {
    let Some(path) = case("media/odd.gif") else { return };
    let made = make(&path, "o.mp4");
    assert_eq!(made.streams("v", "width,height,pix_fmt").trim(), "160,130,yuv420p");
    assert!(made.notes().contains("the last column and row of pixels"), "{}", made.notes());
    assert!(!made.notes().contains("alpha"), "{}", made.notes());
}

#[test]
fn sound_is_what_players_of_the_container_take() {
    let (Some(vorbis), Some(flac)) = (case("media/vp8vorbis.webm"), case("media/flac.mp4")) else {
        return;
    };
    let made = make(&vorbis, "o.mp4");
    assert_eq!(made.streams("a", "codec_name").trim(), "aac");
    assert!(made.notes().contains("(vorbis) was encoded as aac"), "{}", made.notes());
    let made = make(&flac, "o.mp4");
    assert_eq!(made.streams("a", "codec_name").trim(), "flac");
    let folder = TempDir::new().unwrap();
    let pcm = folder.path().join("pcm.mov");
    generate(
        "testsrc2=s=320x240:r=25:d=2[out0];sine=d=2[out1]",
        "-c:v libx264 -c:a pcm_s16le",
        &pcm,
    );
    assert_eq!(make(&pcm, "o.mov").streams("a", "codec_name").trim(), "pcm_s16le");
    let made = make(&pcm, "o.mp4");
    assert!(made.notes().contains("(pcm_s16le) was encoded as aac"), "{}", made.notes());
}

#[test]
fn covers_stay_and_tags_are_those_that_players_read() {
    let (Some(clip), Some(mp3), Some(flac)) =
        (case("media/cover_itunes.mp4"), case("media/tagged.mp3"), case("media/tagged.flac"))
    else {
        return;
    };
    let made = make(&clip, "o.mp4");
    let bytes = std::fs::read(&made.path).unwrap();
    for atom in [&b"\xa9nam"[..], b"\xa9ART", b"covr"] {
        assert!(bytes.windows(4).any(|w| w == atom), "{}", String::from_utf8_lossy(atom));
    }
    // Beside them, by its name, what is none of them.
    assert_eq!(tags(&made.path, "sort_name"), tags(&clip, "sort_name"));
    assert!(!made.notes().contains("metadata"), "{}", made.notes());
    for (input, name) in [(&mp3, "o.mp3"), (&flac, "o.flac"), (&mp3, "o.m4a"), (&clip, "o.mkv")] {
        let made = make(input, name);
        assert!(
            probe(&made.path, "-show_entries stream_disposition=attached_pic").contains('1'),
            "{name}"
        );
        assert!(
            made.streams("", "codec_name").contains("jpeg")
                || made.streams("", "codec_name").contains("png"),
            "{name}"
        );
        assert!(
            !made.notes().contains("left out: it is not carried over"),
            "{name}: {}",
            made.notes()
        );
    }
}

#[test]
fn metadata_by_any_name_stays_beside_tags() {
    let folder = TempDir::new().unwrap();
    let clip = folder.path().join("phone.mkv");
    let workflow = format!("{{\"nodes\":\"{}\"}}", "ノ".repeat(50_000));
    let file = folder.path().join("metadata");
    std::fs::write(
        &file,
        format!(
            ";FFMETADATA1\ntitle=Title\nmake=Maker\nmodel=Model\nAIGC={{\"Label\":\"1\"}}\n\
            workflow={workflow}\n"
        ),
    )
    .unwrap();
    generate(
        "testsrc2=s=320x240:r=25:d=2[out0];sine=d=2[out1]",
        &format!("-i {} -map_metadata 1 -c:v libx264 -c:a aac", file.display()),
        &clip,
    );
    for name in ["o.mov", "o.mp4", "o.mkv"] {
        let made = make(&clip, name);
        for (tag, value) in [
            ("title", "Title"),
            ("make", "Maker"),
            ("model", "Model"),
            ("AIGC", "\"Label\""),
            ("workflow", "\"nodes\""),
        ] {
            assert!(
                tags(&made.path, tag).contains(value),
                "{name}, {tag}: {}",
                tags(&made.path, tag)
            );
        }
        assert!(
            tags(&made.path, "workflow").len() > 150_000 && !made.notes().contains("metadata"),
            "{name}: {}",
            made.notes()
        );
        // What follows the index is where the index says.
        assert!(
            std::process::Command::new("ffmpeg")
                .args(["-v", "error", "-xerror", "-i"])
                .arg(&made.path)
                .args(["-f", "null", "-"])
                .status()
                .unwrap()
                .success(),
            "{name}"
        );
        assert_eq!(made.stamped.summary.frames, 50, "{name}");
    }
}

#[test]
fn frames_that_came_damaged_are_told() {
    let folder = TempDir::new().unwrap();
    let (whole, torn) = (folder.path().join("whole.ts"), folder.path().join("torn.ts"));
    generate("testsrc2=s=320x240:r=25:d=4", "-c:v mpeg2video -b:v 2M", &whole);
    let packets = std::fs::read(&whole).unwrap();
    let (lost, packets) = (packets.len() / 188 / 2, packets.as_chunks::<188>().0);
    std::fs::write(&torn, [&packets[..lost], &packets[lost + 8..]].concat().concat()).unwrap();
    assert!(!make(&whole, "o.mp4").notes().contains("damaged"));
    let notes = make(&torn, "o.mp4").notes();
    assert!(notes.contains("frames are damaged in the file, the first at 2."), "{notes}");
}

#[test]
fn what_is_no_media_here_is_called_by_its_name() {
    let folder = TempDir::new().unwrap();
    let photo = [&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], &[0; 400]].concat();
    let page = b"<!DOCTYPE html><title>404</title>";
    for (name, bytes, says) in [
        (
            "IMG_0001.HEIC",
            &photo[..],
            "is a HEIC photo, whose picture cannot be read here; convert it",
        ),
        ("clip.mp4", &page[..], "is a web page"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let told = try_make(&path, "o.png", None).map(|m| m.notes()).unwrap_err().to_string();
        assert!(told.contains(says) && told.contains(name), "{told}");
        // A photo may have a manifest all the same.
        match Verifier::new().ring(ring()).verify(&path) {
            Ok(verified) => {
                let reasons = verified.judgement.reasons;
                assert!(reasons.iter().any(|r| r.code == "media.unsearchable"), "{reasons:?}");
            }
            Err(e) => assert!(e.to_string().contains(says), "{name}: {e}"),
        }
    }
}

#[test]
fn interlaced_pictures_stay_so_or_are_told() {
    let Some(path) = case("media/interlaced.mp4") else { return };
    assert_eq!(make(&path, "o.mp4").streams("v", "field_order").trim(), "tt");
    let made = try_make(&path, "o.mp4", Some("h265")).unwrap();
    assert!(made.notes().contains("interlaced"), "{}", made.notes());
}

#[test]
fn a_picture_that_only_its_own_metadata_colour_is_refused() {
    let Some(path) = case("media/dv5.mp4") else { return };
    match try_make(&path, "o.mp4", None) {
        Err(StampError::Media(MediaError::Unwritable { reason, .. })) => {
            assert!(reason.contains("Dolby Vision profile 5"), "{reason}")
        }
        other => panic!("{:?}", other.map(|m| m.notes())),
    }
}

#[test]
fn a_second_picture_is_named_when_it_is_stamped_and_when_it_is_verified() {
    let Some(path) = case("media/angles.mp4") else { return };
    let made = make(&path, "o.mp4");
    assert!(made.notes().contains("was copied without a mark"), "{}", made.notes());
    let judged = verify(&made.path, None).judgement;
    assert!(judged.has("media.more-streams"), "{judged:?}");
}

#[test]
fn a_timecode_is_kept_and_not_said_to_be_lost() {
    let Some(path) = case("media/tmcd.mov") else { return };
    for name in ["o.mov", "o.mp4"] {
        let made = make(&path, name);
        assert!(made.streams("", "codec_tag_string").contains("tmcd"), "{name}");
        assert!(!made.notes().contains("left out"), "{name}: {}", made.notes());
    }
}

#[test]
fn transparency_stays_where_the_codec_has_it_and_is_told_where_not() {
    let Some(path) = case("media/alpha.webm") else { return };
    let made = make(&path, "o.webm");
    assert!(!made.notes().contains("alpha"), "{}", made.notes());
    let seen = TempDir::new().unwrap();
    let plane = seen.path().join("alpha.png");
    let mut decoded = std::process::Command::new("ffmpeg");
    decoded
        .args(["-v", "error", "-c:v", "libvpx-vp9", "-i"])
        .arg(&made.path)
        .args(["-vf", "alphaextract", "-frames:v", "1"])
        .arg(&plane);
    assert!(decoded.status().unwrap().success() && plane.exists());
    let made = make(&path, "o.mp4");
    assert!(made.notes().contains("alpha channel was left out"), "{}", made.notes());
    assert_eq!(
        made.streams("v", "codec_name:stream_tags=alpha_mode").trim().trim_end_matches(','),
        "vp9"
    );
}

#[test]
fn what_has_no_steady_rate_gets_no_level_of_a_clock() {
    let folder = TempDir::new().unwrap();
    let (even, odd) = (folder.path().join("even.mp4"), folder.path().join("odd.mkv"));
    generate("testsrc2=s=320x240:r=25:d=2", "-c:v libx264", &even);
    ffmpeg(
        &even,
        "-c:v libx264 -vf setpts=PTS*(1+0.3*mod(N\\,3)) -vsync vfr -enc_time_base 1:90000",
        &odd,
    );
    let level: i32 = make(&odd, "o.mp4").streams("v", "level").trim().parse().unwrap();
    assert!(level <= 21, "{level}");
}
