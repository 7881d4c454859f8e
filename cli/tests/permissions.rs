//! Who may read what is written: files for the user as their umask says, secrets nobody but their
//! owner.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use common::{Desk, code, text};

/// Runs the command under a umask.
fn run(desk: &Desk, umask: &str, arguments: &str) {
    let script = format!("umask {umask}; exec \"$0\" {arguments}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_proofmark")])
        .env("PROOFMARK_HOME", desk.path("home"))
        .current_dir(desk.work.path())
        .stdin(Stdio::null());
    let o = command.output().unwrap();
    assert_eq!(code(&o), 0, "{arguments}: {}", text(&o.stderr));
}

fn mode(desk: &Desk, name: &str) -> u32 {
    std::fs::metadata(desk.path(name)).unwrap().mode() & 0o7777
}

fn change(desk: &Desk, name: &str, mode: u32) {
    std::fs::set_permissions(desk.path(name), Permissions::from_mode(mode)).unwrap();
}

fn clip(desk: &Desk) {
    desk.ffmpeg("-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v libx264 -preset ultrafast in.mp4");
}

#[test]
fn what_is_written_for_the_user_is_as_open_as_the_umask_says() {
    let desk = Desk::new();
    clip(&desk);
    for (umask, expected) in [("077", 0o600), ("002", 0o664), ("022", 0o644), ("027", 0o640)] {
        run(&desk, umask, &format!("stamp in.mp4 -o {umask}.mp4 --register later"));
        run(&desk, umask, &format!("stamp in.mp4 -o {umask}.mkv"));
        run(
            &desk,
            umask,
            &format!("stamp - -o - --sidecar {umask}-pipe.c2pa < in.mp4 > /dev/null"),
        );
        run(&desk, umask, &format!("stamp in.mp4 -o {umask}.mov --registry {umask}.db"));
        run(&desk, umask, &format!("registry export -o {umask}.ndjson"));
        run(
            &desk,
            umask,
            &format!(
                "detect {umask}.mp4 --overlay {umask}.png --ledger {umask}.ledger --failed \
                {umask}.failed"
            ),
        );
        for name in [
            ".mp4",
            ".mp4.registration.json",
            ".mkv",
            ".c2pa",
            "-pipe.c2pa",
            ".mov",
            ".db",
            ".ndjson",
            ".png",
            ".ledger",
            ".failed",
        ] {
            assert_eq!(mode(&desk, &format!("{umask}{name}")), expected, "umask {umask}: {name}");
        }
    }
}

#[test]
fn a_target_that_is_replaced_keeps_its_mode_and_its_owner() {
    let desk = Desk::new();
    clip(&desk);
    let names = ["o.mkv", "o.c2pa", "o.mkv.registration.json", "o.png"];
    run(&desk, "022", "stamp in.mp4 -o o.mkv --register later");
    run(&desk, "022", "detect o.mkv --overlay o.png");
    // Only who is root can give files away.
    let given = names
        .iter()
        .all(|name| std::os::unix::fs::chown(desk.path(name), Some(4321), Some(4322)).is_ok());
    for wanted in [0o600, 0o640, 0o666] {
        names.iter().for_each(|name| change(&desk, name, wanted));
        let before = names.map(|name| std::fs::metadata(desk.path(name)).unwrap().ino());
        run(&desk, "077", "stamp in.mp4 -o o.mkv --register later --force");
        run(&desk, "002", "detect o.mkv --overlay o.png --force");
        for (name, before) in names.iter().zip(before) {
            let now = std::fs::metadata(desk.path(name)).unwrap();
            assert!(now.ino() != before, "{name} was not replaced");
            assert_eq!(now.mode() & 0o7777, wanted, "{name}");
            assert!(!given || (now.uid(), now.gid()) == (4321, 4322), "{name}");
        }
    }
}

#[test]
fn a_link_is_replaced_by_a_file_and_what_it_leads_to_is_left() {
    let desk = Desk::new();
    clip(&desk);
    std::fs::write(desk.path("behind.mp4"), "precious").unwrap();
    std::os::unix::fs::symlink("behind.mp4", desk.path("link.mp4")).unwrap();
    std::os::unix::fs::symlink("nowhere.mp4", desk.path("loose.mp4")).unwrap();
    for link in ["link.mp4", "loose.mp4"] {
        assert_eq!(code(&desk.run(&["stamp", "in.mp4", "-o", link])), 2);
        run(&desk, "022", &format!("stamp in.mp4 -o {link} --force"));
        assert!(!desk.path(link).is_symlink() && mode(&desk, link) == 0o644);
    }
    assert_eq!(std::fs::read_to_string(desk.path("behind.mp4")).unwrap(), "precious");
    assert!(!desk.path("nowhere.mp4").exists());
}

#[test]
fn secrets_are_their_owners_alone_whatever_the_umask() {
    for umask in ["000", "002", "022", "077"] {
        let desk = Desk::bare();
        run(&desk, umask, "init");
        let key = std::fs::read_dir(desk.path("home/keys"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .file_name()
            .into_string()
            .unwrap();
        let id = key.trim_end_matches(".key");
        run(&desk, umask, &format!("keys export {id} -o exported.key"));
        for folder in ["home", "home/keys", "home/signing"] {
            assert_eq!(mode(&desk, folder), 0o700, "umask {umask}: {folder}");
        }
        for file in [&format!("home/keys/{key}"), "home/signing/key.pem", "exported.key"] {
            assert_eq!(mode(&desk, file), 0o600, "umask {umask}: {file}");
        }
    }
}

#[cfg(feature = "server")]
#[test]
fn tokens_are_their_owners_alone_whatever_was_there() {
    for umask in ["000", "002", "022", "077"] {
        let desk = Desk::new();
        run(&desk, umask, "tokens add one --scope fetch:manifests");
        change(&desk, "home/tokens.json", 0o644);
        run(&desk, umask, "tokens add two --scope fetch:manifests");
        assert_eq!(mode(&desk, "home/tokens.json"), 0o600, "umask {umask}");
    }
}

#[test]
fn a_home_that_was_open_is_closed() {
    let desk = Desk::bare();
    std::fs::create_dir(desk.path("home")).unwrap();
    change(&desk, "home", 0o777);
    run(&desk, "022", "init");
    assert_eq!(
        (mode(&desk, "home"), mode(&desk, "home/keys"), mode(&desk, "home/signing")),
        (0o700, 0o700, 0o700)
    );
}
