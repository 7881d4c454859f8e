//! Several files at a time: so many threads as jobs, one file in the hands of each, and answers
//! told by one thread alone, whole and as they come.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow};
use proofmark::media::Cancel;
use proofmark::report;
use serde_json::{Map, Value, json};

use super::ledger::{Ledger, Stand};
use super::{BatchArgs, Files, Input, Work};
use crate::args::Global;
use crate::commands::{Answer, is_cancelled};
use crate::exit::Exit;
use crate::metrics::Finished;
use crate::output;
use crate::progress::{Bar, cancel};
use crate::target::Target;

/// Between two looks at the clock and at Ctrl-C while a file has a time limit.
const TICK: Duration = Duration::from_millis(50);
/// Stack of a job's thread: what the main thread has, for parsers of nested files.
const STACK: usize = 8 << 20;

/// Works on all files that are not finished, prints what comes of them, and says what came of all.
pub(crate) fn run(
    work: &dyn Work,
    files: &Files,
    args: &BatchArgs,
    global: &Global,
) -> Result<Exit> {
    let paths = files.paths();
    let failed_list =
        args.failed.as_ref().map(|list| Target::new(list, true, &paths)).transpose()?;
    let ledger = match (&args.ledger, &args.resume) {
        (Some(path), _) => Some(Ledger::start(path, work.verb(), work.options())?),
        (None, Some(path)) => {
            if !path.exists() && !global.quiet {
                output::remark(&format!(
                    "{}: there is no ledger yet, so this run starts it",
                    path.display()
                ));
            }
            Some(Ledger::resume(path, work.verb(), work.options())?)
        }
        (None, None) => None,
    };
    if !global.quiet {
        files.remarks().for_each(|line| output::remark(&line));
    }
    let mine: Vec<&Input> =
        files.inputs.iter().filter(|i| args.shard.is_none_or(|s| s.holds(&i.path))).collect();
    let mut told = Told::new(global, args, files.inputs.len() == 1);
    let mut todo = Vec::with_capacity(mine.len());
    for input in mine {
        match ledger.as_ref().and_then(|l| l.finished(&input.path)) {
            Some(exit) => told.before(exit),
            None => todo.push(input),
        }
    }
    let bar = match &todo[..] {
        [one] => Bar::new(global, work.words().0, &one.path),
        _ => Bar::files(global, work.words().0, todo.len()),
    };
    let pool = Pool {
        work,
        todo: &todo,
        limit: args.time_limit.map(Duration::from_secs),
        stop: cancel(),
        next: AtomicUsize::new(0),
        ledger: Mutex::new(ledger),
        bar,
    };
    let began = Instant::now();
    let end = pool.run(args.jobs.map_or_else(jobs, usize::from), &mut told);
    let left = todo.len() - told.counts.done();
    drop(pool.bar);
    if let Some(list) = failed_list {
        told.write_failed(&list)?;
    }
    let ledger = pool.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    told.sum_up(work.words().1, began.elapsed(), left, ledger.as_ref().map(Ledger::path));
    match end {
        // Whoever read the answers has gone: no error, unless there was more to do.
        Err(e) if output::is_broken_pipe(&e) && left > 0 => Ok(Exit::SomeFailed),
        end => end.map(|()| Exit::of_batch(&told.exits)),
    }
}

/// Files at a time if nobody says: one a core, as much of a file's work is one thread's; and no
/// more than eight, which take some 5 GiB. Measured in `docs/results/log/many-files.md`.
fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

/// What became of a file.
struct Outcome<'a> {
    input: &'a Input,
    stand: Stand,
    answer: Result<Answer>,
    /// How long it took.
    took: Duration,
}

struct Pool<'a> {
    work: &'a dyn Work,
    todo: &'a [&'a Input],
    limit: Option<Duration>,
    stop: Cancel,
    next: AtomicUsize,
    ledger: Mutex<Option<Ledger>>,
    bar: Bar,
}

impl<'a> Pool<'a> {
    /// Has `jobs` threads take files until there are none, and tells what comes. The first answer
    /// that cannot be told or noted stops everything.
    fn run(&self, jobs: usize, told: &mut Told<'a>) -> Result<()> {
        std::thread::scope(|scope| {
            let (send, outcomes) = mpsc::sync_channel(0);
            for job in 0..jobs.min(self.todo.len()) {
                let send = send.clone();
                let named =
                    std::thread::Builder::new().name(format!("job {job}")).stack_size(STACK);
                let started = named.spawn_scoped(scope, move || {
                    while let Some(outcome) = self.one() {
                        if send.send(outcome).is_err() {
                            break;
                        }
                    }
                });
                match started {
                    Err(reason) if job == 0 => {
                        return Err(anyhow!(
                            "no thread can be started ({reason}); see to the machine's limits on \
                            processes and memory"
                        ));
                    }
                    // Fewer do the same, later.
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            drop(send);
            for outcome in outcomes {
                let settled = outcome.and_then(|o| {
                    if self.bar.aside(|| told.tell(self.work, &o))? { self.note(o) } else { Ok(()) }
                });
                if let Err(e) = settled {
                    self.stop.cancel();
                    return Err(e);
                }
                self.bar.file(told.counts.failed);
            }
            Ok(())
        })
    }

    /// Works on the next file; `None` if there is none, or it is not to be begun. An error is none
    /// of the file: it ends the run.
    fn one(&self) -> Option<Result<Outcome<'a>>> {
        if self.stop.is_cancelled() {
            return None;
        }
        let input = *self.todo.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        let (stand, began) = (Stand::of(&input.path), Instant::now());
        let answer = match &input.unread {
            Some(told) => Err(anyhow!("{told}")),
            None => {
                let again = match self.again(input) {
                    Ok(again) => again,
                    Err(e) => return Some(Err(e)),
                };
                let mut progress = |p| self.bar.update(p);
                let (answer, late) = within(self.limit, &self.stop, |cancel| {
                    self.work.answer(input, again, cancel, &mut progress)
                });
                match (answer, self.limit) {
                    (Err(e), Some(limit)) if late && is_cancelled(&e) => Err(anyhow!(
                        "{}: took longer than {} seconds; raise --time-limit if the file is worth \
                        it",
                        input.path.display(),
                        limit.as_secs()
                    )),
                    (answer, _) => answer,
                }
            }
        };
        let took = began.elapsed();
        count(self.work, &answer, took);
        Some(Ok(Outcome { input, stand, answer, took }))
    }

    /// Whether a target that is there comes from an attempt of this very run that a crash ended; if
    /// there is none, notes that there may be from now on.
    fn again(&self, input: &Input) -> Result<bool> {
        let Some(target) = self.work.target(input) else { return Ok(false) };
        match self.ledger.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(ledger) if ledger.begun(&input.path) => Ok(true),
            Some(ledger) if !target.exists() => ledger.begin(&input.path).map(|()| false),
            _ => Ok(false),
        }
    }

    /// Notes what was told.
    fn note(&self, outcome: Outcome<'_>) -> Result<()> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ledger) = ledger.as_mut() else { return Ok(()) };
        let (exit, error) = match &outcome.answer {
            Ok(answer) => (answer.exit, None),
            Err(e) => (Exit::Error, Some(format!("{e:#}"))),
        };
        ledger.finish(&outcome.input.path, outcome.stand, exit, error)
    }
}

/// Counts what became of a file where that is wanted, unless it was stopped. A file of counts that
/// cannot be written fails no clip.
pub(crate) fn count(work: &dyn Work, answer: &Result<Answer>, took: Duration) {
    let Some(metrics) = work.metrics() else { return };
    let (code, media) = match answer {
        Err(e) if is_cancelled(e) => return,
        Err(e) => (Some(report::code(e.as_ref())), None),
        Ok(answer) => (None, answer.seconds),
    };
    let clip = Finished { verb: work.verb(), code, media, took };
    if let Err(e) = metrics.count(&clip) {
        output::remark(&format!("{e:#}"));
    }
}

/// What is said of a file that is done to those who collect it.
pub(crate) fn done(work: &dyn Work, answer: &Answer, took: Duration) {
    let fields = json!({
        "file": answer.json["file"],
        "output": answer.json["output"],
        "payload": answer.json["payload"],
        "verdict": answer.json["verdict"],
        "exit": answer.exit.code(),
        "seconds": took.as_secs_f64(),
    });
    let known = fields.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
    let known: Map<String, Value> = known.map(|(k, v)| (k.clone(), v.clone())).collect();
    output::done(work.words().1, &known.into());
}

/// Runs `work` with a flag of its own, which is set when `stop` is or time is up, and tells whether
/// it was time.
fn within<T>(limit: Option<Duration>, stop: &Cancel, work: impl FnOnce(&Cancel) -> T) -> (T, bool) {
    let Some(limit) = limit else { return (work(stop), false) };
    let (own, late) = (Cancel::default(), AtomicBool::new(false));
    let out = std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let (own, late, began) = (&own, &late, Instant::now());
        scope.spawn(move || {
            while ended.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                if stop.is_cancelled() {
                    return own.cancel();
                }
                if began.elapsed() >= limit {
                    late.store(true, Ordering::Relaxed);
                    return own.cancel();
                }
            }
        });
        let out = work(own);
        drop(done);
        out
    });
    (out, late.into_inner())
}

#[derive(Default)]
struct Counts {
    found: usize,
    nothing: usize,
    doubtful: usize,
    failed: usize,
    before: usize,
}

impl Counts {
    fn count(&mut self, exit: Exit) {
        *match exit {
            Exit::Nothing => &mut self.nothing,
            Exit::Doubtful => &mut self.doubtful,
            Exit::Error | Exit::SomeFailed | Exit::Interrupted => &mut self.failed,
            Exit::Success => &mut self.found,
        } += 1;
    }

    /// Those that this run finished.
    fn done(&self) -> usize {
        self.found + self.nothing + self.doubtful + self.failed
    }
}

/// What was printed so far.
struct Told<'a> {
    global: &'a Global,
    null: bool,
    alone: bool,
    exits: Vec<Exit>,
    counts: Counts,
    failed: Vec<PathBuf>,
}

impl<'a> Told<'a> {
    fn new(global: &'a Global, args: &BatchArgs, alone: bool) -> Self {
        Self {
            global,
            null: args.null,
            alone,
            exits: Vec::new(),
            counts: Counts::default(),
            failed: Vec::new(),
        }
    }

    /// A file that an earlier run finished counts as it ended.
    fn before(&mut self, exit: Exit) {
        self.exits.push(exit);
        self.counts.before += 1;
    }

    /// Prints what became of a file, and tells whether that is final.
    fn tell(&mut self, work: &dyn Work, outcome: &Outcome<'_>) -> Result<bool> {
        let verb = work.verb();
        let exit = match &outcome.answer {
            Ok(answer) => {
                let exit = answer.tell(self.global)?;
                done(work, answer, outcome.took);
                exit
            }
            // Of many files those that were in hand are as if they had never been begun.
            Err(e) if is_cancelled(e) => {
                if self.alone {
                    self.fail(verb, &outcome.input.path, e)?;
                }
                if !self.exits.contains(&Exit::Interrupted) {
                    self.exits.push(Exit::Interrupted);
                }
                return Ok(false);
            }
            Err(e) => {
                self.fail(verb, &outcome.input.path, e)?;
                self.failed.push(outcome.input.path.clone());
                Exit::Error
            }
        };
        self.exits.push(exit);
        self.counts.count(exit);
        Ok(true)
    }

    fn fail(&self, verb: &str, file: &Path, e: &Error) -> Result<()> {
        output::error(e);
        if self.global.json {
            output::json::print(&report::failure(verb, file, e.as_ref()))
        } else {
            Ok(())
        }
    }

    /// Writes which files failed, in a form that `--files-from` reads.
    fn write_failed(&self, list: &Target<'_>) -> Result<()> {
        let end: &[u8] = if self.null { b"\0" } else { b"\n" };
        let (fit, unfit): (Vec<&PathBuf>, Vec<&PathBuf>) = self
            .failed
            .iter()
            .partition(|p| self.null || !p.as_os_str().as_bytes().contains(&b'\n'));
        if let Some(one) = unfit.first() {
            output::remark(&format!(
                "{}: not in the list of failed files, as its name has more than one line; --null \
                makes a list that can hold it",
                one.display()
            ));
        }
        list.write_with(|to| {
            fit.iter().try_for_each(|path| {
                Ok(to.write_all(path.as_os_str().as_bytes()).and_then(|()| to.write_all(end))?)
            })
        })
    }

    /// One line on all files, unless there is but one.
    fn sum_up(&self, well: &str, took: Duration, left: usize, ledger: Option<&Path>) {
        if self.alone || self.global.quiet {
            return;
        }
        let c = &self.counts;
        let seconds = took.as_secs_f64();
        let files = |n: usize| if n == 1 { "1 file".to_string() } else { format!("{n} files") };
        let mut parts: Vec<String> = [
            (c.found, well),
            (c.nothing, "with nothing found"),
            (c.doubtful, "doubtful"),
            (c.failed, "failed"),
            (c.before, "finished before"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
        if left > 0 {
            let on = ledger
                .map_or(String::new(), |path| format!("; go on with --resume {}", path.display()));
            parts.push(format!("stopped with {left} to do{on}"));
        }
        let rate = if c.done() > 1 && seconds > 0.0 {
            format!(", {:.2} a second", c.done() as f64 / seconds)
        } else {
            String::new()
        };
        let all = if parts.is_empty() { "nothing to do".to_string() } else { parts.join(", ") };
        output::summary(&format!("{} in {seconds:.1} s{rate}: {all}", files(c.done())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_up_for_what_takes_too_long_alone() {
        let stop = Cancel::default();
        let slow = |cancel: &Cancel| {
            let began = Instant::now();
            while !cancel.is_cancelled() && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(1));
            }
            cancel.is_cancelled()
        };
        assert_eq!(within(Some(Duration::from_millis(100)), &stop, slow), (true, true));
        assert!(!stop.is_cancelled(), "others go on");
        assert_eq!(within(Some(Duration::from_secs(20)), &stop, |_| 7), (7, false));
        stop.cancel();
        assert_eq!(
            within(Some(Duration::from_secs(20)), &stop, slow),
            (true, false),
            "Ctrl-C is not the clock"
        );
        assert_eq!(within(None, &stop, slow), (true, false));
    }
}
