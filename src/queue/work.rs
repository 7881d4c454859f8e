//! A worker: claims jobs, keeps their leases while they are worked on, and ends them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{Job, Lease, Outcome, Policy, Queue, QueueError, State};
use crate::media::Cancel;

/// How long a worker without work waits before it asks again: first, and at most.
const IDLE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// How long it waits for a queue that cannot be reached: first, and at most.
const AWAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// How often it looks for others that died.
const REAP: Duration = Duration::from_secs(1);
/// Between two looks at the flag that stops it.
const TICK: Duration = Duration::from_millis(20);
/// How long one that was told to stop goes on trying to give back what it holds.
const PARTING: Duration = Duration::from_secs(20);

/// A worker's settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worker {
    /// Its name: no two have the same.
    pub name: String,
    /// Jobs at once.
    pub jobs: usize,
    /// Whether it ends when nothing is waiting or running any more, anywhere.
    pub until_empty: bool,
    /// How patient it is.
    pub policy: Policy,
}

impl Worker {
    /// One job at a time, for ever.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, jobs: 1, until_empty: false, policy: Policy::default() }
    }
}

/// What a worker does with its jobs.
pub trait Work: Sync {
    /// Works on one. It is to stop soon after `hold`'s flag is set.
    fn run(&self, job: &Job, hold: &Hold<'_>) -> Outcome;

    /// Takes away what the workers of a job left that is parked now: nobody else will.
    fn abandon(&self, job: &Job);

    /// Hears what happens.
    fn hear(&self, event: &Event<'_>);
}

/// What happens to a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It asked for a job, which took so long; whether it got one.
    Claimed(Duration, bool),
    /// An attempt ended, after so long; what the job is now, and why if it has no result.
    Ended(&'a Job, State, Duration, Option<&'a str>),
    /// The lease of a job was lost: it was cancelled, or this worker was silent for too long.
    Lost(&'a Job),
    /// A job was taken from another worker, which died.
    Reaped(&'a Job),
    /// The queue cannot be reached.
    Away(&'a QueueError),
    /// It can again.
    Back,
}

/// A worker's hold on a job.
#[derive(Debug)]
pub struct Hold<'a> {
    queue: &'a Queue,
    policy: &'a Policy,
    lease: Lease,
    cancel: Cancel,
}

impl Hold<'_> {
    /// The flag that stops the work: the lease was lost, or the worker is to stop.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Renews the lease; whether it is still held.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn still(&self) -> Result<bool, QueueError> {
        self.queue.renew(&self.lease, self.policy)
    }

    /// Keeps with the job what is about to be put in place; whether the lease is still held.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn note(&self, note: &str) -> Result<bool, QueueError> {
        self.queue.note(&self.lease, note)
    }
}

/// Works on the queue's jobs until `stop` is set, or until there are none any more if that is
/// asked. What is under way when it is told to stop is given back, and nobody counts as dead.
///
/// # Errors
/// [`QueueError`] if the queue cannot be reached at the beginning. Later it is waited for.
pub fn work(
    queue: &Queue,
    worker: &Worker,
    stop: &Cancel,
    work: &dyn Work,
) -> Result<(), QueueError> {
    queue.unfinished()?;
    let shop = Shop {
        queue,
        worker,
        stop,
        work,
        held: Mutex::default(),
        claiming: Mutex::default(),
        alone: RwLock::new(()),
        at_work: AtomicUsize::new(worker.jobs.max(1)),
        away: Mutex::new(false),
    };
    std::thread::scope(|scope| {
        for _ in 0..worker.jobs.max(1) {
            scope.spawn(|| {
                shop.work();
                shop.at_work.fetch_sub(1, Ordering::Relaxed);
            });
        }
        shop.keep();
    });
    Ok(())
}

struct Shop<'a> {
    queue: &'a Queue,
    worker: &'a Worker,
    stop: &'a Cancel,
    work: &'a dyn Work,
    held: Mutex<Vec<(Lease, Cancel)>>,
    /// One thread claims at a time, so that what is claimed is known to be held before another asks
    /// what is.
    claiming: Mutex<()>,
    /// A job that cost a worker before is worked on alone, so that it costs no other job one.
    alone: RwLock<()>,
    at_work: AtomicUsize,
    away: Mutex<bool>,
}

impl Shop<'_> {
    fn held(&self) -> MutexGuard<'_, Vec<(Lease, Cancel)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One job after the other.
    fn work(&self) {
        let (mut idle, mut away) = (IDLE.0, AWAY.0);
        while !self.stop.is_cancelled() {
            match self.claim() {
                Ok(Some((job, hold))) => {
                    (idle, away) = (IDLE.0, AWAY.0);
                    self.run(&job, &hold);
                }
                Ok(None) => {
                    away = AWAY.0;
                    if self.worker.until_empty && self.queue.unfinished().is_ok_and(|n| n == 0) {
                        return;
                    }
                    self.rest(idle);
                    idle = (idle * 2).min(IDLE.1);
                }
                Err(e) => {
                    self.away(Some(&e));
                    self.rest(away);
                    away = (away * 2).min(AWAY.1);
                    // The answer to the claim may have been lost, not the claim.
                    let _claiming = self.claiming.lock().unwrap_or_else(PoisonError::into_inner);
                    let leases: Vec<Lease> =
                        self.held().iter().map(|(lease, _)| lease.clone()).collect();
                    let _ = self.queue.disown(&self.worker.name, &leases);
                }
            }
        }
    }

    fn claim(&self) -> Result<Option<(Job, Hold<'_>)>, QueueError> {
        let claiming = self.claiming.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        let claimed = self.queue.claim(&self.worker.name, &self.worker.policy)?;
        let hold = claimed.map(|job| {
            let lease =
                Lease { id: job.id, attempt: job.attempt, worker: self.worker.name.clone() };
            let cancel = Cancel::default();
            self.held().push((lease.clone(), cancel.clone()));
            (job, Hold { queue: self.queue, policy: &self.worker.policy, lease, cancel })
        });
        drop(claiming);
        self.away(None);
        self.work.hear(&Event::Claimed(since.elapsed(), hold.is_some()));
        Ok(hold)
    }

    fn run(&self, job: &Job, hold: &Hold<'_>) {
        let (together, alone) = if job.deaths == 0 {
            (Some(self.alone.read().unwrap_or_else(PoisonError::into_inner)), None)
        } else {
            (None, Some(self.alone.write().unwrap_or_else(PoisonError::into_inner)))
        };
        let since = Instant::now();
        let outcome = if hold.cancel.is_cancelled() {
            Outcome::Stopped
        } else {
            catch_unwind(AssertUnwindSafe(|| self.work.run(job, hold))).unwrap_or_else(|_| {
                Outcome::Again(
                    "the worker failed over it, which is a bug; please report the file".into(),
                )
            })
        };
        drop((together, alone));
        let ended = self.finish(job, hold, &outcome);
        self.held().retain(|(lease, _)| *lease != hold.lease);
        match ended {
            Some(state) => {
                let why = match &outcome {
                    Outcome::Again(error) => Some(error.as_str()),
                    Outcome::Failed(report) => report.report.get("error").and_then(|e| e.as_str()),
                    _ => None,
                };
                self.work.hear(&Event::Ended(job, state, since.elapsed(), why));
            }
            None => self.work.hear(&Event::Lost(job)),
        }
    }

    /// Ends an attempt, as soon as the queue can be reached.
    fn finish(&self, job: &Job, hold: &Hold<'_>, outcome: &Outcome) -> Option<State> {
        let mut away = AWAY.0;
        let mut told = None;
        loop {
            match self.queue.finish(&hold.lease, outcome, &self.worker.policy) {
                Ok(state) => {
                    if state == Some(State::Parked) {
                        self.work.abandon(job);
                    }
                    return state;
                }
                Err(e) => {
                    self.away(Some(&e));
                    let told = told.get_or_insert_with(Instant::now);
                    if self.stop.is_cancelled() && told.elapsed() > PARTING {
                        return None;
                    }
                    std::thread::sleep(away);
                    away = (away * 2).min(AWAY.1);
                }
            }
        }
    }

    /// Keeps the leases, buries the dead, and hands on the wish to stop, as long as anybody works.
    fn keep(&self) {
        let every = (self.worker.policy.lease / 3).max(TICK);
        let (mut renewed, mut reaped) = (Instant::now(), None::<Instant>);
        while self.at_work.load(Ordering::Relaxed) > 0 {
            if self.stop.is_cancelled() {
                self.held().iter().for_each(|(_, cancel)| cancel.cancel());
            }
            if renewed.elapsed() >= every {
                renewed = Instant::now();
                self.renew();
            }
            if !self.stop.is_cancelled() && reaped.is_none_or(|r| r.elapsed() >= REAP) {
                reaped = Some(Instant::now());
                for job in self.queue.reap(&self.worker.policy).unwrap_or_default() {
                    if job.state == State::Parked {
                        self.work.abandon(&job);
                    }
                    self.work.hear(&Event::Reaped(&job));
                }
            }
            std::thread::sleep(TICK);
        }
    }

    fn renew(&self) {
        let held = self.held().clone();
        for (lease, cancel) in held {
            // One that cannot be asked about may still be ours: the queue refuses what it is not.
            if matches!(self.queue.renew(&lease, &self.worker.policy), Ok(false)) {
                cancel.cancel();
            }
        }
    }

    /// Tells once that the queue is away, and once that it is back.
    fn away(&self, why: Option<&QueueError>) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if *away != why.is_some() {
            *away = why.is_some();
            self.work.hear(&why.map_or(Event::Back, Event::Away));
        }
    }

    /// Waits, unless it is to stop.
    fn rest(&self, long: Duration) {
        let since = Instant::now();
        while since.elapsed() < long && !self.stop.is_cancelled() {
            std::thread::sleep(TICK.min(long));
        }
    }
}
