//! What this service can do, and how it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use proofmark::provenance::EARLIER_ALGORITHMS;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::{Service, Shared, json as answer};
use super::SPECIFICATION;

/// The whole of the service, described.
const OPENAPI: &str = include_str!("openapi.json");

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/services/supportedAlgorithms", get(algorithms))
        .route("/services/capabilities", get(capabilities))
        .route("/services/status", get(status))
        .route("/openapi.json", get(openapi))
}

/// Where the service is found.
pub(in super::super) fn well_known() -> Router<Arc<Service>> {
    Router::new().route("/.well-known/c2pa-soft-binding-resolution", get(discovery))
}

async fn algorithms(State(service): Shared) -> Response {
    let o = &service.options;
    let named = |alg: &str| json!({"alg": alg});
    let earlier = EARLIER_ALGORITHMS.iter().filter(|alg| **alg != o.algorithm);
    let marks: Vec<_> =
        std::iter::once(named(&o.algorithm)).chain(earlier.map(|alg| named(alg))).collect();
    let fingerprints = [&o.picture_algorithm, &o.sound_algorithm].map(|alg| named(alg));
    answer(&json!({"watermarks": marks, "fingerprints": fingerprints}))
}

async fn capabilities(State(service): Shared) -> Response {
    let mut all = vec![
        "queryByBinding",
        "queryByContent",
        "fetchManifests",
        "storeManifests",
        "storeBindings",
    ];
    if !service.settings.reference_hosts.is_empty() {
        all.push("queryByReference");
    }
    answer(&json!({"c2paSpecificationVersion": SPECIFICATION, "supportedCapabilities": all}))
}

async fn status(State(service): Shared) -> Response {
    let status = match (service.ready().await, service.admission.left()) {
        (Err(_), _) => "down",
        (Ok(_), 0) => "degraded",
        (Ok(_), _) => "ok",
    };
    let now =
        OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|t| t.format(&Rfc3339).ok());
    answer(&json!({"status": status, "timestamp": now}))
}

async fn discovery() -> Response {
    answer(&json!({
        "apiEndpoint": "/v1",
        "c2paSpecificationVersion": SPECIFICATION,
        "capabilitiesEndpoint": "/v1/services/capabilities",
        "statusEndpoint": "/v1/services/status",
    }))
}

async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_json_of_this_version() {
        let described: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(described["info"]["version"], SPECIFICATION);
    }
}
