//! What a worker counts, and what Prometheus reads.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use proofmark::queue::{Event, Overview, QueueError};

/// Upper ends of the classes of times, in seconds: a claim to a long clip. Those of the server are
/// the same.
const SECONDS: [f64; 11] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verb {
    verb: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    verb: String,
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: String,
}

/// All counts.
pub(crate) struct Metrics {
    registry: Registry,
    /// Attempts of this worker.
    ended: Family<Ended, Counter>,
    seconds: Family<Verb, Histogram>,
    claims: Histogram,
    lost: Counter,
    deaths: Counter,
    /// The whole queue, as it was last asked.
    jobs: Family<InState, Gauge>,
    stuck: Gauge,
    waited: Gauge,
    reachable: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds: Family<Verb, Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let (ended, jobs, claims) = (Family::default(), Family::default(), Histogram::new(SECONDS));
        let (lost, deaths, stuck, waited, reachable) = (
            Counter::default(),
            Counter::default(),
            Gauge::default(),
            Gauge::default(),
            Gauge::default(),
        );
        let mut registry = Registry::with_prefix("proofmark_queue");
        registry.register(
            "attempts",
            "Attempts of this worker, by what the job then was",
            Family::clone(&ended),
        );
        registry.register(
            "attempt_seconds",
            "Time of an attempt, from its claim to its end",
            Family::clone(&seconds),
        );
        registry.register(
            "claim_seconds",
            "Time to claim a job, or to hear that there is none",
            claims.clone(),
        );
        registry.register(
            "leases_lost",
            "Leases that this worker lost: cancelled, or silent for too long",
            lost.clone(),
        );
        registry.register(
            "deaths_found",
            "Jobs that this worker took from others that died",
            deaths.clone(),
        );
        registry.register("jobs", "Jobs in the queue, by state", Family::clone(&jobs));
        registry.register("jobs_stuck", "Running jobs whose lease has run out", stuck.clone());
        registry.register(
            "longest_wait_seconds",
            "How long the longest due job has waited",
            waited.clone(),
        );
        registry.register("reachable", "Whether the database answers", reachable.clone());
        Self { registry, ended, seconds, claims, lost, deaths, jobs, stuck, waited, reachable }
    }
}

impl Metrics {
    pub(crate) fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Claimed(took, _) => self.claims.observe(took.as_secs_f64()),
            Event::Ended(job, state, took, _) => {
                let verb = job.task().map_or("unknown", |t| t.verb()).to_string();
                self.seconds
                    .get_or_create(&Verb { verb: verb.clone() })
                    .observe(took.as_secs_f64());
                self.ended.get_or_create(&Ended { verb, state: state.to_string() }).inc();
            }
            Event::Lost(_) => drop(self.lost.inc()),
            Event::Reaped(_) => drop(self.deaths.inc()),
            _ => {}
        }
    }

    /// All of it, as OpenMetrics text.
    pub(super) fn text(&self, overview: Result<Overview, QueueError>) -> String {
        self.reachable.set(overview.is_ok().into());
        if let Ok(o) = overview {
            for (state, count) in o.states {
                self.jobs.get_or_create(&InState { state: state.to_string() }).set(count as i64);
            }
            self.stuck.set(o.stuck as i64);
            self.waited.set(o.longest_wait.unwrap_or(0.0) as i64);
        }
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
