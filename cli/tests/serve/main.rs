//! The server, from outside: the real binary over HTTP.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

#[path = "../common/mod.rs"]
mod common;

mod forms;
mod load;
mod resolution;

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use common::server::Server;
use common::{Desk, code, json as lines, refused, text};

/// A desk with a stamped clip `stamped.mp4`, a stripped and re-encoded copy `upload.mp4`, and the
/// stamped one's label and payload.
fn stamped() -> (Desk, String, String) {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let o = desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--title", "A rabbit", "--json"]);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    let payload = lines(&o)[0]["payload"].as_str().unwrap().to_string();
    desk.ffmpeg("-i stamped.mp4 -map_metadata -1 -crf 26 upload.mp4");
    (desk, format!("urn:c2pa:{payload}"), payload)
}

fn token(desk: &Desk, name: &str, scopes: &[&str]) -> String {
    let mut arguments = vec!["tokens", "add", name, "--quiet"];
    scopes.iter().for_each(|s| arguments.extend(["--scope", s]));
    let o = desk.run(&arguments);
    assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    text(&o.stdout).trim().to_string()
}

/// The base64 of a payload's bytes, as in soft bindings, ready for a query string.
fn value(payload: &str) -> String {
    BASE64
        .encode(uuid::Uuid::parse_str(payload).unwrap().as_bytes())
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

fn ids(answer: &common::server::Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    answer.json()["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["manifestId"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn a_clip_is_verified_as_by_the_command() {
    let (desk, ..) = stamped();
    let server = Server::start(&desk, "", &[]);
    for file in ["stamped.mp4", "upload.mp4", "clip.mp4"] {
        let mut told = lines(&desk.run(&["verify", file, "--json"])).remove(0);
        let mut answered =
            server.post_file(&format!("/v1/verify?name={file}"), &desk.path(file)).json();
        assert_eq!(answered["file"], file);
        for report in [&mut told, &mut answered] {
            report["file"] = Value::Null;
            report["check"]["time"] = Value::Null;
        }
        assert_eq!(told, answered);
    }
    // Whatever its name and type say.
    let named = server.ask_as(
        "POST",
        "/v1/verify?name=..%2F..%2Fx.c2pa",
        None,
        ("text/html", &std::fs::read(desk.path("upload.mp4")).unwrap()),
    );
    assert_eq!(
        (named.status, named.json()["verdict"].as_str().map(str::to_string)),
        (200, Some("recovered".into()))
    );
}

#[test]
fn a_server_can_ask_for_a_token_for_everything() {
    let desk = Desk::new();
    let reader = token(&desk, "reader", &["fetch:manifests"]);
    let server = Server::start(&desk, "", &["--require-token"]);
    let path = "/v1/matches/byBinding?alg=a&value=AQID";
    server.get(path).refused(401, "needs a token");
    server.post("/v1/verify", b"x").refused(401, "needs a token");
    assert!(ids(&server.ask("GET", path, Some(&reader), &[])).is_empty());
    // The page asks who it is; nothing of it is shown before.
    for path in ["/", "/reports/00000000000040008000000000000000", "/search"] {
        let led = server.get(path);
        assert_eq!((led.status, led.header("location")), (303, Some("/login")), "{path}");
    }
    assert_eq!(server.get("/v1/services/capabilities").status, 200);
}

#[test]
fn bad_requests_get_one_line_and_the_right_status() {
    let (desk, id, _) = stamped();
    let server = Server::start(&desk, "upload_bytes = 400000", &[]);
    for (path, status, part) in [
        ("/v1/matches/byBinding", 400, "alg"),
        ("/v1/matches/byBinding?alg=a", 400, "value"),
        ("/v1/matches/byBinding?alg=a&value=", 400, "empty"),
        ("/v1/matches/byBinding?alg=a&value=***", 400, "base64"),
        ("/v1/matches/byBinding?alg=a&value=AQID&maxResults=0", 400, "at least one"),
        ("/v1/matches/byBinding?alg=a&value=AQID&maxResults=many", 400, "query string"),
        ("/v1/matches/byBinding?alg=%00&value=AQID", 200, ""),
        ("/v1/manifests/%00", 404, "no manifest"),
        ("/v1/manifests/%ff", 400, ""),
        ("/v1/manifests/a%2Fb", 404, "a/b"),
        ("/v1/nothing", 404, "openapi"),
        ("/reports/x", 404, ""),
        ("/reports/..%2f..%2fconfig.toml/media", 404, ""),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {}", text(&answer.body));
        assert!(text(&answer.body).contains(part), "{path}: {}", text(&answer.body));
    }
    let long = "A".repeat(9000);
    server.get(&format!("/v1/matches/byBinding?alg=a&value={long}")).refused(414, "POST");
    assert!(
        ids(&server.post(
            "/v1/matches/byBinding",
            json!({"alg": "a", "value": format!("{long}")}).to_string().as_bytes()
        ))
        .is_empty()
    );
    for body in ["{", "{}", "[]", r#"{"alg": 3, "value": "AQID"}"#] {
        assert_eq!(
            server
                .ask_as(
                    "POST",
                    "/v1/matches/byBinding",
                    None,
                    ("application/json", body.as_bytes())
                )
                .status,
            400,
            "{body}"
        );
    }
    server.post("/v1/verify", b"this is no clip").refused(415, "upload: is no media file");
    server.post("/v1/verify", b"").refused(400, "empty");
    server
        .ask_as("POST", "/v1/matches/byContent", None, ("text/plain", b"words"))
        .refused(415, "text/plain");
    server.post("/v1/matches/byContent?alg=com.other.1", b"x").refused(400, "com.other.1");
    server.post("/v1/matches/byContent?hintAlg=a", b"x").refused(400, "hintValue");
    server.post("/v1/verify", &vec![0; 400_001]).refused(413, "400000");
    server.ask("PATCH", "/v1/bindings", None, &[]).refused(405, "method");
    // Of unknown length, and too long: it is cut off where the limit is.
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream
        .write_all(
            b"POST /v1/verify HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[7; 0x10000], b"\r\n"].concat();
    let mut answer = String::new();
    for _ in 0..20 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{answer}");
    // Nothing of all this stays.
    assert_eq!(std::fs::read_dir(desk.path("home/serve/spool")).unwrap().count(), 0);
    assert_eq!(server.get(&format!("/v1/manifests/{id}")).status, 200);
}

#[test]
fn every_described_route_is_there() {
    let desk = Desk::new();
    let server = Server::start(&desk, "", &[]);
    let described = server.get("/v1/openapi.json").json();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() > 12);
    for (path, methods) in paths {
        let base = if methods["servers"].is_null() { "/v1" } else { "" };
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|m| ["get", "post", "put", "delete"].contains(&m.as_str()))
        {
            let answer = server.ask(
                &method.to_uppercase(),
                &format!("{base}{}", path.replace("{manifestId}", "none")),
                None,
                &[],
            );
            assert!(
                answer.status != 405 && !text(&answer.body).contains("nothing at this address"),
                "{method} {path}: {}",
                text(&answer.body)
            );
            let listed = methods[method]["responses"].as_object().unwrap();
            assert!(
                listed.contains_key(&answer.status.to_string()),
                "{method} {path} answers {}, which is not described",
                answer.status
            );
        }
    }
    let found = server.get("/.well-known/c2pa-soft-binding-resolution").json();
    assert_eq!(found["apiEndpoint"], "/v1");
    assert_eq!(server.get(found["statusEndpoint"].as_str().unwrap()).json()["status"], "ok");
    let can = server.get(found["capabilitiesEndpoint"].as_str().unwrap()).json();
    assert!(!can["supportedCapabilities"].as_array().unwrap().contains(&json!("queryByReference")));
    let algorithms = server.get("/v1/services/supportedAlgorithms").json();
    assert_eq!(algorithms["watermarks"][0]["alg"], "org.proofmark.video.2");
    let fingerprints = ["picture", "sound"]
        .map(|part| json!({"alg": format!("org.proofmark.fingerprint.{part}.1")}));
    assert_eq!(algorithms["fingerprints"], json!(fingerprints));
    assert_eq!(server.get("/readyz").json(), json!({"status": "ok"}));
    let metrics = text(&server.get("/metrics").body);
    assert!(
        metrics.contains(
            "proofmark_http_requests_total{method=\"GET\",route=\"/v1/services/status\",\
            status=\"200\"} 2"
        ) && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    refused(
        &desk.run(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]),
        2,
        &["cannot be listened on", "--listen"],
    );
    refused(&desk.run(&["serve", "--registry", "none"]), 2, &["needs a registry"]);
    assert_eq!(code(&desk.run(&["serve", "--listen", "here"])), 2);
    refused(&Desk::bare().run(&["serve"]), 2, &["proofmark init"]);
    refused(&Desk::bare().run(&["tokens", "list"]), 2, &["proofmark init"]);
}
