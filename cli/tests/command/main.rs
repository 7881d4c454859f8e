//! The command as scripts and people meet it: exit codes, one-line errors, JSON, what is left
//! behind.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

#[path = "../common/mod.rs"]
mod common;

mod evaluate;
mod home;
mod hostile;
mod manifests;
mod mistakes;
mod pictures;

use std::process::Command;

use common::{Desk, code, json, refused, text};
use serde_json::Value;

#[test]
fn stamp_detect_verify() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let stamped = json(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--json"])).remove(0);
    let payload = stamped["payload"].as_str().unwrap();
    assert_eq!(stamped["manifest"]["label"], format!("urn:c2pa:{payload}"));

    let found = desk.run(&["detect", "stamped.mp4", "--json"]);
    assert_eq!(code(&found), 0);
    let report = json(&found).remove(0);
    assert_eq!(report["video"]["payload"], payload);
    assert_eq!(report["video"]["method"], "blind");
    assert!(report["video"]["p_value"].as_f64().unwrap() < 1e-9);
    assert!(report["audio"].is_null(), "the clip is silent");

    let none = desk.run(&["detect", "clip.mp4", "--json"]);
    assert_eq!(code(&none), 1);
    assert_eq!(json(&none)[0]["video"]["detected"], false);

    let verified = desk.run(&["verify", "stamped.mp4", "--json"]);
    assert_eq!(code(&verified), 0);
    assert_eq!(json(&verified)[0]["verdict"], "intact");
    let human = text(&desk.run(&["verify", "stamped.mp4"]).stdout);
    assert!(
        human.contains("intact") && human.contains(payload) && human.contains("TEST"),
        "{human}"
    );
    assert!(human.lines().all(|l| l.chars().count() <= 100), "{human}");

    let unknown = desk.run(&["verify", "clip.mp4", "--json"]);
    assert_eq!((code(&unknown), json(&unknown)[0]["verdict"].as_str()), (1, Some("nothing-found")));

    let mut bytes = std::fs::read(desk.path("stamped.mp4")).unwrap();
    let at = bytes.len() - 20_000;
    bytes[at] ^= 1;
    std::fs::write(desk.path("tampered.mp4"), bytes).unwrap();
    let altered = desk.run(&["verify", "tampered.mp4", "--json"]);
    assert_eq!((code(&altered), json(&altered)[0]["verdict"].as_str()), (3, Some("altered")));
}

#[test]
fn another_mark_than_the_expected_one_is_told_as_that() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let other = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), 0);
    let o = desk.run(&["detect", "out.mp4", "--expect", other]);
    assert!(
        code(&o) == 0
            && text(&o.stderr).contains(other)
            && text(&o.stderr).contains("not confirmed"),
        "{}",
        text(&o.stderr)
    );
    // Whoever changes the name of the algorithm still knows what was stamped before.
    let o = desk.run(&["verify", "out.mp4", "--algorithm", "com.example.mark", "--json"]);
    assert_eq!(
        (code(&o), &json(&o)[0]["verdict"]),
        (0, &Value::from("intact")),
        "{}",
        text(&o.stderr)
    );
}

#[test]
fn stamp_knows_what_it_carries_and_checks_it() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let good =
        json(&desk.run(&["stamp", "clip.mp4", "-o", "good.mp4", "--check", "--json"])).remove(0);
    assert!(good["capacity"]["evidence"].as_f64().unwrap() > 450.0, "{good}");
    // Four frames at a quality that wipes everything out: the check refuses to publish.
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", "clip.mp4", "-frames:v", "4", "short.mp4"])
        .current_dir(desk.work.path())
        .status()
        .unwrap();
    assert!(made.success());
    refused(
        &desk.run(&["stamp", "short.mp4", "-o", "bad.mp4", "--check", "--crf", "51"]),
        2,
        &["bad.mp4", "read back", "--strength"],
    );
    assert_eq!(desk.files(), ["clip.mp4", "good.mp4", "home", "short.mp4"]);
    let weak = desk.run(&["stamp", "short.mp4", "-o", "weak.mp4", "--strength", "0.25"]);
    assert_eq!(code(&weak), 0);
    assert!(
        text(&weak.stderr).contains("note:") && text(&weak.stderr).contains("--strength"),
        "{}",
        text(&weak.stderr)
    );
}

#[test]
fn completions_and_man_pages_are_written() {
    let desk = Desk::bare();
    assert!(text(&desk.run(&["completions", "bash"]).stdout).contains("proofmark"));
    assert_eq!(code(&desk.run(&["man", "-o", "man"])), 0);
    assert!(desk.path("man/proofmark-stamp.1").exists());
}

#[test]
fn finished_clips_are_signed_into_a_folder() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("made/below")).unwrap();
    std::fs::create_dir(desk.path("signed")).unwrap();
    desk.clip("made/a.mp4");
    std::fs::copy(desk.path("made/a.mp4"), desk.path("made/below/b.mov")).unwrap();
    std::fs::write(desk.path("made/c.mp4"), "no clip").unwrap();
    let o = desk.run(&["sign", "made", "-o", "signed/", "--json", "--jobs", "1"]);
    assert_eq!(code(&o), 4, "{}", text(&o.stderr));
    let mut told = json(&o);
    told.sort_by_key(|t| t["file"].to_string());
    assert_eq!(told.len(), 3);
    assert_eq!(told[0]["marked"], serde_json::json!({"video": false, "audio": false}));
    assert!(text(&o.stderr).contains("no mark was found"), "{}", text(&o.stderr));
    assert!(told[2]["error"].as_str().unwrap().contains("c.mp4"));
    for name in ["signed/a.mp4", "signed/below/b.mov"] {
        let report = json(&desk.run(&["verify", name, "--json"])).remove(0);
        assert_eq!((&report["verdict"], &report["trust"]), (&"intact".into(), &"own".into()));
    }
    let refused = desk.run(&["sign", "made/a.mp4", "-o", "a.mkv"]);
    assert_eq!(code(&refused), 2);
    assert!(text(&refused.stderr).contains("another kind"), "{}", text(&refused.stderr));
}
