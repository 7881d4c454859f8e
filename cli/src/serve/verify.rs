//! `POST /v1/verify`: a file → the verdict, as `proofmark verify --json` has it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use serde::Deserialize;

use super::resolution::query;
use super::upload::{Upload, receive};
use super::{Answer, Refusal, Scope, Service, Shared, json};
use crate::output;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/verify", post(verify))
}

#[derive(Deserialize)]
struct Asked {
    /// What the file is called in the report.
    name: Option<String>,
}

async fn verify(State(service): Shared, headers: HeaderMap, uri: Uri, body: Body) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let name = query::<Asked>(&uri)?.name.unwrap_or_else(|| "upload".into());
    let _place = service.gate.enter()?;
    let upload = Upload::place(&service.spool, &name)?;
    receive(&headers, body, &upload.path, &service.settings).await?;
    let verified = service.examine(upload.path.clone(), &name, service.options.clone(), |_| {}).await?;
    let report = output::json::verify(Path::new(&name), &verified).map_err(|e| Refusal::broken(&e))?;
    Ok(json(&report))
}
