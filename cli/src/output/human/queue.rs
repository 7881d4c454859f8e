//! The queue, for people.

use std::fmt::Write as _;

use proofmark::queue::{Ended, Job, Overview, State};

use super::{line, shown, table};
use crate::output::{BAD, BOLD, GOOD};

/// The queue at a glance.
pub(crate) fn overview(
    location: &str,
    overview: &Overview,
    stuck: &[Job],
    parked: &[Job],
) -> String {
    let mut out = format!("{BOLD}{location}{BOLD:#}\n");
    for (state, count) in &overview.states {
        let (on, off) = match state {
            State::Parked | State::Failed if *count > 0 => (format!("{BAD}"), format!("{BAD:#}")),
            State::Done if *count > 0 => (format!("{GOOD}"), format!("{GOOD:#}")),
            _ => (String::new(), String::new()),
        };
        line(&mut out, state.name(), &format!("{on}{count}{off}"));
    }
    line(
        &mut out,
        "ended",
        &format!(
            "{} in the last minute, {} in the last hour",
            overview.last_minute, overview.last_hour
        ),
    );
    if let Some(wait) = overview.longest_wait {
        line(&mut out, "waiting", &format!("{} for the longest", span(wait)));
    }
    if !stuck.is_empty() {
        let _ = writeln!(
            out,
            "\n{BOLD}stuck{BOLD:#}: their workers are silent, and no other has taken them up; is \
            any running?"
        );
        out.push_str(&jobs(stuck));
    }
    if !parked.is_empty() {
        let _ = writeln!(
            out,
            "\n{BOLD}parked{BOLD:#}: look into the error, then 'proofmark jobs retry ID'"
        );
        out.push_str(&jobs(parked));
    }
    out
}

/// A line each.
pub(crate) fn jobs(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "no jobs\n".into();
    }
    let mut rows =
        vec![["job", "state", "task", "attempts", "deaths", "file", "error"].map(String::from)];
    for job in jobs {
        let (verb, file) = task(job);
        let error = job
            .error
            .as_deref()
            .map(|e| e.chars().filter(|c| !c.is_control()).take(100).collect())
            .unwrap_or_default();
        // The end of a name tells more than its beginning.
        let file: String = file.chars().skip(file.chars().count().saturating_sub(40)).collect();
        rows.push([
            job.id.to_string(),
            job.state.to_string(),
            verb,
            job.attempt.to_string(),
            job.deaths.to_string(),
            shown(&file),
            error,
        ]);
    }
    table(&rows, 6)
}

/// One job with its result.
pub(crate) fn job(job: &Job, result: Option<&Ended>) -> String {
    let (verb, file) = task(job);
    let mut out = format!("{BOLD}job {}{BOLD:#}: {}\n", job.id, job.state);
    line(&mut out, "task", &format!("{verb} {file}"));
    if let Some(key) = &job.key {
        line(&mut out, "key", &shown(key));
    }
    line(&mut out, "priority", &job.priority.to_string());
    line(
        &mut out,
        "attempts",
        &format!(
            "{}, of which {} cost the worker; {} failed by the surroundings",
            job.attempt, job.deaths, job.tries
        ),
    );
    if let Some(worker) = &job.worker {
        line(&mut out, "worker", &shown(worker));
    }
    if let (Some(started), Some(ended)) = (job.started, job.ended) {
        line(
            &mut out,
            "took",
            &format!(
                "{}, {} after it was submitted",
                span(ended - started),
                span(ended - job.submitted)
            ),
        );
    }
    if let Some(error) = &job.error {
        line(&mut out, "error", &error.chars().filter(|c| !c.is_control()).collect::<String>());
    }
    if let Some(result) = result {
        let _ = write!(out, "\n{}", result.report.told);
    }
    out
}

fn task(job: &Job) -> (String, String) {
    let part = |name: &str| job.task.get(name).and_then(|v| v.as_str()).unwrap_or("?").to_string();
    (part("verb"), part("file"))
}

/// A length of time, in the unit that suits it.
fn span(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}
