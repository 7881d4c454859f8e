//! What a worker does with the queue's jobs: the same as the commands would, told to the queue.
//!
//! `args` is what can be said of it; `desk` works on a job; `scratch` is where copies of objects
//! lie meanwhile; `metrics` counts, and `listen` answers Prometheus.

mod args;
mod desk;
mod listen;
mod metrics;
mod scratch;

use std::time::Duration;

use proofmark::queue::Policy;
use serde::Deserialize;

pub(crate) use args::{
    JobsAction, JobsArgs, QueueOption, SubmitArgs, SubmitLookArgs, SubmitStampArgs, SubmitTask,
    WorkerArgs,
};
pub(crate) use desk::Desk;
pub(crate) use listen::listen;
pub(crate) use metrics::Metrics;
pub(crate) use scratch::Scratch;

/// The `[queue]` part of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QueueConfig {
    pub(crate) location: Option<String>,
    lease_seconds: Option<u64>,
    deaths: Option<u32>,
    tries: Option<u32>,
}

impl QueueConfig {
    /// How patient a worker is; its command line wins.
    pub(crate) fn policy(&self, args: &WorkerArgs) -> Policy {
        let mut policy = Policy::default();
        policy.lease = args
            .lease
            .or(self.lease_seconds)
            .map_or(policy.lease, |s| Duration::from_secs(s.max(1)));
        policy.deaths = args.deaths.or(self.deaths).unwrap_or(policy.deaths).max(1);
        policy.tries = args.tries.or(self.tries).unwrap_or(policy.tries).max(1);
        policy
    }
}
