//! A server that is full, slowed down, told to end, or killed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::common::server::Server;
use crate::common::{Desk, code, json as lines, refused, text};
use crate::{stamped, token};

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
        write!(
            stream,
            "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: \
            close\r\ncontent-length: {}\r\n\r\n",
            long.len()
        )
        .unwrap();
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
    write!(
        stream,
        "POST /v1/verify HTTP/1.1\r\nhost: localhost\r\nconnection: \
        close\r\ncontent-length: {}\r\n\r\n",
        upload.len()
    )
    .unwrap();
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
                    let body = |i: u32| {
                        json!({"bindingValue": BASE64.encode(format!("{round} {n} \
                        {i}")), "manifestId": id, "alg": "round"})
                        .to_string()
                    };
                    // Until the server is gone.
                    (0..)
                        .take_while(|&i| {
                            std::panic::catch_unwind(|| {
                                server.ask("POST", "/v1/bindings", Some(maker), body(i).as_bytes())
                            })
                            .is_ok_and(|a| a.status == 204)
                        })
                        .count()
                });
            }
            let form = [
                b"--x\r\ncontent-disposition: form-data; name=\"clip\"; \
                    filename=\"upload.mp4\"\r\n\r\n",
                upload.as_slice(),
                b"\r\n--x--\r\n",
            ]
            .concat();
            assert_eq!(
                server
                    .ask_as("POST", "/reports", None, ("multipart/form-data; boundary=x", &form))
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
