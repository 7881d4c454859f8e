//! Keeps the documents true: every path they name exists, and every link leads somewhere.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};

/// The documents in a folder, and those below it.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { documents(&path) } else { vec![path] })
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .collect()
}

#[test]
fn every_path_that_the_design_names_exists() {
    let mut named = 0;
    for document in documents(&common::root().join("docs/design"))
        .into_iter()
        .chain([common::root().join("CONTRIBUTING.md")])
    {
        let text = std::fs::read_to_string(&document).unwrap();
        let begins_here = |s: &&str| {
            [
                "src/", "cli/", "crates/", "tests/", "docs/", "scripts/", "fuzz/", "benches/",
                "locales/",
            ]
            .iter()
            .any(|folder| s.starts_with(folder))
        };
        let looks_like_path = |s: &&str| begins_here(s) && !s.contains([' ', ':', '<', '*']);
        let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(looks_like_path).collect();
        let missing: Vec<&&str> =
            paths.iter().filter(|p| !common::root().join(p).exists()).collect();
        assert!(missing.is_empty(), "{}: named but not there: {missing:?}", document.display());
        named += paths.len();
    }
    assert!(named > 100, "only {named} paths were found");
}

#[test]
fn every_link_leads_somewhere() {
    let here = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .map(|name| common::root().join(name));
    for document in documents(&common::root().join("docs")).into_iter().chain(here) {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let leads = link.contains("://")
                || file.is_empty()
                || document.parent().unwrap().join(file).exists();
            assert!(leads, "{}: {link} is not there", document.display());
        }
    }
}

#[test]
fn frames_go_in_and_out_of_libav_in_one_place() {
    // What takes a frame from libav or hands one over, and needs no frame to be checked where it is
    // defined.
    const CALLS: [&str; 7] = [
        "receive_frame(",
        "send_frame(",
        "sws_scale",
        "swr_convert",
        "scaler.run(",
        "converter.run(",
        "resampler.run(",
    ];
    let folder = common::root().join("crates/media/src");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.ends_with("guard.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(
            CALLS
                .iter()
                .filter(|call| text.contains(**call))
                .map(|call| format!("{call} in {}", path.display())),
        );
    }
    assert!(found.is_empty(), "beside crates/media/src/guard.rs: {found:?}");
}
