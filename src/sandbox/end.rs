//! When a worker stops: with its parent, or when it has thought for too long; and how often it
//! tells how far it is.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// With what a worker ends whose file took more processor time than one of its length may: the
/// kernel knows no more than what any file may.
pub(super) const SPENT: i32 = 77;

/// Between two looks at that time.
const WATCH: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// Ends this process when its parent is gone, even in the middle of a long thought, or when it has
/// thought for so many seconds.
pub(super) fn leave_with_the_parent(stream: &UnixStream, seconds: u64) -> io::Result<()> {
    let stream = stream.try_clone()?;
    std::thread::Builder::new().name("parent".into()).stack_size(64 << 10).spawn(move || {
        let mut end = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::RDHUP)];
        while !rustix::event::poll(&mut end, Some(&WATCH)).is_ok_and(|happened| happened > 0) {
            if clock_gettime(ClockId::ProcessCPUTime).tv_sec >= seconds.min(i64::MAX as u64) as i64
            {
                std::process::exit(SPENT);
            }
        }
        std::process::exit(1);
    })?;
    Ok(())
}

/// When progress was told last.
#[derive(Default)]
pub(super) struct Pace(Option<std::time::Instant>);

impl Pace {
    /// Whether it is time to tell again: what people see needs no more than ten times a second.
    pub(super) fn now(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed().as_millis() >= 100);
        if due {
            self.0 = Some(std::time::Instant::now());
        }
        due
    }
}
