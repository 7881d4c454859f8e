//! A file → what `verify` says of it, on a thread of its own, so many at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use proofmark::media::{Cancel, Limits, MediaError};
use proofmark::sandbox::SandboxError;
use proofmark::verify::VerifyOptions;
use proofmark::{Control, KeyRing, Stage, Verified, Verifier, VerifyError};
use tokio::sync::Semaphore;

use super::{Problem, Service};

/// What looks at files.
pub(super) struct Examiner {
    ring: Option<KeyRing>,
    jobs: usize,
    free: Arc<Semaphore>,
    /// Places for files that last long, fewer than all: what lasts long waits for its like, and
    /// what does not waits for none of them.
    slow: Arc<Semaphore>,
    /// Files that are opened at a time to see how long they last.
    opening: Semaphore,
    line: Arc<Mutex<Line>>,
    stopped: Cancel,
}

/// Seconds from which on a file lasts long.
const LONG: u64 = 120;

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
        Self {
            ring,
            jobs,
            free: Arc::new(Semaphore::new(jobs)),
            slow: Arc::new(Semaphore::new((jobs - 1).max(1))),
            opening: Semaphore::new(jobs),
            line: Arc::default(),
            stopped: Cancel::default(),
        }
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
        Order {
            options: self.options.clone(),
            cancel: Cancel::default(),
            turn: self.examiner.queue(),
        }
    }

    /// Whether a file lasts long. What cannot be opened does not.
    async fn is_long(&self, path: &Path, options: &VerifyOptions) -> Result<bool, Problem> {
        let _opening = self.examiner.opening.acquire().await.map_err(|e| Problem::broken(&e))?;
        let (path, inspector, limits) =
            (path.to_path_buf(), options.inspector.clone(), options.limits);
        let opened = tokio::task::spawn_blocking(move || {
            let bytes = path.metadata().map_or(0, |m| m.len());
            inspector
                .open(&path, &limits, &Cancel::default())
                .map(|look| Limits::length(look.seconds(), bytes))
        });
        Ok(opened.await.map_err(|e| Problem::broken(&e))?.is_ok_and(|seconds| seconds > LONG))
    }

    /// Waits for a free thread and verifies `path`, called `name` in messages.
    pub(super) async fn examine(
        self: &Arc<Self>,
        path: PathBuf,
        name: &str,
        order: Order,
        mut watch: impl FnMut(Stage) + Send + 'static,
    ) -> Result<Verified, Problem> {
        let Order { options, cancel, turn } = order;
        let slow = if self.is_long(&path, &options).await? {
            Some(
                self.examiner
                    .slow
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(|e| Problem::broken(&e))?,
            )
        } else {
            None
        };
        let free =
            self.examiner.free.clone().acquire_owned().await.map_err(|e| Problem::broken(&e))?;
        drop(turn);
        let service = self.clone();
        let _abandon = Abandon(cancel.clone());
        let file = path.clone();
        let work = tokio::task::spawn_blocking(move || {
            // Held to the end, also when nobody waits any more.
            let _held = (free, slow);
            let told = |stage: Stage| {
                if service.examiner.is_stopped() {
                    cancel.cancel();
                }
                watch(stage);
            };
            Verifier::new()
                .ring(service.examiner.ring.clone())
                .options(options)
                .verify_with(&file, Control::new(&cancel, told))
        });
        let verified =
            work.await.map_err(|e| Problem::broken(&e))?.map_err(|e| refused(e, name))?;
        self.metrics.judged(verified.judgement.verdict.name());
        Ok(verified)
    }
}

/// Why a file could not be verified, without the name that it has here.
fn refused(e: VerifyError, name: &str) -> Problem {
    let code = e.code();
    let e = e.named(Path::new(name));
    let told = e.to_string();
    match e {
        VerifyError::Media(MediaError::Cancelled { .. }) => Problem::busy(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping; send it again",
            5,
        ),
        VerifyError::Media(
            MediaError::Unsupported { .. }
            | MediaError::NotMedia { .. }
            | MediaError::NoVideo { .. },
        ) => Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told).coded(code),
        VerifyError::Media(MediaError::Open { .. }) | VerifyError::Registry(_) => {
            Problem::broken(&e)
        }
        VerifyError::Media(_) | VerifyError::Provenance(_) => Problem::bad(told).coded(code),
        VerifyError::Worker(SandboxError::Start { .. }) => Problem::broken(&e),
        VerifyError::Worker(_) => {
            // Whoever runs the server should know what is sent to it.
            log::error!("{e}");
            Problem::bad(told).coded(code)
        }
        e => Problem::broken(&e),
    }
}
