//! The moderator's page: a clip in, a verdict with its reasons out. It works without its script; with it a clip can be dropped, and the player and
//! the timeline move together.

mod reports;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::form::{self, Kind};
use super::{Refusal, Service, Shared};
use crate::output;

pub(super) use reports::Reports;
use reports::{About, State as Standing};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("icon.svg");

/// Everything comes from here, and nothing is loaded, sent or framed anywhere else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Between two looks for reports that are too old.
const SWEEP: Duration = Duration::from_secs(600);

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/", get(start))
        .route("/reports", post(submit))
        .route("/reports/{report}", get(report))
        .route("/reports/{report}/progress", get(progress))
        .route("/reports/{report}/report.json", get(download))
        .route("/reports/{report}/media", get(media))
        .route("/assets/page.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .route("/assets/page.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

fn html(status: StatusCode, page: maud::Markup) -> Response {
    (status, [(CONTENT_SECURITY_POLICY, POLICY)], Html(page.into_string())).into_response()
}

/// A refusal as a page.
pub(super) fn told(refusal: Refusal) -> Response {
    let message = refusal.message().to_string();
    let mut response = refusal.into_response();
    let page = html(response.status(), view::refused(&message));
    for (name, value) in page.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    *response.body_mut() = page.into_body();
    // The length was that of another body.
    response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    response
}

async fn start(State(service): Shared) -> Response {
    html(StatusCode::OK, view::start(&service.settings))
}

async fn submit(State(service): Shared, request: Request) -> Response {
    match receive(&service, request).await {
        Ok(id) => Redirect::to(&format!("/reports/{id}")).into_response(),
        Err(refusal) => told(refusal),
    }
}

async fn receive(service: &Arc<Service>, request: Request) -> Result<String, Refusal> {
    if form::kind(request.headers()) != Kind::Form {
        return Err(Refusal::bad("this is not the form of this page; choose a clip there"));
    }
    let place = service.gate.enter()?;
    let draft = |name: Option<&str>| service.reports.draft(name.ok_or_else(|| Refusal::bad("no clip was chosen; choose one first"))?);
    let about = form::receive(request, &service.settings, Some("clip"), draft).await?.keep()?;
    let id = about.id.clone();
    work(service, about, place);
    Ok(id)
}

/// Looks at a kept clip while others come and go.
fn work(service: &Arc<Service>, about: About, place: OwnedSemaphorePermit) {
    let service = service.clone();
    let share = service.reports.begin(&about.id);
    tokio::spawn(async move {
        let _place = place;
        let verified = service.examine(about.path.clone(), &about.name, service.options.clone(), move |p| share.set(p)).await;
        if service.examiner.is_stopped() {
            // It is taken up again when the server starts.
            return;
        }
        let report = verified.and_then(|v| output::json::verify(std::path::Path::new(&about.name), &v, proofmark::Language::English).map_err(|e| Refusal::broken(&e)));
        let written = match &report {
            Ok(report) => service.reports.finish(&about.id, report),
            Err(refusal) => service.reports.refuse(&about.id, refusal.message()),
        };
        if let Err(e) = written {
            output::error(&e);
        }
    });
}

/// Takes up what an earlier server did not finish.
pub(super) async fn resume(service: &Arc<Service>) {
    for about in service.reports.unfinished() {
        match service.gate.enter() {
            Ok(place) => work(service, about, place),
            Err(_) => break,
        }
    }
}

/// Forgets reports when their time has come.
pub(super) async fn sweep(service: Arc<Service>) {
    loop {
        service.reports.sweep();
        tokio::time::sleep(SWEEP).await;
    }
}

fn unknown() -> Refusal {
    Refusal::not_found("there is no such report, or its time is over; verify the clip again")
}

fn find(service: &Service, id: &str) -> Result<(About, Standing), Refusal> {
    service.reports.find(id).ok_or_else(unknown)
}

async fn report(State(service): Shared, Path(id): Path<String>) -> Response {
    match find(&service, &id) {
        Ok((about, Standing::Done(report))) => html(StatusCode::OK, view::report(&about, &report, service.settings.keep)),
        Ok((about, Standing::Refused(message))) => html(StatusCode::OK, view::failed(&about, &message)),
        Ok((about, Standing::Working(share))) => html(StatusCode::OK, view::working(&about, share)),
        Err(refusal) => told(refusal),
    }
}

async fn progress(State(service): Shared, Path(id): Path<String>) -> Result<Response, Refusal> {
    let (_, standing) = find(&service, &id)?;
    let (done, share) = if let Standing::Working(share) = standing { (false, share) } else { (true, Some(1.0)) };
    Ok(super::json(&json!({"done": done, "share": share})))
}

async fn download(State(service): Shared, Path(id): Path<String>) -> Result<Response, Refusal> {
    let (about, Standing::Done(report)) = find(&service, &id)? else { return Err(Refusal::not_found("the report is not done; try again later")) };
    let name: String = PathBuf::from(&about.name).file_stem().unwrap_or_default().to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let disposition = format!("attachment; filename=\"{name}.proofmark.json\"");
    let text = serde_json::to_string_pretty(&report).map_err(|e| Refusal::broken(&e))?;
    Ok(([(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, disposition.as_str())], text).into_response())
}

/// The clip itself, in any part that the player asks for. Whatever it is, it is shown as media and never as a page.
async fn media(State(service): Shared, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let (about, _) = find(&service, &id)?;
    let kind = view::media_type(&about.path).parse().map_err(|e| Refusal::broken(&e))?;
    let mut request = Request::new(axum::body::Body::empty());
    *request.headers_mut() = headers;
    let answer = ServeFile::new_with_mime(&about.path, &kind).oneshot(request).await;
    let mut response = answer.map_err(|e| Refusal::broken(&e))?.into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, axum::http::HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}
