//! Keeps `docs/ARCHITECTURE.md` true: every path it names exists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test that fails should say so at once")]

mod common;

#[test]
fn every_path_in_the_architecture_document_exists() {
    let text = std::fs::read_to_string(common::root().join("docs/ARCHITECTURE.md")).unwrap();
    let looks_like_path = |s: &&str| s.contains('/') && !s.contains(' ') && !s.contains(':') && !s.contains('<') && !s.starts_with('/');
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(looks_like_path).collect();
    assert!(paths.len() > 20, "only {} paths were found in it", paths.len());
    let missing: Vec<&&str> = paths.iter().filter(|p| !common::root().join(p).exists()).collect();
    assert!(missing.is_empty(), "named but not there: {missing:?}");
}
