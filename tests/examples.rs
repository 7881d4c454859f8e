//! The examples do what they say.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::PathBuf;
use std::process::Command;

/// An example, which is built with the tests.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    Command::new(program)
}

fn told(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn marks_in_memory_come_back() {
    for name in ["mark_frames", "mark_sound"] {
        assert!(told(example(name)).contains("came back"), "{name}");
    }
}

#[test]
fn a_clip_is_stamped_and_verified() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut command = example("stamp_and_verify");
    command.arg(common::clip()).args(["stamped.mp4", "registry.db"]).current_dir(folder.path());
    let told = told(command);
    assert!(told.contains("manifest.ours") && told.ends_with("intact: publish it\n"), "{told}");
}

#[test]
fn a_finished_file_is_signed_and_its_media_stay() {
    let folder = tempfile::TempDir::new().unwrap();
    let (marked, key) = (folder.path().join("marked.mp4"), folder.path().join("a.key"));
    let payload = common::stamp(&common::clip(), &marked, None).payload;
    std::fs::write(&key, common::ring().stamping().to_text().as_str()).unwrap();
    for (clip, says) in [(marked, "marked:"), (common::clip(), "not marked:")] {
        let signed = folder.path().join(if says == "marked:" { "a.mp4" } else { "b.mp4" });
        let mut command = example("sign_finished");
        command.args([&clip, &signed, &key]);
        let told = told(command);
        assert!(told.starts_with(says) && told.ends_with("intact\n"), "{told}");
        assert_eq!(says == "marked:", told.contains(&payload.to_string()));
        let streams = |path| common::probe(path, "-show_packets -show_data_hash sha256 -of csv");
        let media = |path| {
            let packets = streams(path);
            let hash = |line: &str| line.rsplit(',').next().unwrap().to_string();
            packets.lines().map(hash).collect::<Vec<String>>()
        };
        assert_eq!(media(&signed), media(&clip));
    }
}

#[test]
fn a_registry_of_ones_own_is_asked() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut command = example("own_registry");
    command.arg(common::clip()).args(["stamped.mp4", "registry.db"]).current_dir(folder.path());
    let told = told(command);
    for says in ["announced: urn:c2pa:", "confirmed: urn:c2pa:", "asked for: "] {
        assert!(told.contains(says), "{told}");
    }
}
