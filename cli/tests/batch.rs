//! Many files: which, in what share, stopped and gone on with, and what comes of bad names, lists
//! and ledgers.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Desk, code, json, refused, text};
use serde_json::Value;

/// Clips of half a second, so small that a file takes tenths of one.
fn clips(desk: &Desk, names: &[&str]) {
    desk.ffmpeg("-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v libx264 -preset ultrafast tiny.mp4");
    for name in names {
        let path = desk.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(desk.path("tiny.mp4"), path).unwrap();
    }
    std::fs::remove_file(desk.path("tiny.mp4")).unwrap();
}

fn lines(desk: &Desk, ledger: &str) -> Vec<Value> {
    std::fs::read_to_string(desk.path(ledger))
        .unwrap_or_default()
        .lines()
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect()
}

/// Files that the ledger calls finished, in order of their names.
fn finished(desk: &Desk, ledger: &str) -> Vec<(String, u64)> {
    let mut all: Vec<_> = lines(desk, ledger)
        .iter()
        .filter(|l| l["event"] == "finished")
        .map(|l| (l["file"].as_str().unwrap().to_string(), l["exit"].as_u64().unwrap()))
        .collect();
    all.sort();
    all
}

/// Waits until `files` of them are.
fn wait(desk: &Desk, ledger: &str, files: usize) {
    let began = Instant::now();
    while finished(desk, ledger).len() < files {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything below a folder but what is hidden.
fn tree(folder: &Path) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            out.extend(tree(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else if !name.starts_with('.') {
            out.push(name);
        }
    }
    out.sort();
    out
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

const EIGHT: [&str; 8] = [
    "clips/a.mp4",
    "clips/b.mp4",
    "clips/c/d.mp4",
    "clips/c/e.mp4",
    "clips/f.mp4",
    "clips/g.mp4",
    "clips/h.mp4",
    "clips/i/j/k.mp4",
];

#[test]
fn a_run_that_was_killed_goes_on_and_does_each_file_once() {
    let desk = Desk::new();
    clips(&desk, &EIGHT);
    std::fs::create_dir(desk.path("out")).unwrap();
    let stamp = |ledger: &str| {
        desk.command(&[
            "stamp",
            "clips",
            "-o",
            "out",
            ledger,
            "run.ndjson",
            "--jobs",
            "2",
            "--json",
        ])
    };
    let mut child = stamp("--ledger").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait(&desk, "run.ndjson", 2);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let before = finished(&desk, "run.ndjson");
    assert!((2..8).contains(&before.len()), "{before:?}");
    let age = |name: &str| {
        std::fs::metadata(desk.path(&name.replacen("clips", "out", 1))).unwrap().modified().unwrap()
    };
    let ages: Vec<_> = before.iter().map(|f| age(&f.0)).collect();

    // A crash may have cut the last line short.
    let mut torn = std::fs::OpenOptions::new().append(true).open(desk.path("run.ndjson")).unwrap();
    std::io::Write::write_all(&mut torn, b"{\"event\":\"finis").unwrap();
    drop(torn);
    let o = stamp("--resume").output().unwrap();
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    assert_eq!(json(&o).len(), 8 - before.len());
    assert!(
        text(&o.stderr).contains(&format!("{} finished before", before.len())),
        "{}",
        text(&o.stderr)
    );
    assert_eq!(finished(&desk, "run.ndjson"), EIGHT.map(|f| (f.to_string(), 0)));
    assert_eq!(
        before.iter().map(|f| age(&f.0)).collect::<Vec<_>>(),
        ages,
        "what was finished is left alone"
    );
    assert_eq!(tree(&desk.path("out")), EIGHT.map(|f| f.trim_start_matches("clips/").to_string()));
    assert!(
        json(&desk.run(&["detect", "out", "--json"]))
            .iter()
            .all(|r| r["video"]["detected"] == true)
    );

    // Nothing is left to do, and the answer is that of the whole run.
    let again = stamp("--resume").output().unwrap();
    assert_eq!((code(&again), json(&again).len()), (0, 0));
    // Of another verb, other options, in use: not this run's.
    refused(
        &desk.run(&["detect", "clips", "--resume", "run.ndjson"]),
        2,
        &["run.ndjson", "ledger of 'stamp'"],
    );
    refused(
        &desk.run(&["stamp", "clips", "-o", "out", "--strength", "2", "--resume", "run.ndjson"]),
        2,
        &["run.ndjson", "(strength)"],
    );
    refused(&stamp("--ledger").output().unwrap(), 2, &["run.ndjson", "--resume run.ndjson"]);
    refused(
        &desk.run(&["detect", "clips", "--resume", "out/a.mp4"]),
        2,
        &["out/a.mp4", "no ledger"],
    );
}

#[test]
fn a_target_that_appeared_before_the_crash_is_ours_and_no_other_is() {
    let desk = Desk::new();
    clips(&desk, &["clips/a.mp4", "clips/b.mp4"]);
    std::fs::create_dir(desk.path("out")).unwrap();
    std::fs::write(desk.path("out/b.mp4"), "precious").unwrap();
    let stamp = |ledger: &str| {
        desk.run(&["stamp", "clips", "-o", "out", ledger, "run.ndjson", "--failed", "again.txt"])
    };
    assert_eq!(code(&stamp("--ledger")), 4);
    assert_eq!(std::fs::read(desk.path("again.txt")).unwrap(), b"clips/b.mp4\n");
    // As if the crash had come between the target and the ledger's line on it.
    let kept: Vec<String> = std::fs::read_to_string(desk.path("run.ndjson"))
        .unwrap()
        .lines()
        .filter(|l| !(l.contains("finished") && l.contains("a.mp4")))
        .map(String::from)
        .collect();
    std::fs::write(desk.path("run.ndjson"), kept.join("\n") + "\n").unwrap();
    let o = stamp("--resume");
    assert_eq!(code(&o), 4);
    assert!(
        text(&o.stderr).contains("out/b.mp4: exists already")
            && !text(&o.stderr).contains("a.mp4: exists"),
        "{}",
        text(&o.stderr)
    );
    assert_eq!(std::fs::read(desk.path("out/b.mp4")).unwrap(), b"precious");
    assert_eq!(code(&desk.run(&["detect", "out/a.mp4"])), 0);
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let desk = Desk::new();
    clips(&desk, &EIGHT);
    std::fs::create_dir(desk.path("out")).unwrap();
    let mut command = desk.command(&[
        "stamp",
        "clips",
        "-o",
        "out",
        "--ledger",
        "run.ndjson",
        "--jobs",
        "1",
        "--failed",
        "again.txt",
    ]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait(&desk, "run.ndjson", 1);
    signal(&child, "-INT");
    let o = child.wait_with_output().unwrap();
    let stderr = text(&o.stderr);
    assert_eq!(o.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.lines().last().unwrap().contains("go on with --resume run.ndjson")
            && !stderr.contains("error:"),
        "{stderr}"
    );
    // Whole or not there, and who was interrupted has not failed.
    assert_eq!(tree(&desk.path("out")).len(), finished(&desk, "run.ndjson").len());
    assert!(
        std::fs::read_dir(desk.path("out")).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
    assert_eq!(std::fs::read(desk.path("again.txt")).unwrap(), b"");
    assert_eq!(code(&desk.run(&["stamp", "clips", "-o", "out", "--resume", "run.ndjson"])), 0);
    assert_eq!(finished(&desk, "run.ndjson"), EIGHT.map(|f| (f.to_string(), 0)));
}

#[test]
fn shards_lists_and_patterns_reach_each_file_once() {
    let desk = Desk::new();
    // What is no clip is told so at once.
    let names: Vec<String> = (0..12).map(|i| format!("clips/{}/{i}.mp4", i % 3)).collect();
    for name in &names {
        std::fs::create_dir_all(desk.path(name).parent().unwrap()).unwrap();
        std::fs::write(desk.path(name), "no clip").unwrap();
    }
    std::fs::write(desk.path("list"), names.join("\n")).unwrap();
    let files = |arguments: &[&str]| {
        let o = desk.run(&[&["detect", "--json", "--no-sandbox"], arguments].concat());
        let mut files: Vec<String> =
            json(&o).iter().map(|l| l["file"].as_str().unwrap().to_string()).collect();
        files.sort();
        (code(&o), files)
    };
    let mut sorted = names.clone();
    sorted.sort();
    for whole in [
        &["clips"][..],
        &["clips/*/*.mp4"],
        &["clips/**"],
        &["--files-from", "list"],
        &["clips", "./clips/0/0.mp4", "--files-from", "list", "--jobs", "5"],
    ] {
        assert_eq!(files(whole), (4, sorted.clone()), "{whole:?}");
    }
    let mut shares: Vec<String> =
        (1..=3).flat_map(|part| files(&["clips/*/*", "--shard", &format!("{part}/3")]).1).collect();
    shares.sort();
    assert_eq!(shares, sorted);
    // A share without files is done.
    let empty = (1..=40)
        .map(|part| files(&["clips/0/0.mp4", "--shard", &format!("{part}/40")]))
        .collect::<Vec<_>>();
    assert_eq!(
        (
            empty.iter().filter(|e| **e == (0, Vec::new())).count(),
            empty.iter().filter(|e| e.0 == 2 && e.1.len() == 1).count()
        ),
        (39, 1)
    );

    // Lists come from other programs' output, and a list of failures goes back in.
    let mut child = desk
        .command(&[
            "detect",
            "--files-from",
            "-",
            "--null",
            "--failed",
            "again",
            "--no-sandbox",
            "--json",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), names[..3].join("\0").as_bytes())
        .unwrap();
    let o = child.wait_with_output().unwrap();
    assert_eq!((code(&o), json(&o).len()), (4, 3));
    let again =
        desk.run(&["detect", "--files-from", "again", "-0", "--failed", "again", "--no-sandbox"]);
    assert_eq!(
        (code(&again), text(&again.stderr).lines().count()),
        (4, 4),
        "{}",
        text(&again.stderr)
    );
    assert!(text(&again.stderr).lines().last().unwrap().contains("3 failed"));
}

#[test]
fn mistakes_get_one_clear_line_before_anything_is_done() {
    let desk = Desk::new();
    clips(&desk, &["a/x.mp4", "b/x.mp4", "b/y.mp4"]);
    std::fs::write(desk.path("empty"), "\n\n").unwrap();
    std::fs::write(desk.path("nul"), "a/x.mp4\0b/x.mp4\0").unwrap();
    std::fs::create_dir(desk.path("out")).unwrap();
    let run = |arguments: &str| desk.run(&arguments.split(' ').collect::<Vec<_>>());
    for (arguments, parts) in [
        ("detect --files-from missing", &["missing", "cannot be read"][..]),
        ("detect --files-from empty", &["empty", "names no file"]),
        ("detect --files-from nul", &["nul", "--null"]),
        ("detect a/*.avi", &["a/*.avi", "no file matches"]),
        ("detect a/[.mp4", &["a/[.mp4", "pattern"]),
        ("detect a --shard 0/3", &["'0/3'", "1/3"]),
        ("detect a --shard 4/3", &["'4/3'", "1/3"]),
        ("detect a --jobs 0", &["0", "--jobs"]),
        ("detect a --ledger none/run", &["none/run", "cannot be written"]),
        ("detect a --ledger empty", &["empty", "exists already", "--resume empty"]),
        ("detect a --resume nul", &["nul", "no ledger"]),
        ("detect a --resume /dev/zero", &["/dev/zero", "ordinary file"]),
        ("detect a --failed a/x.mp4", &["a/x.mp4", "input itself"]),
        ("stamp a b -o out", &["out/x.mp4", "a/x.mp4", "b/x.mp4", "--base"]),
        ("stamp a b/x.mp4 -o b --force", &["b/x.mp4", "input itself"]),
        ("stamp a b -o out --base a", &["b/x.mp4", "below a", "--base"]),
        ("stamp a b/y.mp4 -o new.mp4", &["new.mp4", "no folder"]),
    ] {
        refused(&run(arguments), 2, parts);
    }
    assert_eq!(tree(&desk.path("out")), [""; 0]);
    // Named by their folders both have their place.
    assert_eq!(
        code(&run("stamp a b/x.mp4 -o out --base .")),
        2,
        "a is not below '.' as it is written"
    );
    std::fs::create_dir(desk.path("all")).unwrap();
    std::fs::rename(desk.path("a"), desk.path("all/a")).unwrap();
    std::fs::rename(desk.path("b"), desk.path("all/b")).unwrap();
    assert_eq!(code(&run("stamp all/a all/b/x.mp4 -o out --base all")), 0);
    assert_eq!(tree(&desk.path("out")), ["a/x.mp4", "b/x.mp4"]);
    // Targets among the inputs are no inputs the next time.
    std::fs::create_dir(desk.path("all/out")).unwrap();
    for _ in 0..2 {
        assert_eq!(code(&run("stamp all -o all/out --force")), 0);
    }
    assert_eq!(tree(&desk.path("all/out")), ["a/x.mp4", "b/x.mp4", "b/y.mp4"]);
}

#[test]
fn names_need_not_be_text() {
    let desk = Desk::new();
    clips(&desk, &["clips/plain.mp4"]);
    let odd = [&b"clips/caf\xe9.mp4"[..], b"clips/two\nlines.mp4"]
        .map(|n| PathBuf::from(OsStr::from_bytes(n)));
    for name in &odd {
        std::fs::copy(desk.path("clips/plain.mp4"), desk.work.path().join(name)).unwrap();
    }
    std::fs::create_dir(desk.path("out")).unwrap();
    let o = desk.run(&["stamp", "clips", "-o", "out", "--ledger", "run", "--json"]);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let bytes: Vec<Value> =
        json(&o).into_iter().map(|l| l["file_bytes"].clone()).filter(|b| !b.is_null()).collect();
    assert_eq!(bytes, ["Y2xpcHMvY2Fm6S5tcDQ="]);
    assert_eq!(
        code(&desk.run(&["stamp", "clips", "-o", "out", "--resume", "run"])),
        0,
        "the ledger knows them again"
    );
    for verb in ["detect", "verify"] {
        let o = desk.run(&[verb, "out/*.mp4", "--json"]);
        assert_eq!((code(&o), json(&o).len()), (0, 3), "{verb}: {}", text(&o.stderr));
    }
    // Failures are listed by their very names; a line cannot hold two.
    for name in &odd {
        std::fs::write(desk.work.path().join(name), "no clip").unwrap();
    }
    let o = desk.run(&["detect", "clips", "--failed", "again", "--no-sandbox"]);
    assert_eq!(
        (code(&o), std::fs::read(desk.path("again")).unwrap()),
        (4, b"clips/caf\xe9.mp4\n".to_vec())
    );
    assert!(text(&o.stderr).contains("not in the list"), "{}", text(&o.stderr));
    assert_eq!(
        code(&desk.run(&[
            "detect",
            "clips",
            "--failed",
            "again",
            "--null",
            "--jobs",
            "1",
            "--no-sandbox"
        ])),
        4
    );
    assert_eq!(
        std::fs::read(desk.path("again")).unwrap(),
        b"clips/caf\xe9.mp4\0clips/two\nlines.mp4\0"
    );
}

#[test]
fn time_is_up_for_one_file_and_the_rest_goes_on() {
    let desk = Desk::new();
    clips(&desk, &["clips/short.mp4"]);
    // Minutes that take no time to make.
    desk.ffmpeg("-f lavfi -i testsrc2=s=1280x720:d=4 -preset ultrafast loop.mp4");
    desk.ffmpeg("-stream_loop 99 -i loop.mp4 -c copy clips/long.mp4");
    std::fs::create_dir(desk.path("out")).unwrap();
    for arguments in [
        &["stamp", "clips", "-o", "out"][..],
        &["detect", "clips"],
        &["verify", "clips", "--no-sandbox", "--no-search"],
    ] {
        let began = Instant::now();
        let o = desk.run(
            &[arguments, &["--time-limit", "4", "--failed", "again", "--json", "--jobs", "1"]]
                .concat(),
        );
        assert!(began.elapsed() < Duration::from_secs(20));
        let stderr = text(&o.stderr);
        assert_eq!((code(&o), json(&o).len()), (4, 2), "{stderr}");
        assert!(
            stderr.contains("clips/long.mp4: took longer than 4 seconds; raise --time-limit"),
            "{stderr}"
        );
        assert_eq!(std::fs::read(desk.path("again")).unwrap(), b"clips/long.mp4\n");
    }
    assert!(
        std::fs::read_dir(desk.path("out")).unwrap().all(|e| e.unwrap().file_name() == "short.mp4")
    );
}

#[test]
fn what_cannot_be_told_or_noted_stops_the_run() {
    let desk = Desk::new();
    for i in 0..40 {
        std::fs::write(desk.path(&format!("{i:02}.mp4")), "no clip").unwrap();
    }
    // Nobody reads any more: nothing is complained of, but what was not told is not finished.
    let mut child = desk
        .command(&["detect", "*.mp4", "--json", "--no-sandbox", "--ledger", "pipe"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(finished(&desk, "pipe").len(), 0);

    // A disk that fills up, played by a limit on the size of files.
    let script =
        "trap '' XFSZ; ulimit -f 2; exec \"$0\" detect '*.mp4' --no-sandbox --jobs 3 --ledger full";
    let o = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_proofmark")])
        .env("PROOFMARK_HOME", desk.path("home"))
        .current_dir(desk.work.path())
        .output()
        .unwrap();
    let stderr = text(&o.stderr);
    assert_eq!(code(&o), 2, "{stderr}");
    assert!(
        stderr.lines().last().unwrap().contains("full: this ledger cannot be written")
            && stderr.contains("go on with --resume full"),
        "{stderr}"
    );
    let before = finished(&desk, "full").len();
    assert!((1..40).contains(&before));
    let o = desk.run(&["detect", "*.mp4", "--no-sandbox", "--resume", "full"]);
    assert_eq!(code(&o), 4);
    assert_eq!(finished(&desk, "full").len(), before + 40, "those that failed are tried again");

    // Two runs at once.
    let held = std::fs::File::open(desk.path("full")).unwrap();
    held.lock().unwrap();
    refused(&desk.run(&["detect", "00.mp4", "--resume", "full"]), 2, &["full", "another run"]);
}

/// A folder of kinds that are read and not written, beside one that is both.
fn mixed(desk: &Desk) {
    std::fs::create_dir_all(desk.path("mixed/deep")).unwrap();
    desk.ffmpeg(
        "-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v libx264 -preset ultrafast mixed/a.ts",
    );
    desk.ffmpeg("-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v mpeg4 mixed/deep/b.avi");
    desk.ffmpeg("-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 mixed/c.gif");
    desk.ffmpeg(
        "-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v libx264 -preset ultrafast mixed/d.v2.mp4",
    );
    std::fs::create_dir(desk.path("out")).unwrap();
}

#[test]
fn a_folder_of_mixed_kinds_is_stamped_to_one() {
    let desk = Desk::new();
    mixed(&desk);
    // Without a word on it, those that cannot be written say which.
    let o = desk.run(&["stamp", "mixed", "-o", "out"]);
    let stderr = text(&o.stderr);
    assert_eq!(code(&o), 4, "{stderr}");
    assert_eq!(
        stderr
            .lines()
            .filter(|l| l.contains("cannot be written") && l.contains("--to mp4"))
            .count(),
        3,
        "{stderr}"
    );
    assert_eq!(tree(&desk.path("out")), ["d.v2.mp4"]);

    for (kind, extension) in [("mp4", "mp4"), (".MKV", "mkv")] {
        let o = desk.run(&[
            "stamp",
            "mixed",
            "-o",
            "out",
            "--to",
            kind,
            "--force",
            "--json",
            "--no-c2pa",
        ]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let mut told: Vec<_> = json(&o)
            .iter()
            .map(|r| {
                (r["file"].as_str().unwrap().to_string(), r["output"].as_str().unwrap().to_string())
            })
            .collect();
        told.sort();
        let expected =
            [("a.ts", "a"), ("c.gif", "c"), ("d.v2.mp4", "d.v2"), ("deep/b.avi", "deep/b")]
                .map(|(from, to)| (format!("mixed/{from}"), format!("out/{to}.{extension}")));
        assert_eq!(told, expected);
        for (_, target) in &expected {
            assert_eq!(code(&desk.run(&["detect", target])), 0, "{target}");
        }
    }
    // One file into a folder is no other case.
    assert_eq!(code(&desk.run(&["stamp", "mixed/a.ts", "-o", "out/", "--to", "webm"])), 0);
    assert!(desk.path("out/a.webm").exists());
}

#[test]
fn a_kind_that_leads_two_clips_to_one_target_or_says_another_than_it_is_refused() {
    let desk = Desk::new();
    mixed(&desk);
    std::fs::copy(desk.path("mixed/c.gif"), desk.path("mixed/a.gif")).unwrap();
    refused(
        &desk.run(&["stamp", "mixed", "-o", "out", "--to", "mp4"]),
        2,
        &["out/a.mp4", "mixed/a.ts", "mixed/a.gif", "rename"],
    );
    // Two names that share the manifest beside them are one target too.
    refused(
        &desk.run(&["stamp", "mixed/a.ts", "mixed/a.gif", "-o", "out", "--to", "mkv"]),
        2,
        &["out/a.", "rename"],
    );
    assert!(tree(&desk.path("out")).is_empty());
    refused(
        &desk.run(&["stamp", "mixed/a.ts", "-o", "o.mkv", "--to", "mp4"]),
        2,
        &["o.mkv", "--to mp4", "folder"],
    );
    refused(&desk.run(&["stamp", "-", "-o", "-", "--to", "mp4"]), 2, &["--to", "stream"]);
    assert_eq!(code(&desk.run(&["stamp", "mixed/a.ts", "-o", "o.m4v", "--to", "mp4"])), 0);
    let o = desk.run(&["stamp", "mixed", "-o", "out", "--to", "avi"]);
    assert!(code(&o) == 2 && text(&o.stderr).contains("mp4, mov, mkv"), "{}", text(&o.stderr));
}

#[test]
fn a_ledger_of_one_kind_is_not_gone_on_with_for_another() {
    let desk = Desk::new();
    mixed(&desk);
    assert_eq!(
        code(&desk.run(&["stamp", "mixed", "-o", "out", "--to", "mp4", "--ledger", "run.ndjson"])),
        0
    );
    refused(
        &desk.run(&["stamp", "mixed", "-o", "out", "--to", "mov", "--resume", "run.ndjson"]),
        2,
        &["run.ndjson", "(to)"],
    );
    assert_eq!(
        code(&desk.run(&["stamp", "mixed", "-o", "out", "--to", "mp4", "--resume", "run.ndjson"])),
        0
    );
}
