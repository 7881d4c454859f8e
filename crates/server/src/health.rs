//! Whether the server lives, whether it can work, and what it counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::Mutex;

use super::{Answer, Problem, Service, Shared, json as answer};

/// How long it counts that the registry answered.
const FRESH: Duration = Duration::from_secs(2);

/// When the registry answered last. Whoever asks while somebody does waits for the same answer.
#[derive(Default)]
pub(super) struct Health(Mutex<Option<Instant>>);

const ROUTES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

pub(super) fn routes() -> Router<Arc<Service>> {
    let [live, able, counts] = ROUTES;
    Router::new().route(live, get(alive)).route(able, get(ready)).route(counts, get(metrics))
}

/// Whether a path is one of these.
pub(super) fn is_about(path: &str) -> bool {
    ROUTES.contains(&path)
}

impl Service {
    /// Whether files can be taken and the registry answers, asked every now and then.
    pub(super) async fn ready(self: &Arc<Self>) -> Result<(), Problem> {
        let mut answered = self.health.0.lock().await;
        if answered.is_none_or(|at| at.elapsed() > FRESH) {
            *answered = None;
            self.disk.room(0)?;
            self.ask(|r| r.by_id("")).await?;
            *answered = Some(Instant::now());
        }
        Ok(())
    }
}

async fn alive() -> Response {
    answer(&json!({"status": "ok"}))
}

async fn ready(State(service): Shared) -> Answer {
    service.ready().await?;
    Ok(answer(&json!({"status": "ok"})))
}

async fn metrics(State(service): Shared) -> Response {
    let text = service.metrics.text(service.examiner.busy(), service.admission.left());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response()
}
