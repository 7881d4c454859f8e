//! Manifest stores: taken in, given out, forgotten.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use proofmark::recovery::{DepositError, deposit};
use proofmark::registry::{Change, Put, RegistryError};
use serde::Deserialize;
use serde_json::json;

use super::super::upload::bytes;
use super::super::{Answer, Problem, Scope, Service, Shared, json as answer, now};
use super::receipts::Receipt;
use super::{held, query, unknown};

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/manifests", post(store))
        .route("/manifests/{manifestId}", get(fetch).delete(forget))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    return_receipt: Option<bool>,
}

async fn store(State(service): Shared, headers: HeaderMap, uri: Uri, body: Body) -> Answer {
    let by = service.allow(&headers, Scope::StoreManifests)?;
    let wanted = query::<Asked>(&uri)?.return_receipt.unwrap_or(false);
    let store = bytes(&headers, body, service.options.limits.manifest_bytes).await?;
    let (asked, now) = (service.clone(), now());
    let read = move || {
        deposit(store, &asked.options.algorithm, now, &asked.options.trust, &asked.options.limits)
    };
    let entry =
        tokio::task::spawn_blocking(read).await.map_err(|e| Problem::broken(&e))?.map_err(|e| {
            match e {
                DepositError::Provenance(e) => Problem::broken(&e),
                e => Problem::bad(e.to_string()),
            }
        })?;
    let id = entry.id.clone();
    let receipt = entry.manifest.as_ref().filter(|_| wanted).map(|m| Receipt::of(&id, m));
    let put = service.ask(move |r| match r.by_id(&entry.id)? {
        // The same store again, with its file or without, is there already.
        Some(held) if held.manifest == entry.manifest => Ok(Put::Unchanged),
        _ => Ok(r
            .put_all_by(std::slice::from_ref(&entry), true, by.as_deref())?
            .pop()
            .unwrap_or(Put::Taken)),
    });
    match put.await? {
        Put::Owned => Err(anothers(&id)),
        Put::Taken => Err(Problem::from(RegistryError::Conflict { id })),
        Put::Added | Put::Replaced | Put::Unchanged => {
            let mut stored = json!({"manifestId": id});
            if let Some(receipt) = receipt {
                stored["receipt"] = json!(receipt);
            }
            Ok(answer(&stored))
        }
    }
}

/// Whoever stored a manifest keeps its place, with it or without.
pub(super) fn anothers(id: &str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        format!(
            "{id}: belongs to whoever stored it, which was \
        not this token; ask whoever runs the server"
        ),
    )
    .coded("registry.owned")
}

async fn fetch(State(service): Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let store = held(&service, &id).await?;
    Ok(([(CONTENT_TYPE, "application/c2pa")], store).into_response())
}

async fn forget(State(service): Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let by = service.allow(&headers, Scope::StoreManifests)?;
    let asked = id.clone();
    match service.ask(move |r| r.delete_by(&asked, by.as_deref())).await? {
        Change::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Change::Absent => Err(unknown(&id)),
        Change::Refused => Err(anothers(&id)),
    }
}
