//! The queue and its jobs.

use proofmark::queue::{Ended, Job, Overview, State, Submitted};
use serde::Serialize;
use serde_json::{Value, json};

use super::schema;

pub(crate) fn submitted(file: &str, submitted: Submitted) -> Value {
    json!({"schema": schema("submit"), "file": file, "id": submitted.id, "new": submitted.new})
}

/// What an attempt of a worker came to.
#[derive(Serialize)]
pub(crate) struct Attempt<'a> {
    pub(crate) id: i64,
    pub(crate) state: State,
    pub(crate) verb: &'a str,
    pub(crate) file: &'a str,
    pub(crate) seconds: f64,
    pub(crate) error: Option<&'a str>,
}

pub(crate) fn attempt(attempt: &Attempt<'_>) -> Value {
    let mut told = json!(attempt);
    told["schema"] = schema("worker").into();
    told
}

pub(crate) fn queue(location: &str, overview: &Overview, stuck: &[Job], parked: &[Job]) -> Value {
    let states: serde_json::Map<String, Value> =
        overview.states.iter().map(|(state, count)| (state.to_string(), (*count).into())).collect();
    json!({
        "schema": schema("jobs"), "queue": location, "states": states, "ended_last_minute": overview.last_minute, "ended_last_hour": overview.last_hour,
        "longest_wait": overview.longest_wait, "stuck": stuck, "parked": parked,
    })
}

pub(crate) fn jobs(jobs: &[Job]) -> Value {
    json!({"schema": schema("jobs"), "jobs": jobs})
}

pub(crate) fn job(job: &Job, result: Option<&Ended>) -> Value {
    json!({"schema": schema("jobs"), "job": job, "result": result})
}

/// What was done with a job on request.
pub(crate) fn changed(what: &str, id: i64) -> Value {
    json!({"schema": schema("jobs"), what: id})
}
