//! A job, what becomes of it, and how patient the queue is with it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Task;

/// What a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// To be claimed, now or when it is due.
    Waiting,
    /// Held by a worker.
    Running,
    /// Ended with an answer.
    Done,
    /// Ended with an error of its file or its options.
    Failed,
    /// Given up without a result: it cost several workers, or its surroundings failed again and
    /// again.
    Parked,
    /// Given up on request.
    Cancelled,
}

impl State {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Parked, Self::Cancelled];

    /// As the database has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Parked => "parked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it stays so unless somebody asks for it again.
    #[must_use]
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| {
            format!(
                "'{text}' is no \
            state of a job; use waiting, running, done, failed, parked or cancelled"
            )
        })
    }
}

/// A job as the queue has it. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The submitter's own name for it.
    pub key: Option<String>,
    /// What to do, as it is kept: see [`Self::task`].
    pub task: Value,
    /// Higher goes first.
    pub priority: i64,
    /// What it is.
    pub state: State,
    /// When it may be claimed.
    pub due: f64,
    /// How often it was claimed.
    pub attempt: i64,
    /// Workers that were lost over it.
    pub deaths: i64,
    /// Failures that were not its own.
    pub tries: i64,
    /// Who has it, or had it last.
    pub worker: Option<String>,
    /// Until when.
    pub lease: Option<f64>,
    /// What its worker is about to put in place.
    #[serde(skip)]
    pub note: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// When it came.
    pub submitted: f64,
    /// When it was claimed last.
    pub started: Option<f64>,
    /// When it ended.
    pub ended: Option<f64>,
}

impl Job {
    /// What to do.
    ///
    /// # Errors
    /// What this program does not understand of it.
    pub fn task(&self) -> Result<Task, String> {
        serde_json::from_value(self.task.clone()).map_err(|e| {
            format!(
                "job {}: this program does not understand its task ({e}); update \
                it, and run 'proofmark jobs retry {}'",
                self.id, self.id
            )
        })
    }
}

/// A job to put in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What to do.
    pub task: Task,
    /// Higher goes first.
    pub priority: i64,
    /// A name of one's own: the same again is the same job.
    pub key: Option<String>,
}

impl Request {
    /// Of ordinary priority, without a key.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self { task, priority: 0, key: None }
    }
}

/// What became of a job that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// Its number.
    pub id: i64,
    /// Whether it is new; not so if its key was there already.
    pub new: bool,
}

/// The right to a job, until it runs out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which job.
    pub id: i64,
    /// Which attempt at it.
    pub attempt: i64,
    /// Whose.
    pub worker: String,
}

/// An answer to a job: what the command would have told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The command's exit code.
    pub exit: u8,
    /// Its `--json`.
    pub report: Value,
    /// What it tells people.
    pub told: String,
}

impl Report {
    /// Of its parts.
    #[must_use]
    pub fn new(exit: u8, report: Value, told: String) -> Self {
        Self { exit, report, told }
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// An answer.
    Done(Report),
    /// An error of the file or the options, which would come again.
    Failed(Report),
    /// An error of the surroundings: try again later.
    Again(String),
    /// The work was stopped, or the lease was lost: nothing is to be written.
    Stopped,
}

/// A result as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ended {
    /// Of which job.
    pub job: i64,
    /// The attempt that gave it.
    pub attempt: i64,
    /// The worker that did.
    pub worker: String,
    /// What was told.
    #[serde(flatten)]
    pub report: Report,
    /// When, in seconds since 1970.
    pub finished: f64,
}

/// How patient the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How long a worker may be silent before it counts as dead. Leases are renewed three times as
    /// often.
    pub lease: Duration,
    /// Deaths after which a job is parked.
    pub deaths: u32,
    /// Failures of the surroundings after which it is parked.
    pub tries: u32,
    /// How long the first new try is put off; each next one twice as long, give or take a quarter.
    pub back_off: Duration,
    /// The longest that one is put off.
    pub longest: Duration,
}

impl Default for Policy {
    /// Half a minute, which a restart of the database fits into; three deaths; eight tries from two
    /// seconds up to five minutes, ten minutes in all.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            deaths: 3,
            tries: 8,
            back_off: Duration::from_secs(2),
            longest: Duration::from_secs(300),
        }
    }
}

/// The queue at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// Jobs of each state, in the order of [`State::ALL`].
    pub states: Vec<(State, u64)>,
    /// Ended with a result in the last minute.
    pub last_minute: u64,
    /// In the last hour.
    pub last_hour: u64,
    /// How long the longest due job has waited, in seconds.
    pub longest_wait: Option<f64>,
    /// Jobs whose lease has run out and whom nobody has taken up: no worker is alive.
    pub stuck: u64,
}
