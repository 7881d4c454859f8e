//! A private key that a command has: bytes to be signed go to its standard input, their signature
//! comes from its standard output, as c2patool's `--signer-path` has it. So it has the same
//! arguments, behind its own: `--reserve-size`, `--alg` and `--sign-cert`.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::PrivateKey;
use super::algorithm::Algorithm;

/// Bytes of an answer at most: no signature is so long.
const LONGEST: usize = 64 << 10;
/// Bytes of what it says of its trouble that are kept.
const SAID: usize = 4 << 10;
/// Characters of that that are told.
const TOLD: usize = 300;
/// What our own variables begin with, some of which hold keys: none is the command's.
const OWN: &str = "PROOFMARK_";
/// How long the rest of what it wrote may take, once it has ended.
const AFTER: Duration = Duration::from_millis(200);
/// Between two looks at whether it has ended, at most.
const PAUSE: Duration = Duration::from_millis(10);

/// A command that signs.
pub(super) struct CommandKey {
    program: PathBuf,
    arguments: Vec<String>,
    certificate: PathBuf,
    reserve: usize,
    patience: Duration,
}

impl CommandKey {
    /// From its words as a shell would split them; no shell runs them.
    ///
    /// # Errors
    /// What is wrong with them, or that there is no such program.
    pub(super) fn new(
        line: &str,
        certificate: &Path,
        reserve: usize,
        patience: Duration,
    ) -> Result<Self, String> {
        let wrong = |what: &str| format!("the signer command '{line}' {what}");
        let mut words =
            shlex::split(line).ok_or_else(|| wrong("has a quote without its end; add it"))?;
        if words.is_empty() {
            return Err(wrong("is empty; give a program and its arguments"));
        }
        let name = words.remove(0);
        let program = program(&name)
            .ok_or_else(|| wrong("names no program that can be run; check its path"))?;
        let certificate = std::path::absolute(certificate).unwrap_or_else(|_| certificate.into());
        Ok(Self { program, arguments: words, certificate, reserve, patience })
    }

    /// Starts it. Its process group is its own, to be ended as one.
    fn start(&self, algorithm: Algorithm) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(OWN) {
                command.env_remove(name);
            }
        }
        command
            .args(&self.arguments)
            .args(["--reserve-size", &self.reserve.to_string()])
            .args(["--alg", &algorithm.name().to_ascii_lowercase(), "--sign-cert"])
            .arg(&self.certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    fn fail(&self, what: &str) -> String {
        format!("the signer command {} {what}", self.program.display())
    }
}

impl PrivateKey for CommandKey {
    fn sign(&self, data: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String> {
        let began = Instant::now();
        let cannot = |e: std::io::Error| self.fail(&format!("could not be run: {e}"));
        let mut child = self.start(algorithm).map_err(cannot)?;
        // A pipe each, so that none that is full keeps the others waiting. They end with the pipe,
        // which a program that the command leaves behind may hold: nobody waits for them.
        if let Some(mut input) = child.stdin.take() {
            let data = data.to_vec();
            // A command that does not read to the end is told by its signature.
            thread::spawn(move || _ = input.write_all(&data));
        }
        let answer = child.stdout.take().map(|pipe| collect(pipe, LONGEST + 1, false));
        let trouble = child.stderr.take().map(|pipe| collect(pipe, SAID, true));
        let left = || self.patience.saturating_sub(began.elapsed());
        let status = wait(&mut child, &left).map_err(cannot)?;
        let Some(status) = status else {
            end(&mut child);
            return Err(self.fail(&format!(
                "did not answer within {} s{}; it was ended",
                self.patience.as_secs_f32(),
                remark(taken(trouble))
            )));
        };
        let answer = taken(answer);
        if answer.len() > LONGEST {
            return Err(self.fail(&format!("wrote more than {LONGEST} bytes, no signature")));
        }
        if !status.success() {
            return Err(self.fail(&format!("failed ({status}){}", remark(taken(trouble)))));
        }
        if answer.is_empty() {
            return Err(self.fail(&format!("wrote no signature{}", remark(taken(trouble)))));
        }
        Ok(answer)
    }

    fn misfit(&self) -> String {
        self.fail(
            "wrote a signature that does not fit the certificate; it must sign its standard input \
            with the key of the chain's first certificate, and write the bare signature",
        )
    }
}

/// The program of that name, as a shell would find it.
fn program(name: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(std::path::absolute(name).ok()?).filter(runs);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(runs)
}

/// Passes the first bytes of a pipe on, and reads it to its end or closes it then.
fn collect(
    mut pipe: impl Read + Send + 'static,
    mut most: usize,
    to_its_end: bool,
) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while to_its_end || most > 0 {
            match pipe.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => {
                    let kept = n.min(most);
                    most -= kept;
                    let _ = sender.send(piece[..kept].to_vec());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
    receiver
}

/// What a process that has ended wrote into a pipe. One that it left behind may hold that open.
fn taken(pipe: Option<Receiver<Vec<u8>>>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(piece)) = pipe.as_ref().map(|pipe| pipe.recv_timeout(AFTER)) {
        all.extend(piece);
    }
    all
}

/// Waits for the end of a process, or of the time that is left: `None` then.
fn wait(child: &mut Child, left: &impl Fn() -> Duration) -> std::io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if left().is_zero() {
            return Ok(None);
        }
        thread::sleep(pause.min(left()));
        pause = (pause * 2).min(PAUSE);
    }
}

/// Ends a process and those that it started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if group.is_none_or(|group| kill_process_group(group, Signal::KILL).is_err()) {
        let _ = child.kill();
    }
    while child.wait().is_err_and(|e| e.kind() == ErrorKind::Interrupted) {}
}

/// The last line of what it says of its trouble, as the end of a line of ours.
fn remark(said: Vec<u8>) -> String {
    let text = String::from_utf8_lossy(&said);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(TOLD).collect();
    if plain.is_empty() { plain } else { format!(": {plain}") }
}
