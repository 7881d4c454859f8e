//! Manifest stores: taken in, given out, forgotten; and receipts, which are not issued here.

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
use serde_json::{Value, json};

use super::super::upload::{bytes, json as body_of};
use super::super::{Answer, Problem, Scope, Service, Shared, json as answer, now};
use super::query;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/manifests", post(store))
        .route("/manifests/{manifestId}", get(fetch).delete(forget))
        .route("/manifests/{manifestId}/receipts", get(receipt).post(verify_receipt))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Answered without one: none is issued here, and `capabilities` says so.
    #[serde(rename = "returnReceipt")]
    _return_receipt: Option<bool>,
}

async fn store(State(service): Shared, headers: HeaderMap, uri: Uri, body: Body) -> Answer {
    let by = service.allow(&headers, Scope::StoreManifests)?;
    query::<Asked>(&uri)?;
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
        Put::Added | Put::Replaced | Put::Unchanged => Ok(answer(&json!({"manifestId": id}))),
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

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("{id}: no manifest of this id is stored here"))
}

async fn fetch(State(service): Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let asked = id.clone();
    let store = service
        .ask(move |r| r.by_id(&asked))
        .await?
        .and_then(|entry| entry.manifest)
        .ok_or_else(|| unknown(&id))?;
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

/// Refuses where there is no such manifest.
async fn known(service: &Arc<Service>, id: &str) -> Result<(), Problem> {
    let asked = id.to_string();
    let there =
        service.ask(move |r| Ok(r.by_id(&asked)?.is_some_and(|e| e.manifest.is_some()))).await?;
    if there { Ok(()) } else { Err(unknown(id)) }
}

async fn receipt(State(service): Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    known(&service, &id).await?;
    Err(Problem::not_found(format!("{id} has no receipt: this repository issues none")))
}

async fn verify_receipt(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    known(&service, &id).await?;
    let mut shown: serde_json::Map<String, Value> = body_of(&headers, body).await?;
    // What a receipt says of itself is not repeated as if it had been found here.
    shown.clear();
    shown.insert("verified".into(), false.into());
    shown.insert(
        "error".into(),
        "this repository issues no receipts, so this is none of its own".into(),
    );
    Ok(answer(&Value::Object(shown)))
}
