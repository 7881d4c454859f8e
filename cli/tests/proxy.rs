//! The server over TLS: its own, and behind the proxies of `docs/deploy`.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::server::Server;
use common::{Desk, code, refused, text};
use serde_json::Value;

const NAME: &str = "proofmark.example.com";

/// A program that goes when the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A certificate for [`NAME`] and its key, beside each other.
fn certificate(desk: &Desk) {
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key \
            -out tls.pem -days 2 -subj"
                .split(' '),
        )
        .args([
            &format!("/CN={NAME}"),
            "-addext",
            &format!("subjectAltName=DNS:{NAME}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .current_dir(desk.work.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A client of the server under [`NAME`].
struct Client<'a> {
    desk: &'a Desk,
    port: u16,
}

impl Client<'_> {
    /// What curl prints: the body, and the status in a last line.
    fn curl(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        let o = Command::new("curl")
            .args([
                "-s",
                "-m",
                "60",
                "--cacert",
                "tls.pem",
                "-w",
                "\n%{http_code}",
                "--resolve",
                &format!("{NAME}:{}:127.0.0.1", self.port),
            ])
            .args(arguments)
            .arg(format!("https://{NAME}:{}{path}", self.port))
            .current_dir(self.desk.work.path())
            .output()
            .unwrap();
        let said = text(&o.stdout);
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_string())
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.curl("/healthz", &[]).0 != 200 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{:?}",
                self.curl("/healthz", &["-v"])
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What every way to the server must keep.
    fn is_served(&self) {
        let (status, report) =
            self.curl("/v1/verify?name=clip.mp4", &["--data-binary", "@clip.mp4"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((status, report["verdict"].as_str()), (200, Some("nothing-found")), "{report}");
        let (status, report) = self.curl(
            "/v1/verify",
            &["-F", "file=@clip.mp4", "-H", &format!("Origin: https://{NAME}:{}", self.port)],
        );
        assert!(status == 200 && report.contains("nothing-found"), "{report}");
        // Whose page it is, is seen through the proxy.
        let (status, told) = self
            .curl("/v1/verify", &["-F", "file=@clip.mp4", "-H", "Origin: https://evil.example"]);
        assert!(status == 403 && told.contains("request.cross-site"), "{told}");
        let (status, head) = self.curl("/login", &["-i", "-d", &format!("token={}", self.token())]);
        let cookie = head
            .lines()
            .find(|l| l.to_ascii_lowercase().starts_with("set-cookie: proofmark_session="))
            .unwrap_or_else(|| panic!("{head}"));
        assert!(status == 303 && cookie.contains("; Secure"), "{cookie}");
    }

    fn token(&self) -> String {
        let o =
            self.desk.run(&["tokens", "add", "reader", "--quiet", "--scope", "fetch:manifests"]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        text(&o.stdout).trim().to_string()
    }
}

/// A desk with a certificate and a clip in it.
fn desk() -> Desk {
    let desk = Desk::new();
    certificate(&desk);
    desk.clip("clip.mp4");
    desk
}

/// A proxy's configuration from the documents, with ports and files of this test.
fn configuration(name: &str, changes: &[(&str, String)]) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy").join(name);
    changes.iter().fold(std::fs::read_to_string(path).unwrap(), |all, (from, to)| {
        assert!(all.contains(from), "{name}: {from}");
        all.replace(from, to)
    })
}

/// A server that one proxy is trusted by, and where it listens.
fn proxied(desk: &Desk, more: &str) -> (Server, String) {
    let server = Server::start(
        desk,
        &format!("hosts = [\"{NAME}\"]\nforwarded = [\"127.0.0.0/8\"]\n{more}"),
        &[],
    );
    let at = server.url.strip_prefix("http://").unwrap().to_string();
    (server, at)
}

#[test]
fn the_server_speaks_tls_itself() {
    let desk = desk();
    let serve = format!(
        "hosts = [\"{NAME}\"]\ncertificate = \"{0}/tls.pem\"\ncertificate_key = \"{0}/tls.key\"",
        desk.work.path().display()
    );
    let server = Server::start(&desk, &serve, &[]);
    let client =
        Client { desk: &desk, port: server.url.rsplit(':').next().unwrap().parse().unwrap() };
    assert!(server.url.starts_with("https://"), "{}", server.url);
    client.is_served();
    drop(server);
    for (serve, told) in [
        (
            format!("certificate_key = \"{}/tls.key\"", desk.work.path().display()),
            "without its certificate",
        ),
        ("certificate = \"nothing.pem\"".into(), "nothing.pem"),
        (
            format!("certificate = \"{}/tls.pem\"", desk.work.path().display()),
            "cannot be read as PEM",
        ),
    ] {
        std::fs::write(desk.path("home/config.toml"), format!("[serve]\n{serve}\n")).unwrap();
        refused(&desk.run(&["serve", "--listen", "127.0.0.1:0"]), 2, &[told]);
    }
}

#[test]
fn nginx_stands_before_it_as_described() {
    let desk = desk();
    let (_server, at) = proxied(&desk, "rate = 1");
    let client = Client { desk: &desk, port: free_port() };
    let file = |name: &str| desk.path(name).display().to_string();
    let site = configuration(
        "nginx.conf",
        &[
            ("listen 443 ssl", format!("listen 127.0.0.1:{} ssl", client.port)),
            ("127.0.0.1:8473", at),
            ("/etc/proofmark/tls/fullchain.pem", file("tls.pem")),
            ("/etc/proofmark/tls/privkey.pem", file("tls.key")),
        ],
    );
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|n| format!("{n}_temp_path {};\n", file(n)))
        .collect();
    std::fs::write(
        desk.path("nginx.conf"),
        format!(
            "pid {};\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{site}}}\n",
            file("nginx.pid")
        ),
    )
    .unwrap();
    let nginx = Command::new("nginx")
        .args(["-c", &file("nginx.conf"), "-e", &file("nginx.log"), "-g", "daemon off;"])
        .spawn();
    let _nginx = Running(
        nginx.unwrap_or_else(|e| panic!("nginx: {e}; scripts/setup.sh --tests installs it")),
    );
    client.wait();
    client.is_served();
    // Whoever asks too often is told apart from others, whatever they say of themselves.
    let asked = |from: &str, said: &str| {
        client
            .curl(
                "/v1/services/capabilities",
                &["--interface", from, "-H", &format!("X-Forwarded-For: {said}")],
            )
            .0
    };
    let mine: Vec<u16> = (0..5).map(|i| asked("127.0.0.2", &format!("198.51.100.{i}"))).collect();
    assert!(mine.contains(&429) && asked("127.0.0.3", "127.0.0.2") == 200, "{mine:?}");
}

#[test]
fn caddy_stands_before_it_as_described() {
    let desk = desk();
    let (_server, at) = proxied(&desk, "");
    let client = Client { desk: &desk, port: free_port() };
    let tls =
        format!("\ttls {} {}\n", desk.path("tls.pem").display(), desk.path("tls.key").display());
    let site = configuration(
        "Caddyfile",
        &[
            (
                "\nproofmark.example.com {\n",
                format!("\n{NAME}:{} {{\n\tbind 127.0.0.1\n{tls}", client.port),
            ),
            ("127.0.0.1:8473", at),
        ],
    );
    std::fs::write(
        desk.path("Caddyfile"),
        format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}"),
    )
    .unwrap();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/bin/caddy");
    let program = if tools.exists() { tools } else { "caddy".into() };
    let caddy = Command::new(program)
        .args(["run", "--config"])
        .arg(desk.path("Caddyfile"))
        .env("HOME", desk.work.path())
        .stderr(Stdio::null())
        .spawn();
    let _caddy = Running(
        caddy.unwrap_or_else(|e| panic!("caddy: {e}; scripts/setup.sh --tests installs it")),
    );
    client.wait();
    client.is_served();
}
