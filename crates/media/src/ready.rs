//! Waiting for the other end of a pipe, no longer than somebody wants the work.

use std::fs::File;
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Between two looks at what stops the work.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Waits until `file` is ready for `what`, or the work is `stopped`, which is an error.
pub(super) fn wait(file: &File, what: PollFlags, stopped: impl Fn() -> bool) -> io::Result<()> {
    loop {
        if stopped() {
            return Err(io::Error::other("stopped"));
        }
        match poll(&mut [PollFd::new(file, what)], Some(&TICK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}
