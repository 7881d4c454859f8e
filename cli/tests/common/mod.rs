//! What the tests share: a desk with a home, and what a command answers.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod authority;
pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a home in it, and nothing else.
pub(crate) struct Desk {
    pub(crate) work: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self::bare();
        assert_eq!(code(&desk.run(&["init"])), 0);
        desk
    }

    pub(crate) fn bare() -> Self {
        Self { work: TempDir::new().unwrap() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_proofmark"));
        c.args(arguments)
            .env("PROOFMARK_HOME", self.path("home"))
            .current_dir(self.work.path())
            .stdin(Stdio::null());
        c
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Runs a pipeline in which `$0` is the command; its status is that of the first part that
    /// fails.
    pub(crate) fn pipeline(&self, script: &str) -> Output {
        let script = format!("set -o pipefail; {script}");
        let mut bash = Command::new("bash");
        bash.args(["-c", &script, env!("CARGO_BIN_EXE_proofmark")])
            .env("PROOFMARK_HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .current_dir(self.work.path());
        bash.stdin(Stdio::null()).output().unwrap()
    }

    /// What the registry has.
    pub(crate) fn entries(&self) -> Vec<Value> {
        json(&self.run(&["registry", "list", "--json"]))
            .first()
            .map_or(Vec::new(), |l| l["entries"].as_array().unwrap().clone())
    }

    /// A small clip of the real one.
    pub(crate) fn clip(&self, name: &str) -> PathBuf {
        let target = self.path(name);
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bigbuckbunny.mp4");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-ss", "1", "-t", "2", "-i"])
            .arg(clip)
            .args(["-an", "-vf", "scale=640:360", "-preset", "ultrafast"])
            .arg(&target)
            .status()
            .unwrap();
        assert!(made.success());
        target
    }

    pub(crate) fn frames(&self, name: &str) -> u64 {
        let o = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-count_packets",
                "-show_entries",
                "stream=nb_read_packets",
                "-of",
                "csv=p=0",
            ])
            .arg(self.path(name))
            .output()
            .unwrap();
        text(&o.stdout).trim().parse().unwrap()
    }

    /// Runs ffmpeg with arguments in shell words.
    pub(crate) fn ffmpeg(&self, arguments: &str) {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin"])
            .args(arguments.split(' '))
            .current_dir(self.work.path())
            .status()
            .unwrap();
        assert!(made.success(), "ffmpeg {arguments}");
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.work.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn code(o: &Output) -> i32 {
    o.status.code().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts one line on standard error that holds each of `parts`, nothing on standard output, and
/// the code.
pub(crate) fn refused(o: &Output, expected: i32, parts: &[&str]) {
    let stderr = text(&o.stderr);
    assert_eq!(code(o), expected, "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(o.stdout.is_empty(), "{}", text(&o.stdout));
    for part in parts {
        assert!(stderr.contains(part), "'{part}' is missing in: {stderr}");
    }
}

/// Parses each line of standard output and holds it against its published schema.
pub(crate) fn json(o: &Output) -> Vec<Value> {
    text(&o.stdout)
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let verb = value["schema"]
                .as_str()
                .unwrap()
                .strip_prefix("proofmark.")
                .unwrap()
                .split_once('/')
                .unwrap()
                .0
                .to_string();
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/schema/{verb}.json"));
            let schema: Value =
                serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{verb}: {errors:?}\n{value}");
            value
        })
        .collect()
}
