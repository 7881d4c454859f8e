//! What the tests share: clips, keys, ffmpeg.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod desk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use proofmark::provenance::{Identity, Trust, test_identity};
use proofmark::video::{DetectOptions, VideoEvidence};
use proofmark::{
    Detector, KeyRing, Payload, StampOptions, Stamped, Stamper, Verified, Verifier, VerifyOptions,
    WatermarkKey,
};
use tempfile::TempDir;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The real clip.
pub(crate) fn clip() -> PathBuf {
    root().join("testdata/bigbuckbunny.mp4")
}

/// A folder with the odd clips, made once a test binary.
pub(crate) fn odd(name: &str) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let made =
            Command::new(root().join("testdata/make_odd.sh")).arg(folder.path()).status().unwrap();
        assert!(made.success(), "make_odd.sh failed");
        folder
    });
    folder.path().join(name)
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(vec![WatermarkKey::from_secret([42; 32], 1)]).unwrap()
}

/// A test identity and its authority as trust anchor.
pub(crate) fn identity() -> (Identity, Trust) {
    let t = test_identity().unwrap();
    let mut trust = Trust::default();
    trust.add(&t.authority).unwrap();
    (Identity::from_pem(t.chain, t.key.to_string(), None).unwrap(), trust)
}

pub(crate) fn stamp(input: &Path, output: &Path, identity: Option<Identity>) -> Stamped {
    let mut options = StampOptions::default();
    options.identity = identity;
    stamp_with(input, output, options)
}

pub(crate) fn stamp_with(input: &Path, output: &Path, mut options: StampOptions) -> Stamped {
    options.encode.preset =
        Some("veryfast".into()).filter(|_| output.extension().is_some_and(|e| e == "mp4"));
    Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(input, output).unwrap()
}

pub(crate) fn detect_with(path: &Path, options: &DetectOptions) -> VideoEvidence {
    Detector::new(ring()).options(options.clone()).detect(path).unwrap().picture.unwrap()
}

pub(crate) fn detect(path: &Path) -> VideoEvidence {
    detect_with(path, &DetectOptions::default())
}

pub(crate) fn verify(path: &Path, trust: Option<Trust>) -> Verified {
    let mut options = VerifyOptions::default();
    options.trust = trust.unwrap_or_default();
    Verifier::new().ring(ring()).options(options.clone()).verify(path).unwrap()
}

/// What is said of a clip, in English.
pub(crate) fn told(v: &Verified) -> String {
    let language = proofmark::Language::English;
    let reasons = v.judgement.reasons.iter().map(|r| r.text(language));
    reasons
        .chain(v.judgement.steps(language).into_iter().map(|step| step.1))
        .collect::<Vec<String>>()
        .join(" ")
}

/// Runs ffmpeg with arguments in shell words, from one file to another.
pub(crate) fn ffmpeg(input: &Path, arguments: &str, output: &Path) {
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(input)
        .args(arguments.split_whitespace())
        .arg(output)
        .status()
        .unwrap();
    assert!(run.success(), "ffmpeg {arguments} failed");
}

/// Has ffmpeg make a clip from one of its own sources.
pub(crate) fn generate(source: &str, arguments: &str, output: &Path) {
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source])
        .args(arguments.split_whitespace())
        .arg(output)
        .status()
        .unwrap();
    assert!(run.success(), "ffmpeg {source} failed");
}

/// The first subtitle stream as text.
pub(crate) fn ffmpeg_text(input: &Path, format: &str) -> String {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(input)
        .args(["-map", "0:s:0", "-f", format, "-"])
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap()
}

/// What ffprobe says, one line an entry.
pub(crate) fn probe(path: &Path, arguments: &str) -> String {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments.split_whitespace())
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap()
}

/// The media of the shared folder, if it is there.
pub(crate) fn shared(variable: &str, default: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(|| root().join(default), PathBuf::from);
    if path.is_dir() {
        Some(path)
    } else {
        eprintln!("skipped: {} is not there; set {variable}", path.display());
        None
    }
}

pub(crate) fn some_payload() -> Payload {
    "7f3c1a52-9b64-4d0e-8a31-5e6f70819203".parse().unwrap()
}

/// The time of each frame, as ffprobe prints it: a line a frame, whatever side data comes with it.
pub(crate) fn frame_times(path: &Path) -> Vec<String> {
    let text = probe(path, "-select_streams v -show_entries frame=best_effort_timestamp_time");
    text.lines()
        .filter_map(|l| l.split(',').find(|f| f.parse::<f64>().is_ok()))
        .map(str::to_string)
        .collect()
}

/// Bytes of memory that this process has held at most, the other tests' included.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes =
        status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}
