//! What is said and counted for whoever runs the command as part of something.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say so at once")]

mod common;

use std::process::Output;

use common::{Desk, code, text};
use serde_json::Value;

/// What was said, each line an object with all that is promised.
fn said(o: &Output) -> Vec<Value> {
    let lines = text(&o.stderr);
    let said: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}")))
        .collect();
    for line in &said {
        let time = line["time"].as_str().unwrap();
        assert!(time.len() >= 20 && time.ends_with('Z'), "{time}");
        assert!(["error", "warn", "info"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["message"].is_string() && line["fields"].is_object(), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("proofmark"), "{line}");
    }
    said
}

#[test]
fn everything_is_said_as_json_where_that_is_asked_for() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    std::fs::write(desk.path("empty.mp4"), "").unwrap();
    std::fs::create_dir(desk.path("out")).unwrap();
    let arguments = ["stamp", "clip.mp4", "empty.mp4", "-o", "out", "--log-format", "json"];
    let o = desk.run(&arguments);
    assert_eq!(code(&o), 4);
    let lines = said(&o);
    let done = lines.iter().find(|l| l["message"] == "stamped").unwrap();
    assert_eq!(
        (done["level"].as_str(), done["fields"]["file"].as_str(), &done["fields"]["exit"]),
        (Some("info"), Some("clip.mp4"), &0.into())
    );
    assert!(done["fields"]["payload"].is_string() && done["fields"]["seconds"].is_number());
    let failed = lines.iter().find(|l| l["level"] == "error").unwrap();
    assert_eq!(failed["fields"]["code"], "file.empty");
    assert!(lines.iter().any(|l| l["message"].as_str().unwrap().contains("1 failed")), "a summary");
    // The results are what they are without.
    assert!(text(&o.stdout).contains("payload"));

    // By the variable, mistakes in the call included; and by the configuration.
    let variable = |arguments: &[&str]| {
        desk.command(arguments).env("PROOFMARK_LOG_FORMAT", "json").output().unwrap()
    };
    let o = variable(&["verify", "missing.mp4"]);
    assert_eq!((code(&o), &said(&o)[0]["fields"]["code"]), (2, &"file.unreadable".into()));
    let o = variable(&["verify", "clip.mp4", "--nonsense"]);
    assert_eq!((code(&o), said(&o).len()), (2, 1));
    std::fs::write(desk.path("home/config.toml"), "[log]\nformat = 'json'\n").unwrap();
    let o = desk.run(&["verify", "missing.mp4"]);
    assert_eq!(said(&o).len(), 1);
    let o = desk.run(&["verify", "missing.mp4", "--log-format", "text"]);
    assert!(text(&o.stderr).starts_with("error: missing.mp4"), "{}", text(&o.stderr));
}

#[test]
fn a_stream_is_said_as_json_too() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("tmp")).unwrap();
    let o = desk.pipeline(
        "ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=320x256:r=25:d=1 -f yuv4mpegpipe - | \
        \"$0\" stamp - -o - --log-format json > out.y4m",
    );
    assert_eq!(code(&o), 0);
    let lines = said(&o);
    let done = lines.iter().find(|l| l["message"] == "stamped").unwrap();
    assert_eq!(done["fields"]["file"], "-");
}

#[test]
fn what_is_done_and_what_fails_is_counted_over_calls() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    std::fs::write(desk.path("empty.mp4"), "").unwrap();
    std::fs::create_dir(desk.path("out")).unwrap();
    let run = |arguments: &[&str]| {
        let counted = [arguments, &["--metrics", "counts.prom", "--quiet"][..]].concat();
        desk.run(&counted)
    };
    assert_eq!(code(&run(&["stamp", "clip.mp4", "empty.mp4", "-o", "out"])), 4);
    assert_eq!(code(&run(&["stamp", "clip.mp4", "-o", "second.mp4"])), 0);
    assert_eq!(code(&run(&["sign", "clip.mp4", "-o", "signed.mp4"])), 0);
    let counts = std::fs::read_to_string(desk.path("counts.prom")).unwrap();
    let value = |name: &str| -> f64 {
        let line = counts.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| {
            panic!("{name} is missing in:\n{counts}");
        });
        line.trim().parse().unwrap()
    };
    assert_eq!(value("proofmark_clips_total{verb=\"stamp\"}"), 2.0);
    assert_eq!(value("proofmark_clips_total{verb=\"sign\"}"), 1.0);
    let failed = "proofmark_clip_failures_total{verb=\"stamp\",code=\"file.empty\"}";
    assert_eq!(value(failed), 1.0);
    let media = value("proofmark_media_seconds_total{verb=\"stamp\"}");
    assert!((3.5..4.5).contains(&media), "{media}");
    assert!(value("proofmark_work_seconds_total{verb=\"stamp\"}") > 0.1);
    // What is somebody else's is refused before the work.
    std::fs::write(desk.path("other.prom"), "node_load1 0.5\n").unwrap();
    let o = desk.run(&["stamp", "clip.mp4", "-o", "third.mp4", "--metrics", "other.prom"]);
    common::refused(&o, 2, &["other.prom", "something else"]);
    assert!(!desk.path("third.mp4").exists());
}

#[test]
fn a_variable_holds_for_commands_that_have_no_such_option() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let with = |arguments: &[&str]| {
        let o = desk.command(arguments).env("PROOFMARK_ALGORITHM", "com.example.mark").output();
        common::json(&o.unwrap()).remove(0)
    };
    with(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--json"]);
    // The mark is known by that name in the manifest, and not by another.
    assert_eq!(with(&["verify", "stamped.mp4", "--json"])["verdict"], "intact");
    let o = desk.command(&["verify", "stamped.mp4"]).env("PROOFMARK_CRF", "good").output().unwrap();
    common::refused(&o, 2, &["PROOFMARK_CRF", "no number"]);
}
