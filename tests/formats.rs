//! Every kind of input and output: the mark holds, and what is not the picture stays.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::Path;

use common::{clip, detect, ffmpeg_text, generate, identity, odd, probe, stamp, verify};
use proofmark::media::{Cancel, Limits, MediaError, Reader, Skip, VideoCodec};
use proofmark::verdict::Verdict;
use proofmark::video::Samples;
use proofmark::{Control, StampError, StampOptions, Stamper};
use tempfile::TempDir;

fn round_trip(input: &Path, extension: &str) -> (TempDir, std::path::PathBuf) {
    let work = TempDir::new().unwrap();
    let target = work.path().join(format!("out.{extension}"));
    let stamped = stamp(input, &target, None);
    let e = detect(&target);
    assert_eq!(
        e.payload,
        Some(stamped.payload),
        "{} → {extension}: evidence {}",
        input.display(),
        e.evidence
    );
    (work, target)
}

#[test]
fn odd_shapes_depths_and_colours_carry_the_mark() {
    for (name, extension) in [
        ("portrait.mp4", "mp4"),
        ("odd_size.mkv", "mp4"),
        ("odd_size.mkv", "mkv"),
        ("ten_bit.mp4", "mp4"),
        ("yuv422.mkv", "mkv"),
        ("yuv444.mkv", "mkv"),
        ("rgb.mkv", "mkv"),
        ("rgb.mkv", "mp4"),
        ("full_range.mp4", "mp4"),
        ("dark.mp4", "mp4"),
        ("anamorphic.mp4", "mp4"),
        ("rotated.mp4", "mp4"),
        ("still.png", "png"),
        ("still.jpg", "jpg"),
        ("still.webp", "webp"),
    ] {
        round_trip(&odd(name), extension);
    }
}

#[test]
fn time_colour_rotation_and_sound_stay() {
    let (_a, vfr) = round_trip(&odd("variable_rate.mp4"), "mp4");
    assert_eq!(common::frame_times(&odd("variable_rate.mp4")), common::frame_times(&vfr));

    let colour = |p: &Path| {
        probe(
            p,
            "-select_streams v -show_entries \
            stream=pix_fmt,color_primaries,color_transfer,color_space,codec_name",
        )
    };
    let (_b, ten) = round_trip(&odd("ten_bit.mp4"), "mp4");
    assert_eq!(colour(&odd("ten_bit.mp4")), colour(&ten));

    let range = |p: &Path| probe(p, "-select_streams v -show_entries stream=color_range");
    let (_c, full) = round_trip(&odd("full_range.mp4"), "mp4");
    assert_eq!(range(&odd("full_range.mp4")), range(&full));

    let side = |p: &Path| probe(p, "-select_streams v -show_entries stream_side_data=rotation");
    let (_d, turned) = round_trip(&odd("rotated.mp4"), "mp4");
    assert!(!side(&turned).trim().is_empty());
    assert_eq!(side(&odd("rotated.mp4")), side(&turned));

    let aspect = |p: &Path| probe(p, "-select_streams v -show_entries stream=sample_aspect_ratio");
    let (_e, wide) = round_trip(&odd("anamorphic.mp4"), "mp4");
    assert_eq!(aspect(&odd("anamorphic.mp4")), aspect(&wide));

    let sound =
        |p: &Path| probe(p, "-select_streams a -show_entries packet=pts,size -show_data_hash md5");
    let (_f, surround) = round_trip(&odd("surround.mp4"), "mp4");
    assert_eq!(probe(&surround, "-show_entries format_tags=title").trim(), "Six channels");
    // Sound that is not to be marked is not touched.
    let work = TempDir::new().unwrap();
    let copied = work.path().join("copied.mp4");
    let mut options = StampOptions::default();
    options.mark_sound = false;
    Stamper::new(common::ring().stamping().clone())
        .options(options.clone())
        .stamp(&odd("surround.mp4"), &copied)
        .unwrap();
    assert_eq!(sound(&odd("surround.mp4")), sound(&copied));
}

#[test]
fn captions_chapters_and_hdr_metadata_stay() {
    for (container, codec) in [("mp4", "mov_text"), ("mkv", "subrip")] {
        let (_work, target) = round_trip(&odd(&format!("captioned.{container}")), container);
        let streams = probe(
            &target,
            "-select_streams s -show_entries stream=codec_name:stream_tags=language",
        );
        assert_eq!(streams.trim(), format!("{codec},eng"), "{container}");
        assert!(ffmpeg_text(&target, "srt").contains("A rabbit wakes up."), "{container}");
        let chapters = probe(&target, "-show_entries chapter=start_time:chapter_tags=title");
        assert_eq!(
            chapters.lines().map(|l| l.trim_matches(',')).collect::<Vec<_>>(),
            ["0.000000,Waking", "0.900000,Stretching"],
            "{container}"
        );
    }
    // What the target cannot hold as it is, is named.
    let work = TempDir::new().unwrap();
    let stamped = stamp(&odd("captioned.mp4"), &work.path().join("other.mkv"), None);
    assert!(
        stamped.summary.left_out.iter().any(|l| l.contains("mov_text")),
        "{:?}",
        stamped.summary.left_out
    );
    generate(
        "testsrc2=s=160x160:d=0.4:alpha=100,format=argb",
        "-c:v qtrle",
        &work.path().join("alpha.mov"),
    );
    let stamped = stamp(&work.path().join("alpha.mov"), &work.path().join("alpha.mp4"), None);
    assert!(
        stamped.summary.left_out.iter().any(|l| l.contains("alpha")),
        "{:?}",
        stamped.summary.left_out
    );
    let light = |p: &Path| {
        probe(
            p,
            "-select_streams v -read_intervals %+#1 -show_entries \
            frame_side_data=red_x,green_y,white_point_x,max_luminance,max_content,max_average",
        )
    };
    let (_work, target) = round_trip(&odd("hdr.mp4"), "mp4");
    assert!(light(&target).contains("1000"), "{}", light(&target));
    assert_eq!(light(&odd("hdr.mp4")), light(&target));
}

#[test]
fn every_codec_is_written_at_quality_and_at_rate() {
    let work = TempDir::new().unwrap();
    for (codec, extension, name) in [
        ("h264", "mp4", "h264"),
        ("h265", "mov", "hevc"),
        ("vp9", "webm", "vp9"),
        ("av1", "mp4", "av1"),
        ("ffv1", "mkv", "ffv1"),
    ] {
        for bitrate in [None, Some(600_000)] {
            let mut options = StampOptions::default();
            options.encode.codec = VideoCodec::parse(codec);
            options.encode.bitrate = bitrate.filter(|_| codec != "ffv1");
            let target = work.path().join(format!("{codec}-{}.{extension}", bitrate.unwrap_or(0)));
            let stamped = Stamper::new(common::ring().stamping().clone())
                .options(options.clone())
                .stamp(&odd("upright.mp4"), &target)
                .unwrap();
            assert_eq!(
                probe(&target, "-select_streams v -show_entries stream=codec_name").trim(),
                name
            );
            assert_eq!(detect(&target).payload, Some(stamped.payload), "{codec} at {bitrate:?}");
            if let Some(wanted) = options.encode.bitrate {
                let rate = std::fs::metadata(&target).unwrap().len() as f64 * 8.0 / 2.0;
                assert!(
                    (0.4..1.6).contains(&(rate / wanted as f64)),
                    "{codec}: {rate:.0} b/s instead of {wanted}"
                );
            }
        }
    }
}

#[test]
fn matroska_and_webm_get_a_sidecar() {
    let work = TempDir::new().unwrap();
    for extension in ["mkv", "webm"] {
        let (identity, trust) = identity();
        let target = work.path().join(format!("clip-{extension}.{extension}"));
        let stamped = stamp(&odd("upright.mp4"), &target, Some(identity));
        assert_eq!(stamped.manifest.as_deref(), Some(target.with_extension("c2pa").as_path()));
        let v = verify(&target, Some(trust));
        assert_eq!(v.judgement.verdict, Verdict::Intact, "{extension}: {:?}", v.manifest);
        assert!(v.manifest.unwrap().sidecar);
    }
}

#[test]
fn stills_are_signed_too() {
    let work = TempDir::new().unwrap();
    for name in ["still.png", "still.jpg", "still.webp"] {
        let (identity, _) = identity();
        let target = work.path().join(name);
        stamp(&odd(name), &target, Some(identity));
        assert_eq!(verify(&target, None).judgement.verdict, Verdict::Intact, "{name}");
    }
}

#[test]
fn restamping_keeps_the_first_manifest_as_parent() {
    let work = TempDir::new().unwrap();
    let (identity, _) = identity();
    let (first, second) = (work.path().join("first.mp4"), work.path().join("second.mp4"));
    stamp(&odd("upright.mp4"), &first, Some(identity.clone()));
    stamp(&first, &second, Some(identity));
    let manifest = verify(&second, None).manifest.unwrap();
    assert_eq!(manifest.actions[0].action, "c2pa.opened");
    assert_eq!(manifest.ingredients, ["first.mp4"]);
}

#[test]
fn what_cannot_be_stamped_is_refused_and_leaves_nothing() {
    let work = TempDir::new().unwrap();
    let target = work.path().join("out.mp4");
    let refuse = |input: &Path, target: &Path| {
        Stamper::new(common::ring().stamping().clone()).stamp(input, target).unwrap_err()
    };
    assert!(matches!(refuse(&odd("too_small.mp4"), &target), StampError::Picture { .. }));
    assert!(matches!(
        refuse(&odd("sound_only.m4a"), &target),
        StampError::Media(MediaError::NoVideo { .. })
    ));
    assert!(matches!(
        refuse(&odd("empty.mp4"), &target),
        StampError::Media(MediaError::Empty { .. })
    ));
    assert!(matches!(
        refuse(&odd("text.mp4"), &target),
        StampError::Media(MediaError::NotMedia { .. })
    ));
    assert!(matches!(
        refuse(&odd("upright.mp4"), &work.path().join("out.xyz")),
        StampError::Media(MediaError::Container { .. })
    ));
    assert!(matches!(
        refuse(&odd("upright.mp4"), &work.path().join("out.png")),
        StampError::Media(MediaError::CannotHold { .. })
    ));
    assert!(matches!(
        refuse(&odd("still.png"), &work.path().join("out.m4a")),
        StampError::Media(MediaError::NoSound { .. })
    ));
    assert!(matches!(
        refuse(&odd("upright.mp4"), &odd("upright.mp4")),
        StampError::SameFile { .. }
    ));
    assert!(matches!(
        refuse(&odd("upright.mp4"), &work.path().join("none/out.mp4")),
        StampError::Media(MediaError::Write { .. })
    ));

    let cancel = Cancel::default();
    let options = StampOptions::default();
    let stopped =
        Stamper::new(common::ring().stamping().clone()).options(options.clone()).stamp_with(
            &clip(),
            &target,
            Control::new(&cancel, |p: proofmark::media::Progress| {
                if p.frames == 5 {
                    cancel.cancel();
                }
            }),
        );
    assert!(matches!(stopped.unwrap_err(), StampError::Media(MediaError::Cancelled { .. })));
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn what_each_frame_took_is_told_with_it() {
    let work = TempDir::new().unwrap();
    for (arguments, extension, bytes_are_known, all_intra) in [
        ("-c:v libx264 -preset veryfast -bf 3", "mp4", true, false),
        ("-c:v libx264 -preset veryfast -bf 3", "mkv", true, false),
        ("-c:v mpeg4", "avi", true, false),
        ("-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "webm", true, false),
        ("-c:v libaom-av1 -cpu-used 8 -usage realtime", "mp4", false, false),
        ("-c:v mjpeg", "mkv", true, true),
    ] {
        let clip = work.path().join(format!("clip.{extension}"));
        generate(
            "testsrc2=size=192x128:rate=10:duration=2",
            &format!("-pix_fmt yuv420p {arguments}"),
            &clip,
        );
        let mut reader = Reader::open(&clip, &Limits::default()).unwrap();
        let mut codings = Vec::new();
        while let Some((picture, _)) = reader.next_frame(|_| true).unwrap() {
            codings.push(picture.coding());
        }
        assert_eq!(codings.len(), 20, "{arguments}");
        assert!(codings[0].intra, "{arguments}");
        assert_eq!(codings.iter().all(|c| c.intra), all_intra, "{arguments}");
        assert!(
            codings.iter().all(|c| c.bits.is_some() == bytes_are_known),
            "{arguments}: {codings:?}"
        );
        if bytes_are_known {
            let bytes: f32 =
                codings.iter().filter_map(|c| c.bits).sum::<f32>() * (192.0 * 128.0 / 8.0);
            let packets: f32 = probe(&clip, "-select_streams v -show_entries packet=size")
                .lines()
                .map(|l| l.trim_matches(',').parse::<f32>().unwrap())
                .sum();
            assert!((bytes - packets).abs() < 1.0, "{arguments}: {bytes} of {packets} bytes");
        }
    }
}

#[test]
fn frames_that_are_left_out_are_missed_by_no_other() {
    let work = TempDir::new().unwrap();
    for (arguments, extension) in [
        ("-c:v libx264 -preset veryfast -bf 3 -b_strategy 0", "mp4"),
        ("-c:v libx264 -preset veryfast -bf 3 -b_strategy 0", "ts"),
        ("-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=3:b-adapt=0", "mp4"),
    ] {
        let clip = work.path().join(format!("clip.{extension}"));
        generate(
            "testsrc2=size=192x128:rate=25:duration=2",
            &format!("-pix_fmt yuv420p {arguments}"),
            &clip,
        );
        let frames = |skip: Skip| {
            let mut reader = Reader::open(&clip, &Limits::default()).unwrap();
            reader.skip(skip);
            let mut frames: Vec<(f64, Vec<u8>)> = Vec::new();
            while let Some((mut picture, time)) = reader.next_frame(|_| true).unwrap() {
                picture.with_luma(|luma| {
                    let Samples::U8(samples) = luma.samples else {
                        panic!("eight bits were written")
                    };
                    frames.push((
                        time,
                        samples
                            .chunks(luma.stride)
                            .flat_map(|row| &row[..luma.width])
                            .copied()
                            .collect(),
                    ));
                });
            }
            frames
        };
        let [all, few, fewer] = [Skip::Nothing, Skip::Disposable, Skip::Bidirectional].map(frames);
        assert_eq!(all.len(), 50, "{arguments}");
        assert!(
            few.len() < 40 && fewer.len() < 40 && !fewer.is_empty(),
            "{arguments}: {} and {} of 50",
            few.len(),
            fewer.len()
        );
        for (time, luma) in &few {
            let whole = all.iter().find(|(t, _)| (t - time).abs() < 1e-3).unwrap();
            assert!(whole.1 == *luma, "{arguments}: the frame at {time} s is another");
        }
    }
}
