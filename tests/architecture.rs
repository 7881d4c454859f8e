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

#[test]
fn frames_go_in_and_out_of_libav_in_one_place() {
    // What takes a frame from libav or hands one over, and needs no frame to be checked where it is defined.
    const CALLS: [&str; 7] = ["receive_frame(", "send_frame(", "sws_scale", "swr_convert", "scaler.run(", "converter.run(", "resampler.run("];
    let folder = common::root().join("src/media");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || path.ends_with("guard.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(CALLS.iter().filter(|call| text.contains(**call)).map(|call| format!("{call} in {}", path.display())));
    }
    assert!(found.is_empty(), "beside src/media/guard.rs: {found:?}");
}
