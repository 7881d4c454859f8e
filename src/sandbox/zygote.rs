//! The zygote: a process that makes workers of copies of itself.
//!
//! Most of what a process of this program costs is the loader's, who binds libav and the libraries
//! behind it. So that is paid once: the zygote is this program started anew ([`Zygote::start`]),
//! or, where that would be half of the work, a copy of it as it began ([`Zygote::split`]), with an
//! empty environment and without secrets; it opens no file, runs no thread, and copies itself for
//! each. What a copy may do is its own to give up. The parent passes the ends of what it talks
//! through and hears of the copy's end; the zygote ends with its parent, and its copies with it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, PipeReader, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, chdir, getpid, getppid, kill_process, pidfd_open,
    set_parent_process_death_signal, setpgid, waitpid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::allocator;

/// How long a worker may take to be there: loading comes before the first.
const STARTING: Duration = Duration::from_secs(20);
/// How long a worker whose end of the socket is closed may take to be dead, and the zygote that is
/// left alone.
const DYING: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// Between two looks at copies that work.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// Threads that a copy may have for each core: decoders take two, and so do the detectors.
const THREADS: usize = 64;
/// What is read of a worker's last words.
const WORDS: u64 = 4 << 10;

/// What a worker gets of the parent's: its socket, where last words go, where the zygote tells how
/// it ended, and what it has in common with another worker.
const ENDS: usize = 3 + SHARED;
/// Streams between two workers: one for the picture, and one for the sound.
pub(super) const SHARED: usize = 2;

/// One side of them.
pub(super) type Shared = [UnixStream; SHARED];

/// What makes workers without loading the program again, for [`Sandbox::new`](super::Sandbox::new).
/// It ends when this is dropped.
#[derive(Debug)]
pub struct PreparedZygote(pub(super) Zygote);

/// The parent's handle on the zygote, which dies with it.
#[derive(Debug)]
pub(super) struct Zygote {
    pid: Pid,
    control: UnixStream,
}

/// A worker, which dies with this.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) stream: UnixStream,
    words: PipeReader,
    end: PipeReader,
}

impl Zygote {
    /// This program, called with `arguments`, at which its `main` calls [`serve`](super::serve).
    pub(super) fn start(arguments: &[OsString]) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        control.set_read_timeout(Some(STARTING))?;
        // What runs now, even where the file that it came from has been replaced.
        let mut command = Command::new("/proc/self/exe");
        command.args(arguments).env_clear().env("MALLOC_ARENA_MAX", allocator::POOLS.to_string());
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        // In a group of its own it does not hear what is typed at the parent's terminal.
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0);
        Ok(Self { pid: Pid::from_child(&command.spawn()?), control })
    }

    /// A copy of this process as it is, without what it was called with; `None` in the copy, which
    /// is to [`tend`]. No thread may run.
    pub(super) fn split() -> io::Result<Option<Self>> {
        let (control, theirs) = UnixStream::pair()?;
        control.set_read_timeout(Some(STARTING))?;
        if let Some(pid) = fork()? {
            return Ok(Some(Self { pid, control }));
        }
        drop(control);
        // One that cannot become what the other way makes of it ends, and is missed when a worker
        // is wanted.
        if settle(theirs.into()).is_err() {
            std::process::exit(1);
        }
        Ok(None)
    }

    /// A worker that waits for its file, and shares `shared` with another one.
    pub(super) fn worker(&mut self, shared: &Shared) -> io::Result<Worker> {
        let (stream, theirs) = UnixStream::pair()?;
        let ((words, their_words), (end, their_end)) = (io::pipe()?, io::pipe()?);
        let ends: [BorrowedFd<'_>; ENDS] = [
            theirs.as_fd(),
            their_words.as_fd(),
            their_end.as_fd(),
            shared[0].as_fd(),
            shared[1].as_fd(),
        ];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ENDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&ends));
        sendmsg(&self.control, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
        let mut error = [0; 4];
        self.control.read_exact(&mut error)?;
        match i32::from_le_bytes(error) {
            0 => Ok(Worker { stream, words, end }),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // It ends by itself when it is left alone: so it counts what its copies took as its own,
        // and this process what it took.
        let _ = self.control.shutdown(Shutdown::Both);
        if let Ok(life) = pidfd_open(self.pid, PidfdFlags::empty()) {
            let _ = poll(&mut [PollFd::new(&life, PollFlags::IN)], Some(&DYING));
        }
        // Of one that has ended this makes nothing worse: until it is waited for, its number is its
        // own.
        let _ = kill_process(self.pid, Signal::KILL);
        let _ = waitpid(Some(self.pid), WaitOptions::empty());
    }
}

impl Worker {
    /// How it ended, having closed its end of the socket, and its last words in one line; `None` if
    /// that cannot be known.
    pub(super) fn last(mut self) -> Option<(ExitStatus, String)> {
        poll(&mut [PollFd::new(&self.end, PollFlags::IN)], Some(&DYING))
            .ok()
            .filter(|&ready| ready > 0)?;
        let mut status = [0; 4];
        self.end.read_exact(&mut status).ok()?;
        let mut words = Vec::new();
        // If anything of it still holds the other end, that is not waited for.
        let _ = rustix::fs::fcntl_setfl(&self.words, OFlags::NONBLOCK);
        let _ = self.words.take(WORDS).read_to_end(&mut words);
        let words: String = String::from_utf8_lossy(&words)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(400)
            .collect();
        Some((ExitStatus::from_raw(i32::from_le_bytes(status)), words.trim().to_string()))
    }
}

/// A copy of the zygote, as the zygote sees it.
struct Copy {
    pid: Pid,
    /// Can be read once it is dead.
    life: OwnedFd,
    /// Where its end is told; closed at the other side when nobody wants it any more, and `None`
    /// once it was killed for that.
    end: Option<PipeWriter>,
}

/// Makes copies of this process as the parent asks for them, through standard input, until there is
/// no parent. Returns in a copy, with its ends for standard input and standard error, what it
/// shares with another one, and `None` in the zygote at its end. No thread may run.
pub(super) fn tend() -> io::Result<Option<Shared>> {
    let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut copies: Vec<Copy> = Vec::new();
    let most = THREADS * std::thread::available_parallelism().map_or(1, usize::from);
    loop {
        let (asked, dead, unwanted) = events(&control, &copies)?;
        for copy in copies.iter().filter(|c| threads(c.pid) > most) {
            let _ = kill_process(copy.pid, Signal::KILL);
        }
        for i in unwanted {
            copies[i].end = None;
            let _ = kill_process(copies[i].pid, Signal::KILL);
        }
        for i in dead.into_iter().rev() {
            let copy = copies.swap_remove(i);
            if let (Ok(Some((_, status))), Some(mut end)) =
                (waitpid(Some(copy.pid), WaitOptions::empty()), copy.end)
            {
                // Who does not listen any more need not be told.
                let _ = end.write_all(&status.as_raw().to_le_bytes());
            }
        }
        if !asked {
            continue;
        }
        let Some([stream, words, end, picture, sound]) = receive(&control)? else {
            for copy in copies {
                let _ = kill_process(copy.pid, Signal::KILL);
                let _ = waitpid(Some(copy.pid), WaitOptions::empty());
            }
            return Ok(None);
        };
        let made = match fork() {
            Ok(None) => {
                drop((copies, control, end));
                dup2_stdin(stream)?;
                dup2_stderr(words)?;
                return Ok(Some([picture.into(), sound.into()]));
            }
            Ok(Some(pid)) => pidfd_open(pid, PidfdFlags::empty())
                .map(|life| copies.push(Copy { pid, life, end: Some(PipeWriter::from(end)) }))
                .map_err(io::Error::from),
            Err(e) => Err(e),
        };
        let error = made.map_or_else(|e| e.raw_os_error().unwrap_or(libc::EAGAIN), |()| 0);
        control.write_all(&error.to_le_bytes())?;
    }
}

/// How many threads a process has. Nothing of the kernel's holds that where the user is root, or
/// has other programs.
fn threads(pid: Pid) -> usize {
    // proc_pid_stat(5): behind the name, which ends with the last parenthesis, come fields 3 and
    // on.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .and_then(|s| s.1.split_whitespace().nth(20 - 3)?.parse().ok())
        .unwrap_or(0)
}

/// Waits until something happens, or it is time to look after those that work: whether the parent
/// asks, which copies are dead, and which nobody wants.
fn events(control: &UnixStream, copies: &[Copy]) -> io::Result<(bool, Vec<usize>, Vec<usize>)> {
    let mut waiting = vec![PollFd::new(control, PollFlags::IN)];
    waiting.extend(copies.iter().map(|c| PollFd::new(&c.life, PollFlags::IN)));
    // Of the end of a pipe that is written to, no more is asked than whether it is read.
    let ends: Vec<usize> = (0..copies.len()).filter(|&i| copies[i].end.is_some()).collect();
    waiting.extend(
        ends.iter()
            .filter_map(|&i| copies[i].end.as_ref())
            .map(|end| PollFd::new(end, PollFlags::empty())),
    );
    // Those that work are looked after.
    let until = (!copies.is_empty()).then_some(&LOOK);
    while let Err(e) = poll(&mut waiting, until) {
        if e != rustix::io::Errno::INTR {
            return Err(e.into());
        }
    }
    let happened: Vec<bool> = waiting.iter().map(|p| !p.revents().is_empty()).collect();
    let (lives, heard) = happened[1..].split_at(copies.len());
    let dead = (0..copies.len()).filter(|&i| lives[i]).collect();
    Ok((happened[0], dead, ends.into_iter().zip(heard).filter(|e| *e.1).map(|e| e.0).collect()))
}

/// The ends that the parent passes; `None` if it is gone.
fn receive(control: &UnixStream) -> io::Result<Option<[OwnedFd; ENDS]>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ENDS))];
    let mut passed = RecvAncillaryBuffer::new(&mut space);
    let message =
        recvmsg(control, &mut [IoSliceMut::new(&mut [0])], &mut passed, RecvFlags::CMSG_CLOEXEC)?;
    if message.bytes == 0 {
        return Ok(None);
    }
    let mut ends = Vec::with_capacity(ENDS);
    for message in passed.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            ends.extend(received);
        }
    }
    ends.try_into().map(Some).map_err(|_| ErrorKind::InvalidData.into())
}

/// Makes of a copy of the parent what it would be had it been started anew: `control` for standard
/// input, no output, none of its secrets, a group of its own.
fn settle(control: OwnedFd) -> io::Result<()> {
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(control)?;
    dup2_stdout(&nowhere)?;
    dup2_stderr(&nowhere)?;
    setpgid(None, None)?;
    chdir("/")?;
    allocator::limit_pools();
    forget()
}

/// Wipes the arguments and the environment that this process was called with, since a location may
/// hold a password.
#[allow(unsafe_code, reason = "no safe call reaches what the kernel put there")]
fn forget() -> io::Result<()> {
    // proc_pid_stat(5): the name, which may hold anything, ends with the last parenthesis; behind
    // it come fields 3 and on.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |s| s.1).split_whitespace().skip(48 - 3);
    let places: Vec<usize> = fields.take(4).filter_map(|f| f.parse().ok()).collect();
    let [arguments, arguments_end, environment, environment_end] = places[..] else {
        return Err(ErrorKind::InvalidData.into());
    };
    for (start, end) in [(arguments, arguments_end), (environment, environment_end)] {
        let length = end.checked_sub(start).filter(|_| start > 0).ok_or(ErrorKind::InvalidData)?;
        // SAFETY: the kernel wrote strings there for this process to use as it likes; no thread
        // runs, and nothing of ours has read them yet.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(start).write_bytes(0, length) };
    }
    // SAFETY: no thread runs that could read the environment.
    unsafe { libc::clearenv() };
    Ok(())
}

/// Copies this process; `None` in the copy, which dies with the process that it was copied from.
#[allow(unsafe_code, reason = "no safe call copies a process")]
fn fork() -> io::Result<Option<Pid>> {
    let parent = getpid();
    // SAFETY: no other thread runs in this process, so that no lock is held by one that the copy
    // lacks.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    if let Some(copy) = Pid::from_raw(pid) {
        return Ok(Some(copy));
    }
    // It may have died before that was asked for. The copy has nobody to tell of an error.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() || getppid() != Some(parent) {
        std::process::exit(1);
    }
    Ok(None)
}
