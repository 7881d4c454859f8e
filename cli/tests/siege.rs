//! What clients do that want nothing but to keep others from being served: unread answers, dribbled
//! bodies and heads, idle connections, full disks. Whoever asks honestly meanwhile is answered.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::server::Server;
use common::{Desk, text};

/// The time in which an honest client is answered while others besiege the server: what keeps a
/// place without using it has two seconds.
const SOON: Duration = Duration::from_secs(8);

/// A connection on which so much is sent.
fn sent(server: &Server, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// An honest client verifies something within [`SOON`], trying again as it is told.
fn is_served(server: &Server) {
    let start = Instant::now();
    loop {
        let answer = server.post("/v1/verify", b"not media");
        if answer.status == 415 {
            break;
        }
        assert!(start.elapsed() < SOON, "{}: {}", answer.status, text(&answer.body));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// What a connection that is closed says before that.
fn last_words(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // One that is broken off has said what it has said.
    let _ = stream.read_to_end(&mut said);
    text(&said)
}

#[test]
fn answers_that_nobody_reads_keep_nobody_out() {
    let desk = Desk::new();
    let server = Server::start(&desk, "rate = 0\nconnections = 8\nconnections_each = 8", &[]);
    // So many that what is sent does not fit into the kernel's buffers.
    let ask = "GET /v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    let held: Vec<TcpStream> = (0..8).map(|_| sent(&server, &ask)).collect();
    is_served(&server);
    drop(held);
}

#[test]
fn dribbled_bodies_and_silence_give_up_their_places() {
    let desk = Desk::new();
    let server = Server::start(
        &desk,
        "rate = 0\njobs = 1\nqueue = 1\nfiles_each = 2\nconnections = 12\nconnections_each = 12",
        &[],
    );
    let idle: Vec<TcpStream> = (0..5).map(|_| sent(&server, "")).collect();
    let heads: Vec<TcpStream> =
        (0..5).map(|_| sent(&server, "GET / HTTP/1.1\r\nhost: localhost\r\nx-a: ")).collect();
    let mut bodies: Vec<TcpStream> = (0..2)
        .map(|_| {
            sent(
                &server,
                "POST /v1/verify \
        HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
            )
        })
        .collect();
    let start = Instant::now();
    let mut dribblers: Vec<TcpStream> = bodies.iter().map(|s| s.try_clone().unwrap()).collect();
    let dribble = std::thread::spawn(move || {
        while start.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(500));
            // Until it is broken off.
            dribblers.retain_mut(|s| s.write_all(b"1\r\na\r\n").is_ok());
        }
    });
    is_served(&server);
    assert_eq!(server.get("/healthz").status, 200);
    dribble.join().unwrap();
    // Without a crowd a dribbler is waited for no longer than one that sends nothing.
    drop((idle, heads));
    let mut alone = sent(
        &server,
        "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: \
        8\r\n\r\nhalf",
    );
    let said = last_words(&mut alone);
    assert!(said.contains("408") && said.contains("limit.upload-time"), "{said}");
    let silent = sent(&server, "").read(&mut [0]);
    assert_eq!(silent.unwrap(), 0, "a connection that says nothing is closed");
    bodies.clear();
}

#[test]
fn health_is_told_when_all_connections_are_taken() {
    let desk = Desk::new();
    // Those that are being answered make no room: each waits for the one examiner.
    let server = Server::start(
        &desk,
        "rate = 0\njobs = 1\nqueue = 20\nconnections = 4\nconnections_each = 4",
        &[],
    );
    desk.ffmpeg(
        "-f lavfi -i mandelbrot=s=640x360:r=25 -t 20 -c:v libx264 -preset ultrafast clip.mp4",
    );
    let clip = std::fs::read(desk.path("clip.mp4")).unwrap();
    let busy: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = sent(
                &server,
                &format!(
                    "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
                    clip.len()
                ),
            );
            stream.write_all(&clip).unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    let others = loop {
        let answer = server.get("/v1/services/status");
        if answer.status == 503 {
            break answer;
        }
        assert!(start.elapsed() < SOON, "{}", answer.status);
    };
    others.refused(503, "all connections are taken");
    assert_eq!(
        (
            server.get("/healthz").status,
            server.get("/readyz").status,
            server.get("/metrics").status
        ),
        (200, 200, 200)
    );
    drop(busy);
}

#[test]
fn other_names_and_other_sites_are_refused() {
    let desk = Desk::new();
    let server = Server::start(&desk, "rate = 0\nhosts = [\"proof.example\"]", &[]);
    let asked = |method: &str, path: &str, headers: &str| {
        last_words(&mut sent(
            &server,
            &format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n"),
        ))
    };
    for (host, status) in [
        ("evil.example", "421"),
        ("proof.example", "200"),
        ("proof.example:8443", "200"),
        ("127.0.0.1:1", "200"),
    ] {
        let said = asked("GET", "/v1/services/capabilities", &format!("host: {host}\r\n"));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {said}");
    }
    assert!(
        asked("GET", "http://evil.example/", "host: proof.example\r\n").starts_with("HTTP/1.1 421")
    );
    assert!(
        asked("GET", "/healthz", "host: evil.example\r\n").starts_with("HTTP/1.1 200"),
        "probes have names of their own"
    );
    // A page elsewhere reads what anybody may, and sends nothing.
    let read = asked(
        "GET",
        "/v1/services/capabilities",
        "host: proof.example\r\norigin: https://evil.example\r\nsec-fetch-site: cross-site\r\n",
    );
    assert!(read.contains("access-control-allow-origin: *"), "{read}");
    let page = asked("GET", "/", "host: proof.example\r\norigin: https://evil.example\r\n");
    assert!(!page.contains("access-control"), "{page}");
    let sent = asked(
        "POST",
        "/v1/verify",
        "host: proof.example\r\nsec-fetch-site: cross-site\r\ncontent-length: 0\r\n",
    );
    assert!(sent.starts_with("HTTP/1.1 403") && sent.contains("request.cross-site"), "{sent}");
    drop(server);
    let server = Server::start(&desk, "rate = 0", &["--require-token"]);
    let read = last_words(&mut self::sent(
        &server,
        "GET /v1/services/capabilities HTTP/1.1\r\nhost: localhost\r\norigin: \
        https://evil.example\r\nconnection: close\r\n\r\n",
    ));
    assert!(!read.contains("access-control"), "{read}");
}

#[test]
fn what_finds_no_room_is_refused_and_leaves_nothing() {
    let desk = Desk::new();
    let server = Server::start(&desk, "rate = 0\nstore_bytes = 1000000", &[]);
    let spooled = || {
        walk(&desk.path("home/serve"))
            .filter(|p| p.file_name().is_some_and(|n| n != "lock"))
            .count()
    };
    let large = vec![7; 950_000];
    for path in ["/v1/verify", "/v1/matches/byContent"] {
        let answer = server.ask_as("POST", path, None, ("video/mp4", &large));
        answer.refused(503, "no more room");
        assert_eq!(
            (answer.json()["code"].as_str(), answer.header("retry-after")),
            (Some("server.disk"), Some("60"))
        );
    }
    // Nor does one of which nobody knows beforehand how long it is, or one that breaks off.
    let mut broken = sent(
        &server,
        "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: \
        1000\r\n\r\nhalf",
    );
    broken.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(last_words(&mut broken).contains("400"));
    assert_eq!(spooled(), 0);
    assert_eq!(server.post("/v1/verify", b"small").status, 415);
    assert_eq!((spooled(), server.get("/readyz").status), (0, 200));
}

/// All files below a folder.
fn walk(folder: &std::path::Path) -> Box<dyn Iterator<Item = std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Box::new(entries.flat_map(|e| {
        if e.path().is_dir() { walk(&e.path()) } else { Box::new(std::iter::once(e.path())) }
    }))
}

#[test]
fn what_lasts_long_waits_for_its_like_and_not_before_others() {
    let desk = Desk::new();
    for (name, seconds) in [("long.mp4", 150), ("short.mp4", 1)] {
        desk.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=320x240:r=10:d={seconds} -c:v libx264 \
            -preset ultrafast -pix_fmt yuv420p {name}"
        ));
    }
    let server = Server::start(&desk, "rate = 0\njobs = 2\nfiles_each = 8", &[]);
    let done = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                assert_eq!(server.post_file("/v1/verify", &desk.path("long.mp4")).status, 200);
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(server.post_file("/v1/verify", &desk.path("short.mp4")).status, 200);
        assert_eq!(
            done.load(std::sync::atomic::Ordering::SeqCst),
            0,
            "a short file waited for a long one"
        );
    });
}
