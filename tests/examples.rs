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
