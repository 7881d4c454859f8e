//! Jobs, which may be run again: whatever ends a run, and however many run at once, there is one
//! clip, one entry, one number.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say so at once")]

mod common;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Desk, code, json, refused, text};
use proofmark::Registry;
use proofmark::registry::{self, Content, Entry};
use serde_json::Value;

/// A desk with a clip and its registry.
struct Jobs {
    desk: Desk,
    registry: Arc<dyn Registry>,
}

impl Jobs {
    fn new() -> Self {
        let desk = Desk::new();
        desk.clip("clip.mp4");
        let registry = registry::open(desk.path("home/registry.db").to_str().unwrap()).unwrap();
        Self { desk, registry }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    /// What a run says that must go well.
    fn run(&self, arguments: &[&str]) -> Value {
        let out = self.desk.run(&[arguments, &["--json"]].concat());
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        json(&out).remove(0)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.desk.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The one entry, which must be that of the file.
    fn only(&self, target: &str) -> Entry {
        let entries = self.registry.list(&registry::Filter::default()).unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
        let entry = self.registry.by_id(&entries[0].id).unwrap().unwrap();
        assert_eq!(entry.content, Content::of_file(&self.path(target)).unwrap());
        assert_eq!(entry.target, None, "it is confirmed");
        entry
    }
}

const STAMP: [&str; 6] = ["stamp", "clip.mp4", "-o", "out.mp4", "--job", "task 7"];

#[test]
fn a_job_that_is_run_again_finds_its_clip() {
    let jobs = Jobs::new();
    let first = jobs.run(&STAMP);
    let entry = jobs.only("out.mp4");
    let again = jobs.run(&STAMP);
    assert_eq!((&again["earlier"], &again["payload"]), (&Value::Bool(true), &first["payload"]));
    assert_eq!(again["manifest"]["embedded"], true);
    assert_eq!((jobs.only("out.mp4"), &again["key"]), (entry.clone(), &first["key"]));
    let told = text(&jobs.desk.run(&STAMP).stdout);
    assert!(told.starts_with("there already: clip.mp4 → out.mp4"), "{told}");

    // One that was announced and never confirmed is confirmed.
    let announced = Entry { target: Some(jobs.path("out.mp4")), ..entry.clone() };
    jobs.registry.put(&announced, true).unwrap();
    jobs.run(&STAMP);
    assert_eq!(jobs.only("out.mp4"), entry);

    // What is gone is made again, under its number.
    std::fs::remove_file(jobs.path("out.mp4")).unwrap();
    let anew = jobs.run(&STAMP);
    assert!(anew.get("earlier").is_none() && anew["payload"] == first["payload"]);
    jobs.only("out.mp4");

    // Another job of the same clip has another number.
    let other = jobs.run(&["stamp", "clip.mp4", "-o", "b.mp4", "--job", "task 8"]);
    assert_ne!(other["payload"], first["payload"]);
}

#[test]
fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
    let jobs = Jobs::new();
    let from = Instant::now();
    let payload = jobs.run(&["stamp", "clip.mp4", "-o", "first.mp4", "--job", "0"]);
    let whole = from.elapsed();
    assert!(payload["earlier"].is_null());
    for round in 1..=12u32 {
        let (name, target) = (round.to_string(), format!("{round}.mp4"));
        let arguments = ["stamp", "clip.mp4", "-o", &target, "--job", &name];
        let mut child = jobs.start(&arguments);
        // The second half is where clip, entry and name come to be.
        std::thread::sleep(whole * (round + 6) / 18);
        child.kill().unwrap();
        child.wait().unwrap();
        let done = jobs.run(&arguments);
        let id = format!("urn:c2pa:{}", done["payload"].as_str().unwrap());
        let entry = jobs.registry.by_id(&id).unwrap().unwrap();
        assert_eq!(entry.content, Content::of_file(&jobs.path(&target)).unwrap(), "{round}");
        assert_eq!(entry.target, None);
        assert_eq!(u64::from(round) + 1, jobs.registry.count().unwrap());
    }
}

#[test]
fn several_at_once_make_one_clip() {
    let jobs = Jobs::new();
    for kind in ["mp4", "mkv"] {
        let target = format!("out.{kind}");
        let arguments = ["stamp", "clip.mp4", "-o", &target, "--job", kind];
        let children: Vec<Child> = (0..4).map(|_| jobs.start(&arguments)).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "{kind}");
        }
        let entry = jobs.only(&target);
        if kind == "mkv" {
            let sidecar = std::fs::read(jobs.path("out.c2pa")).unwrap();
            assert_eq!(Some(sidecar), entry.manifest);
        }
        assert_eq!(code(&jobs.desk.run(&["verify", &target])), 0, "{kind}");
        assert!(jobs.registry.delete(&entry.id).unwrap());
    }
}

#[test]
fn a_clip_that_is_known_as_another_attempts_is_made_anew() {
    let jobs = Jobs::new();
    let first = jobs.run(&STAMP);
    let entry = jobs.only("out.mp4");
    // An attempt that was announced over this one, and ended before it saw that it was late.
    let late = Entry {
        content: Content::of_bytes(b"late"),
        target: Some(jobs.path("out.mp4")),
        ..entry.clone()
    };
    assert!(jobs.registry.put_if(&late, Some(&entry)).unwrap());
    assert!(!jobs.registry.put_if(&late, Some(&entry)).unwrap(), "it is no longer what was seen");
    let healed = jobs.run(&STAMP);
    assert_eq!(healed["payload"], first["payload"]);
    jobs.only("out.mp4");
}

#[test]
fn what_another_made_stays() {
    let jobs = Jobs::new();
    std::fs::copy(jobs.path("clip.mp4"), jobs.path("out.mp4")).unwrap();
    let before = std::fs::read(jobs.path("out.mp4")).unwrap();
    refused(&jobs.desk.run(&STAMP), 2, &["out.mp4", "exists already"]);
    jobs.run(&["stamp", "clip.mp4", "-o", "other.mp4", "--job", "another"]);
    std::fs::copy(jobs.path("other.mp4"), jobs.path("out.mp4")).unwrap();
    refused(&jobs.desk.run(&STAMP), 2, &["out.mp4", "exists already"]);
    assert_ne!(before, std::fs::read(jobs.path("out.mp4")).unwrap());
    jobs.run(&[STAMP.as_slice(), &["--force"]].concat());
    refused(
        &jobs.desk.run(&["stamp", "clip.mp4", "-o", "x.mp4", "--job", ""]),
        2,
        &["1 to 1024 bytes"],
    );
    let both = ["--payload", "7f3c1a52-9b64-4d0e-8a31-5e6f70819203"];
    let out = jobs.desk.run(&[STAMP.as_slice(), &both].concat());
    assert_eq!(code(&out), 2, "{}", text(&out.stderr));
}

#[test]
fn a_sidecar_or_a_registration_that_is_missing_is_written() {
    let jobs = Jobs::new();
    let arguments = ["stamp", "clip.mp4", "-o", "out.mkv", "--job", "beside"];
    let first = jobs.run(&arguments);
    let sidecar = std::fs::read(jobs.path("out.c2pa")).unwrap();
    std::fs::remove_file(jobs.path("out.c2pa")).unwrap();
    assert_eq!(jobs.run(&arguments)["earlier"], true);
    assert_eq!(std::fs::read(jobs.path("out.c2pa")).unwrap(), sidecar);

    // Without a registry, the file beside the clip says what is there.
    let later = ["stamp", "clip.mp4", "-o", "b.mp4", "--job", "later", "--register", "later"];
    let first_later = jobs.run(&later);
    assert_eq!(jobs.run(&later)["earlier"], true);
    std::fs::remove_file(jobs.path("b.mp4.registration.json")).unwrap();
    let healed = jobs.run(&later);
    assert_eq!(healed["payload"], first_later["payload"]);
    assert!(jobs.path("b.mp4.registration.json").exists());
    assert_eq!(jobs.run(&later)["earlier"], true);

    // Without either, the clip does.
    let never = ["stamp", "clip.mp4", "-o", "c.mkv", "--job", "never", "--register", "never"];
    jobs.run(&never);
    assert_eq!(jobs.run(&never)["earlier"], true);
    std::fs::remove_file(jobs.path("c.c2pa")).unwrap();
    assert!(jobs.run(&never)["earlier"].is_null(), "its manifest is lost");
    assert_eq!(jobs.run(&never)["earlier"], true);
    assert_ne!(first["payload"], first_later["payload"]);
}

#[test]
fn a_job_keeps_its_number_when_another_key_stamps() {
    let jobs = Jobs::new();
    let first = jobs.run(&STAMP);
    std::fs::remove_file(jobs.path("out.mp4")).unwrap();
    // Keys are told apart by when they were made, to the second.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(code(&jobs.desk.run(&["keys", "add"])), 0);
    let again = jobs.run(&STAMP);
    assert_eq!((&again["payload"], &again["key"]), (&first["payload"], &first["key"]));
    let new = jobs.run(&["stamp", "clip.mp4", "-o", "new.mp4", "--job", "after"]);
    assert_ne!(new["key"], first["key"]);
}

#[test]
fn each_of_several_clips_has_a_job_of_its_own() {
    let jobs = Jobs::new();
    std::fs::create_dir_all(jobs.path("in/sub")).unwrap();
    std::fs::create_dir(jobs.path("out")).unwrap();
    for name in ["in/a.mp4", "in/sub/a.mp4"] {
        std::fs::copy(jobs.path("clip.mp4"), jobs.path(name)).unwrap();
    }
    let run = || {
        let out = jobs.desk.run(&["stamp", "in", "-o", "out", "--job", "night", "--json"]);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        let mut told: Vec<_> = json(&out)
            .iter()
            .map(|r| (r["payload"].to_string(), r["earlier"].is_boolean()))
            .collect();
        told.sort();
        told
    };
    let first = run();
    assert!(first[0].0 != first[1].0 && first.iter().all(|r| !r.1));
    let again = run();
    assert!(again.iter().all(|r| r.1));
    let numbers = |told: &[(String, bool)]| told.iter().map(|r| r.0.clone()).collect::<Vec<_>>();
    assert_eq!(numbers(&first), numbers(&again));
}

#[test]
fn what_another_encoder_wrote_is_signed_once() {
    let jobs = Jobs::new();
    // A pipe and the finished file are the same job: one number, one entry.
    jobs.desk.ffmpeg("-i clip.mp4 -pix_fmt yuv420p clip.y4m");
    let marked = std::fs::File::create(jobs.path("marked.y4m")).unwrap();
    for _ in 0..2 {
        let frames = std::fs::File::open(jobs.path("clip.y4m")).unwrap();
        let mut pipe = jobs.desk.command(&["stamp", "-", "-o", "-", "--job", "task 9"]);
        let done = pipe.stdin(frames).stdout(marked.try_clone().unwrap()).status().unwrap();
        assert!(done.success());
    }
    jobs.desk.ffmpeg("-y -f yuv4mpegpipe -i marked.y4m -frames:v 48 finished.mp4");
    let sign = ["sign", "finished.mp4", "-o", "signed.mp4", "--job", "task 9"];
    let first = jobs.run(&sign);
    assert_eq!((&first["replaced"], &first["marked"]["video"]), (&true.into(), &true.into()));
    jobs.only("signed.mp4");
    let again = jobs.run(&sign);
    assert_eq!((&again["earlier"], &again["payload"]), (&true.into(), &first["payload"]));
}
