//! The queue: work for many machines, in a PostgreSQL database that may be the registry's.
//!
//! A [`Task`] is put in with [`Queue::submit`] and claimed by one worker at a time ([`work`]), who
//! holds it by a *lease* that is renewed. The lease's token is the number of the attempt together
//! with the worker's name: whoever lost it can write nothing any more, so that each job has one
//! result, written in the transaction that ends the job. A lease that runs out is a death of its
//! worker; a job that cost several is *parked*. A failure of the file itself is a result; one of
//! the surroundings is tried again, later each time.
//!
//! What a job puts into the world besides its result, a stamped clip and its entry in the registry,
//! is noted in its row before it appears (`deliver`), so that who comes after a death between the
//! two finds it and does not make it twice.

mod deliver;
mod job;
mod place;
mod postgres;
mod rows;
mod task;
mod work;

use crate::registry::RegistryError;

pub use deliver::{DeliverError, Delivered, Finished, Workplace, deliver, resume};
pub use job::{Ended, Job, Lease, Outcome, Overview, Policy, Report, Request, State, Submitted};
pub use place::{Place, StoreError, Stores};
pub use postgres::Queue;
pub use task::{LookTask, StampTask, Task};
pub use work::{Event, Hold, Work, Worker, work};

/// Why the queue could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// It is no PostgreSQL database.
    #[error(
        "{location}: is no queue; give the URL of a PostgreSQL database, like \
        postgres://user:password@host:5432/database"
    )]
    NoServer {
        /// What was given.
        location: String,
    },
    /// It cannot be opened or reached.
    #[error("{location}: the queue cannot be opened: {reason}")]
    Open {
        /// Which queue, without its password.
        location: String,
        /// Why.
        reason: String,
    },
    /// It was made by a newer version of Proofmark.
    #[error(
        "{location}: the queue is of version {found}, and this program knows those up to {known}; \
        update the program"
    )]
    Newer {
        /// Which queue, without its password.
        location: String,
        /// Its version.
        found: i64,
        /// The latest one known here.
        known: i64,
    },
    /// A statement failed.
    #[error("{location}: the queue failed: {reason}; check the database and the connection to it")]
    Failed {
        /// Which queue, without its password.
        location: String,
        /// Why.
        reason: String,
    },
    /// The key names another task.
    #[error("the key '{key}' names job {id}, which asks for something else; choose another key")]
    Taken {
        /// The key.
        key: String,
        /// Which job has it.
        id: i64,
    },
    /// Something that no job can hold.
    #[error("{what:?} cannot be in a job: {reason}")]
    Unfit {
        /// What it is.
        what: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl From<RegistryError> for QueueError {
    /// Of the database alone, which the queue speaks to as the registry does.
    fn from(e: RegistryError) -> Self {
        match e {
            RegistryError::Open { location, reason } => Self::Open { location, reason },
            RegistryError::Failed { location, reason } => Self::Failed { location, reason },
            other => Self::Failed { location: "postgres".into(), reason: other.to_string() },
        }
    }
}
