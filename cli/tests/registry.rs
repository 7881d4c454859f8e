//! The registry as scripts and people meet it: stamp, strip, recover; list, show, export, import,
//! delete, check, lookup.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::process::{Output, Stdio};

use common::{Desk, code, json, refused, text};

/// A desk with a stamped clip and a stripped copy of it; its payload.
fn stamped(arguments: &[&str]) -> (Desk, String) {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let out =
        desk.run(&[&["stamp", "clip.mp4", "-o", "stamped.mp4", "--json"], arguments].concat());
    assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    let payload = json(&out)[0]["payload"].as_str().unwrap().to_string();
    desk.ffmpeg("-i stamped.mp4 -c copy upload.mp4");
    (desk, payload)
}

#[test]
fn a_stripped_clip_is_recovered_and_looked_up() {
    let (desk, payload) =
        stamped(&["--title", "Rabbit", "--label", "demo", "--label", "two words"]);
    let verified = desk.run(&["verify", "upload.mp4", "--json"]);
    assert_eq!(code(&verified), 0);
    let report = json(&verified).remove(0);
    assert_eq!(report["verdict"], "recovered");
    assert!(report["manifest"].is_null());
    assert_eq!(report["registered"][0]["payload"], payload);
    assert_eq!(report["registered"][0]["manifest"]["state"], "valid");
    let told = text(&desk.run(&["verify", "upload.mp4"]).stdout);
    assert!(
        told.starts_with("recovered: upload.mp4")
            && told.contains("recovered manifest")
            && told.contains("Rabbit")
            && told.contains("c2pa.created"),
        "{told}"
    );

    let id = format!("urn:c2pa:{payload}");
    // As the soft binding has it: the payload's sixteen bytes.
    let bytes: Vec<u8> = payload
        .replace('-', "")
        .as_bytes()
        .chunks(2)
        .map(|p| u8::from_str_radix(&text(p), 16).unwrap())
        .collect();
    let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    for what in ["upload.mp4", payload.as_str(), id.as_str(), value.as_str()] {
        let found = desk.run(&["lookup", what, "--json"]);
        assert_eq!(code(&found), 0, "{what}: {}", text(&found.stderr));
        assert_eq!(json(&found)[0]["registered"][0]["id"], id, "{what}");
    }
    assert_eq!(code(&desk.run(&["lookup", &value, "--alg", "another"])), 1);
    assert_eq!(code(&desk.run(&["lookup", "clip.mp4"])), 1);
    let none = desk.run(&["lookup", "7f3c1a52-9b64-4d0e-8a31-5e6f70819203", "--json"]);
    assert_eq!(json(&none)[0]["registered"].as_array().unwrap().len(), 0);
    refused(&desk.run(&["lookup", "no such file.mp4"]), 2, &["no such file.mp4", "payload"]);
}

#[test]
fn entries_are_listed_shown_moved_forgotten_and_checked() {
    let (desk, payload) = stamped(&["--title", "Rabbit\u{1b}[2J", "--label", "demo"]);
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "second.mp4", "--no-c2pa"])), 0);
    let list = |more: &[&str]| {
        json(&desk.run(&[&["registry", "list", "--json"], more].concat())).remove(0)["entries"]
            .as_array()
            .unwrap()
            .clone()
    };
    assert_eq!(list(&[]).len(), 2);
    assert_eq!(list(&["--label", "demo"])[0]["payload"], payload);
    assert_eq!(list(&["--since", "2999-01-01"]).len(), 0);
    let most = desk.run(&["registry", "list", "--most", "1"]);
    assert!(text(&most.stderr).contains("2 entries"), "{}", text(&most.stderr));
    let plain = text(&desk.run(&["registry", "list"]).stdout);
    assert!(
        plain.contains(&payload) && plain.contains("Rabbit") && !plain.contains('\u{1b}'),
        "{plain:?}"
    );

    let shown =
        json(&desk.run(&["registry", "show", &payload, "--manifest", "out.c2pa", "--json"]))
            .remove(0);
    assert_eq!(shown["entry"]["manifest"]["label"], format!("urn:c2pa:{payload}"));
    assert!(std::fs::read(desk.path("out.c2pa")).unwrap().len() > 1000);
    refused(
        &desk.run(&["registry", "show", &payload, "--manifest", "out.c2pa"]),
        2,
        &["out.c2pa", "--force"],
    );
    refused(&desk.run(&["registry", "show", "nothing"]), 2, &["nothing", "registry list"]);

    // Into another registry, and back.
    assert_eq!(code(&desk.run(&["registry", "export", "-o", "all.jsonl"])), 0);
    assert_eq!(
        desk.run(&["registry", "export"]).stdout,
        std::fs::read(desk.path("all.jsonl")).unwrap()
    );
    assert_eq!(
        text(&desk.run(&["registry", "export", "--label", "demo"]).stdout).lines().count(),
        1
    );
    let import = |more: &[&str]| {
        json(
            &desk.run(
                &[&["registry", "import", "all.jsonl", "--registry", "other.db", "--json"], more]
                    .concat(),
            ),
        )
        .remove(0)["imported"]
            .clone()
    };
    assert_eq!(import(&[])["added"], 2);
    assert_eq!(import(&[])["unchanged"], 2);
    let other = desk.run(&["verify", "upload.mp4", "--registry", "other.db", "--json"]);
    assert_eq!(json(&other)[0]["verdict"], "recovered");
    assert_eq!(
        json(&desk.run(&["verify", "upload.mp4", "--registry", "none", "--json"]))[0]["verdict"],
        "marked"
    );

    let checked = json(&desk.run(&["registry", "check", "--json"])).remove(0);
    assert_eq!(
        (&checked["checked"]["entries"], checked["checked"]["wrong"].as_array().unwrap().len()),
        (&2.into(), 0)
    );
    assert_eq!(code(&desk.run(&["registry", "delete", &payload])), 0);
    refused(&desk.run(&["registry", "delete", &payload]), 2, &["not in the registry"]);
    assert_eq!(list(&[]).len(), 1);
    assert_eq!(json(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["verdict"], "marked");
}

#[test]
fn registration_can_wait_or_be_left_out() {
    let (desk, payload) = stamped(&["--register", "later"]);
    let never =
        desk.run(&["stamp", "clip.mp4", "-o", "never.mp4", "--register", "never", "--json"]);
    assert!(json(&never)[0]["registered"].is_null());
    assert!(!desk.path("home/registry.db").exists());
    assert_eq!(json(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["verdict"], "marked");
    refused(&desk.run(&["registry", "list"]), 2, &["no registry here yet", "stamp"]);
    let imported = desk.run(&["registry", "import", "stamped.mp4.registration.json"]);
    assert!(text(&imported.stdout).contains("1 added"), "{}", text(&imported.stderr));
    assert_eq!(
        json(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["registered"][0]["payload"],
        payload
    );
    // It is not overwritten unasked.
    std::fs::remove_file(desk.path("stamped.mp4")).unwrap();
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--register", "later"]),
        2,
        &["stamped.mp4.registration.json", "--force"],
    );
}

#[test]
fn bad_registrations_and_registries_are_refused_whole() {
    let (desk, payload) = stamped(&[]);
    let line = text(&desk.run(&["registry", "export"]).stdout);
    let import = |content: &[u8]| {
        std::fs::write(desk.path("in.jsonl"), content).unwrap();
        desk.run(&["registry", "import", "in.jsonl", "--registry", "other.db"])
    };
    refused(&import(b""), 2, &["in.jsonl", "no registration"]);
    let bad = import(b"{}\n");
    assert_eq!(code(&bad), 2);
    assert!(text(&bad.stderr).contains("in.jsonl: line 1"), "{}", text(&bad.stderr));
    let nul = line.replace("\"title\":null", "\"title\":\"a\\u0000b\"");
    assert_ne!(nul, line);
    let some = import(format!("{line}\n# no\n{nul}\u{ff}\n").as_bytes());
    assert_eq!(code(&some), 4, "{}", text(&some.stderr));
    assert!(
        text(&some.stdout).contains("1 added, 0 replaced, 0 there already, 3 refused"),
        "{} {}",
        text(&some.stdout),
        text(&some.stderr)
    );
    assert!(text(&some.stderr).contains("line 3"), "{}", text(&some.stderr));
    // Another file under the same number.
    let sha = json(&desk.run(&["registry", "list", "--json"]))[0]["entries"][0]["content"]
        .as_str()
        .unwrap()
        .to_string();
    let taken = line.replace(&sha, &"0".repeat(64));
    assert_eq!(code(&import(taken.as_bytes())), 2);
    assert!(
        text(
            &desk
                .run(&["registry", "import", "in.jsonl", "--registry", "other.db", "--force"])
                .stdout
        )
        .contains("1 replaced")
    );

    std::fs::write(
        desk.path("text.db"),
        "no database at all, but long enough to be read as one ".repeat(40),
    )
    .unwrap();
    refused(
        &desk.run(&["verify", "upload.mp4", "--registry", "text.db"]),
        2,
        &["text.db", "registry"],
    );
    refused(
        &desk.run(&["verify", "upload.mp4", "--registry", "absent.db"]),
        2,
        &["absent.db", "no registry"],
    );
    let elsewhere = if cfg!(feature = "postgres") { "me@127.0.0.1:1/db" } else { "…" };
    refused(
        &desk.run(&["registry", "list", "--registry", "postgres://me:hunter2@127.0.0.1:1/db"]),
        2,
        &[&format!("postgres://{elsewhere}")],
    );
    refused(&desk.run(&["registry", "list", "--since", "yesterday"]), 2, &["yesterday"]);
    // A registry that cannot be written fails before the work, and leaves nothing.
    let before = desk.files();
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "new.mp4", "--registry", "no/folder/r.db"]),
        2,
        &["no/folder/r.db"],
    );
    assert_eq!(desk.files(), before);
    assert_eq!(
        json(&desk.run(&["lookup", &payload, "--json"]))[0]["registered"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_kill_at_any_time_leaves_a_whole_registry() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let mut appeared = 0;
    for round in 0..12u64 {
        let target = format!("{round}.mp4");
        let mut child =
            desk.command(&["stamp", "clip.mp4", "-o", &target, "--quiet"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        appeared += usize::from(desk.path(&target).exists());
    }
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "last.mp4"])), 0);
    let checked = json(&desk.run(&["registry", "check", "--json"])).remove(0)["checked"].clone();
    assert_eq!(checked["wrong"].as_array().unwrap().len(), 0, "{checked}");
    // Whatever appeared is known.
    assert!(checked["entries"].as_u64().unwrap() > appeared as u64);
    for round in (0..12).map(|r| format!("{r}.mp4")).filter(|t| desk.path(t).exists()) {
        assert_eq!(
            json(&desk.run(&["verify", &round, "--json"]))[0]["registered"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn a_backup_brings_back_what_was_lost() {
    let (desk, payload) = stamped(&[]);
    let kept = json(&desk.run(&["registry", "backup", "copy.db", "--json"])).remove(0);
    assert_eq!(
        (kept["backup"]["entries"].as_u64(), kept["backup"]["file"].as_str()),
        (Some(1), Some("copy.db"))
    );
    refused(&desk.run(&["registry", "backup", "copy.db"]), 2, &["copy.db", "--force"]);
    assert_eq!(code(&desk.run(&["registry", "delete", &payload])), 0);
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "new.mp4"])), 0);
    refused(&desk.run(&["registry", "restore", "copy.db"]), 2, &["1 entries", "--force"]);
    refused(
        &desk.run(&["registry", "restore", "clip.mp4", "--force"]),
        2,
        &["clip.mp4", "no whole backup"],
    );
    refused(&desk.run(&["registry", "restore", "nothing.db"]), 2, &["nothing.db", "is no file"]);
    let restored =
        json(&desk.run(&["registry", "restore", "copy.db", "--force", "--json"])).remove(0);
    assert_eq!(restored["restored"]["entries"], 1);
    assert_eq!(json(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["verdict"], "recovered");
    assert_eq!(code(&desk.run(&["registry", "check"])), 0);
    // Into a home that lost its own.
    std::fs::remove_file(desk.path("home/registry.db")).unwrap();
    assert_eq!(code(&desk.run(&["registry", "restore", "copy.db"])), 0);
    assert_eq!(json(&desk.run(&["verify", "upload.mp4", "--json"]))[0]["verdict"], "recovered");
}

#[test]
fn of_two_that_stamp_to_one_place_one_wins() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for target in ["out.mp4", "out.mkv"] {
        let racers: Vec<_> = (0..3)
            .map(|_| {
                desk.command(&["stamp", "clip.mp4", "-o", target, "--json"])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let ended: Vec<Output> =
            racers.into_iter().map(|r| r.wait_with_output().unwrap()).collect();
        let (won, lost): (Vec<&Output>, Vec<&Output>) = ended.iter().partition(|o| code(o) == 0);
        assert_eq!(won.len(), 1, "{:?}", ended.iter().map(|o| text(&o.stderr)).collect::<Vec<_>>());
        lost.iter().for_each(|o| {
            assert!(
                code(o) == 2 && text(&o.stdout).contains("exists already"),
                "{}{}",
                text(&o.stdout),
                text(&o.stderr)
            )
        });
        // What the others had announced is forgotten, and what is there is the winner's.
        let payload = json(won[0])[0]["payload"].clone();
        let verified = json(&desk.run(&["verify", target, "--json"])).remove(0);
        assert_eq!(
            (verified["verdict"].as_str(), &verified["registered"][0]["payload"]),
            (Some("intact"), &payload),
            "{verified}"
        );
        let listed = json(&desk.run(&["registry", "list", "--json"])).remove(0);
        let here: Vec<&serde_json::Value> =
            listed["entries"].as_array().unwrap().iter().map(|e| &e["payload"]).collect();
        assert!(here.contains(&&payload) && here.len() <= 2, "{here:?}");
    }
    assert_eq!(
        json(&desk.run(&["registry", "list", "--json"])).remove(0)["entries"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let hidden: Vec<String> = desk.files().into_iter().filter(|f| f.starts_with('.')).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}
