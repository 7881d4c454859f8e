//! A PostgreSQL server of the tests' own, on loopback.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The password of the tests' user: messages must never show it.
pub(crate) const PASSWORD: &str = "correct-horse";

struct Server {
    port: u16,
    /// It ends, and its folder goes, when this process does and its standard input closes with it.
    _guard: Child,
}

/// The URL of a new, empty database.
pub(crate) fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(start);
    let name = format!("registry_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let url = |database: &str| {
        format!(
            "postgres://proofmark:{PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable",
            server.port
        )
    };
    let mut client = postgres::Client::connect(&url("postgres"), postgres::NoTls).unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    url(&name)
}

/// Where Debian keeps the server's programs, the newest version first.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|d| d.flatten().map(|e| e.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    versions
        .pop()
        .unwrap_or_else(|| panic!("PostgreSQL is not installed; run 'scripts/setup.sh --tests'"))
}

/// The server refuses to run as root, who runs it as the package's user instead.
fn unprivileged(program: &Path) -> Command {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if root {
        // Not runuser: signals must reach the server itself.
        let mut c = Command::new("setpriv");
        c.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        c
    } else {
        Command::new(program)
    }
}

fn start() -> Server {
    let bin = programs();
    let folder = TempDir::new().unwrap().keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let data = folder.join("data");
    let mut password = tempfile::NamedTempFile::new_in(&folder).unwrap();
    writeln!(password, "{PASSWORD}").unwrap();
    std::fs::set_permissions(password.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let made = unprivileged(&bin.join("initdb"))
        .args([
            "--username=proofmark",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg(format!("--pwfile={}", password.path().display()))
        .arg("-D")
        .arg(&data)
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = "\"$@\" >log 2>&1 & cat >/dev/null; kill -INT $!; wait; cd /; rm -rf \"$FOLDER\"";
    let server = unprivileged(&bin.join("postgres"));
    let guard = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(server.get_program())
        .args(server.get_args())
        .arg("-D")
        .arg(&data)
        .args(["-h", "127.0.0.1", "-k", ""])
        .args(["-p", &port.to_string(), "-c", "max_connections=200"])
        .env("FOLDER", &folder)
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let url = format!("postgres://proofmark:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=disable");
    while postgres::Client::connect(&url, postgres::NoTls).is_err() {
        assert!(
            Instant::now() < until,
            "PostgreSQL did not start: {}",
            std::fs::read_to_string(folder.join("log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Server { port, _guard: guard }
}
