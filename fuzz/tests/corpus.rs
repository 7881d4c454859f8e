//! Every committed input is read as it is when fuzzed.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

use std::path::Path;

use proofmark::KeyRing;

/// Tries all inputs of a target: there are some.
fn try_all(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|e| e.unwrap().path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{}: no inputs", folder.display());
    for input in inputs {
        eprintln!("{}", input.display());
        target(&std::fs::read(input).unwrap());
    }
}

macro_rules! corpus {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            try_all(stringify!($name), proofmark_fuzz::$name);
        })*
    };
}

corpus!(
    answer,
    configuration,
    key,
    ledger,
    manifest,
    package,
    registration,
    request,
    shown,
    stamp,
    still,
    stream,
    verify,
    word
);

/// Those that a worker answered: what is not believed shows a fuzzer little.
#[test]
fn answers_that_are_mutated_are_believed() {
    let key = KeyRing::from(proofmark_fuzz::watermark_key());
    for name in ["clip", "sound"] {
        let answer =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/answer").join(name))
                .unwrap();
        assert!(
            proofmark::fuzzing::answer(&answer, &key),
            "{name}: make the seeds anew (fuzz/seeds.sh)"
        );
    }
}

/// Those that a worker showed: what makes no sense ends where it begins.
#[test]
fn what_is_shown_and_mutated_makes_sense() {
    let key = KeyRing::from(proofmark_fuzz::watermark_key());
    for name in ["picture", "sound"] {
        let stream =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/shown").join(name))
                .unwrap();
        assert!(
            proofmark::fuzzing::shown(&stream, &key, &proofmark_fuzz::limits()),
            "{name}: make the seeds anew (fuzz/seeds.sh)"
        );
    }
}

/// A script that libav makes no clip of shows nothing.
#[test]
fn scripts_make_clips() {
    let folder = tempfile::TempDir::new().unwrap();
    for script in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/stamp")).unwrap()
    {
        let path = script.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let (clip, frames) = proofmark_fuzz::clip::Script::read(&bytes)
            .unwrap()
            .make(folder.path())
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(
            frames > 1 && proofmark_fuzz::clip::rows(&clip, |_| ()).is_ok_and(|seen| seen > 1),
            "{}",
            path.display()
        );
    }
}
