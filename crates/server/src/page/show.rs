//! What was found of a clip: its report while it is made and when it is done, the clip itself, and
//! small pictures.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::response::{IntoResponse, Redirect, Response};
use proofmark::media::Stills;
use proofmark::registry::Content;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::super::{Problem, Service, Shared};
use super::reports::{About, State as Standing};
use super::session::Viewer;
use super::text::Text;
use super::{Progress, answer, told, view};

fn unknown() -> Problem {
    Problem::not_found("there is no such report, or its time is over; verify the clip again")
}

fn find(service: &Service, id: &str) -> Result<(About, Standing), Problem> {
    service.reports.find(id).ok_or_else(unknown)
}

/// A finished report.
pub(super) fn finished(service: &Service, id: &str, text: Text) -> Result<(About, Value), Problem> {
    match find(service, id)? {
        (about, Standing::Done) => {
            let report = about.report(text).ok_or_else(unknown)?;
            Ok((about, report))
        }
        (_, Standing::Working(_)) => {
            Err(Problem::not_found("the report is not done; try again later"))
        }
        (_, Standing::Refused(message)) => Err(Problem::not_found(format!(
            "there is no report, since the clip could not be verified: {message}"
        ))),
    }
}

/// What was found in a report's clip, as an SHA-256.
pub(super) fn content_of(report: &Value) -> Option<Content> {
    report.pointer("/check/sha256").and_then(Value::as_str)?.parse().ok()
}

pub(super) async fn report(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path(id): Path<String>,
) -> Response {
    let page = async {
        Ok(match find(&service, &id)? {
            (about, Standing::Done) => {
                let report = about.report(visitor.text).ok_or_else(unknown)?;
                let remarks = match content_of(&report).filter(|_| visitor.reviews()) {
                    Some(content) => service.ask(move |r| r.remarks(&content)).await?,
                    None => Vec::new(),
                };
                let finished = view::Finished {
                    about: &about,
                    report: &report,
                    remarks: &remarks,
                    signs: service.identity.is_some(),
                };
                view::report(&visitor, &finished, &service.settings)
            }
            (about, Standing::Refused(message)) => view::failed(&visitor, &about, &message),
            (about, Standing::Working(_)) => {
                view::working(&visitor, &about, &standing(&service, &id, visitor.text)?)
            }
        })
    };
    let page = page.await;
    answer(&visitor, page)
}

fn standing(service: &Service, id: &str, text: Text) -> Result<Progress, Problem> {
    let (about, state) = find(service, id)?;
    let done = |result: Value| Progress {
        done: true,
        share: Some(1.0),
        stage: text.say("working.done"),
        glimpse: None,
        result: Some(result),
    };
    Ok(match state {
        Standing::Working(None) => Progress {
            done: false,
            share: None,
            stage: text.say("working.manifest"),
            glimpse: None,
            result: None,
        },
        Standing::Working(Some(work)) => {
            let seen = work.seen();
            let (stage, share) =
                view::stage(text, service.examiner.before(work.number), seen.stage.as_ref());
            Progress {
                done: false,
                share,
                stage,
                glimpse: seen.glimpse.map(|g| view::glimpse(text, &g)),
                result: None,
            }
        }
        Standing::Refused(message) => {
            done(json!({"word": text.say("failed.title"), "severity": "alert", "summary": message}))
        }
        Standing::Done => {
            let report = about.report(text).ok_or_else(unknown)?;
            let word = view::verdict_word(text, report["verdict"].as_str().unwrap_or_default());
            done(
                json!({"word": word, "severity": report["severity"], "summary": report["summary"]}),
            )
        }
    })
}

pub(super) async fn progress(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(standing(&service, &id, visitor.text)?).into_response())
}

pub(super) async fn cancel(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path(id): Path<String>,
) -> Response {
    match find(&service, &id) {
        // Where it is done already, what was found is shown.
        Ok((about, _)) if !service.reports.cancel(&about.id) => {
            Redirect::to(&format!("/reports/{}", about.id)).into_response()
        }
        Ok(_) => Redirect::to("/").into_response(),
        Err(refusal) => told(&visitor, refusal),
    }
}

/// What a report's file is called, without an ending.
pub(super) fn stem(about: &About) -> String {
    PathBuf::from(&about.name)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

pub(super) async fn download(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (about, report) = finished(&service, &id, visitor.text)?;
    let disposition = format!("attachment; filename=\"{}.proofmark.json\"", stem(&about));
    let text = serde_json::to_string_pretty(&report).map_err(|e| Problem::broken(&e))?;
    Ok(([(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, disposition.as_str())], text)
        .into_response())
}

/// The clip itself, in any part that the player asks for. Whatever it is, it is shown as media and
/// never as a page.
pub(super) async fn media(
    State(service): Shared,
    Viewer(_): Viewer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (about, _) = find(&service, &id)?;
    let kind = view::media_type(&about.path).parse().map_err(|e| Problem::broken(&e))?;
    let mut request = Request::new(axum::body::Body::empty());
    *request.headers_mut() = headers;
    let answer = ServeFile::new_with_mime(&about.path, &kind).oneshot(request).await;
    let mut response = answer.map_err(|e| Problem::broken(&e))?.into_response();
    response.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        axum::http::HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}

/// A small picture of the clip.
pub(super) async fn own_still(
    State(service): Shared,
    Viewer(_): Viewer,
    Path((id, index)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let (about, _) = find(&service, &id)?;
    still(about.stills().as_ref(), index)
}

/// A small picture of a registered clip that a report is about.
pub(super) async fn registered_still(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path((id, entry, index)): Path<(String, usize, usize)>,
) -> Result<Response, Problem> {
    let (_, report) = finished(&service, &id, visitor.text)?;
    let label = report
        .pointer(&format!("/registered/{entry}/id"))
        .and_then(Value::as_str)
        .ok_or_else(no_still)?
        .to_string();
    still_of(&service, label, index).await
}

/// A small picture of a registered clip.
pub(super) async fn still_of(
    service: &Arc<Service>,
    label: String,
    index: usize,
) -> Result<Response, Problem> {
    let entry = service.ask(move |r| r.by_id(&label)).await?;
    still(entry.and_then(|e| e.stills).as_ref(), index)
}

fn no_still() -> Problem {
    Problem::not_found("no such picture is kept")
}

fn still(stills: Option<&Stills>, index: usize) -> Result<Response, Problem> {
    let jpeg = stills.and_then(|s| s.jpeg(index)).ok_or_else(no_still)?;
    Ok(([(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "private, max-age=300")], jpeg.to_vec())
        .into_response())
}
