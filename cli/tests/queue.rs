//! The queue as scripts and people meet it: submit, worker, jobs; a worker that is killed; media in
//! an S3-compatible store.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should say so at once"
)]

mod common;
#[path = "../../tests/common/postgres.rs"]
mod postgres_server;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Desk, code, json, refused, text};
use serde_json::Value;

/// What no message and no row may show.
const SECRET: &str = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY";

/// A desk with a queue.
struct Office {
    desk: Desk,
    queue: String,
    store: Option<String>,
}

impl Office {
    fn new() -> Self {
        Self { desk: Desk::new(), queue: postgres_server::database(), store: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut c = self.desk.command(arguments);
        c.env("PROOFMARK_QUEUE", &self.queue).env("TMPDIR", self.desk.path("tmp"));
        std::fs::create_dir_all(self.desk.path("tmp")).unwrap();
        if let Some(store) = &self.store {
            c.env("AWS_ENDPOINT_URL", store)
                .env("AWS_ALLOW_HTTP", "true")
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
                .env("AWS_SECRET_ACCESS_KEY", SECRET);
        }
        c
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Numbers of the jobs that are submitted.
    fn submit(&self, arguments: &[&str]) -> Vec<i64> {
        let o = self.run(&[&["submit", "--json"], arguments].concat());
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        json(&o).iter().map(|l| l["id"].as_i64().unwrap()).collect()
    }

    fn work(&self) -> Output {
        let o = self.run(&["worker", "--until-empty", "--lease", "1", "--json"]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
        json(&o);
        o
    }

    fn start(&self, arguments: &[&str]) -> Worker {
        let worker = self
            .command(&[&["worker", "--lease", "1"], arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Worker(worker)
    }

    fn show(&self, id: i64) -> Value {
        json(&self.run(&["jobs", "show", &id.to_string(), "--json"])).remove(0)
    }

    fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(40);
        while !so(self) {
            assert!(
                Instant::now() < end,
                "{what}: not in time: {}",
                text(&self.run(&["jobs"]).stdout)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Folders that attempts at a stamp make beside the target.
    fn workplaces(&self) -> Vec<String> {
        self.desk.files().into_iter().filter(|n| n.starts_with(".proofmark")).collect()
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let mut client = postgres::Client::connect(&self.queue, postgres::NoTls).unwrap();
        client.query(sql, &[]).unwrap().iter().map(|r| r.get::<_, String>(0)).collect()
    }
}

struct Worker(Child);

impl Worker {
    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &self.0.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Submits one and the same stamp.
fn order(office: &Office, more: &[&str]) -> Vec<i64> {
    let what = ["stamp", "clip.mp4", "-o", "stamped.mp4", "--title", "A rabbit"];
    let how = ["--preset", "ultrafast", "--key", "order 17"];
    office.submit(&[&what[..], &how, more].concat())
}

/// What an order that was carried out says, and has left behind.
fn check_order(office: &Office, id: i64) {
    let done = office.show(id);
    assert_eq!(
        (&done["job"]["state"], &done["result"]["exit"], &done["job"]["attempt"]),
        (&"done".into(), &0.into(), &1.into()),
        "{done}"
    );
    let report = &done["result"]["report"];
    let target = office.desk.path("stamped.mp4");
    assert_eq!(
        (&report["output"], &report["manifest"]["path"], &report["payload"]),
        (
            &target.to_str().unwrap().into(),
            &target.to_str().unwrap().into(),
            &done["job"]["task"]["payload"]
        )
    );
    assert!(
        report["registered"].as_str().unwrap().ends_with("registry.db")
            && office.workplaces().is_empty()
    );
}

/// A command ends alike here and with a worker.
fn compare(office: &Office, [verb, file]: [&str; 2], exit: i32) {
    let file = office.desk.path(file);
    let arguments = [verb, file.to_str().unwrap()];
    let (here, there) = (
        office.run(&[&arguments[..], &["--json"]].concat()),
        office.run(&[&["submit", "--wait", "--json"], &arguments[..]].concat()),
    );
    assert_eq!((code(&here), code(&there)), (exit, exit), "{arguments:?}: {}", text(&there.stderr));
    let told = |o: &Output| {
        let mut told = json(o);
        told.iter_mut()
            .filter(|r| r["check"].is_object())
            .for_each(|r| r["check"]["time"] = Value::Null);
        told
    };
    assert_eq!(told(&here), told(&there));
    let (here, there) =
        (office.run(&arguments), office.run(&[&["submit", "--wait"], &arguments[..]].concat()));
    assert_eq!(
        (text(&here.stdout), text(&here.stderr)),
        (text(&there.stdout), text(&there.stderr))
    );
}

#[test]
fn jobs_end_as_the_commands_do() {
    let office = Office::new();
    office.desk.clip("clip.mp4");
    std::fs::write(office.desk.path("broken.mp4"), "no clip").unwrap();
    let stamp = order(&office, &["--priority", "-3"])[0];
    assert_eq!(order(&office, &[]), [stamp]);
    refused(
        &office.run(&["submit", "stamp", "clip.mp4", "-o", "other.mp4", "--key", "order 17"]),
        2,
        &["order 17", "another key"],
    );
    let looks =
        office.submit(&["verify", "clip.mp4", "broken.mp4", "missing.mp4", "--key", "day 1"]);
    let shown = text(&office.run(&["jobs"]).stdout);
    assert!(shown.contains("waiting") && !shown.contains(postgres_server::PASSWORD), "{shown}");
    let worked = office.work();
    assert!(!text(&worked.stderr).contains(postgres_server::PASSWORD), "{}", text(&worked.stderr));
    // The stamp was to come last.
    assert_eq!(json(&worked).last().unwrap()["id"], stamp);

    check_order(&office, stamp);
    assert_eq!(
        office.rows("SELECT state FROM proofmark_jobs WHERE state <> 'done' ORDER BY id"),
        ["failed", "failed"]
    );
    for (id, word) in looks[1..].iter().zip(["no media file", "cannot be read"]) {
        let failed = office.show(*id);
        assert!(
            failed["result"]["report"]["error"].as_str().unwrap().contains(word)
                && failed["result"]["exit"] == 2,
            "{failed}"
        );
    }

    // With a worker at hand it is as if the command were run here.
    let worker = office.start(&[]);
    for (arguments, exit) in [
        (["verify", "stamped.mp4"], 0),
        (["verify", "clip.mp4"], 1),
        (["detect", "stamped.mp4"], 0),
        (["verify", "broken.mp4"], 2),
    ] {
        compare(&office, arguments, exit);
    }
    // Asked to, it stops at once.
    worker.signal("TERM");
    let since = Instant::now();
    let mut worker = worker;
    assert!(worker.0.wait().unwrap().success() && since.elapsed() < Duration::from_secs(5));
    assert!(std::fs::read_dir(office.desk.path("tmp")).unwrap().next().is_none());
    refused(&office.run(&["jobs", "show", "99999"]), 2, &["99999", "proofmark jobs"]);
    refused(&office.run(&["jobs", "retry", &stamp.to_string()]), 2, &["done"]);
    refused(&office.desk.run(&["jobs"]), 2, &["--queue", "PROOFMARK_QUEUE"]);
}

#[test]
fn a_clip_whose_worker_is_killed_is_stamped_once_and_a_killer_is_parked() {
    let office = Office::new();
    // Long enough to be caught at it.
    office.desk.ffmpeg(
        "-f lavfi -i testsrc2=s=1280x720:d=20:r=25 -c:v libx264 -preset ultrafast clip.mp4",
    );
    let id = office.submit(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--preset", "ultrafast"])[0];
    let payload = office.show(id)["job"]["task"]["payload"].clone();

    // Told to stop it gives the job back, and nobody died.
    let mut worker = office.start(&[]);
    office.until("a first attempt is under way", |o| !o.workplaces().is_empty());
    worker.signal("TERM");
    worker.0.wait().unwrap();
    let job = office.show(id)["job"].clone();
    assert_eq!(
        (&job["state"], &job["deaths"], office.workplaces().len()),
        (&"waiting".into(), &0.into(), 0)
    );

    let worker = office.start(&[]);
    office.until("a second attempt is under way", |o| !o.workplaces().is_empty());
    worker.signal("KILL");
    drop(worker);
    assert_eq!(office.workplaces().len(), 1);
    office.work();
    let done = office.show(id);
    assert_eq!(
        (&done["job"]["state"], &done["job"]["deaths"], &done["result"]["report"]["payload"]),
        (&"done".into(), &1.into(), &payload),
        "{done}"
    );
    assert!(office.workplaces().is_empty());
    let entries = json(&office.run(&["registry", "list", "--json"])).remove(0);
    assert_eq!(
        (
            entries["entries"].as_array().unwrap().len(),
            &entries["entries"][0]["payload"],
            &entries["entries"][0]["confirmed"]
        ),
        (1, &payload, &true.into())
    );
    let detected = office.run(&["detect", "stamped.mp4", "--json"]);
    assert_eq!(json(&detected)[0]["video"]["payload"], payload);

    // One that kills whoever takes it.
    let killer =
        office.submit(&["stamp", "clip.mp4", "-o", "never.mp4", "--preset", "ultrafast"])[0];
    let worker = office.start(&["--deaths", "1"]);
    office.until("it is under way", |o| !o.workplaces().is_empty());
    worker.signal("KILL");
    drop(worker);
    let worker = office.start(&["--deaths", "1"]);
    office.until("it is parked", |o| o.show(killer)["job"]["state"] == "parked");
    office.until("nothing is left of it", |o| o.workplaces().is_empty());
    drop(worker);
    let shown = text(&office.run(&["jobs"]).stdout);
    assert!(
        shown.contains("parked")
            && shown.contains("was killed or hung")
            && shown.contains("jobs retry"),
        "{shown}"
    );
    let job = office.show(killer);
    assert!(
        job["result"].is_null()
            && job["job"]["error"].as_str().unwrap().contains("was killed or hung")
    );
    assert_eq!(code(&office.run(&["jobs", "retry", &killer.to_string()])), 0);
    assert_eq!(code(&office.run(&["jobs", "cancel", &killer.to_string(), "--json"])), 0);
    assert_eq!(
        json(&office.run(&["jobs", "--state", "cancelled", "--json"]))[0]["jobs"][0]["id"],
        killer
    );
    assert!(!office.desk.path("never.mp4").exists());
}

/// An S3-compatible server of the test's own.
struct Store {
    server: Child,
    url: String,
}

impl Store {
    fn start() -> Self {
        let own =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/bin/moto_server");
        let program = if own.exists() { own } else { PathBuf::from("moto_server") };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server =
            server.unwrap_or_else(|e| panic!("moto_server: {e}; run 'scripts/setup.sh --tests'"));
        let store = Self { server, url: format!("http://127.0.0.1:{port}") };
        let until = Instant::now() + Duration::from_secs(30);
        while ureq::put(&format!("{}/clips", store.url)).send_empty().is_err() {
            assert!(Instant::now() < until, "moto_server did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        store
    }

    fn put(&self, key: &str, file: &Path) {
        ureq::put(&format!("{}/clips/{key}", self.url))
            .send(&std::fs::read(file).unwrap()[..])
            .unwrap();
    }

    fn get(&self, key: &str) -> Vec<u8> {
        // moto asks for a signature and takes any.
        let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
            SignedHeaders=host, Signature=0";
        ureq::get(&format!("{}/clips/{key}", self.url))
            .header("authorization", signed)
            .call()
            .unwrap()
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()
            .unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// An office with a store, in which there are a clip, and one that is larger than a file may be.
fn with_store() -> (Office, Store) {
    let mut office = Office::new();
    let store = Store::start();
    office.store = Some(store.url.clone());
    store.put("day%201/in.mp4", &office.desk.clip("clip.mp4"));
    std::fs::write(
        office.desk.path("home/config.toml"),
        format!("[limits]\nbytes = {}\n", 2 << 20),
    )
    .unwrap();
    std::fs::write(office.desk.path("large"), vec![0; 3 << 20]).unwrap();
    store.put("large.mp4", &office.desk.path("large"));
    (office, store)
}

/// Submits a stamp of that clip, which goes to the store.
fn order_in_store(office: &Office, more: &[&str]) -> i64 {
    let (from, to) = ("s3://clips/day 1/in.mp4", "s3://clips/out/stamped.mkv");
    office.submit(&[&["stamp", from, "-o", to, "--preset", "ultrafast"], more].concat())[0]
}

/// A store that is away is waited for, and says nothing of the credentials.
fn look_without_store(office: &Office, url: &str) {
    let waiting = office.submit(&["verify", "s3://clips/out/stamped.mkv"])[0];
    let o = office.run(&["worker", "--until-empty", "--tries", "1"]);
    let job = office.show(waiting);
    assert!(
        job["job"]["state"] == "parked"
            && job["job"]["error"].as_str().unwrap().contains("AWS_ENDPOINT_URL"),
        "{job}"
    );
    let mut all = text(&o.stdout) + &text(&o.stderr);
    all += &office.rows("SELECT row_to_json(j)::text FROM proofmark_jobs j").concat();
    all += &office.rows("SELECT row_to_json(r)::text FROM proofmark_results r").concat();
    assert!(
        !all.contains(SECRET)
            && !all.contains("AKIAEXAMPLE")
            && !all.contains(postgres_server::PASSWORD),
        "{url}: {all}"
    );
    assert!(std::fs::read_dir(office.desk.path("tmp")).unwrap().next().is_none());
}

#[test]
fn media_come_from_a_store_and_go_there() {
    let (office, store) = with_store();
    let stamp = order_in_store(&office, &[]);
    office.work();
    let done = office.show(stamp);
    let report = &done["result"]["report"];
    assert_eq!(
        (&report["file"], &report["output"], &report["manifest"]["path"]),
        (
            &"s3://clips/day 1/in.mp4".into(),
            &"s3://clips/out/stamped.mkv".into(),
            &"s3://clips/out/stamped.c2pa".into()
        ),
        "{done}"
    );
    std::fs::write(office.desk.path("fetched.mkv"), store.get("out/stamped.mkv")).unwrap();
    std::fs::write(office.desk.path("fetched.c2pa"), store.get("out/stamped.c2pa")).unwrap();
    assert_eq!(json(&office.run(&["verify", "fetched.mkv", "--json"]))[0]["verdict"], "intact");

    // A target that is there stays, unless it is to be replaced; what is not there or too large is
    // an error of that file.
    let again = order_in_store(&office, &[]);
    let forced = order_in_store(&office, &["--force", "--priority", "-1"]);
    let looks = office.submit(&[
        "verify",
        "s3://clips/out/stamped.mkv",
        "s3://clips/none.mp4",
        "s3://clips/large.mp4",
        "--priority",
        "-2",
    ]);
    office.work();
    let error = |id| office.show(id)["result"]["report"]["error"].as_str().unwrap().to_string();
    assert!(
        error(again).contains("s3://clips/out/stamped.mkv: exists already"),
        "{}",
        error(again)
    );
    assert_eq!(office.show(forced)["job"]["state"], "done");
    let verified = office.show(looks[0]);
    assert_eq!(
        (&verified["result"]["report"]["verdict"], &verified["result"]["report"]["file"]),
        (&"intact".into(), &"s3://clips/out/stamped.mkv".into()),
        "{verified}"
    );
    assert!(
        verified["result"]["told"]
            .as_str()
            .unwrap()
            .starts_with("intact: s3://clips/out/stamped.mkv")
    );
    assert!(
        error(looks[1]).contains("s3://clips/none.mp4: is not in the store"),
        "{}",
        error(looks[1])
    );
    assert!(
        error(looks[2]).contains("s3://clips/large.mp4: bytes of 3145728"),
        "{}",
        error(looks[2])
    );

    let url = store.url.clone();
    drop(store);
    look_without_store(&office, &url);
}

#[test]
fn a_worker_says_how_it_does() {
    let office = Office::new();
    std::fs::write(office.desk.path("broken.mp4"), "no clip").unwrap();
    office.submit(&["verify", "broken.mp4"]);
    let mut worker = office
        .command(&["worker", "--metrics", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(worker.stderr.take().unwrap()))
        .map_while(Result::ok);
    let url =
        lines.find_map(|l| l.split_once("metrics at ").map(|(_, url)| url.to_string())).unwrap();
    let worker = Worker(worker);
    let read = |url: &str| ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
    office.until("the job has ended", |_| {
        read(&url).contains("proofmark_queue_attempts_total{verb=\"verify\",state=\"failed\"} 1")
    });
    let metrics = read(&url);
    for line in [
        "proofmark_queue_jobs{state=\"failed\"} 1",
        "proofmark_queue_jobs_stuck 0",
        "proofmark_queue_reachable 1",
        "proofmark_queue_attempt_seconds_count{verb=\"verify\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in: {metrics}");
    }
    assert!(read(&url.replace("/metrics", "/readyz")).contains("ok"));
    drop(worker);
}

#[test]
fn jobs_of_a_folder_of_mixed_kinds_write_the_kind_that_was_asked_for() {
    let office = Office::new();
    std::fs::create_dir(office.desk.path("mixed")).unwrap();
    std::fs::create_dir(office.desk.path("out")).unwrap();
    office.desk.ffmpeg(
        "-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 -c:v libx264 -preset ultrafast mixed/a.ts",
    );
    office.desk.ffmpeg("-f lavfi -i testsrc2=s=192x128:d=0.5:r=8 mixed/b.gif");
    std::fs::write(office.desk.path("out/a.mp4"), "").unwrap();
    std::fs::set_permissions(
        office.desk.path("out/a.mp4"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    assert_eq!(
        office
            .submit(&[
                "stamp",
                "mixed",
                "-o",
                "out",
                "--to",
                "mp4",
                "--force",
                "--preset",
                "ultrafast"
            ])
            .len(),
        2
    );
    office.work();
    for target in ["out/a.mp4", "out/b.mp4"] {
        assert_eq!(code(&office.run(&["detect", target])), 0, "{target}");
    }
    // What is delivered over a file keeps its mode.
    let mode = |name: &str| {
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(office.desk.path(name)).unwrap())
            & 0o777
    };
    assert_eq!(mode("out/a.mp4"), 0o600);
    std::fs::copy(office.desk.path("mixed/b.gif"), office.desk.path("mixed/a.gif")).unwrap();
    refused(
        &office.run(&["submit", "stamp", "mixed", "-o", "out", "--to", "mp4"]),
        2,
        &["out/a.mp4", "a.gif", "a.ts"],
    );
    refused(
        &office.run(&["submit", "stamp", "mixed/a.ts", "-o", "o.mov", "--to", "mp4"]),
        2,
        &["o.mov", "--to mp4"],
    );
}
