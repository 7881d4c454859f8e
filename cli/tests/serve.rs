//! The server, from outside: the real binary over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
fn a_stripped_clip_finds_its_manifest_over_http() {
    let (desk, id, payload) = stamped();
    let server = Server::start(&desk, "", &[]);
    let by_binding =
        format!("/v1/matches/byBinding?alg=org.proofmark.video.1&value={}", value(&payload));
    assert_eq!(ids(&server.get(&by_binding)), [id.as_str()]);
    let body = json!({"alg": "org.proofmark.video.1", "value": BASE64.encode(uuid::Uuid::parse_str(&payload).unwrap().as_bytes())}).to_string();
    assert_eq!(ids(&server.post("/v1/matches/byBinding", body.as_bytes())), [id.as_str()]);
    assert!(
        ids(&server.get(&format!("/v1/matches/byBinding?alg=another&value={}", value(&payload))))
            .is_empty()
    );

    let upload = std::fs::read(desk.path("upload.mp4")).unwrap();
    assert_eq!(
        ids(&server.ask_as("POST", "/v1/matches/byContent", None, "video/mp4", &upload)),
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
    server.get(&format!("/v1/manifests/{id}/receipts")).refused(404, "issues none");
    let receipt = server.post(
        &format!("/v1/manifests/{id}/receipts"),
        br#"{"verified": true, "repository": {"manifestId": "x"}}"#,
    );
    assert_eq!((receipt.status, receipt.json()["verified"].as_bool()), (200, Some(false)));
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
        "text/html",
        &std::fs::read(desk.path("upload.mp4")).unwrap(),
    );
    assert_eq!(
        (named.status, named.json()["verdict"].as_str().map(str::to_string)),
        (200, Some("recovered".into()))
    );
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
    let other = Desk::new();
    other.clip("clip.mp4");
    assert_eq!(code(&other.run(&["stamp", "clip.mp4", "-o", "theirs.mp4"])), 0);
    let theirs = lines(&other.run(&["registry", "list", "--json"])).remove(0)["entries"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(code(&other.run(&["registry", "show", &theirs, "--manifest", "theirs.c2pa"])), 0);
    let foreign = std::fs::read(other.path("theirs.c2pa")).unwrap();
    let (path, second) =
        (format!("/v1/manifests/{theirs}"), token(&desk, "second", &["store:manifests"]));

    // Whose it is keeps its place, with it or without.
    assert_eq!(server.ask("POST", "/v1/manifests", Some(&manifests), &foreign).status, 200);
    server.ask("DELETE", &path, Some(&second), &[]).refused(403, "whoever stored it");
    assert_eq!(server.ask("DELETE", &path, Some(&manifests), &[]).status, 204);
    server.get(&path).refused(404, "no manifest of this id");
    server.ask("DELETE", &path, Some(&manifests), &[]).refused(404, "no manifest of this id");
    server.ask("POST", "/v1/manifests", Some(&second), &foreign).refused(403, "whoever stored it");
    assert_eq!(server.ask("POST", "/v1/manifests", Some(&manifests), &foreign).status, 200);
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

    // What was stamped here is there already: from its bytes alone it is found by the mark.
    let path = format!("/v1/manifests/{id}");
    for _ in 0..2 {
        let stored =
            server.ask("POST", "/v1/manifests?returnReceipt=true", Some(&manifests), &store);
        assert_eq!((stored.status, stored.json()), (200, json!({"manifestId": id})));
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

    // Bindings: added, moved, and refused where there is nothing to lead to.
    let bind = |method: &str, value: &str, id: &str| {
        server.ask(
            method,
            "/v1/bindings",
            Some(&bindings),
            json!({"bindingValue": value, "manifestId": id, "alg": "looks"}).to_string().as_bytes(),
        )
    };
    assert_eq!(bind("PUT", "AQID", &id).status, 404);
    assert_eq!(bind("POST", "AQID", &id).status, 204);
    assert_eq!(bind("PUT", "AQID", &id).status, 204);
    assert_eq!(ids(&server.get("/v1/matches/byBinding?alg=looks&value=AQID")), [id.as_str()]);
    bind("POST", "AQID", "urn:c2pa:none").refused(404, "urn:c2pa:none");
    bind("POST", "***", &id).refused(400, "base64");

    // A token that is revoked ends at once; one that is shown must hold for reading too.
    assert_eq!(code(&desk.run(&["tokens", "revoke", "binder"])), 0);
    assert_eq!(bind("POST", "AQID", &id).status, 401);
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
                .ask_as("POST", "/v1/matches/byBinding", None, "application/json", body.as_bytes())
                .status,
            400,
            "{body}"
        );
    }
    server.post("/v1/verify", b"this is no clip").refused(415, "upload: is no media file");
    server.post("/v1/verify", b"").refused(400, "empty");
    server
        .ask_as("POST", "/v1/matches/byContent", None, "text/plain", b"words")
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
fn a_hint_is_used_where_content_says_nothing() {
    let (desk, id, payload) = stamped();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240:d=1 other.mp4");
    let server = Server::start(&desk, "", &[]);
    let other = std::fs::read(desk.path("other.mp4")).unwrap();
    assert!(ids(&server.post("/v1/matches/byContent", &other)).is_empty());
    assert_eq!(
        ids(&server.post(
            &format!(
                "/v1/matches/byContent?hintAlg=org.proofmark.video.1&hintValue={}",
                value(&payload)
            ),
            &other
        )),
        [id]
    );
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
    assert_eq!(algorithms["watermarks"][0]["alg"], "org.proofmark.video.1");
    assert_eq!(
        algorithms["fingerprints"],
        json!([{"alg": "org.proofmark.fingerprint.picture.1"}, {"alg": "org.proofmark.fingerprint.sound.1"}])
    );
    assert_eq!(server.get("/readyz").json(), json!({"status": "ok"}));
    let metrics = text(&server.get("/metrics").body);
    assert!(metrics.contains("proofmark_http_requests_total{method=\"GET\",route=\"/v1/services/status\",status=\"200\"} 2") && metrics.ends_with("# EOF\n"), "{metrics}");
}

/// Waits until the server has so many places left.
fn left(server: &Server, places: usize) {
    let start = Instant::now();
    while !text(&server.get("/metrics").body).contains(&format!("proofmark_places_left {places}\n"))
    {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{}",
            text(&server.get("/metrics").body)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_full_queue_says_so_and_when_to_come_back() {
    let (desk, ..) = stamped();
    let server = Server::start(&desk, "jobs = 1\nqueue = 1\nfiles_each = 2\nrate = 0", &[]);
    desk.ffmpeg(
        "-f lavfi -i mandelbrot=s=640x360:r=25 -t 20 -c:v libx264 -preset ultrafast long.mp4",
    );
    let long = std::fs::read(desk.path("long.mp4")).unwrap();
    let sent = |_| {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", long.len()).unwrap();
        stream.write_all(&long).unwrap();
        stream
    };
    // One is looked at, and one waits.
    let held = [0, 1].map(sent);
    left(&server, 0);
    let full = server.post("/v1/verify", b"x");
    full.refused(503, "places");
    assert!(full.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(server.get("/v1/services/status").json()["status"], "degraded");
    // Whoever goes away leaves the place to others.
    drop(held);
    left(&server, 2);
    assert_eq!(
        server.post_file("/v1/verify", &desk.path("upload.mp4")).json()["verdict"],
        "recovered"
    );
}

#[test]
fn one_address_is_slowed_down() {
    let desk = Desk::new();
    let server = Server::start(&desk, "rate = 1", &[]);
    let answers: Vec<_> = (0..4).map(|_| server.get("/v1/services/capabilities")).collect();
    let slowed = answers.iter().find(|a| a.status == 429).unwrap();
    slowed.refused(429, "too many");
    assert!(slowed.header("retry-after").is_some());
    assert!(
        (0..4).all(|_| server.get("/healthz").status == 200),
        "health is asked for as often as need be"
    );
}

#[test]
fn a_signal_lets_finish_what_is_under_way() {
    let (desk, ..) = stamped();
    let server = Server::start(&desk, "", &[]);
    let upload = std::fs::read(desk.path("upload.mp4")).unwrap();
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", upload.len()).unwrap();
    stream.write_all(&upload[..1000]).unwrap();
    left(&server, 128 + std::thread::available_parallelism().unwrap().get() - 1);
    refused(&desk.run(&["serve", "--listen", "127.0.0.1:0"]), 2, &["another server"]);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        TcpStream::connect(server.url.strip_prefix("http://").unwrap()).is_err(),
        "nothing new is taken"
    );
    stream.write_all(&upload[1000..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"recovered\""), "{answer}");
    assert!(server.wait().success());
}

#[test]
fn a_killed_server_leaves_the_registry_whole_and_takes_up_its_reports() {
    let (desk, id, payload) = stamped();
    let maker = token(&desk, "maker", &["store:bindings"]);
    for round in 0..3 {
        let server = Server::start(&desk, "rate = 0\njobs = 1", &[]);
        let upload = std::fs::read(desk.path("upload.mp4")).unwrap();
        std::thread::scope(|scope| {
            for n in 0..3 {
                let (server, maker, id) = (&server, &maker, &id);
                scope.spawn(move || {
                    let body = |i: u32| json!({"bindingValue": BASE64.encode(format!("{round} {n} {i}")), "manifestId": id, "alg": "round"}).to_string();
                    // Until the server is gone.
                    (0..).take_while(|&i| std::panic::catch_unwind(|| server.ask("POST", "/v1/bindings", Some(maker), body(i).as_bytes())).is_ok_and(|a| a.status == 204)).count()
                });
            }
            let form = [b"--x\r\ncontent-disposition: form-data; name=\"clip\"; filename=\"upload.mp4\"\r\n\r\n", upload.as_slice(), b"\r\n--x--\r\n"].concat();
            assert_eq!(
                server
                    .ask_as("POST", "/reports", None, "multipart/form-data; boundary=x", &form)
                    .status,
                303
            );
            server.signal("KILL");
        });
    }
    let o = desk.run(&["registry", "check", "--json"]);
    assert_eq!((code(&o), lines(&o)[0]["checked"]["wrong"].clone()), (0, json!([])));
    assert_eq!(code(&desk.run(&["lookup", &payload])), 0);
    // An upload that was never whole goes, the others get their reports.
    let broken = desk.path("home/serve/reports/00000000000040008000000000000000");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("upload.mp4"), b"half").unwrap();
    let server = Server::start(&desk, "rate = 0", &[]);
    assert!(!broken.exists());
    let reports: Vec<String> = std::fs::read_dir(desk.path("home/serve/reports"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(reports.len(), 3);
    for report in reports {
        let start = Instant::now();
        while server.get(&format!("/reports/{report}/progress")).json()["done"] != true {
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            server.get(&format!("/reports/{report}/report.json")).json()["verdict"],
            "recovered"
        );
    }
}

#[test]
fn clips_are_fetched_from_named_hosts_alone() {
    let (desk, id, _) = stamped();
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.pem -days 2 -subj /CN=localhost".split(' '))
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(desk.work.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut files = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &port.to_string(),
            "-cert",
            "tls.pem",
            "-key",
            "tls.key",
            "-WWW",
        ])
        .current_dir(desk.work.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
    let _ = files.kill();
    let _ = files.wait();
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

/// A form as clients send it, of parts with their heads.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, body) in parts {
        out.extend_from_slice(format!("--x-y\r\n{head}\r\n\r\n").as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--x-y--\r\n");
    out
}

const FORM: &str = "multipart/form-data; boundary=x-y";

#[test]
fn a_form_with_a_file_is_read_as_the_file_in_it() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240 -frames:v 1 plain.png");
    desk.ffmpeg("-f lavfi -i anoisesrc=d=3:a=0.3 plain.wav");
    desk.clip("plain.mp4");
    let server = Server::start(&desk, "", &[]);
    for (from, to) in [
        ("plain.png", "a.jpg"),
        ("plain.png", "a.png"),
        ("plain.wav", "a.mp3"),
        ("plain.wav", "a.wav"),
        ("plain.mp4", "a.mp4"),
    ] {
        let o = desk.run(&["stamp", from, "-o", to]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        let bytes = std::fs::read(desk.path(to)).unwrap();
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{to}\"\r\nContent-Type: application/octet-stream"
        );
        let answer = server.ask_as(
            "POST",
            "/v1/verify",
            None,
            FORM,
            &form(&[("content-disposition: form-data; name=\"note\"", b"words"), (&head, &bytes)]),
        );
        assert_eq!(
            (answer.status, answer.json()["verdict"].as_str(), answer.json()["file"].as_str()),
            (200, Some("intact"), Some(to)),
            "{}",
            text(&answer.body)
        );
        // The same bytes alone, however they are called: what curl --data-binary says of them is
        // not so.
        for kind in ["application/octet-stream", "application/x-www-form-urlencoded"] {
            assert_eq!(
                server.ask_as("POST", "/v1/verify", None, kind, &bytes).json()["verdict"],
                "intact",
                "{to} as {kind}"
            );
        }
        // A form that does not say that it is one is no file with something before it.
        let unsaid = form(&[(&head, &bytes)]);
        for path in ["/v1/verify", "/v1/matches/byContent"] {
            server
                .ask_as("POST", path, None, "application/octet-stream", &unsaid)
                .refused(415, "an upload form");
        }
        std::fs::write(desk.path("kept.bin"), &unsaid).unwrap();
        for verb in ["verify", "detect"] {
            refused(&desk.run(&[verb, "kept.bin"]), 2, &["kept.bin", "upload form"]);
        }
    }
}

#[test]
fn forms_that_are_not_one_file_are_refused_with_what_to_do() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=s=320x240 -frames:v 1 a.png");
    let picture = std::fs::read(desk.path("a.png")).unwrap();
    let server = Server::start(&desk, "upload_bytes = 400000", &[]);
    let post = |query: &str, kind: &str, body: &[u8]| {
        server.ask_as("POST", &format!("/v1/verify{query}"), None, kind, body)
    };
    let file =
        |name: &str| format!("Content-Disposition: form-data; name=\"any\"; filename=\"{name}\"");
    // What names the report.
    let named = |query: &str, head: &str| {
        let answer = post(query, FORM, &form(&[(head, &picture)]));
        assert_eq!(answer.status, 200, "{head}: {}", text(&answer.body));
        answer.json()["file"].as_str().unwrap().to_string()
    };
    assert_eq!(named("", &file("C:\\fakepath\\a b.png")), "a b.png");
    assert_eq!(named("", &file("../../etc/passwd")), "passwd");
    assert_eq!(named("?name=mine.png", &file("theirs.png")), "mine.png");
    assert_eq!(
        named("", "Content-Disposition: form-data; name=x; filename*=utf-8''caf%C3%A9.png"),
        "caf\u{e9}.png"
    );
    assert_eq!(
        named("", "Content-Disposition: form-data; name=\"file\"\r\nContent-Type: image/png"),
        "upload"
    );
    assert_eq!(named("", &file("")), "upload");

    let (a, b) = (file("a.png"), file("b.png"));
    post("", FORM, &form(&[(&a, &picture), (&b, &picture)])).refused(400, "several files");
    post("", FORM, &form(&[("Content-Disposition: form-data; name=\"file\"", b"words")]))
        .refused(400, "no file in the form");
    post("", FORM, &form(&[])).refused(400, "no file in the form");
    post("", FORM, &form(&[(&a, b"")])).refused(400, "empty");
    post("", FORM, &form(&[(&file(""), b"")])).refused(400, "no file was chosen");
    post("", FORM, b"no form at all").refused(400, "form");
    post("", FORM, &form(&[(&a, &picture)])[..2000]).refused(400, "form");
    post("", "multipart/form-data", &form(&[(&a, &picture)])).refused(400, "boundary");
    post("", FORM, &form(&[(&a, &vec![7; 500_000])])).refused(413, "400000");
    post("", FORM, &form(&[("Content-Disposition: form-data; name=\"t\"", &vec![7; 1_200_000])]))
        .refused(400, "too long");
    post("", "multipart/mixed; boundary=x-y", &form(&[(&a, &picture)]))
        .refused(415, "multipart/form-data");
    post("", "application/x-www-form-urlencoded", b"file=a.png&note=words")
        .refused(415, "multipart/form-data");
    server
        .ask_as("POST", "/v1/matches/byContent", None, FORM, &form(&[(&a, &picture)]))
        .refused(415, "multipart/form-data");
    // A head without an end, a hundred parts and one, and what comes before the first part, take no
    // memory.
    let endless =
        [b"--x-y\r\nContent-Disposition: form-data; name=\"".as_slice(), &vec![b'a'; 300_000]]
            .concat();
    post("", FORM, &endless).refused(400, "form");
    post("", FORM, &vec![b'a'; 300_000]).refused(400, "form");
    post("", FORM, &form(&vec![("Content-Disposition: form-data; name=\"t\"", &b"t"[..]); 200]))
        .refused(400, "more than 100 parts");
}
