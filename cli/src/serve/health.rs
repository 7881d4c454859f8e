//! Whether the server lives, whether it can work, and what it counts.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::{Answer, Service, Shared, json as answer};

pub(super) fn routes() -> Router<std::sync::Arc<Service>> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

async fn alive() -> Response {
    answer(&json!({"status": "ok"}))
}

async fn ready(State(service): Shared) -> Answer {
    let entries = service.ask(|r| r.count()).await?;
    Ok(answer(&json!({"status": "ok", "entries": entries})))
}

async fn metrics(State(service): Shared) -> Response {
    let text = service.metrics.text(service.examiner.busy(), service.gate.left());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
