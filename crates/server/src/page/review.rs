//! What people decide about clips: what they write, how it is found again, and a statement of it
//! for others.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proofmark::media::Stills;
use proofmark::registry::{Act, Content, RegistryError, Remark};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Problem, Service, Shared, now};
use super::session::Reviewer;
use super::show::{content_of, finished, stem, still_of};
use super::{Fields, answer, told, view};

/// Characters of a search that are looked for.
const WORDS: usize = 200;
/// Entries and cases of an answer to a search.
const FOUND: usize = 50;
/// Small pictures of each clip in a statement.
const PICTURES: usize = 4;
/// The statement's schema, and its kind as a signed text.
const STATEMENT: &str = "proofmark.statement/1";
const KIND: &str = "proofmark-statement+json";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/search", get(search))
        .route("/cases/{sha256}", get(case))
        .route("/registered/{id}/stills/{still}", get(registered_still))
        .route("/reports/{report}/statement", get(statement))
}

pub(super) fn forms() -> Router<Arc<Service>> {
    Router::new().route("/cases/{sha256}", post(write))
}

#[derive(Deserialize)]
struct Asked {
    words: Option<String>,
}

async fn search(
    State(service): Shared,
    Reviewer(visitor): Reviewer,
    Query(asked): Query<Asked>,
) -> Response {
    // No title has more.
    let words: String = asked.words.unwrap_or_default().trim().chars().take(WORDS).collect();
    let sought = words.clone();
    let found = service.ask(move |r| {
        let cases = match sought.parse::<Content>() {
            Ok(content) => r.remarks(&content)?.pop().into_iter().collect(),
            Err(_) => r.cases(Some(sought.as_str()).filter(|w| !w.is_empty()), FOUND)?,
        };
        Ok((r.find(&sought, FOUND)?, cases))
    });
    let found = found.await;
    answer(&visitor, found.map(|(entries, cases)| view::search(&visitor, &words, &entries, &cases)))
}

fn content(text: &str) -> Result<Content, Problem> {
    text.parse().map_err(Problem::bad)
}

async fn case(
    State(service): Shared,
    Reviewer(visitor): Reviewer,
    Path(sha256): Path<String>,
) -> Response {
    let page = async {
        let content = content(&sha256)?;
        let (remarks, entries) = service
            .ask(move |r| Ok((r.remarks(&content)?, r.find(&content.to_string(), FOUND)?)))
            .await?;
        Ok(view::case(&visitor, &content, &remarks, &entries))
    };
    let page = page.await;
    answer(&visitor, page)
}

#[derive(Deserialize)]
struct Written {
    act: Act,
    said: String,
    /// The report that it was written beside.
    report: Option<String>,
}

async fn write(
    State(service): Shared,
    Reviewer(visitor): Reviewer,
    Path(sha256): Path<String>,
    Fields(written): Fields<Written>,
) -> Response {
    let kept = async {
        let content = content(&sha256)?;
        let who = visitor.token.as_ref().map(|t| t.name.clone()).unwrap_or_default();
        let remark = Remark { content, at: 0, who, act: written.act, said: written.said };
        service.ask(move |r| Ok(r.remark(&remark))).await?.map_err(|e| match e {
            RegistryError::Unfit { reason, .. } => Problem::bad(reason),
            e => e.into(),
        })?;
        // Nothing but names of our own leads anywhere.
        let report = written.report.and_then(|id| uuid::Uuid::try_parse(&id).ok());
        Ok(report.map_or_else(
            || format!("/cases/{content}"),
            |id| format!("/reports/{}#case", id.simple()),
        ))
    };
    match kept.await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(refusal) => told(&visitor, refusal),
    }
}

async fn registered_still(
    State(service): Shared,
    Reviewer(_): Reviewer,
    Path((id, index)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    still_of(&service, id, index).await
}

/// A few of the pictures, spread over the clip.
fn pictures(stills: &Stills) -> Vec<Value> {
    let times: Vec<f32> = stills.times().collect();
    stills
        .spread(PICTURES)
        .filter_map(|i| {
            Some(json!({"seconds": times[i], "jpeg": STANDARD.encode(stills.jpeg(i)?)}))
        })
        .collect()
}

/// All that is known of a clip, signed by this deployment: for whoever asks for reasons.
async fn statement(
    State(service): Shared,
    Reviewer(visitor): Reviewer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(identity) = service.identity.clone() else {
        return Err(Problem::not_found(
            "this server has no identity to sign with; make one with 'proofmark init', or set \
            [signing] in its configuration",
        ));
    };
    let (about, report) = finished(&service, &id, visitor.text)?;
    let content = content_of(&report);
    let label = report.pointer("/registered/0/id").and_then(Value::as_str).map(str::to_string);
    let (remarks, entry) = service
        .ask(move |r| {
            Ok((
                content.map_or(Ok(Vec::new()), |c| r.remarks(&c))?,
                label.map_or(Ok(None), |l| r.by_id(&l))?,
            ))
        })
        .await?;
    let statement = json!({
        "schema": STATEMENT,
        "made": now(),
        "report": report,
        "case": remarks,
        "pictures": about.stills().as_ref().map(pictures),
        "registered_pictures": entry.and_then(|e| e.stills).as_ref().map(pictures),
        "link": format!("/reports/{}", about.id),
    });
    let signed = identity
        .sign_text(KIND, statement.to_string().as_bytes())
        .map_err(|e| Problem::broken(&e))?;
    let disposition = format!("attachment; filename=\"{}.statement.jws\"", stem(&about));
    Ok(([(CONTENT_TYPE, "application/jose"), (CONTENT_DISPOSITION, disposition.as_str())], signed)
        .into_response())
}
