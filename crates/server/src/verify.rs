//! `POST /v1/verify`: a file, or a form with one → the verdict, as `proofmark verify --json` has
//! it.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use proofmark::{Language, report};
use serde::Deserialize;

use super::caller::Caller;
use super::form::{self, Kind};
use super::resolution::query;
use super::upload::{Upload, receive};
use super::{Answer, Problem, Scope, Service, Shared, json};

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/verify", post(verify))
}

#[derive(Deserialize)]
struct Asked {
    /// What the file is called in the report.
    name: Option<String>,
}

/// Names a file that has none.
const UPLOAD: &str = "upload";

async fn verify(
    State(service): Shared,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer {
    service.allow(request.headers(), Scope::Fetch)?;
    let asked = query::<Asked>(request.uri())?.name;
    let coming = service.admission.enter(&caller).await?;
    let kind = form::kind(request.headers());
    let (upload, name) = match kind {
        Kind::File | Kind::Fields => {
            let name = asked.unwrap_or_else(|| UPLOAD.into());
            let upload = Upload::place(&service.spool, &name)?;
            let (parts, body) = request.into_parts();
            receive(&parts.headers, body, &upload.path, &service).await?;
            (upload, name)
        }
        Kind::Form => {
            let mut name = String::new();
            let place = |sent: Option<&str>| {
                name = asked.unwrap_or_else(|| sent.unwrap_or(UPLOAD).into());
                Upload::place(&service.spool, &name)
            };
            (form::receive(request, &service, None, place).await?, name)
        }
        Kind::Parts => return Err(form::refuse(request).await),
    };
    let _place = coming.whole()?;
    let verified = service.examine(upload.path.clone(), &name, service.order(), |_| {}).await;
    let verified = verified.map_err(|e| {
        if kind == Kind::Fields && e.is(StatusCode::UNSUPPORTED_MEDIA_TYPE) {
            form::unfit()
        } else {
            e
        }
    })?;
    let report = report::verify(Path::new(&name), &verified, Language::English)
        .map_err(|e| Problem::broken(&e))?;
    Ok(json(&report))
}
