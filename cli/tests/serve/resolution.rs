//! Manifests that are found, stored and fetched over HTTP, here and on another server.

use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::common::server::{Answer, Server};
use crate::common::{Desk, code, json as lines, refused, text};
use crate::{ids, stamped, token, value};

#[test]
fn a_stripped_clip_finds_its_manifest_over_http() {
    let (desk, id, payload) = stamped();
    let server = Server::start(&desk, "", &[]);
    let by_binding =
        format!("/v1/matches/byBinding?alg=org.proofmark.video.2&value={}", value(&payload));
    assert_eq!(ids(&server.get(&by_binding)), [id.as_str()]);
    let number = BASE64.encode(uuid::Uuid::parse_str(&payload).unwrap().as_bytes());
    let body = json!({"alg": "org.proofmark.video.2", "value": number}).to_string();
    assert_eq!(ids(&server.post("/v1/matches/byBinding", body.as_bytes())), [id.as_str()]);
    assert!(
        ids(&server.get(&format!("/v1/matches/byBinding?alg=another&value={}", value(&payload))))
            .is_empty()
    );

    let upload = std::fs::read(desk.path("upload.mp4")).unwrap();
    assert_eq!(
        ids(&server.ask_as("POST", "/v1/matches/byContent", None, ("video/mp4", &upload))),
        [id.as_str()]
    );
    // A fingerprint of the manifest leads to it as the mark does.
    let told =
        lines(&desk.run(&["verify", "stamped.mp4", "--json"]))[0]["manifest"]["soft_bindings"]
            .clone();
    let looks = told
        .as_array()
        .unwrap()
        .iter()
        .find(|b| b["alg"] == "org.proofmark.fingerprint.picture.1")
        .unwrap();
    let hexadecimal = looks["value"].as_str().unwrap();
    let bytes: Vec<u8> = (0..hexadecimal.len() / 2)
        .map(|i| u8::from_str_radix(&hexadecimal[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let body = json!({"alg": looks["alg"], "value": BASE64.encode(bytes)}).to_string();
    assert_eq!(ids(&server.post("/v1/matches/byBinding", body.as_bytes())), [id.as_str()]);
    // What looks like a registered one and carries no mark is a match by looks, and how alike they
    // are is said.
    desk.ffmpeg("-stream_loop 2 -i clip.mp4 -c copy long.mp4");
    let o = desk.run(&["stamp", "long.mp4", "-o", "long.stamped.mp4", "--json"]);
    let alike = server.post_file("/v1/matches/byContent", &desk.path("long.mp4")).json();
    let first = &alike["matches"][0];
    assert_eq!(
        (&first["manifestId"], first["similarityScore"].as_f64() > Some(80.0)),
        (&lines(&o)[0]["manifest"]["label"], true),
        "{alike}"
    );
    // Content can be compared by one algorithm alone, and then what its mark leads to is a match by
    // looks too.
    desk.ffmpeg("-i long.stamped.mp4 -map_metadata -1 -crf 26 again.mp4");
    let again = server
        .post_file(
            "/v1/matches/byContent?alg=org.proofmark.fingerprint.picture.1",
            &desk.path("again.mp4"),
        )
        .json();
    assert!(
        again["matches"][0]["manifestId"] == first["manifestId"]
            && again["matches"][0]["similarityScore"].as_f64() > Some(80.0),
        "{again}"
    );
    let silent = server
        .post_file(
            "/v1/matches/byContent?alg=org.proofmark.fingerprint.sound.1",
            &desk.path("again.mp4"),
        )
        .json();
    assert_eq!(silent, json!({"matches": []}));

    let store = server.get(&format!("/v1/manifests/{id}"));
    assert_eq!((store.status, store.header("content-type")), (200, Some("application/c2pa")));
    assert_eq!(code(&desk.run(&["registry", "show", &payload, "--manifest", "shown.c2pa"])), 0);
    assert_eq!(store.body, std::fs::read(desk.path("shown.c2pa")).unwrap());
    let receipts = format!("/v1/manifests/{id}/receipts");
    let receipt = server.get(&receipts).json();
    let confirmed = |shown: &Value| {
        server.post(&receipts, shown.to_string().as_bytes()).json()["verified"] == true
    };
    assert!(confirmed(&receipt), "{receipt}");
    // What it says of itself counts for nothing.
    for (at, other) in [("/repository/manifestId", "x"), ("/anchor/proof/value", "AAAA")] {
        let mut forged = receipt.clone();
        *forged.pointer_mut(at).unwrap() = other.into();
        assert!(!confirmed(&forged), "{forged}");
    }
    server.post(&receipts, b"{}").refused(400, "repository");
    server.get("/v1/manifests/urn:c2pa:none/receipts").refused(404, "no manifest");
}

/// A manifest that was made elsewhere, and its id.
fn foreign() -> (Vec<u8>, String) {
    let other = Desk::new();
    other.clip("clip.mp4");
    assert_eq!(code(&other.run(&["stamp", "clip.mp4", "-o", "theirs.mp4"])), 0);
    let theirs = lines(&other.run(&["registry", "list", "--json"])).remove(0)["entries"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(code(&other.run(&["registry", "show", &theirs, "--manifest", "theirs.c2pa"])), 0);
    (std::fs::read(other.path("theirs.c2pa")).unwrap(), theirs)
}

/// Whose a manifest is keeps its place, with it or without.
fn check_owner(desk: &Desk, server: &Server, first: &str) {
    let (foreign, theirs) = foreign();
    let (path, second) =
        (format!("/v1/manifests/{theirs}"), token(desk, "second", &["store:manifests"]));
    let stored =
        server.ask("POST", "/v1/manifests?returnReceipt=true", Some(first), &foreign).json();
    assert_eq!(stored["receipt"]["repository"]["manifestId"], *theirs, "{stored}");
    server.ask("DELETE", &path, Some(&second), &[]).refused(403, "whoever stored it");
    assert_eq!(server.ask("DELETE", &path, Some(first), &[]).status, 204);
    server.get(&path).refused(404, "no manifest of this id");
    server.ask("DELETE", &path, Some(first), &[]).refused(404, "no manifest of this id");
    server.ask("POST", "/v1/manifests", Some(&second), &foreign).refused(403, "whoever stored it");
    assert_eq!(server.ask("POST", "/v1/manifests", Some(first), &foreign).status, 200);
    let log = lines(&desk.run(&["registry", "log", &theirs, "--json"])).remove(0)["log"].clone();
    let told: Vec<String> = log
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|e| format!("{} {}", e["who"].as_str().unwrap(), e["what"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            "pipeline store",
            "second delete-refused",
            "pipeline delete",
            "second store-refused",
            "pipeline store"
        ]
    );
    assert!(text(&desk.run(&["registry", "log"]).stdout).contains("this deployment"));
}

/// Binds a value to a manifest.
fn bind(server: &Server, token: &str, method: &str, (value, id): (&str, &str)) -> Answer {
    server.ask(
        method,
        "/v1/bindings",
        Some(token),
        json!({"bindingValue": value, "manifestId": id, "alg": "looks"}).to_string().as_bytes(),
    )
}

/// Bindings are added, moved, and refused where there is nothing to lead to.
fn check_bindings(server: &Server, token: &str, id: &str) {
    let bind = |method: &str, value: &str, id: &str| bind(server, token, method, (value, id));
    assert_eq!(bind("PUT", "AQID", id).status, 404);
    assert_eq!(bind("POST", "AQID", id).status, 204);
    assert_eq!(bind("PUT", "AQID", id).status, 204);
    assert_eq!(ids(&server.get("/v1/matches/byBinding?alg=looks&value=AQID")), [id]);
    bind("POST", "AQID", "urn:c2pa:none").refused(404, "urn:c2pa:none");
    bind("POST", "***", id).refused(400, "base64");
}

#[test]
fn storing_takes_a_token_with_the_scope() {
    let (desk, id, _) = stamped();
    let (manifests, bindings) = (
        token(&desk, "pipeline", &["store:manifests"]),
        token(&desk, "binder", &["store:bindings", "fetch:manifests"]),
    );
    let server = Server::start(&desk, "", &[]);
    let path = format!("/v1/manifests/{id}");
    let store = server.get(&path).body;

    server.ask("DELETE", &path, None, &[]).refused(401, "needs a token");
    assert_eq!(server.ask("DELETE", &path, None, &[]).header("www-authenticate"), Some("Bearer"));
    server.ask("DELETE", &path, Some("pm_guess"), &[]).refused(401, "not known");
    server.ask("DELETE", &path, Some(&bindings), &[]).refused(403, "store:manifests");
    // What was stamped here is no token's to delete.
    server.ask("DELETE", &path, Some(&manifests), &[]).refused(403, "whoever stored it");
    assert_eq!(server.get(&path).status, 200);
    check_owner(&desk, &server, &manifests);

    // What was stamped here is there already: from its bytes alone it is found by the mark.
    for _ in 0..2 {
        let stored =
            server.ask("POST", "/v1/manifests?returnReceipt=true", Some(&manifests), &store);
        assert_eq!((stored.status, &stored.json()["manifestId"]), (200, &json!(id)));
        assert_eq!(stored.json()["receipt"]["anchor"]["uri"], path);
    }
    assert_eq!(
        server.post_file("/v1/verify", &desk.path("upload.mp4")).json()["verdict"],
        "recovered"
    );
    server
        .ask("POST", "/v1/manifests", Some(&manifests), b"no manifest")
        .refused(400, "no C2PA manifest store");
    let mut damaged = store.clone();
    damaged[1000] ^= 1;
    assert_eq!(server.ask("POST", "/v1/manifests", Some(&manifests), &damaged).status, 400);

    check_bindings(&server, &bindings, &id);

    // A token that is revoked ends at once; one that is shown must hold for reading too.
    assert_eq!(code(&desk.run(&["tokens", "revoke", "binder"])), 0);
    assert_eq!(bind(&server, &bindings, "POST", ("AQID", &id)).status, 401);
    server.ask("GET", &path, Some(&bindings), &[]).refused(401, "revoked");
    let kept = std::fs::read_to_string(desk.path("home/tokens.json")).unwrap();
    assert!(
        !kept.contains(&manifests) && !kept.contains(&manifests[3..]) && kept.contains("pipeline")
    );
    let listed = lines(&desk.run(&["tokens", "list", "--json"])).remove(0);
    assert_eq!(
        (listed["tokens"].as_array().unwrap().len(), listed["tokens"][0]["scopes"].clone()),
        (2, json!(["store:manifests"]))
    );
    refused(&desk.run(&["tokens", "revoke", "binder"]), 2, &["binder", "tokens list"]);
    refused(
        &desk.run(&["tokens", "add", "pipeline", "--scope", "fetch:manifests"]),
        2,
        &["pipeline", "revoke"],
    );
}

#[test]
fn a_hint_is_used_where_content_says_nothing() {
    let (desk, id, payload) = stamped();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240:d=1 other.mp4");
    let server = Server::start(&desk, "", &[]);
    let other = std::fs::read(desk.path("other.mp4")).unwrap();
    assert!(ids(&server.post("/v1/matches/byContent", &other)).is_empty());
    assert_eq!(
        ids(&server.post(
            &format!(
                "/v1/matches/byContent?hintAlg=org.proofmark.video.2&hintValue={}",
                value(&payload)
            ),
            &other
        )),
        [id]
    );
}

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of the desk's files, over https, and its port.
fn serve_files(desk: &Desk) -> (u16, Running) {
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key \
            -out tls.pem -days 2 -subj /CN=localhost"
                .split(' '),
        )
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(desk.work.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let files = Command::new("openssl")
        .args(["s_server", "-accept", &port.to_string(), "-WWW"])
        .args(["-cert", "tls.pem", "-key", "tls.key"])
        .current_dir(desk.work.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (port, Running(files))
}

#[test]
fn clips_are_fetched_from_named_hosts_alone() {
    let (desk, id, _) = stamped();
    let (port, _files) = serve_files(&desk);
    let length = std::fs::metadata(desk.path("upload.mp4")).unwrap().len();
    let host = format!("localhost:{port}");
    let ask = |server: &Server, url: &str, length: u64| {
        server.post(
            "/v1/matches/byReference",
            json!({"referenceUrl": url, "assetLength": length}).to_string().as_bytes(),
        )
    };
    let started = |settings: &str| {
        std::fs::write(desk.path("home/config.toml"), format!("[serve]\n{settings}\n")).unwrap();
        let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("SSL_CERT_FILE", desk.path("tls.pem"));
        Server::of(command)
    };
    let url = format!("https://{host}/upload.mp4");

    let server = started("");
    ask(&server, &url, length).refused(403, "fetches nothing");
    drop(server);
    let server = started(&format!("reference_hosts = [\"{host}\"]"));
    ask(&server, &url, length).refused(502, "could not be fetched");
    drop(server);
    let server = started(&format!("reference_hosts = [\"{host}\"]\nreference_private = true"));
    assert_eq!(ids(&ask(&server, &url, length)), [id]);
    ask(&server, &url, length + 1).refused(502, "shorter");
    ask(&server, &url, length - 1).refused(502, "longer");
    ask(&server, &url, 1 << 40).refused(413, "larger");
    ask(&server, &format!("http://{host}/upload.mp4"), length).refused(400, "https");
    ask(&server, "https://example.com/upload.mp4", length).refused(403, "example.com");
    server
        .post(
            "/v1/matches/byReference",
            json!({"referenceUrl": url, "assetLength": length, "region": [{"type": "temporal"}]})
                .to_string()
                .as_bytes(),
        )
        .refused(400, "region");
    assert!(
        server.get("/v1/services/capabilities").json()["supportedCapabilities"]
            .as_array()
            .unwrap()
            .contains(&json!("queryByReference"))
    );
}

#[test]
fn another_server_is_looked_up() {
    let (desk, id, payload) = stamped();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240:d=1 other.mp4");
    let server = Server::start(&desk, "rate = 0", &[]);
    // Someone else, with no registry and no key of that home.
    let other = Desk::new();
    for name in ["upload.mp4", "stamped.mp4", "other.mp4"] {
        std::fs::copy(desk.path(name), other.path(name)).unwrap();
    }
    let lookup = |desk: &Desk, what: &[&str]| {
        let mut arguments = vec!["lookup", "--server", &server.url, "--json"];
        arguments.extend(what);
        desk.run(&arguments)
    };
    let value = BASE64.encode(uuid::Uuid::parse_str(&payload).unwrap().as_bytes());
    let asked: [&[&str]; 5] =
        [&[&payload], &[&id], &[&value], &["stamped.mp4"], &["upload.mp4", "--upload"]];
    for what in asked {
        let o = lookup(&other, what);
        assert_eq!(code(&o), 0, "{what:?}: {}", text(&o.stderr));
        let found = &lines(&o)[0]["registered"][0];
        assert_eq!(
            (found["id"].as_str(), found["manifest"]["state"].as_str(), found["title"].as_str()),
            (Some(id.as_str()), Some("valid"), Some("A rabbit")),
            "{what:?}"
        );
    }
    // Without the key the mark cannot be read, and nothing is sent that was not to be.
    let o = lookup(&other, &["upload.mp4"]);
    assert_eq!((code(&o), text(&o.stderr).contains("--upload")), (1, true));
    // With the key it is read here.
    assert_eq!(code(&lookup(&desk, &["upload.mp4"])), 0);
    assert_eq!(code(&lookup(&other, &["other.mp4", "--upload"])), 1);
    assert_eq!(code(&lookup(&other, &["urn:c2pa:none"])), 1);
    // What leads to a manifest that does not name it was put there by somebody.
    let (binder, planted) =
        (token(&desk, "binder", &["store:bindings"]), BASE64.encode(b"somebody's mark"));
    let bound = server.ask(
        "POST",
        "/v1/bindings",
        Some(&binder),
        json!({"bindingValue": planted, "manifestId": id, "alg": "org.example.mark"})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(bound.status, 204);
    refused(
        &other.run(&["lookup", "--server", &server.url, &planted, "--alg", "org.example.mark"]),
        2,
        &["does not name", "do not trust"],
    );
    let o = other.run(&["lookup", &payload, "--server", "http://127.0.0.1:9"]);
    refused(&o, 2, &["127.0.0.1:9", "cannot be asked"]);
    refused(&other.run(&["lookup", &payload, "--server", "http://example.com"]), 2, &["https"]);
    std::fs::write(
        other.path("home/config.toml"),
        "[lookup]\nservers = [\"https://credentials.example.com\"]\n",
    )
    .unwrap();
    refused(&other.run(&["lookup", &payload, "--server", &server.url]), 2, &["[lookup]"]);
}
