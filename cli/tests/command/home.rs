//! The home: its keys and its identity, and those that come from elsewhere.

use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{Desk, code, json, refused, text};

#[test]
fn keys_rotate_travel_and_are_guarded() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let first = json(&desk.run(&["keys", "list", "--json"])).remove(0)["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    let file = desk.path(&format!("home/keys/{first}.key"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        code(&desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "old.mkv",
            "--video-codec",
            "ffv1",
            "--no-c2pa"
        ])),
        0
    );
    let keys = json(&desk.run(&["keys", "add", "--json"])).remove(0);
    assert_eq!(
        (keys["keys"].as_array().unwrap().len(), &keys["keys"][0]["stamps"]),
        (2, &Value::Bool(true))
    );
    assert_ne!(keys["keys"][0]["id"], first);
    assert_eq!(json(&desk.run(&["detect", "old.mkv", "--json"]))[0]["video"]["key"], first);

    // No output ever holds a secret.
    let secret = std::fs::read_to_string(&file).unwrap();
    let secret =
        serde_json::from_str::<Value>(&secret).unwrap()["secret"].as_str().unwrap().to_string();
    for arguments in
        [&["keys", "list"][..], &["keys", "list", "--json"], &["keys", "export", &first, "-o", "k"]]
    {
        let o = desk.run(arguments);
        assert!(!text(&o.stdout).contains(&secret) && !text(&o.stderr).contains(&secret));
    }
    let other = Desk::new();
    assert_eq!(code(&other.run(&["keys", "import", desk.path("k").to_str().unwrap()])), 0);
    refused(&desk.run(&["keys", "export", "nosuch", "-o", "k2"]), 2, &["nosuch", "keys list"]);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &["chmod 600"]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{\"schema\": \"proofmark.key/1\"").unwrap();
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &[&first, "ends too early"]);
}

#[test]
fn a_home_that_lost_something_is_mended() {
    let desk = Desk::new();
    let ring = || json(&desk.run(&["keys", "list", "--json"])).remove(0)["keys"].clone();
    let before = ring();
    let id = before[0]["id"].as_str().unwrap().to_string();
    refused(&desk.run(&["init"]), 2, &["set up already"]);
    assert_eq!(code(&desk.run(&["keys", "export", &id, "-o", "k"])), 0);
    refused(&desk.run(&["keys", "export", &id, "-o", "-"]), 2, &["standard output"]);

    // The keys are lost, and one comes back.
    std::fs::remove_dir_all(desk.path("home/keys")).unwrap();
    refused(&desk.run(&["keys", "list"]), 2, &["keys import"]);
    assert_eq!(code(&desk.run(&["keys", "import", "k"])), 0);
    assert_eq!(ring(), before);
    // The identity is lost, or a full disk left it empty.
    for file in ["key.pem", "certificate.pem"] {
        std::fs::write(desk.path(&format!("home/signing/{file}")), "").unwrap();
    }
    desk.clip("clip.mp4");
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), 2);
    assert_eq!(code(&desk.run(&["init"])), 0);
    assert_eq!((code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), ring()), (0, before));
    // A private key of somebody's own is not thrown away.
    std::fs::remove_file(desk.path("home/signing/certificate.pem")).unwrap();
    refused(&desk.run(&["init"]), 2, &["key.pem", "without its certificate"]);
}

fn openssl(desk: &Desk, arguments: &str) {
    let o = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(desk.work.path())
        .output()
        .unwrap();
    assert!(o.status.success(), "openssl {arguments}: {}", text(&o.stderr));
}

/// Makes an authority.
fn make_authority(desk: &Desk) {
    std::fs::write(
        desk.path("leaf.ext"),
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n\
        extendedKeyUsage=emailProtection\nauthorityKeyIdentifier=keyid\n\
        subjectKeyIdentifier=hash\n",
    )
    .unwrap();
    openssl(
        desk,
        "req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -days 30 -subj \
        /O=Studio/CN=Studio-CA -addext keyUsage=critical,keyCertSign",
    );
}

/// Has that authority certify a key of a kind.
fn make_signer(desk: &Desk, name: &str, kind: &str) {
    openssl(desk, &format!("genpkey -algorithm {kind} -out {name}.key"));
    openssl(
        desk,
        &format!("req -new -key {name}.key -subj /O=Studio/CN=Signer-{name} -out {name}.csr"),
    );
    openssl(
        desk,
        &format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile \
            leaf.ext -out {name}.pem"
        ),
    );
    let chain = ["pem", "chain"].map(|e| desk.path(&format!("{name}.{e}")));
    std::fs::write(
        &chain[1],
        std::fs::read_to_string(&chain[0]).unwrap()
            + &std::fs::read_to_string(desk.path("ca.pem")).unwrap(),
    )
    .unwrap();
}

/// Stamps a clip with a certificate and a key.
fn sign(desk: &Desk, [certificate, key]: [&str; 2], more: &[&str]) -> Output {
    let identity = ["--sign-cert", certificate, "--sign-key", key];
    desk.run(&[&["stamp", "clip.mp4"], &identity[..], more].concat())
}

/// Keys and certificates that another tool made.
#[test]
fn foreign_identities_sign() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    make_authority(&desk);
    for (name, kind) in [("es256", "EC -pkeyopt ec_paramgen_curve:P-256"), ("ed25519", "ED25519")] {
        make_signer(&desk, name, kind);
        let (chain, key) = (format!("{name}.chain"), format!("{name}.key"));
        let stamped = sign(&desk, [&chain, &key], &["-o", "out.mp4", "--force"]);
        assert_eq!(code(&stamped), 0, "{}", text(&stamped.stderr));
        let report =
            json(&desk.run(&["verify", "out.mp4", "--json", "--trust", "ca.pem"])).remove(0);
        assert_eq!(
            (report["verdict"].as_str(), report["manifest"]["state"].as_str()),
            (Some("intact"), Some("trusted")),
            "{report}"
        );
        assert_eq!(report["manifest"]["signer"]["common_name"], format!("Signer-{name}"));
    }
    refused(
        &sign(&desk, ["es256.chain", "ed25519.key"], &["-o", "no.mp4"]),
        2,
        &["certificate and key", "first certificate"],
    );
    assert!(!desk.path("no.mp4").exists());
}

#[test]
fn the_key_that_stamps_is_chosen_and_never_changes_silently() {
    let desk = Desk::new();
    let keys = |o: &Output| json(o).remove(0)["keys"].as_array().unwrap().clone();
    let first = keys(&desk.run(&["keys", "list", "--json"]))[0]["id"].as_str().unwrap().to_string();
    // A newer one that comes from elsewhere detects.
    let other = Desk::new();
    assert_eq!(code(&other.run(&["keys", "add"])), 0);
    let newer =
        keys(&other.run(&["keys", "list", "--json"]))[0]["id"].as_str().unwrap().to_string();
    let file = desk.path("newer.key");
    assert_eq!(code(&other.run(&["keys", "export", &newer, "-o", file.to_str().unwrap()])), 0);
    let o = desk.run(&["keys", "import", "newer.key", "--json"]);
    assert_eq!((code(&o), &keys(&o)[0]["id"]), (0, &first.as_str().into()));
    assert!(text(&o.stderr).contains(&format!("keys use {newer}")), "{}", text(&o.stderr));

    desk.clip("clip.mp4");
    let stamps = |arguments: &[&str]| {
        let all =
            [&["stamp", "clip.mp4", "-o", "out.mkv", "--force", "--no-c2pa", "--json"], arguments];
        let o = desk.run(&all.concat());
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        json(&o).remove(0)["key"].as_str().unwrap().to_string()
    };
    assert_eq!(stamps(&[]), first);
    assert_eq!(stamps(&["--key", &newer]), newer);
    assert_eq!(code(&desk.run(&["keys", "use", &newer])), 0);
    assert_eq!(stamps(&[]), newer);

    // A retired one detects and stamps no more, until it is used again.
    let o = desk.run(&["keys", "retire", &newer, "--json"]);
    let listed = keys(&o);
    assert_eq!((&listed[0]["id"], &listed[1]["retired"]), (&first.as_str().into(), &true.into()));
    let found = json(&desk.run(&["detect", "out.mkv", "--json"])).remove(0);
    assert_eq!(found["video"]["key"], newer.as_str());
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "no.mp4", "--key", &newer]),
        2,
        &["is retired", "keys use"],
    );
    refused(&desk.run(&["keys", "retire", &newer]), 2, &["retired already"]);
    refused(&desk.run(&["keys", "retire", &first]), 2, &["the only one that stamps"]);
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "no.mp4", "--key", "nosuch"]), 2, &["nosuch"]);
    assert_eq!(code(&desk.run(&["keys", "use", &newer])), 0);
    assert_eq!(stamps(&[]), newer);
}

#[test]
fn a_key_comes_from_the_environment_and_nobody_else_sees_it() {
    let desk = Desk::bare();
    desk.clip("clip.mp4");
    let maker = Desk::new();
    let id = json(&maker.run(&["keys", "list", "--json"])).remove(0)["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    let key = std::fs::read_to_string(maker.path(&format!("home/keys/{id}.key"))).unwrap();
    let arguments = [
        "stamp",
        "clip.mp4",
        "-o",
        "out.mkv",
        "--force",
        "--no-c2pa",
        "--register",
        "never",
        "--json",
    ];
    let stamped = |o: &Output| {
        assert_eq!(code(o), 0, "{}", text(&o.stderr));
        json(o).remove(0)["key"].as_str().unwrap().to_string()
    };
    assert_eq!(stamped(&desk.command(&arguments).env("PROOFMARK_KEY", &key).output().unwrap()), id);
    let file = maker.path(&format!("home/keys/{id}.key"));
    let o = desk.command(&arguments).env("PROOFMARK_KEY_FILE", &file).output().unwrap();
    assert_eq!(stamped(&o), id);
    // From a file descriptor, too.
    let script = format!("exec \"$0\" {} 3< {}", arguments.join(" "), file.display());
    let o = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_proofmark")])
        .env("PROOFMARK_HOME", desk.path("home"))
        .env("PROOFMARK_KEY_FILE", "/dev/fd/3")
        .current_dir(desk.work.path())
        .output()
        .unwrap();
    assert_eq!(stamped(&o), id);
    let damaged = key.replacen("secret", "secre", 1);
    let o = desk.command(&arguments).env("PROOFMARK_KEY", &damaged).output().unwrap();
    refused(&o, 2, &["PROOFMARK_KEY"]);
    let secret =
        serde_json::from_str::<Value>(&key).unwrap()["secret"].as_str().unwrap().to_string();
    assert!(!text(&o.stderr).contains(&secret));

    // While the command waits for frames, neither it nor its workers show the key to anybody.
    let mut waiting = desk
        .command(&["stamp", "-", "-o", "-", "--no-c2pa", "--register", "never"])
        .env("PROOFMARK_KEY", &key)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(800));
    let environment = std::fs::read(format!("/proc/{}/environ", waiting.id())).unwrap();
    assert!(!environment.windows(secret.len()).any(|w| w == secret.as_bytes()));
    waiting.kill().unwrap();
    waiting.wait().unwrap();
}
