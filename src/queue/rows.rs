//! Rows of the queue's tables: jobs read from them, and values written to them.

use std::time::Duration;

use super::{Ended, Job, Lease, Report, Task};
use crate::registry::database::{Row, Value};

/// The columns of a job, in the order that [`job`] reads them.
pub(super) const COLUMNS: &str = "id, key, task::text, priority, state, (extract(epoch FROM due) * \
    1000)::bigint, attempt, deaths, tries, worker, (extract(epoch FROM lease) * 1000)::bigint, \
    note, error, (extract(epoch FROM submitted) * 1000)::bigint, (extract(epoch FROM started) * \
    1000)::bigint, (extract(epoch FROM ended) * 1000)::bigint";

/// A job from the columns of [`COLUMNS`].
pub(super) fn job(row: &Row) -> Option<Job> {
    Some(Job {
        id: integer(row, 0)?,
        key: string(row, 1),
        task: serde_json::from_str(&string(row, 2)?).ok()?,
        priority: integer(row, 3)?,
        state: string(row, 4)?.parse().ok()?,
        due: seconds(row, 5)?,
        attempt: integer(row, 6)?,
        deaths: integer(row, 7)?,
        tries: integer(row, 8)?,
        worker: string(row, 9),
        lease: seconds(row, 10),
        note: string(row, 11),
        error: string(row, 12),
        submitted: seconds(row, 13)?,
        started: seconds(row, 14),
        ended: seconds(row, 15),
    })
}

/// The columns of a result, in the order that [`ended`] reads them.
pub(super) const RESULT: &str = "job, attempt, worker, exit, report::text, told, \
    (extract(epoch FROM finished) * 1000)::bigint";

/// A result from the columns of [`RESULT`].
pub(super) fn ended(row: &Row) -> Option<Ended> {
    Some(Ended {
        job: integer(row, 0)?,
        attempt: integer(row, 1)?,
        worker: string(row, 2)?,
        report: Report {
            exit: u8::try_from(integer(row, 3)?).ok()?,
            report: serde_json::from_str(&string(row, 4)?).ok()?,
            told: string(row, 5)?,
        },
        finished: seconds(row, 6)?,
    })
}

pub(super) fn integer(row: &Row, i: usize) -> Option<i64> {
    match row.get(i) {
        Some(Value::Integer(v)) => Some(*v),
        _ => None,
    }
}

pub(super) fn string(row: &Row, i: usize) -> Option<String> {
    match row.get(i) {
        Some(Value::Text(v)) => Some(v.clone()),
        _ => None,
    }
}

/// Seconds since 1970 from thousandths.
pub(super) fn seconds(row: &Row, i: usize) -> Option<f64> {
    integer(row, i).map(|ms| ms as f64 / 1e3)
}

pub(super) fn millis(d: Duration) -> Value {
    Value::Integer(i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// A text that the server takes: it has no NUL.
pub(super) fn text(t: &str) -> Value {
    Value::Text(t.replace('\0', "\u{fffd}"))
}

pub(super) fn token(lease: &Lease) -> [Value; 3] {
    [Value::Integer(lease.id), Value::Integer(lease.attempt), Value::Text(lease.worker.clone())]
}

pub(super) fn json(task: &Task) -> Vec<u8> {
    // Strings, numbers and truths always serialise.
    serde_json::to_vec(task).unwrap_or_default()
}
