//! What Prometheus reads.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Shared;

/// Upper ends of the classes of times, in seconds: a look-up to a long clip.
const SECONDS: [f64; 11] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    verdict: String,
}

/// All counts.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Routed, Histogram>,
    verdicts: Family<Judged, Counter>,
    busy: Gauge,
    left: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let (requests, verdicts, busy, left) =
            (Family::default(), Family::default(), Gauge::default(), Gauge::default());
        let seconds: Family<Routed, Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix("proofmark");
        registry.register("http_requests", "Requests that were answered", Family::clone(&requests));
        registry.register("http_request_seconds", "Time to the answer", Family::clone(&seconds));
        registry.register(
            "verdicts",
            "Files that were verified, by verdict",
            Family::clone(&verdicts),
        );
        registry.register("files_examined_now", "Files that are being looked at", busy.clone());
        registry.register(
            "places_left",
            "Places left for files that are received, wait or are looked at",
            left.clone(),
        );
        Self { registry, requests, seconds, verdicts, busy, left }
    }
}

impl Metrics {
    pub(super) fn judged(&self, verdict: &str) {
        self.verdicts.get_or_create(&Judged { verdict: verdict.into() }).inc();
    }

    /// All of it, as OpenMetrics text.
    pub(super) fn text(&self, busy: usize, left: usize) -> String {
        self.busy.set(busy as i64);
        self.left.set(left as i64);
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// Counts a request and its answer.
pub(super) async fn count(State(service): Shared, request: Request, next: Next) -> Response {
    // Routes, and the methods that they have: what clients make up must not fill the memory.
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_string();
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE"]
        .into_iter()
        .find(|m| *m == request.method().as_str());
    let method = known.unwrap_or("other").to_string();
    let start = Instant::now();
    let response = next.run(request).await;
    service
        .metrics
        .seconds
        .get_or_create(&Routed { route: route.clone() })
        .observe(start.elapsed().as_secs_f64());
    service
        .metrics
        .requests
        .get_or_create(&Answered { method, route, status: response.status().as_u16() })
        .inc();
    response
}
