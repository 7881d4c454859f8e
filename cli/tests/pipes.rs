//! `stamp - -o -` between a generator and whoever takes its frames: ffmpeg at both ends, and ends
//! that stall, stop and go away.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Desk, code, json, refused, text};
use serde_json::Value;

const PAYLOAD: &str = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
const SOURCE: &str = "ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=640x360:r=25:d=2";

fn pipeline(desk: &Desk, script: &str) -> Output {
    desk.pipeline(script)
}

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("tmp")).unwrap();
    desk
}

fn entries(desk: &Desk) -> Vec<Value> {
    desk.entries()
}

fn sha256(desk: &Desk, name: &str) -> String {
    text(&Command::new("sha256sum").arg(desk.path(name)).output().unwrap().stdout)
        .split(' ')
        .next()
        .unwrap()
        .to_string()
}

#[test]
fn frames_go_through_and_the_clip_that_is_made_of_them_is_known() {
    let desk = desk();
    // Long enough to be compared in more moments than a codec may leave out.
    let source = SOURCE.replace("d=2", "d=4");
    let script = format!(
        "{source} -pix_fmt yuv420p -f yuv4mpegpipe - | tee in.y4m | \"$0\" stamp - -o - --payload \
        {PAYLOAD} --json | tee out.y4m | ffmpeg -v error -i - -c:v libx264 -crf 26 clip.mp4"
    );
    let o = pipeline(&desk, &script);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let told: Value = serde_json::from_str(text(&o.stderr).trim()).unwrap();
    assert_eq!(
        (&told["payload"], &told["manifest"]["path"], &told["video"]["frames"]),
        (&PAYLOAD.into(), &Value::Null, &100.into())
    );
    let sizes = ["in.y4m", "out.y4m"].map(|n| std::fs::metadata(desk.path(n)).unwrap().len());
    assert_eq!(sizes[0], sizes[1], "the same frames in the same form");
    assert_eq!(desk.frames("clip.mp4"), 100);
    let known = entries(&desk);
    assert_eq!(
        (known.len(), known[0]["content"].as_str()),
        (1, Some(sha256(&desk, "out.y4m").as_str())),
        "{known:?}"
    );
    assert_eq!(known[0]["confirmed"], true);
    let report = json(&desk.run(&["verify", "clip.mp4", "--json"])).remove(0);
    assert_eq!(
        (report["verdict"].as_str(), report["video"]["payload"].as_str()),
        (Some("recovered"), Some(PAYLOAD)),
        "{report}"
    );
    assert_eq!(std::fs::read_dir(desk.path("tmp")).unwrap().count(), 0);
    assert_eq!(desk.files(), ["clip.mp4", "home", "in.y4m", "out.y4m", "tmp"]);
}

#[test]
fn what_an_encoder_makes_of_marked_frames_is_signed_in_their_place() {
    let desk = desk();
    let source = SOURCE.replace("d=2", "d=4");
    let script = format!(
        "{source} -pix_fmt yuv420p -f yuv4mpegpipe - | \"$0\" stamp - -o - --title 'A test' | \
        ffmpeg -v error -i - -c:v libx264 -crf 26 clip.mp4"
    );
    let o = pipeline(&desk, &script);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let before = entries(&desk).remove(0);
    let o = desk.run(&["sign", "clip.mp4", "-o", "signed.mp4", "--json"]);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let told = json(&o).remove(0);
    assert_eq!(
        (&told["payload"], &told["marked"]["video"], &told["replaced"]),
        (&before["payload"], &true.into(), &true.into())
    );
    let known = entries(&desk);
    assert_eq!(
        (known.len(), known[0]["content"].as_str(), &known[0]["media_type"], &known[0]["title"]),
        (1, Some(sha256(&desk, "signed.mp4").as_str()), &"video/mp4".into(), &"A test".into())
    );
    let report = json(&desk.run(&["verify", "signed.mp4", "--json"])).remove(0);
    assert_eq!((&report["verdict"], &report["trust"]), (&"intact".into(), &"own".into()));
    assert_eq!(report["manifest"]["title"], "A test");
}

#[test]
fn uncompressed_frames_are_counted_and_not_their_bytes() {
    let desk = desk();
    let script = |limit: &str| {
        format!(
            "{SOURCE} -pix_fmt yuv420p -f yuv4mpegpipe - | \"$0\" stamp - -o - --no-c2pa \
            --register never --limit {limit} > out.y4m"
        )
    };
    let o = pipeline(&desk, &script("bytes=1M"));
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    assert!(std::fs::metadata(desk.path("out.y4m")).unwrap().len() > 10_000_000);
    let o = pipeline(&desk, &script("frames=20"));
    assert!(code(&o) != 0 && text(&o.stderr).contains("frames"), "{}", text(&o.stderr));
}

#[test]
fn fragments_keep_their_sound_and_have_their_manifest_beside_them() {
    let desk = desk();
    let fragments =
        "-c:v libx264 -preset ultrafast -g 10 -c:a aac -movflags frag_keyframe+empty_moov -f mp4 -";
    let script = format!(
        "{SOURCE} -f lavfi -i anoisesrc=r=44100:d=2:a=0.2 {fragments} | \"$0\" stamp - -o - \
        --sidecar clip.c2pa --register never > clip.mp4"
    );
    let o = pipeline(&desk, &script);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    assert!(text(&o.stderr).contains("clip.c2pa"), "{}", text(&o.stderr));
    let report = json(&desk.run(&["verify", "clip.mp4", "--json"])).remove(0);
    assert_eq!(report["verdict"], "intact", "{report}");
    assert_eq!(report["video"]["payload"], report["audio"]["payload"]);
    let probe = |entries: &str, of: &str| {
        let o = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_packets",
                "-select_streams",
                of,
                "-show_entries",
                entries,
                "-of",
                "csv=p=0",
            ])
            .arg(desk.path("clip.mp4"))
            .output();
        text(&o.unwrap().stdout).trim().to_string()
    };
    assert_eq!(probe("stream=codec_name,nb_read_packets", "v"), "h264,50");
    assert!(probe("stream=codec_name", "a") == "aac");
    // The bytes that were sent are those that were signed.
    let bytes = std::fs::read(desk.path("clip.mp4")).unwrap();
    assert!(bytes.windows(4).filter(|w| w == b"moof").count() >= 1);
    std::fs::write(desk.path("clip.mp4"), [&bytes[..], b"\0\0\0\x08free"].concat()).unwrap();
    assert_eq!(json(&desk.run(&["verify", "clip.mp4", "--json"]))[0]["verdict"], "altered");

    // From one form to the other, with as many bits and the rate that there was.
    let script = format!(
        "{SOURCE} -pix_fmt yuv420p10le -r 30000/1001 -c:v ffv1 -f matroska - | \"$0\" stamp - -o \
        - --format y4m --no-c2pa --quiet > clip.y4m"
    );
    let o = pipeline(&desk, &script);
    assert_eq!((code(&o), text(&o.stderr).lines().count()), (0, 1), "{}", text(&o.stderr));
    let head = text(&std::fs::read(desk.path("clip.y4m")).unwrap()[..60]);
    assert!(head.contains("F30000:1001") && head.contains("C420p10"), "{head}");
    let script = format!(
        "{SOURCE} -pix_fmt yuv420p -f yuv4mpegpipe - | \"$0\" stamp - -o - --format mp4 > \
        clip2.mp4"
    );
    assert_eq!(code(&pipeline(&desk, &script)), 0);
    assert_eq!(desk.frames("clip2.mp4"), 50);
}

#[test]
fn a_reader_that_goes_away_leaves_nothing_to_remember() {
    let desk = desk();
    let raw = format!("{SOURCE} -pix_fmt yuv420p -f yuv4mpegpipe - 2>/dev/null");
    // At its beginning, in its middle, and before the last frame. What a pipe holds counts as
    // taken, as nobody can know better.
    for (bytes, more) in [(1, ""), (3_000_000, "--sidecar gone.c2pa"), (17_000_000, "")] {
        let o = pipeline(
            &desk,
            &format!(
                "{raw} | \"$0\" stamp - -o - {more} | head -c {bytes} > /dev/null; exit \
                ${{PIPESTATUS[1]}}"
            ),
        );
        refused(&o, 2, &["standard output", "before the end"]);
        assert_eq!(entries(&desk), Vec::<Value>::new());
    }
    // The same where nothing can be written.
    let o = pipeline(
        &desk,
        &format!("{raw} | \"$0\" stamp - -o - > /dev/full; exit ${{PIPESTATUS[1]}}"),
    );
    refused(&o, 2, &["standard output", "No space left"]);
    assert_eq!(
        (entries(&desk), desk.files()),
        (Vec::new(), vec!["home".to_string(), "tmp".to_string()])
    );
}

#[test]
fn what_is_no_stream_or_cannot_be_stamped_as_one_is_refused() {
    let desk = desk();
    desk.clip("clip.mp4");
    std::fs::write(desk.path("there.c2pa"), "precious").unwrap();
    for (arguments, parts) in [
        ("stamp - -o - < /dev/null", &["standard input", "empty"][..]),
        ("stamp - -o - < home/config.toml", &["standard input", "no stream", "Y4M"]),
        // Its index is at its end.
        ("stamp - -o - < clip.mp4", &["standard input", "no stream", "index first"]),
        ("stamp - -o - --check < clip.mp4", &["--check"]),
        ("stamp - -o - --register later < clip.mp4", &["--register later"]),
        ("stamp - -o - --register never < clip.mp4", &["--sidecar", "--no-c2pa"]),
        ("stamp - -o - --sidecar there.c2pa < clip.mp4", &["there.c2pa", "--force"]),
        ("stamp - -o - --sidecar none/x.c2pa < clip.mp4", &["none/x.c2pa", "cannot be written"]),
        ("stamp - -o - --ledger run < clip.mp4", &["files", "stream"]),
        ("stamp - clip.mp4 -o - < clip.mp4", &["one stream"]),
        ("stamp - -o out.mp4 < clip.mp4", &["standard input", "no stream", "index first"]),
        ("stamp - -o out.mp4 --format mp4 < clip.mp4", &["--format", "-o -"]),
        ("stamp clip.mp4 -o -", &["- as the input"]),
        ("stamp clip.mp4 -o out.mp4 --format y4m", &["--format"]),
    ] {
        refused(&pipeline(&desk, &format!("\"$0\" {arguments}")), 2, parts);
    }
    assert_eq!(std::fs::read(desk.path("there.c2pa")).unwrap(), b"precious");
    assert_eq!(
        (entries(&desk), desk.files()),
        (Vec::new(), ["clip.mp4", "home", "there.c2pa", "tmp"].map(String::from).to_vec())
    );
}

/// A generator without an end, the command, and a taker that this test is.
fn endless(desk: &Desk, frames: usize) -> (Child, Arc<AtomicUsize>) {
    let mut child = desk
        .command(&["stamp", "-", "-o", "-"])
        .env("TMPDIR", desk.path("tmp"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut into, sent) = (child.stdin.take().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = sent.clone();
    std::thread::spawn(move || {
        let frame = [&b"FRAME\n"[..], &vec![128; 1280 * 720 * 3 / 2]].concat();
        let _ = into.write_all(b"YUV4MPEG2 W1280 H720 F25:1 C420jpeg\n");
        while count.load(Ordering::Relaxed) < frames && into.write_all(&frame).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Open for as long as the test runs.
        std::thread::sleep(Duration::from_secs(60));
        drop(into);
    });
    (child, sent)
}

/// Waits until no frame goes in any more, and tells how many did.
fn settled(sent: &AtomicUsize) -> usize {
    let began = Instant::now();
    let mut last = 0;
    loop {
        std::thread::sleep(Duration::from_millis(700));
        let now = sent.load(Ordering::Relaxed);
        if now == last && now > 0 {
            return now;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "frames go in and never come out");
        last = now;
    }
}

#[test]
fn a_taker_that_sleeps_holds_the_generator_up() {
    let desk = desk();
    let (mut child, sent) = endless(&desk, usize::MAX);
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 1000]).unwrap();
    let before = settled(&sent);
    // Fewer frames are on the way than would fill a second, and no more memory than those take.
    let peak = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak: usize = peak
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    assert!(before < 25 && peak < 300_000, "{before} frames went in, {peak} KiB were used");
    out.read_exact(&mut vec![0; 40 * 1280 * 720 * 3 / 2]).unwrap();
    let after = settled(&sent);
    assert!((30..75).contains(&(after - before)), "{before}, then {after}");
    assert_eq!(std::fs::read_dir(desk.path("tmp")).unwrap().count(), 0);

    // Stopped while it waits to write.
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let o = child.wait_with_output().unwrap();
    assert_eq!(
        (o.status.code(), text(&o.stderr).lines().count()),
        (Some(130), 1),
        "{}",
        text(&o.stderr)
    );
    assert_eq!(entries(&desk), Vec::<Value>::new());
}

#[test]
fn a_generator_that_sleeps_can_be_waited_for_and_given_up() {
    let desk = desk();
    let (mut child, sent) = endless(&desk, 3);
    let mut out = child.stdout.take().unwrap();
    let taker = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    assert_eq!(settled(&sent), 3);
    assert!(
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success()
    );
    let o = child.wait_with_output().unwrap();
    assert_eq!(
        (o.status.code(), text(&o.stderr).lines().count()),
        (Some(130), 1),
        "{}",
        text(&o.stderr)
    );
    assert!(text(&o.stderr).contains("standard input: stopped"), "{}", text(&o.stderr));
    taker.join().unwrap().unwrap();
    assert_eq!(entries(&desk), Vec::<Value>::new());
}

#[test]
fn a_generator_that_breaks_off_is_no_success() {
    let desk = desk();
    let o = pipeline(
        &desk,
        &format!(
            "{SOURCE} -pix_fmt yuv420p -f yuv4mpegpipe - | head -c 1000000 | \"$0\" stamp - -o - \
            > out.y4m"
        ),
    );
    assert!(
        code(&o) == 2 && text(&o.stderr).contains("it ends within a frame"),
        "{}",
        text(&o.stderr)
    );
    assert!(entries(&desk).is_empty(), "what was not finished is not remembered");
}

#[test]
fn interlaced_frames_are_passed_on_as_such() {
    let desk = desk();
    let script = format!(
        "{SOURCE} -pix_fmt yuv420p -f yuv4mpegpipe - | sed '1s/ Ip/ It/' | \"$0\" stamp - -o - \
        --no-c2pa --register never | head -1"
    );
    assert!(text(&pipeline(&desk, &script).stdout).contains(" It"));
}

#[test]
fn a_stream_that_has_provenance_is_not_signed_as_created_here() {
    let desk = desk();
    desk.ffmpeg(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -preset ultrafast -g 10 -movflags \
        frag_keyframe+empty_moov plain.mp4",
    );
    desk.ffmpeg("-i plain.mp4 -c copy -movflags +faststart whole.mp4");
    assert_eq!(code(&desk.run(&["stamp", "whole.mp4", "-o", "signed.mp4"])), 0);
    // XMP that says where a manifest is kept, as the last box.
    let xmp = b"<rdf:Description xmlns:dcterms=\"http://purl.org/dc/terms/\" \
        dcterms:provenance=\"https://example.org/1.c2pa\"/>";
    let kind = [
        0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf,
        0xac,
    ];
    let plain = std::fs::read(desk.path("plain.mp4")).unwrap();
    let behind =
        [&plain[..], &u32::try_from(24 + xmp.len()).unwrap().to_be_bytes(), b"uuid", &kind, xmp]
            .concat();
    std::fs::write(desk.path("behind.mp4"), behind).unwrap();
    let count = entries(&desk).len();
    for name in ["behind.mp4", "signed.mp4"] {
        let o = pipeline(
            &desk,
            &format!("cat {name} | \"$0\" stamp - -o - --sidecar made.c2pa > made.mp4"),
        );
        refused(&o, 2, &["the stream carries a manifest", "--no-c2pa"]);
        assert!(!desk.path("made.c2pa").exists() && entries(&desk).len() == count, "{name}");
    }
    for (name, more) in [("plain.mp4", ""), ("behind.mp4", "--no-c2pa")] {
        let o = pipeline(&desk, &format!("cat {name} | \"$0\" stamp - -o - {more} > made.mp4"));
        assert_eq!(code(&o), 0, "{name}: {}", text(&o.stderr));
    }
}
