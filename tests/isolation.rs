//! Sandbox that misbehave: each is one clean error of its file, and what would reach outside is
//! refused by the kernel.
//!
//! This binary is both sides. Started by its own tests as a worker, it misbehaves in the way that
//! its arguments name; nothing of that is in the program.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::{clip, ring};
use proofmark::fingerprint::Query;
use proofmark::inspect::{
    Audience, Decodes, Decoding, InProcess, InspectError, Inspector, Showing, Shown,
};
use proofmark::media::{Cancel, Limits, MediaError, Progress, Still, Text};
use proofmark::provenance::{ManifestReport, Segmented, Trust};
use proofmark::sandbox::{self, Isolation, PreparedZygote, Sandbox, SandboxError, Split};
use proofmark::video::DetectOptions;
use tempfile::TempDir;

/// What this binary is called with to be a worker.
const WORKER: &str = "__look";
/// What it is called with to say what a copy of it knows.
const EARLY: &str = "__early";

/// Looks, but for one thing that it does first.
#[derive(Debug)]
struct Bad {
    habit: String,
    argument: String,
}

struct BadLook {
    own: Box<dyn Decoding>,
    path: PathBuf,
    habit: String,
    argument: String,
}

impl Decodes for Bad {
    fn decode(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Decoding>, InspectError> {
        let own = InProcess.decode(path, limits, cancel)?;
        Ok(Box::new(BadLook {
            own,
            path: path.into(),
            habit: self.habit.clone(),
            argument: self.argument.clone(),
        }))
    }
}

impl BadLook {
    /// Tells the parent what came of an attempt, as the reason of an error.
    fn told<T, E: std::fmt::Debug>(&self, came: Result<T, E>) -> InspectError {
        let reason = came.map_or_else(|e| format!("refused: {e:?}"), |_| "it went through".into());
        MediaError::Decode { path: self.path.clone(), reason }.into()
    }
}

#[allow(clippy::infinite_loop, reason = "that is what is tried")]
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn deep(n: u64) -> u64 {
    let here = std::hint::black_box([n; 512]);
    if n == u64::MAX { 0 } else { deep(n + 1) + here[3] }
}

impl Decoding for BadLook {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        let argument = Path::new(&self.argument);
        match self.habit.as_str() {
            "sleep" => std::thread::sleep(Duration::from_secs(1000)),
            "spin" => spin(),
            "abort" => std::process::abort(),
            "exit" => std::process::exit(0),
            "panic" => panic!("a bug of ours"),
            "overflow" => _ = deep(0),
            "hoard" => {
                let mut all = Vec::new();
                loop {
                    all.push(std::hint::black_box(vec![1u8; 64 << 20]));
                }
            }
            "threads" => loop {
                std::thread::spawn(|| std::thread::sleep(Duration::from_secs(1000)));
            },
            "garbage" => _ = rustix::io::write(std::io::stdin(), &[7; 100_000]).unwrap(),
            "boast" => _ = rustix::io::write(std::io::stdin(), &[0xff; 100]).unwrap(),
            "chatter" => eprintln!("{}", "all work and no play \n\x1b[31m".repeat(10_000)),
            "environment" => {
                return Err(self.told::<(), _>(Err((
                    std::env::args().skip(1).collect::<String>(),
                    std::env::vars().collect::<Vec<_>>(),
                ))));
            }
            "read" => return Err(self.told(File::open(argument))),
            "list" => return Err(self.told(std::fs::read_dir(argument))),
            "write" => return Err(self.told(File::create(argument))),
            "truncate" => {
                return Err(
                    self.told(OpenOptions::new().write(true).truncate(true).open(&self.path))
                );
            }
            "remove" => return Err(self.told(std::fs::remove_file(argument))),
            "connect" => return Err(self.told(TcpStream::connect(&self.argument))),
            "send" => return Err(self.told(UdpSocket::bind("127.0.0.1:0"))),
            "neighbour" => return Err(self.told(UnixStream::connect(argument))),
            "run" => return Err(self.told(std::process::Command::new("/bin/true").status())),
            "kill" => {
                let parent = rustix::process::getppid().unwrap();
                return Err(
                    self.told(rustix::process::kill_process(parent, rustix::process::Signal::TERM))
                );
            }
            "ask" => return Err(self.told(std::fs::metadata(argument))),
            "async" => {
                let flags = rustix::fs::OFlags::from_bits_retain(libc::O_ASYNC as u32);
                return Err(self.told(rustix::fs::fcntl_setfl(std::io::stdin(), flags)));
            }
            "own" => {
                let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
                #[allow(unsafe_code, reason = "no safe call has the kernel send signals to others")]
                // SAFETY: the command takes a number and nothing else.
                let owned = unsafe { libc::fcntl(0, libc::F_SETOWN, parent) };
                return Err(self.told(if owned < 0 {
                    Err(std::io::Error::last_os_error())
                } else {
                    Ok(())
                }));
            }
            "crowd" => {
                for _ in 0..100_000 {
                    // Of little stacks, so that memory does not end it.
                    let _ = std::thread::Builder::new()
                        .stack_size(16 << 10)
                        .spawn(|| std::thread::sleep(Duration::from_secs(1000)));
                }
                std::thread::sleep(Duration::from_secs(1000));
            }
            "raise" => {
                let limit = rustix::process::Rlimit { current: None, maximum: None };
                return Err(
                    self.told(rustix::process::setrlimit(rustix::process::Resource::As, limit))
                );
            }
            _ => {}
        }
        self.own.manifest(trust)
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        self.own.fetched(address, store, trust)
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        self.own.segments(lengths, trust)
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        if self.habit == "lie" { Ok(Some("x".repeat(1 << 20))) } else { self.own.reference() }
    }

    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        self.own.texts()
    }

    fn show(
        &mut self,
        rate: f64,
        what: Showing,
        audience: &mut Audience<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Shown, InspectError> {
        let mut shown = self.own.show(rate, what, audience, progress)?;
        if self.habit == "lie" {
            shown.info.seconds = Some(f64::NAN);
        }
        Ok(shown)
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError> {
        let mut still = self.own.frame(seconds)?;
        if self.habit == "lie" {
            still.height += 1;
        }
        Ok(still)
    }

    fn seconds(&self) -> Option<f64> {
        self.own.seconds()
    }
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn workers(habit: &str, argument: &str) -> Sandbox {
    Sandbox::new(vec![WORKER.into(), habit.into(), argument.into()], None)
}

/// What comes of asking a worker of one habit for the manifest.
fn ask(
    habit: &str,
    argument: &str,
    limits: Limits,
) -> Result<Option<ManifestReport>, InspectError> {
    let mut look = workers(habit, argument).open(&clip(), &limits, &Cancel::default())?;
    look.manifest(&Trust::default())
}

/// The error of a worker, which names the file in one line.
fn error(habit: &str, limits: Limits) -> SandboxError {
    match ask(habit, "", limits) {
        Err(InspectError::Worker(e)) => {
            let told = e.to_string();
            assert!(
                told.starts_with(&format!("{}: ", clip().display()))
                    && !told.contains(['\n', '\u{1b}']),
                "{told}"
            );
            e
        }
        other => panic!("{habit}: {other:?}"),
    }
}

/// What the kernel holds a worker to.
fn isolation() -> Isolation {
    workers("good", "").open(&clip(), &Limits::default(), &Cancel::default()).unwrap().isolation()
}

fn crashes_are_errors_of_their_file() {
    let signal = |habit| match error(habit, Limits::default()) {
        SandboxError::Killed { signal, .. } => signal,
        other => panic!("{habit}: {other}"),
    };
    assert_eq!(signal("abort"), "SIGABRT");
    assert_eq!(signal("overflow"), "SIGABRT", "the standard library's way to end a stack overflow");
    let reason = |habit| match error(habit, Limits::default()) {
        SandboxError::Failed { reason, .. } => reason,
        other => panic!("{habit}: {other}"),
    };
    assert!(reason("panic").contains("a bug of ours"));
    assert!(reason("exit").contains("exit status: 0"));
}

fn hangs_end_when_their_time_is_over() {
    let began = Instant::now();
    assert!(matches!(
        error("sleep", limits(|l| l.wall_seconds = 1)),
        SandboxError::Slow { seconds: 1, .. }
    ));
    assert!(matches!(
        error("spin", limits(|l| l.wall_seconds = 1)),
        SandboxError::Slow { seconds: 1, .. }
    ));
    assert!(matches!(
        error("spin", limits(|l| l.processor_seconds = 1)),
        SandboxError::Processor { seconds: 1, .. }
    ));
    // Last words that nobody reads are a hang like any other.
    assert!(matches!(error("chatter", limits(|l| l.wall_seconds = 1)), SandboxError::Slow { .. }));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

fn memory_ends_where_it_is_to() {
    let little = || limits(|l| (l.memory_bytes, l.wall_seconds) = (2 << 30, 100));
    assert!(
        matches!(error("hoard", little()), SandboxError::Memory { bytes, .. } if bytes == 2 << 30)
    );
    // The number of threads ends it, if memory does not before.
    assert!(matches!(
        error("threads", little()),
        SandboxError::Memory { .. } | SandboxError::Killed { .. }
    ));
    assert!(matches!(
        error("crowd", limits(|l| l.wall_seconds = 60)),
        SandboxError::Killed { .. } | SandboxError::Memory { .. }
    ));
}

fn answers_that_make_no_sense_are_noticed() {
    // Sevens: the length of an answer that may be so long, and never comes.
    assert!(matches!(error("garbage", limits(|l| l.wall_seconds = 1)), SandboxError::Slow { .. }));
    assert!(matches!(error("boast", Limits::default()), SandboxError::Answer { .. }));
    let mut look =
        workers("lie", "").open(&clip(), &Limits::default(), &Cancel::default()).unwrap();
    look.manifest(&Trust::default()).unwrap();
    let options = DetectOptions::default();
    assert!(matches!(
        look.marks(&ring(), &options, Showing::ALL, &mut |_| {}),
        Err(InspectError::Worker(SandboxError::Answer { .. }))
    ));
    assert!(matches!(look.frame(0.0), Err(InspectError::Worker(SandboxError::Answer { .. }))));
}

fn nothing_is_within_reach() {
    let held = isolation();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let path = |p: &Path| p.to_str().unwrap().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = folder.path().join("socket");
    let _neighbour = UnixListener::bind(&socket).unwrap();
    let attempts = [
        (held.files, "read", path(&file)),
        (held.files, "read", "/etc/passwd".into()),
        (held.files, "list", path(folder.path())),
        (held.files || held.calls, "write", path(&folder.path().join("new"))),
        (held.files || held.calls, "truncate", String::new()),
        (held.files || held.calls, "remove", path(&file)),
        (held.calls, "connect", listener.local_addr().unwrap().to_string()),
        (held.calls, "send", String::new()),
        (held.calls, "neighbour", path(&socket)),
        (held.calls, "run", String::new()),
        (held.calls, "kill", String::new()),
        (held.calls, "raise", String::new()),
        (held.calls, "async", String::new()),
        (held.calls, "own", String::new()),
        (held.namespace, "ask", "/etc/passwd".into()),
        (held.namespace, "ask", path(&file)),
    ];
    // In a root of its own there is nothing to be refused.
    let at_home = isolation().namespace;
    for (held, habit, argument) in attempts {
        if !held {
            eprintln!(
                "skipped: {habit}: this kernel lacks Landlock or seccomp, or lets nobody have a \
                root of their own"
            );
            continue;
        }
        match ask(habit, &argument, Limits::default()) {
            Err(InspectError::Media(MediaError::Decode { reason, .. })) => {
                assert!(
                    reason.starts_with("refused")
                        && (reason.contains("Permission")
                            || reason.contains("not permitted")
                            || reason.contains("os error 1")
                            || at_home && reason.contains("NotFound")),
                    "{habit}: {reason}"
                );
            }
            other => panic!("{habit}: {other:?}"),
        }
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

fn the_environment_stays_with_the_parent() {
    let Err(InspectError::Media(MediaError::Decode { reason, .. })) =
        ask("environment", "", Limits::default())
    else {
        panic!("no answer")
    };
    // What the loader needs is left, and what test runners set of it.
    let has = |name: &str| reason.contains(&format!("(\"{name}"));
    assert!(has("MALLOC_ARENA_MAX") && !has("PATH") && !has("HOME") && !has("CARGO"), "{reason}");
}

/// All that is seen of a file, in words, and a frame of it.
fn seen(inspector: &dyn Inspector, path: &Path) -> (String, Option<Still>) {
    let mut look = inspector.open(path, &Limits::default(), &Cancel::default()).unwrap();
    let manifest = look.manifest(&Trust::default()).unwrap();
    let mut progress = Vec::new();
    let found = look
        .marks(&ring(), &DetectOptions::default(), Showing::SKETCHED, &mut |p| progress.push(p))
        .unwrap();
    assert_eq!(progress.is_empty(), found.picture.is_none(), "{}", path.display());
    let still = look.frame(1.0).ok();
    let looks = found.sketch.as_ref().map(|s| s.fingerprint());
    let resemblance =
        found.sketch.as_ref().zip(looks.as_ref()).and_then(|(s, f)| Query::new(s).resemblance(f));
    let bytes: Vec<Vec<u8>> =
        manifest.iter().flat_map(|m| m.soft_bindings.iter().map(|b| b.bytes.clone())).collect();
    let p = found.picture.as_ref().map(|p| p.p_value.ln());
    (
        format!(
            "{:?}",
            (
                manifest,
                bytes,
                found.info,
                found.picture,
                found.sound,
                p,
                looks,
                resemblance.map(|r| r.distance)
            )
        ),
        still,
    )
}

fn a_good_worker_sees_what_its_parent_would() {
    let (limits, cancel) = (Limits::default(), Cancel::default());
    let folder = TempDir::new().unwrap();
    let stamped = folder.path().join("stamped.mp4");
    let (identity, _) = common::identity();
    common::stamp(&clip(), &stamped, Some(identity));
    let stamped_sound = folder.path().join("sound.wav");
    common::ffmpeg(&stamped, "-vn", &stamped_sound);
    let workers = workers("good", "");
    let inspectors: [&dyn Inspector; 2] = [&InProcess, &workers];
    for path in [&stamped, &stamped_sound, &clip()] {
        let seen = inspectors.map(|inspector| seen(inspector, path));
        assert!(seen[0] == seen[1], "{}:\n{}\n{}", path.display(), seen[0].0, seen[1].0);
    }
    let missing = folder.path().join("missing.mp4");
    std::fs::write(folder.path().join("empty.mp4"), "").unwrap();
    std::fs::write(folder.path().join("text.mp4"), "no clip").unwrap();
    for path in [
        missing,
        folder.path().into(),
        folder.path().join("empty.mp4"),
        folder.path().join("text.mp4"),
        "/dev/null".into(),
        "".into(),
    ] {
        let told = inspectors.map(|inspector| {
            inspector
                .open(&path, &limits, &cancel)
                .and_then(|mut look| {
                    look.marks(&ring(), &DetectOptions::default(), Showing::ALL, &mut |_| {})
                })
                .unwrap_err()
                .to_string()
        });
        assert_eq!(told[0], told[1]);
    }
}

fn who_does_not_wait_any_more_is_free_at_once() {
    let cancel = Cancel::default();
    let mut look = workers("sleep", "").open(&clip(), &Limits::default(), &cancel).unwrap();
    let flag = cancel.clone();
    let asking = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        flag.cancel();
    });
    let began = Instant::now();
    assert!(matches!(
        look.manifest(&Trust::default()),
        Err(InspectError::Media(MediaError::Cancelled { .. }))
    ));
    assert!(began.elapsed() < Duration::from_secs(5));
    asking.join().unwrap();
}

fn the_program_outlives_many_bad_workers() {
    let workers = workers("abort", "");
    for _ in 0..20 {
        let mut look = workers.open(&clip(), &Limits::default(), &Cancel::default()).unwrap();
        assert!(matches!(
            look.manifest(&Trust::default()),
            Err(InspectError::Worker(SandboxError::Killed { .. }))
        ));
    }
    drop(workers);
    // Neither handles nor the dead are left.
    assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() < 20);
}

/// The processes that this one started.
fn children() -> Vec<i32> {
    let parent = std::process::id().to_string();
    let own = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|e| e.ok()?.file_name().into_string().ok()?.parse::<i32>().ok())
        .filter(|pid| {
            // The fourth word is the parent; the second, the program's name, has brackets around
            // it.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1))
                == Some(parent.as_str())
        });
    own.collect()
}

fn a_zygote_that_died_is_replaced() {
    let workers = workers("good", "");
    let open = || workers.open(&clip(), &Limits::default(), &Cancel::default());
    let mut look = open().unwrap();
    let own = children();
    assert_eq!(own.len(), 1, "workers are the zygote's");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(own[0]).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    // Its copies die with it, and that is the file's error; the next file is none the worse.
    assert!(look.manifest(&Trust::default()).is_err());
    assert!(open().unwrap().manifest(&Trust::default()).unwrap().is_none());
}

/// What a copy of this process as it began still knows, and can say: told to the test that started
/// it.
fn tell_what_a_copy_knows(early: Option<PreparedZygote>) -> ExitCode {
    let zygote = children()[0];
    let workers = Sandbox::new(vec![WORKER.into(), "good".into(), "".into()], Some(early.unwrap()));
    let mut look = workers.open(&clip(), &Limits::default(), &Cancel::default()).unwrap();
    // It forgets before it makes its first copy.
    for place in ["environ", "cmdline"] {
        let bytes = std::fs::read(format!("/proc/{zygote}/{place}")).unwrap();
        println!(
            "{} bytes of {} in {place}",
            bytes.iter().filter(|&&b| b != 0).count(),
            bytes.len()
        );
    }
    println!("{}", look.manifest(&Trust::default()).unwrap_err());
    assert!(look.isolation().process);
    // It is the copy that was asked, and it goes when nobody wants it any more.
    assert_eq!(children(), [zygote]);
    drop((look, workers));
    assert!(children().is_empty());
    ExitCode::SUCCESS
}

fn a_copy_of_the_program_knows_nothing() {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args([EARLY, "swordfish"])
        .env("PASSWORD", "swordfish")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("0 bytes of ")
            && lines[1].starts_with("0 bytes of ")
            && lines.len() == 3,
        "{told}"
    );
    // What libav's libraries are told is set by the copy itself.
    assert!(lines[2].contains(r#"("", [("SVT_LOG", "1")])"#), "{told}");
}

type Test = (&'static str, fn());

const TESTS: [Test; 11] = [
    ("crashes_are_errors_of_their_file", crashes_are_errors_of_their_file),
    ("hangs_end_when_their_time_is_over", hangs_end_when_their_time_is_over),
    ("memory_ends_where_it_is_to", memory_ends_where_it_is_to),
    ("answers_that_make_no_sense_are_noticed", answers_that_make_no_sense_are_noticed),
    ("nothing_is_within_reach", nothing_is_within_reach),
    ("the_environment_stays_with_the_parent", the_environment_stays_with_the_parent),
    ("a_good_worker_sees_what_its_parent_would", a_good_worker_sees_what_its_parent_would),
    ("who_does_not_wait_any_more_is_free_at_once", who_does_not_wait_any_more_is_free_at_once),
    ("the_program_outlives_many_bad_workers", the_program_outlives_many_bad_workers),
    ("a_zygote_that_died_is_replaced", a_zygote_that_died_is_replaced),
    ("a_copy_of_the_program_knows_nothing", a_copy_of_the_program_knows_nothing),
];

fn main() -> ExitCode {
    let early = match sandbox::split(&Bad { habit: "environment".into(), argument: String::new() })
    {
        Split::Original(early) => early,
        Split::Copy(end) => return end.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, habit, argument] = arguments.as_slice()
        && verb == WORKER
    {
        let bad = Bad { habit: habit.clone(), argument: argument.clone() };
        return sandbox::serve(&bad).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    if arguments.first().is_some_and(|verb| verb == EARLY) {
        return tell_what_a_copy_knows(early);
    }
    drop(early);
    if arguments.iter().any(|a| a == "--list") {
        TESTS.iter().for_each(|t| println!("{}: test", t.0));
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|a| !a.starts_with('-'));
    let chosen = TESTS.iter().filter(|t| wanted.is_none_or(|w| t.0.contains(w.as_str())));
    let mut failed = 0;
    for (name, test) in chosen {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
