//! What comes through a pipe beside Y4M and MP4: sound, raw frames, images; sound and picture on
//! two pipes; and reports that go to files of their own.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Desk, code, json, refused, text};
use serde_json::Value;

const PICTURE: &str = "ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=320x256:r=24:d=4";
const NOISE: &str = "-f lavfi -i anoisesrc=r=44100:d=8:a=0.2:c=pink";
const PAYLOAD: &str = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("tmp")).unwrap();
    desk
}

fn probe(desk: &Desk, name: &str, entries: &str) -> String {
    let o = Command::new("ffprobe")
        .args(["-v", "error", "-count_packets", "-show_entries", entries, "-of", "csv=p=0"])
        .arg(desk.path(name))
        .output()
        .unwrap();
    text(&o.stdout).trim().to_string()
}

/// The report of `verify`.
fn verify(desk: &Desk, name: &str) -> Value {
    json(&desk.run(&["verify", name, "--json"])).remove(0)
}

/// Runs a pipeline that must go well.
fn well(desk: &Desk, script: &str) -> String {
    let o = desk.pipeline(script);
    assert_eq!(code(&o), 0, "{script}: {}", text(&o.stderr));
    text(&o.stderr)
}

#[test]
fn sound_goes_through_and_what_is_made_of_it_is_known() {
    let desk = desk();
    let told = well(
        &desk,
        &format!(
            "ffmpeg -v error -nostdin {NOISE} -ac 2 -f wav - | tee in.wav | \"$0\" stamp - -o - \
            --payload {PAYLOAD} --json | tee out.wav | ffmpeg -v error -i - -b:a 128k out.mp3"
        ),
    );
    let told: Value = serde_json::from_str(told.trim()).unwrap();
    assert_eq!((&told["video"], &told["audio"][0]["marked"]), (&Value::Null, &true.into()));
    // The head of a stream, whose length nobody knows yet; as many samples, of the same kind.
    let bytes = std::fs::read(desk.path("out.wav")).unwrap();
    assert_eq!((&bytes[..8], &bytes[8..12]), (&b"RIFF\xff\xff\xff\xff"[..], &b"WAVE"[..]));
    let told = |name| probe(&desk, name, "stream=codec_name,sample_rate,channels");
    assert_eq!((told("out.wav"), told("in.wav")), ("pcm_s16le,44100,2".into(), told("out.wav")));
    let samples = |name: &str| std::fs::metadata(desk.path(name)).unwrap().len() / 4;
    assert!(samples("out.wav").abs_diff(samples("in.wav")) < 32, "no sample more or less");
    let entry = desk.entries().remove(0);
    assert_eq!((&entry["payload"], &entry["media_type"]), (&PAYLOAD.into(), &"audio/wav".into()));
    let report = verify(&desk, "out.mp3");
    assert_eq!(
        (&report["verdict"], &report["audio"]["payload"]),
        (&"recovered".into(), &PAYLOAD.into()),
        "{report}"
    );
}

#[test]
fn sound_of_other_heads_and_to_files() {
    let desk = desk();
    for (how, from, target) in [
        ("-rf64 always", "in.wav", "rf64.wav"),
        ("", "in.w64", "w64.flac"),
        ("", "in.flac", "flac.m4a"),
    ] {
        desk.ffmpeg(format!("-y {NOISE} {how} {from}").replace("  ", " ").as_str());
        well(&desk, &format!("cat {from} | \"$0\" stamp - -o {target} --check --quiet"));
        let report = verify(&desk, target);
        assert_eq!(report["verdict"], "intact", "{report}");
    }
    // A file's head says how long it is.
    let bytes = std::fs::read(desk.path("rf64.wav")).unwrap();
    assert_ne!(bytes[4..8], [0xff; 4]);
    // What ffmpeg writes into a pipe as RF64 says that nothing follows.
    let o = desk.pipeline(&format!(
        "ffmpeg -v error -nostdin {NOISE} -rf64 always -f wav - 2>/dev/null | \"$0\" stamp - -o \
        none.wav; exit ${{PIPESTATUS[1]}}"
    ));
    refused(&o, 2, &["standard input", "no sound follows"]);
    // Half a sample is torn.
    let o = desk.pipeline("head -c 300001 rf64.wav | \"$0\" stamp - -o none.wav");
    refused(&o, 2, &["standard input", "ends within a frame"]);
    assert!(!desk.path("none.wav").exists());
}

#[test]
fn endless_sound_takes_bounded_memory() {
    let desk = desk();
    // An hour of stereo is 635 MB.
    let o = desk.pipeline(
        "ffmpeg -v error -nostdin -f lavfi -i sine=r=44100:d=3600 -ac 2 -f wav - | (ulimit -v \
        1500000; \"$0\" stamp - -o - --no-c2pa --register never --quiet) | wc -c",
    );
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    assert!(text(&o.stdout).trim().parse::<u64>().unwrap() > 630_000_000);
}

#[test]
fn raw_frames_are_marked_as_those_of_files() {
    let desk = desk();
    let raw = |format: &str| format!("{PICTURE} -pix_fmt {format} -f rawvideo -");
    let said = |format: &str| format!("--input-pix-fmt {format} --size 320x256 -r 24");
    let told = well(
        &desk,
        &format!(
            "{} | \"$0\" stamp - -o rgb.mp4 --payload {PAYLOAD} {}",
            raw("rgb24"),
            said("rgb24")
        ),
    );
    assert!(told.contains("a quarter of the picture's resolution"), "{told}");
    let seen = probe(&desk, "rgb.mp4", "stream=width,height,pix_fmt,r_frame_rate,nb_read_packets");
    assert_eq!(seen, "320,256,yuv420p,24/1,96");
    let raw_evidence = verify(&desk, "rgb.mp4")["video"]["evidence"].as_f64().unwrap();
    // Beside the same frames from a file, marked with the same number.
    well(&desk, &format!("{PICTURE} -pix_fmt rgb24 -c:v rawvideo rgb.avi"));
    let o = desk.run(&["stamp", "rgb.avi", "-o", "file.mp4", "--payload", PAYLOAD, "--force"]);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let evidence = verify(&desk, "file.mp4")["video"]["evidence"].as_f64().unwrap();
    assert!((raw_evidence - evidence).abs() < 0.1 * evidence, "{raw_evidence}, {evidence}");
    // To standard output, from other formats, and with all colours.
    for format in ["nv12", "yuv444p10le", "gray", "rgba"] {
        well(
            &desk,
            &format!(
                "{} | \"$0\" stamp - -o - --format y4m {} --quiet --no-c2pa --register never | \
                ffmpeg -v error -y -i - -c:v ffv1 out.mkv",
                raw(format),
                said(format)
            ),
        );
        assert_eq!(desk.frames("out.mkv"), 96, "{format}");
        assert_eq!(json(&desk.run(&["detect", "out.mkv", "--json"]))[0]["video"]["detected"], true);
    }
}

#[test]
fn what_is_wrong_with_raw_frames_is_told() {
    let desk = desk();
    let raw = format!("{PICTURE} -pix_fmt rgb24 -f rawvideo -");
    for (said, parts) in [
        ("", &["no stream", "--input-pix-fmt"][..]),
        ("--pix-fmt rgb24 --size 320x256 -r 24", &["--input-pix-fmt", "all three"]),
        ("--input-pix-fmt rgb24 --size 320x256", &["-r", "all three"]),
        ("--input-pix-fmt rgb --size 320x256 -r 24", &["'rgb'", "rgb24"]),
        ("--input-pix-fmt rgb24 --size 320 -r 24", &["'320'", "1280x720"]),
        ("--input-pix-fmt rgb24 --size 320x256 -r 0", &["'0'", "30000/1001"]),
        ("--input-pix-fmt rgb24 --size 322x258 -r 24", &["ends within a frame", "249228 bytes"]),
        ("--input-pix-fmt rgb24 --size 90000x90000 -r 24", &["standard input", "limit"]),
    ] {
        let o = desk.pipeline(&format!(
            "{raw} 2>/dev/null | \"$0\" stamp - -o out.mp4 {said}; exit ${{PIPESTATUS[1]}}"
        ));
        refused(&o, 2, parts);
    }
    let o = desk.pipeline(&format!(
        "{PICTURE} -f yuv4mpegpipe - 2>/dev/null | \"$0\" stamp - -o out.mp4 -r 24; exit \
        ${{PIPESTATUS[1]}}"
    ));
    refused(&o, 2, &["its own rate", "leave it out"]);
    let o = desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "-r", "24"]);
    refused(&o, 2, &["-r", "a file says it itself"]);
    assert_eq!((desk.files(), desk.entries().len()), (vec!["home".into(), "tmp".into()], 0));
}

#[test]
fn images_come_through_a_pipe_and_from_files() {
    let desk = desk();
    std::fs::create_dir(desk.path("frames")).unwrap();
    for (codec, name) in [("png", "png"), ("mjpeg", "jpg")] {
        well(
            &desk,
            &format!(
                "{PICTURE} -f image2pipe -c:v {codec} - | \"$0\" stamp - -o - -r 24 --quiet \
                --no-c2pa --register never > {name}.mp4"
            ),
        );
        let seen = probe(&desk, &format!("{name}.mp4"), "stream=r_frame_rate,nb_read_packets");
        assert_eq!(seen, "24/1,96", "{name}");
        desk.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x256:r=24:d=4 -start_number 17 frames/%05d.{name}"
        ));
        let pattern = format!("frames/%05d.{name}");
        let target = format!("of_{name}.mp4");
        let o = desk.run(&["stamp", &pattern, "-r", "30000/1001", "-o", &target, "--json"]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let told = json(&o).remove(0);
        assert_eq!(
            (&told["file"], &told["video"]["frames"]),
            (&pattern.as_str().into(), &96.into())
        );
        let seen = probe(&desk, &target, "stream=r_frame_rate,nb_read_packets");
        assert_eq!(seen, "30000/1001,96", "{name}");
        assert_eq!(verify(&desk, &target)["verdict"], "intact");
    }
}

#[test]
fn what_is_wrong_with_images_is_told_with_the_name_of_the_file() {
    let desk = desk();
    let all = ["f", "gap", "size", "torn", "other"];
    for folder in all {
        std::fs::create_dir(desk.path(folder)).unwrap();
        desk.ffmpeg(&format!("-f lavfi -i testsrc2=s=320x256:r=24:d=1 {folder}/%03d.png"));
    }
    std::fs::remove_file(desk.path("gap/007.png")).unwrap();
    desk.ffmpeg("-y -f lavfi -i testsrc2=s=160x128:r=24:d=1 -frames:v 1 -update 1 size/013.png");
    let whole = std::fs::read(desk.path("torn/020.png")).unwrap();
    std::fs::write(desk.path("torn/020.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(desk.path("other/003.png"), "no picture").unwrap();
    for (arguments, parts) in [
        ("f/%03d.png -o out.mp4", &["f/%03d.png", "no rate", "-r 24"][..]),
        ("f/%05d.png -r 24 -o out.mp4", &["f/%05d.png", "names no file"]),
        ("none/%03d.png -r 24 -o out.mp4", &["none", "cannot be read"]),
        ("gap/%03d.png -r 24 -o out.mp4", &["gap/007.png", "is missing", "from 1 to 24"]),
        ("size/%03d.png -r 24 -o out.mp4", &["size/013.png", "160x128", "320x256"]),
        ("torn/%03d.png -r 24 -o out.mp4", &["torn/0", "cannot be decoded"]),
        ("other/%03d.png -r 24 -o out.mp4", &["other/003.png", "neither PNG nor JPEG"]),
        ("f/%03d.png clip.mp4 -r 24 -o out.mp4", &["one stream", "clip.mp4"]),
        ("f/%03d.png -r 24 --size 320x256 -o out.mp4", &["raw frames"]),
    ] {
        refused(&desk.pipeline(&format!("\"$0\" stamp {arguments}")), 2, parts);
    }
    let o = desk.pipeline("cat f/*.png | \"$0\" stamp - -o out.mp4");
    refused(&o, 2, &["standard input", "sequence of images", "-r 24"]);
    let o = desk.pipeline("cat f/001.png size/013.png | \"$0\" stamp - -r 24 -o out.mp4");
    refused(&o, 2, &["standard input", "image 2", "160x128"]);
    assert!(!desk.path("out.mp4").exists() && desk.entries().is_empty());
}

/// A generator that writes picture and sound as `order` says, to standard output and to `sound`.
fn both(order: &str) -> String {
    format!(
        "mkfifo sound; ({order}) | \"$0\" stamp - -o out.mp4 --audio-input sound --payload \
        {PAYLOAD} --quiet"
    )
}

#[test]
fn sound_and_picture_come_on_two_pipes_in_any_order() {
    let picture = format!("{PICTURE} -pix_fmt yuv420p -f yuv4mpegpipe -");
    let sound = format!("ffmpeg -v error -nostdin -y {NOISE} -t 4 -f wav sound");
    for (name, order) in [
        ("picture first", format!("{picture}; {sound}")),
        ("sound first", format!("{sound}; {picture}")),
        ("side by side", format!("{sound} & {picture}; wait")),
    ] {
        let desk = desk();
        let began = Instant::now();
        let o = desk.pipeline(&format!("timeout 120 true; {}", both(&order)));
        assert_eq!(code(&o), 0, "{name}: {}", text(&o.stderr));
        assert!(began.elapsed() < Duration::from_secs(100), "{name}");
        let report = verify(&desk, "out.mp4");
        assert_eq!(
            (&report["verdict"], &report["video"]["payload"], &report["audio"]["payload"]),
            (&"intact".into(), &PAYLOAD.into(), &PAYLOAD.into()),
            "{name}: {report}"
        );
        assert_eq!(desk.entries().len(), 1, "{name}");
        let seconds: Vec<f64> = probe(&desk, "out.mp4", "stream=duration")
            .lines()
            .map(|l| l.trim_end_matches(',').parse().unwrap())
            .collect();
        assert!(seconds.len() == 2 && seconds.iter().all(|s| (s - 4.0).abs() < 0.1), "{seconds:?}");
        assert_eq!(std::fs::read_dir(desk.path("tmp")).unwrap().count(), 0);
    }
}

#[test]
fn one_of_two_pipes_that_ends_early_ends_nothing_but_itself() {
    let desk = desk();
    // To standard output, from a descriptor, with sound that is shorter than the picture.
    let picture = format!("{PICTURE} -pix_fmt yuv420p -f yuv4mpegpipe -");
    let told = well(
        &desk,
        &format!(
            "exec 3< <(ffmpeg -v error -nostdin {NOISE} -t 2 -f wav -); {picture} | \"$0\" stamp - \
            -o - --audio-input /dev/fd/3 > out.mp4"
        ),
    );
    assert!(told.contains("the sound ends at 2.0 s, and the picture at 4.0 s"), "{told}");
    assert_eq!(probe(&desk, "out.mp4", "stream=codec_name"), "h264\naac");
    // What breaks off within a frame is no success, and neither is what gives nothing.
    let sound = "exec 3< <(ffmpeg -v error -nostdin -f lavfi -i anoisesrc=d=4:a=0.2 -f wav - \
        2>/dev/null)";
    let o = desk.pipeline(&format!(
        "{sound}; {picture} 2>/dev/null | head -c 1000000 | \"$0\" stamp - -o cut.mp4 \
        --audio-input /dev/fd/3 --payload {PAYLOAD}; exit ${{PIPESTATUS[2]}}"
    ));
    refused(&o, 2, &["standard input", "ends within a frame"]);
    for (sound, parts) in [
        ("< /dev/null", &["/dev/fd/3", "empty"][..]),
        ("< home/config.toml", &["/dev/fd/3", "no stream"]),
    ] {
        let o = desk.pipeline(&format!(
            "exec 3{sound}; {picture} 2>/dev/null | \"$0\" stamp - -o cut.mp4 --audio-input \
            /dev/fd/3; exit ${{PIPESTATUS[1]}}"
        ));
        refused(&o, 2, parts);
    }
    for (arguments, parts) in [
        ("--audio-input -", &["standard input has the picture"][..]),
        ("--audio-input none.wav", &["none.wav", "cannot be read"]),
        ("--audio-input home", &["home", "not a file"]),
        ("--audio-input /dev/fd/3 --format y4m", &["Y4M cannot hold", "--audio-input"]),
    ] {
        let o = desk.pipeline(&format!(
            "{sound}; {picture} 2>/dev/null | \"$0\" stamp - -o - {arguments}; exit \
            ${{PIPESTATUS[1]}}"
        ));
        refused(&o, 2, parts);
    }
    assert!(!desk.path("cut.mp4").exists());
    assert_eq!(desk.entries().len(), 1);
}

#[test]
fn a_report_goes_to_a_file_or_a_descriptor() {
    let desk = desk();
    let picture = format!("{PICTURE} -pix_fmt yuv420p -f yuv4mpegpipe - 2>/dev/null");
    let report = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(desk.path(name)).unwrap()).unwrap()
    };
    well(
        &desk,
        &format!("{picture} | \"$0\" stamp - -o - --report report.json --json 2> told > out.y4m"),
    );
    assert_eq!(
        std::fs::read(desk.path("report.json")).unwrap(),
        std::fs::read(desk.path("told")).unwrap()
    );
    assert_eq!(report("report.json")["schema"], "proofmark.stamp/1");
    well(
        &desk,
        &format!(
            "({picture} | \"$0\" stamp - -o - --report /dev/fd/3 > out.y4m) 3> by_descriptor; \
            ({picture} | \"$0\" stamp - -o - --report /dev/fd/3 > out.y4m) 3> >(cat > by_pipe); \
            sleep 0.3"
        ),
    );
    for name in ["by_descriptor", "by_pipe"] {
        assert_eq!(report(name)["video"]["frames"], 96, "{name}");
    }
    // One that is there stays, unless it is to be replaced; one that cannot be written is told
    // before the work.
    let count = desk.entries().len();
    for (name, parts) in [
        ("report.json", &["report.json", "--force"][..]),
        ("none/report.json", &["none/report.json", "no folder"]),
        ("/dev/fd/9", &["/dev/fd/9", "cannot be written"]),
        ("/dev/stdout", &["is standard output"]),
    ] {
        let o = desk.pipeline(&format!(
            "{picture} | \"$0\" stamp - -o - --report {name}; exit ${{PIPESTATUS[1]}}"
        ));
        refused(&o, 2, parts);
    }
    assert_eq!(desk.entries().len(), count);
    // What failed is reported as that.
    let o = desk.pipeline(&format!(
        "{picture} | head -c 500000 | \"$0\" stamp - -o - --report report.json --force > out.y4m; \
        exit ${{PIPESTATUS[2]}}"
    ));
    assert_eq!(code(&o), 2);
    assert_eq!(report("report.json")["code"], "media.cut-off");
}

#[test]
fn a_clip_in_pieces_is_marked_as_in_one_go() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    desk.ffmpeg("-i clip.mp4 -pix_fmt yuv420p whole.y4m");
    desk.ffmpeg("-i clip.mp4 -pix_fmt yuv420p -frames:v 20 1.y4m");
    desk.ffmpeg("-i clip.mp4 -pix_fmt yuv420p -vf trim=start_frame=20 2.y4m");
    let piece = |name: &str, arguments: &[&str]| {
        let marked = desk.path(&format!("marked-{name}"));
        let mut command = desk.command(&[&["stamp", "-", "-o", "-", "--json"], arguments].concat());
        command.stdin(std::fs::File::open(desk.path(name)).unwrap());
        command.stdout(std::fs::File::create(&marked).unwrap());
        let out = command.stderr(Stdio::piped()).output().unwrap();
        let told = text(&out.stderr);
        let report: Value = serde_json::from_str(&told).unwrap_or_default();
        (out.status.code().unwrap(), report, told, std::fs::read(marked).unwrap())
    };
    let (_, first, ..) = piece("1.y4m", &["--mark-state", "clip.state"]);
    let payload = first["payload"].as_str().unwrap();
    let (exit, second, told, marked) = piece("2.y4m", &["--mark-state", "clip.state"]);
    assert_eq!((exit, second["payload"].as_str().unwrap()), (0, payload), "{told}");
    assert!(second["registered"].is_null() && second["manifest"].is_null());
    let state = std::fs::read_to_string(desk.path("clip.state")).unwrap();
    assert!(state.contains("\"pieces\":2"));

    // The same frames in one go, under the same number.
    assert_eq!(code(&desk.run(&["registry", "delete", payload])), 0);
    let (_, _, _, whole) = piece("whole.y4m", &["--payload", payload]);
    let frame = 640 * 360 * 3 / 2;
    assert!(whole.ends_with(&marked[marked.len() - 20 * frame..]), "a pulse where they meet");

    let (exit, _, told, _) = piece("2.y4m", &["--mark-state", "2.y4m"]);
    assert!(exit == 2 && told.contains("is no state of a mark"), "{told}");
    let other = ["--mark-state", "clip.state", "--payload", "7f3c1a52-9b64-4d0e-8a31-5e6f70819203"];
    let (exit, _, told, _) = piece("2.y4m", &other);
    assert!(exit == 2 && told.contains("is of the clip"), "{told}");
    desk.ffmpeg("-i 1.y4m -vf scale=320:180 small.y4m");
    let (exit, _, told, _) = piece("small.y4m", &["--mark-state", "clip.state"]);
    assert!(exit == 2 && told.contains("not one of frames of 320x180"), "{told}");
}
