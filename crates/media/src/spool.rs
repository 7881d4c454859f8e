//! Two pipes that are read side by side, in whichever order their writers fill them.
//!
//! Whoever writes picture and sound through two pipes may write one to its end before the other
//! begins, and would wait for ever if only the other were read. Each pipe is therefore emptied by
//! a thread of its own: into a little memory as long as what comes is taken, as any pipe is, and
//! on into a temporary file without a name while the taker waits for the *other* pipe, which is
//! when holding its writer up would be a deadlock.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::PollFlags;

use super::Cancel;
use super::ready::wait;

/// Bytes of a pipe that wait in memory: more than a frame of 1080p in red, green and blue.
const ROOM: u64 = 8 << 20;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;
/// Between two looks at the flag that stops the work.
const TICK: Duration = Duration::from_millis(100);

/// What came through a pipe and was not taken yet. The file holds what came after the memory's.
#[derive(Default)]
struct Buffer {
    memory: VecDeque<u8>,
    file: Option<File>,
    /// Where the file is read and written on.
    taken: u64,
    put: u64,
    /// Whether there is no more to come, and why if that is not the end.
    ended: Option<Result<(), String>>,
    /// Whether somebody waits for more.
    starved: bool,
    /// Whether nobody takes any more.
    closed: bool,
}

impl Buffer {
    /// Bytes that wait to be taken.
    fn waiting(&self) -> u64 {
        self.memory.len() as u64 + self.put - self.taken
    }

    /// Takes in what came, at most `most` bytes of it in the file.
    fn push(&mut self, bytes: &[u8], most: u64) -> io::Result<()> {
        if self.taken == self.put && self.waiting() < ROOM {
            self.memory.extend(bytes);
            return Ok(());
        }
        if self.put - self.taken + bytes.len() as u64 > most {
            return Err(io::Error::other(format!(
                "over {most} bytes wait for the other stream; write both by turns"
            )));
        }
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.write_all_at(bytes, self.put)?;
        self.put += bytes.len() as u64;
        Ok(())
    }

    fn take(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.memory.is_empty() {
            return self.memory.read(into);
        }
        let left = usize::try_from(self.put - self.taken).unwrap_or(usize::MAX).min(into.len());
        let Some(file) = self.file.as_ref().filter(|_| left > 0) else { return Ok(0) };
        file.read_exact_at(&mut into[..left], self.taken)?;
        self.taken += left as u64;
        if self.taken == self.put {
            (self.taken, self.put) = (0, 0);
            file.set_len(0)?;
        }
        Ok(left)
    }
}

/// Both pipes.
#[derive(Default)]
struct Pair {
    buffers: Mutex<[Buffer; 2]>,
    changed: Condvar,
}

impl Pair {
    fn lock(&self) -> MutexGuard<'_, [Buffer; 2]> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, held: MutexGuard<'a, [Buffer; 2]>) -> MutexGuard<'a, [Buffer; 2]> {
        self.changed.wait_timeout(held, TICK).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Empties a pipe until its end, or until nobody takes any more.
    fn empty(&self, own: usize, from: &mut File, most: u64, cancel: &Cancel) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let stopped = || cancel.is_cancelled() || self.lock()[own].closed;
        loop {
            let mut both = self.lock();
            while both[own].waiting() >= ROOM && !both[1 - own].starved {
                if cancel.is_cancelled() || both[own].closed {
                    return Err(io::Error::other("stopped"));
                }
                both = self.wait(both);
            }
            drop(both);
            wait(from, PollFlags::IN, stopped)?;
            let read = from.read(&mut piece)?;
            if read == 0 {
                return Ok(());
            }
            self.lock()[own].push(&piece[..read], most)?;
            self.changed.notify_all();
        }
    }
}

/// One of two pipes that are read side by side.
pub(super) struct Spool {
    pair: Arc<Pair>,
    own: usize,
    cancel: Cancel,
}

impl Spool {
    /// Reads two pipes, of each of which at most `most` bytes wait on disk.
    pub(super) fn pair(pipes: [File; 2], most: u64, cancel: &Cancel) -> io::Result<[Self; 2]> {
        let pair = Arc::<Pair>::default();
        for (own, mut from) in pipes.into_iter().enumerate() {
            let (pair, cancel) = (pair.clone(), cancel.clone());
            std::thread::Builder::new().name("spool".into()).spawn(move || {
                let end = pair.empty(own, &mut from, most, &cancel);
                pair.lock()[own].ended = Some(end.map_err(|e| e.to_string()));
                pair.changed.notify_all();
            })?;
        }
        Ok([0, 1].map(|own| Self { pair: pair.clone(), own, cancel: cancel.clone() }))
    }

    /// Takes what came, and waits for it if need be; 0 at the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut both = self.pair.lock();
        while both[self.own].waiting() == 0 && both[self.own].ended.is_none() {
            if self.cancel.is_cancelled() {
                return Err(io::Error::other("stopped"));
            }
            both[self.own].starved = true;
            self.pair.changed.notify_all();
            both = self.pair.wait(both);
        }
        let own = &mut both[self.own];
        own.starved = false;
        let taken = own.take(into)?;
        if let (0, Some(Err(reason))) = (taken, &own.ended) {
            return Err(io::Error::other(reason.clone()));
        }
        drop(both);
        self.pair.changed.notify_all();
        Ok(taken)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.pair.lock()[self.own].closed = true;
        self.pair.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Instant;

    /// Both ends of two pipes, read side by side.
    fn pair(most: u64) -> ([Spool; 2], [io::PipeWriter; 2]) {
        let [a, b] = [io::pipe().unwrap(), io::pipe().unwrap()];
        let files = [a.0, b.0].map(|end| File::from(std::os::fd::OwnedFd::from(end)));
        (Spool::pair(files, most, &Cancel::default()).unwrap(), [a.1, b.1])
    }

    fn all(spool: &mut Spool) -> io::Result<Vec<u8>> {
        let (mut out, mut piece) = (Vec::new(), vec![0; 12_345]);
        loop {
            match spool.read(&mut piece)? {
                0 => return Ok(out),
                read => out.extend_from_slice(&piece[..read]),
            }
        }
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * i / 7) as u8).collect()
    }

    #[test]
    fn whichever_is_written_first_the_other_can_be_read_first() {
        for first in [0, 1] {
            let (mut spools, writers) = pair(1 << 30);
            let bytes = pattern(5 * (ROOM as usize) + 17);
            let sent = bytes.clone();
            let writer = std::thread::spawn(move || {
                let [a, b] = writers;
                let (mut early, mut late) = if first == 0 { (a, b) } else { (b, a) };
                early.write_all(&sent).unwrap();
                drop(early);
                late.write_all(b"late").unwrap();
            });
            assert_eq!(all(&mut spools[1 - first]).unwrap(), b"late");
            assert!(all(&mut spools[first]).unwrap() == bytes);
            writer.join().unwrap();
        }
    }

    #[test]
    fn who_writes_is_held_up_unless_the_other_is_waited_for() {
        let (mut spools, [mut a, b]) = pair(1 << 30);
        let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = sent.clone();
        let writer = std::thread::spawn(move || {
            let piece = vec![7; 1 << 20];
            while count.load(std::sync::atomic::Ordering::Relaxed) < 40
                && a.write_all(&piece).is_ok()
            {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        });
        std::thread::sleep(Duration::from_millis(600));
        let held = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!((8..12).contains(&held), "{held} MiB went in, and nobody waits");
        let waiter = std::thread::spawn(move || all(&mut spools[1]).map(|_| spools));
        writer.join().unwrap();
        drop(b);
        let mut spools = waiter.join().unwrap().unwrap();
        assert_eq!(all(&mut spools[0]).unwrap().len(), 40 << 20);
    }

    #[test]
    fn too_much_to_wait_is_told_and_who_goes_away_ends_it() {
        let (mut spools, [mut a, b]) = pair(1 << 20);
        let writer = std::thread::spawn(move || while a.write_all(&[0; 1 << 16]).is_ok() {});
        let waiter = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop(b);
        });
        assert_eq!(all(&mut spools[1]).unwrap(), b"");
        assert!(all(&mut spools[0]).unwrap_err().to_string().contains("write both by turns"));
        writer.join().unwrap();
        waiter.join().unwrap();

        let began = Instant::now();
        let (spools, [mut a, _b]) = pair(1 << 20);
        drop(spools);
        while a.write_all(&[0; 1 << 16]).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(5), "nobody reads, and nobody says so");
        }
    }
}
