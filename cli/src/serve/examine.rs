//! A file → what `verify` says of it, on a thread of its own, so many at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use proofmark::media::{Cancel, MediaError};
use proofmark::verify::{VerifyOptions, verify};
use proofmark::worker::WorkerError;
use proofmark::{KeyRing, Stage, Verified, VerifyError};
use tokio::sync::Semaphore;

use super::{Refusal, Service};
use crate::output;

/// What looks at files.
pub(super) struct Examiner {
    ring: Option<KeyRing>,
    jobs: usize,
    free: Arc<Semaphore>,
    line: Arc<Mutex<Line>>,
    stopped: Cancel,
}

/// Files that wait for a free thread, by their numbers.
#[derive(Default)]
struct Line {
    next: u64,
    waiting: BTreeSet<u64>,
}

/// A place in the line; free again when it is dropped.
pub(super) struct Turn {
    number: u64,
    line: Arc<Mutex<Line>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&self.number);
    }
}

/// How a file is to be examined.
pub(super) struct Order {
    pub(super) options: VerifyOptions,
    pub(super) cancel: Cancel,
    turn: Turn,
}

impl Order {
    /// Its number in the line.
    pub(super) fn number(&self) -> u64 {
        self.turn.number
    }
}

/// Stops the work that nobody waits for any more.
struct Abandon(Cancel);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Examiner {
    pub(super) fn new(jobs: usize, ring: Option<KeyRing>) -> Self {
        Self { ring, jobs, free: Arc::new(Semaphore::new(jobs)), line: Arc::default(), stopped: Cancel::default() }
    }

    /// Stops all work.
    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// Files that are looked at.
    pub(super) fn busy(&self) -> usize {
        self.jobs - self.free.available_permits()
    }

    /// Takes the last place in the line.
    fn queue(&self) -> Turn {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.next += 1;
        let number = line.next;
        line.waiting.insert(number);
        Turn { number, line: self.line.clone() }
    }

    /// How many wait before a number; `None` if that waits no longer.
    pub(super) fn before(&self, number: u64) -> Option<usize> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.waiting.contains(&number).then(|| line.waiting.range(..number).count())
    }
}

impl Service {
    /// Takes the last place in the line, for whoever asks as the settings say.
    pub(super) fn order(&self) -> Order {
        Order { options: self.options.clone(), cancel: Cancel::default(), turn: self.examiner.queue() }
    }

    /// Waits for a free thread and verifies `path`, called `name` in messages.
    pub(super) async fn examine(self: &Arc<Self>, path: PathBuf, name: &str, order: Order, mut watch: impl FnMut(Stage) + Send + 'static) -> Result<Verified, Refusal> {
        let Order { options, cancel, turn } = order;
        let free = self.examiner.free.clone().acquire_owned().await.map_err(|e| Refusal::broken(&e))?;
        drop(turn);
        let service = self.clone();
        let _abandon = Abandon(cancel.clone());
        let file = path.clone();
        let work = tokio::task::spawn_blocking(move || {
            // Held to the end, also when nobody waits any more.
            let _free = free;
            let mut told = |stage: Stage| {
                if service.examiner.is_stopped() {
                    cancel.cancel();
                }
                watch(stage);
            };
            verify(&file, service.examiner.ring.as_ref(), &options, &cancel, &mut told)
        });
        let verified = work.await.map_err(|e| Refusal::broken(&e))?.map_err(|e| refused(e, &path, name))?;
        self.metrics.judged(verified.judgement.verdict.name());
        Ok(verified)
    }
}

/// Why a file could not be verified, without the name that it has here.
fn refused(e: VerifyError, path: &Path, name: &str) -> Refusal {
    let (told, code) = (e.to_string().replace(&path.display().to_string(), name), e.code());
    match e {
        VerifyError::Media(MediaError::Cancelled { .. }) => Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping; send it again", 5),
        VerifyError::Media(MediaError::Unsupported { .. } | MediaError::NotMedia { .. } | MediaError::NoVideo { .. }) => {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told).coded(code)
        }
        VerifyError::Media(MediaError::Open { .. }) | VerifyError::Registry(_) => Refusal::broken(&e),
        VerifyError::Media(_) | VerifyError::Provenance(_) => Refusal::bad(told).coded(code),
        VerifyError::Worker(WorkerError::Start { .. }) => Refusal::broken(&e),
        VerifyError::Worker(_) => {
            // Whoever runs the server should know what is sent to it.
            output::error(&anyhow::anyhow!("{e}"));
            Refusal::bad(told).coded(code)
        }
        e => Refusal::broken(&e),
    }
}
