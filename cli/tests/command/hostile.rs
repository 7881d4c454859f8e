//! Files that are made to break readers, damaged ones and tiny ones, and the workers that look at
//! them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Desk, code, json, refused, text};

/// Files that are made to break readers: one line each, an exit code of ours, no crash, no hang.
#[test]
fn hostile_and_broken_files_are_survived() {
    let folder = std::env::var_os("PROOFMARK_C2PA")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/c2pa"),
            PathBuf::from,
        )
        .join("media");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there; set PROOFMARK_C2PA", folder.display());
        return;
    };
    let desk = Desk::new();
    for entry in entries {
        let path = entry.unwrap().path();
        for verb in ["verify", "detect"] {
            let o = desk.run(&[verb, path.to_str().unwrap(), "--json"]);
            assert!((0..=3).contains(&code(&o)), "{verb} {}: {}", path.display(), text(&o.stderr));
            assert!(
                text(&o.stderr).lines().count() <= 1,
                "{verb} {}: {}",
                path.display(),
                text(&o.stderr)
            );
            json(&o);
        }
    }
    let verdict = |name: &str| {
        json(&desk.run(&["verify", folder.join(name).to_str().unwrap(), "--json"])).remove(0)
    };
    assert_eq!(verdict("video1.mp4")["verdict"], "foreign");
    // The official trust list names neither the test certificates of that file nor anything of
    // ours.
    let list = folder.with_file_name("C2PA-TRUST-LIST.pem");
    let o = desk.run(&[
        "verify",
        folder.join("video1.mp4").to_str().unwrap(),
        "--json",
        "--trust",
        list.to_str().unwrap(),
    ]);
    assert_eq!(json(&o)[0]["manifest"]["signer"]["trusted"], false);
    assert_eq!(verdict("video1_no_manifest.mp4")["verdict"], "nothing-found");
    assert_eq!(
        code(&desk.run(&["verify", folder.join("PTS_INVALID_INGREDIENT.mp4").to_str().unwrap()])),
        3
    );
    assert_eq!(
        code(&desk.run(&["verify", folder.join("nested_moov_1000.mp4").to_str().unwrap()])),
        2
    );
}

#[test]
fn files_are_looked_at_in_workers_unless_that_is_declined() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for verb in ["verify", "detect"] {
        let process = |more: &[&str]| {
            let report = json(&desk.run(&[&[verb, "clip.mp4", "--json"], more].concat())).remove(0);
            report["isolation"]["process"].clone()
        };
        assert_eq!((process(&[]), process(&["--no-sandbox"])), (true.into(), false.into()));
        let input = |file: &str| {
            desk.command(&[verb, "/dev/stdin", "--json"])
                .stdin(std::fs::File::open(desk.path(file)).unwrap())
                .output()
                .unwrap()
        };
        assert_eq!(code(&input("clip.mp4")), 1, "what is open here is found there");
    }
    // With too little for the libraries alone, nothing is looked at, and without workers nobody
    // holds to it.
    std::fs::write(desk.path("home/config.toml"), "[limits]\nmemory_bytes = 150000000\n").unwrap();
    refused(&desk.run(&["verify", "clip.mp4"]), 2, &["clip.mp4"]);
    assert_eq!(code(&desk.run(&["verify", "clip.mp4", "--no-sandbox"])), 1);
    // The next file has another worker.
    std::fs::write(desk.path("home/config.toml"), "[limits]\nwall_seconds = 1\n").unwrap();
    desk.ffmpeg("-f lavfi -i testsrc2=s=1280x720:d=60 -preset ultrafast long.mp4");
    let o = desk.run(&["verify", "long.mp4", "missing.mp4", "--json"]);
    assert_eq!(code(&o), 4);
    assert!(
        text(&o.stderr).contains("longer than 1 seconds")
            && text(&o.stderr).contains("missing.mp4: cannot be read"),
        "{}",
        text(&o.stderr)
    );
}

/// What a file may ask is said by option, by variable or in the configuration, in this order.
#[test]
fn limits_are_set_where_it_is_handy() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let looked = |limit: &[&str], variable: Option<(&str, &str)>| {
        let mut command = desk.command(&[&["detect", "clip.mp4", "--no-search"], limit].concat());
        command.envs(variable).output().unwrap()
    };
    std::fs::write(desk.path("home/config.toml"), "[limits]\nstreams = 0\n").unwrap();
    refused(&looked(&[], None), 2, &["clip.mp4", "limit"]);
    let variable = Some(("PROOFMARK_LIMITS_STREAMS", "4"));
    assert_eq!(code(&looked(&[], variable)), 1);
    refused(&looked(&["--limit", "pixels=1k"], variable), 2, &["clip.mp4", "limit of 1000"]);
    refused(&looked(&["--limit", "pixel=1k"], variable), 2, &["no limit 'pixel'", "wall_seconds"]);
    let slip = Some(("PROOFMARK_LIMITS_STREAM", "4"));
    refused(&looked(&[], slip), 2, &["PROOFMARK_LIMITS_STREAM", "no setting"]);
    let wrong = Some(("PROOFMARK_LIMITS_STREAMS", "many"));
    refused(&looked(&[], wrong), 2, &["PROOFMARK_LIMITS_STREAMS", "no amount"]);
}

/// Random damage to a good file never crashes or hangs the reader.
#[test]
fn damaged_files_are_survived() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4"])), 0);
    let good = std::fs::read(desk.path("stamped.mp4")).unwrap();
    let mut state = 12_345u64;
    let mut random = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for round in 0..24 {
        let mut bytes = good.clone();
        // Half of the damage goes to the head, where the boxes are.
        for _ in 0..1 + random(40) {
            let reach = if round % 2 == 0 { bytes.len() } else { bytes.len().min(40_000) };
            let at = random(reach);
            bytes[at] = random(256) as u8;
        }
        if round % 5 == 0 {
            bytes.truncate(random(good.len()));
        }
        std::fs::write(desk.path("damaged.mp4"), &bytes).unwrap();
        let o = desk.run(&["verify", "damaged.mp4", "--no-search", "--json"]);
        assert!((0..=3).contains(&code(&o)), "round {round}: {}", text(&o.stderr));
        assert!(!text(&o.stderr).contains("panicked"), "round {round}: {}", text(&o.stderr));
    }
}

#[test]
fn pictures_of_any_size_are_looked_at() {
    let desk = Desk::new();
    for (width, height) in [(1, 1), (2, 1), (64, 1), (1, 64), (1, 2), (3, 3), (2, 500)] {
        desk.ffmpeg(&format!(
            "-y -f lavfi -i testsrc2=s=64x64:d=1,scale={width}:{height} -frames:v 1 tiny.png"
        ));
        for verb in ["detect", "verify"] {
            let o = desk.run(&[verb, "tiny.png"]);
            assert_eq!(code(&o), 1, "{verb} {width}x{height}: {}", text(&o.stderr));
        }
    }
}

/// Files of many kinds, how they are made, and what kind is made of them.
const SOURCES: [(&str, &str, &str); 5] = [
    (
        "sound.mp4",
        "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -f lavfi -i anoisesrc=a=0.2:d=2 -c:v libx264 \
        -pix_fmt yuv420p -c:a aac",
        "mp4",
    ),
    (
        "deep.mkv",
        "-f lavfi -i testsrc2=s=352x240:r=25:d=1 -c:v libx265 -x265-params log-level=error \
        -pix_fmt yuv420p10le",
        "mkv",
    ),
    ("colours.mkv", "-f lavfi -i testsrc2=s=322x242:r=25:d=1 -c:v ffv1 -pix_fmt gbrp", "mkv"),
    ("still.png", "-f lavfi -i testsrc2=s=320x240 -frames:v 1", "png"),
    ("alone.flac", "-f lavfi -i anoisesrc=a=0.2:d=3", "m4a"),
];

/// A file that is made by ffmpeg's arguments comes out alike of a worker and of this process.
fn compare(desk: &Desk, make: &str, source: &str, kind: &str) {
    let payload = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
    desk.ffmpeg(make);
    let report = |name: &str, more: &[&str]| {
        let stamp = ["stamp", source, "-o", name, "--payload", payload];
        let plain = ["--register", "never", "--no-c2pa", "--json"];
        let o = desk.run(&[&stamp[..], &plain, more].concat());
        assert_eq!(code(&o), 0, "{source}: {}{}", text(&o.stdout), text(&o.stderr));
        let mut report = json(&o).remove(0);
        let held = report["isolation"].take();
        report["output"].take();
        (report, held)
    };
    let (apart, held) = report(&format!("apart-{source}.{kind}"), &[]);
    let (here, free) = report(&format!("here-{source}.{kind}"), &["--no-sandbox"]);
    assert_eq!((held["process"].as_bool(), free["process"].as_bool()), (Some(true), Some(false)));
    assert_eq!(apart, here, "{source}");
    // A file's own number, which Matroska draws at random, is no stream's.
    let [one, other] = ["apart", "here"].map(|name| {
        let hashed = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(desk.path(&format!("{name}-{source}.{kind}")))
            .args(["-map", "0", "-c", "copy", "-f", "streamhash", "-"])
            .output();
        text(&hashed.unwrap().stdout)
    });
    assert!(one == other && !one.is_empty(), "{source}: {one}{other}");
}

#[test]
fn what_a_worker_makes_anew_is_what_this_process_would() {
    let desk = Desk::new();
    for (source, made, kind) in SOURCES {
        compare(&desk, &format!("{made} {source}"), source, kind);
    }
    assert!(desk.files().iter().all(|f| !f.starts_with('.')), "{:?}", desk.files());
}

#[test]
fn a_worker_tells_in_the_same_words_what_is_wrong() {
    let desk = Desk::new();
    for (source, made, _) in [SOURCES[0], SOURCES[4]] {
        desk.ffmpeg(&format!("{made} {source}"));
    }
    std::fs::write(desk.path("none.mp4"), "no clip").unwrap();
    desk.ffmpeg("-f lavfi -i testsrc2=s=64x64:d=1 small.mp4");
    for arguments in [
        ["none.mp4", "a.mp4"],
        ["missing.mp4", "a.mp4"],
        ["small.mp4", "a.mp4"],
        ["sound.mp4", "a.png"],
        ["alone.flac", "a.mp4"],
    ] {
        let said = |more: &[&str]| {
            let o = desk.run(&[&["stamp", arguments[0], "-o", arguments[1]], more].concat());
            (code(&o), text(&o.stderr))
        };
        assert_eq!(said(&[]), said(&["--no-sandbox"]), "{arguments:?}");
        assert!(!desk.path(arguments[1]).exists());
    }
    let o = desk.run(&["stamp", "sound.mp4", "-o", "a.webm", "--video-codec", "h264"]);
    assert_eq!(
        (code(&o), text(&o.stderr).contains("a.webm") && text(&o.stderr).contains("--video-codec")),
        (2, true),
        "{}",
        text(&o.stderr)
    );
    assert!(desk.files().iter().all(|f| !f.starts_with('.')), "{:?}", desk.files());
}
