//! Soft bindings that lead to a stored manifest beside those that it names itself.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use proofmark::Registry;
use proofmark::registry::{Binding, Change, RegistryError};
use serde::Deserialize;

use super::super::upload::json;
use super::super::{Answer, Problem, Scope, Service, Shared};
use super::manifests::anothers;
use super::value;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/bindings", post(add).put(replace))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    binding_value: String,
    manifest_id: String,
    /// The specification has none here; without, the algorithm of our mark is meant.
    alg: Option<String>,
}

async fn add(State(service): Shared, headers: HeaderMap, body: Body) -> Answer {
    change(service, headers, body, |r, id, binding, by| r.bind_by(id, binding, by)).await
}

async fn replace(State(service): Shared, headers: HeaderMap, body: Body) -> Answer {
    change(service, headers, body, |r, id, binding, by| r.rebind_by(id, binding, by)).await
}

type How = fn(&dyn Registry, &str, &Binding, Option<&str>) -> Result<Change, RegistryError>;

async fn change(service: Arc<Service>, headers: HeaderMap, body: Body, how: How) -> Answer {
    let by = service.allow(&headers, Scope::StoreBindings)?;
    let asked: Asked = json(&headers, body).await?;
    let binding = Binding {
        alg: asked.alg.unwrap_or_else(|| service.options.algorithm.clone()),
        value: value(&asked.binding_value)?,
    };
    let id = asked.manifest_id.clone();
    match service.ask(move |r| how(r, &id, &binding, by.as_deref())).await? {
        Change::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Change::Refused => Err(anothers(&asked.manifest_id)),
        Change::Absent => Err(Problem::not_found(format!(
            "{}: this manifest, or the soft binding to be moved to it, is not stored here",
            asked.manifest_id
        ))),
    }
}
