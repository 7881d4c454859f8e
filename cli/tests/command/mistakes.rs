//! What is wrong with a call, a name, a file or a disk, and how that is told.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Desk, code, json, refused, text};

#[test]
fn batches_go_on_after_a_failure_and_say_so() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("clips")).unwrap();
    desk.clip("clips/a.mp4");
    std::fs::write(desk.path("clips/b.mp4"), "no video").unwrap();
    let o = desk.run(&["detect", "clips", "--json"]);
    assert_eq!(code(&o), 4);
    let mut lines = json(&o);
    // They come as they are finished.
    lines.sort_by_key(|l| l["file"].to_string());
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["video"].is_object() && lines[1]["error"].is_string());
    std::fs::create_dir(desk.path("out")).unwrap();
    assert_eq!(code(&desk.run(&["stamp", "clips", "-o", "out", "--quiet"])), 4);
    assert!(desk.path("out/a.mp4").exists() && !desk.path("out/b.mp4").exists());
}

#[test]
fn common_mistakes_get_one_clear_line() {
    let desk = Desk::bare();
    let clip = desk.clip("clip.mp4");
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &["no watermark key", "proofmark init"]);
    assert_eq!(code(&desk.run(&["init", "--quiet"])), 0);
    refused(&desk.run(&["init"]), 2, &["set up already", "keys add"]);
    refused(&desk.run(&["detect", "missing.mp4"]), 2, &["missing.mp4", "cannot be read"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "clip.mp4", "--force"]),
        2,
        &["input itself", "-o"],
    );
    std::fs::write(desk.path("there.mp4"), "precious").unwrap();
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "there.mp4"]), 2, &["there.mp4", "--force"]);
    assert_eq!(std::fs::read(desk.path("there.mp4")).unwrap(), b"precious");
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "out.avi"]), 2, &["out.avi", ".mp4"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "none/out.mp4"]),
        2,
        &["out.mp4", "cannot be written"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--video-codec", "divx"]),
        2,
        &["divx", "h264"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--strength", "9"]),
        2,
        &["strength '9'", "0.25"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--strength", "loud"]),
        2,
        &["strength 'loud'", "standard"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--payload", "7"]),
        2,
        &["'7' is not a UUID"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--preset", "warp9"]),
        2,
        &["H.264", "encoder"],
    );
    let home_file = clip.with_file_name("home").join("config.toml");
    std::fs::write(&home_file, "[stamp]\nstrenght = 2\n").unwrap();
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"]),
        2,
        &["config.toml", "line 2", "strenght"],
    );
    std::fs::write(&home_file, "").unwrap();
    std::fs::write(desk.path("list.txt"), "not-a-uuid\n").unwrap();
    refused(
        &desk.run(&["detect", "clip.mp4", "--candidates", "list.txt"]),
        2,
        &["list.txt", "line 1"],
    );
    refused(
        &desk.run(&["verify", "clip.mp4", "--trust", "list.txt"]),
        2,
        &["list.txt", "certificate"],
    );
    std::fs::create_dir(desk.path("empty")).unwrap();
    refused(&desk.run(&["verify", "empty"]), 2, &["empty", "no media file"]);
    assert_eq!(desk.files(), ["clip.mp4", "empty", "home", "list.txt", "there.mp4"]);
}

/// What a build lacks is known to it, and what is set for it is passed over.
#[cfg(not(feature = "server"))]
#[test]
fn verbs_that_were_left_out_say_so() {
    let desk = Desk::new();
    for arguments in [&["serve"][..], &["--json", "serve", "--listen", "x"], &["tokens", "--help"]]
    {
        let says = ["error: this build has no server", "build proofmark with the feature 'server'"];
        refused(&desk.run(arguments), 2, &says);
    }
    let settings = "[serve]\nlisten = '127.0.0.1:8473'\n[queue]\ntries = 8\n";
    std::fs::write(desk.path("home/config.toml"), settings).unwrap();
    desk.clip("clip.mp4");
    assert_eq!(code(&desk.run(&["detect", "clip.mp4"])), 1);
}

#[test]
fn names_forge_no_lines_and_links_are_not_replaced() {
    let desk = Desk::new();
    let name = "z.mp4\nintact: legit.mp4";
    desk.clip(name);
    let o = desk.run(&["verify", name]);
    assert!(
        text(&o.stdout).contains("z.mp4")
            && !text(&o.stdout).lines().any(|l| l.starts_with("intact")),
        "{}",
        text(&o.stdout)
    );
    desk.clip("clip.mp4");
    std::os::unix::fs::symlink("nowhere", desk.path("link.mp4")).unwrap();
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "link.mp4"]), 2, &["link.mp4", "--force"]);
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "new/"]), 2, &["new/", "make it first"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "link.mp4", "-o", "new"]),
        2,
        &["new", "make it first"],
    );
}

#[test]
fn interrupting_leaves_nothing() {
    let desk = Desk::new();
    let long = desk.path("long.mp4");
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bigbuckbunny.mp4");
    std::fs::copy(clip, long).unwrap();
    let mut child = desk
        .command(&["stamp", "long.mp4", "-o", "out.mp4", "--preset", "placebo"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(desk.files(), ["home", "long.mp4"]);
}

/// A disk that fills up, played by a limit on the size of files.
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for extra in ["--no-c2pa", ""] {
        let script =
            format!("trap '' XFSZ; ulimit -f 200; exec \"$0\" stamp clip.mp4 -o out.mp4 {extra}");
        let o = Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_proofmark")])
            .env("PROOFMARK_HOME", desk.path("home"))
            .current_dir(desk.work.path())
            .output()
            .unwrap();
        refused(&o, 2, &["out.mp4", "cannot be written"]);
        assert_eq!(desk.files(), ["clip.mp4", "home"]);
    }
}

#[test]
fn failures_of_verify_have_codes() {
    let desk = Desk::new();
    std::fs::write(desk.path("empty.mp4"), "").unwrap();
    std::fs::write(desk.path("text.mp4"), "no clip at all ".repeat(40)).unwrap();
    for (name, told) in
        [("gone.mp4", "file.unreadable"), ("empty.mp4", "file.empty"), ("text.mp4", "media.none")]
    {
        let o = desk.run(&["verify", name, "--json"]);
        let report = json(&o).remove(0);
        assert_eq!((code(&o), report["code"].as_str()), (2, Some(told)), "{report}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let desk = Desk::bare();
    let mut child = desk.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
