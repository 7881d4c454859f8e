//! The moderator's page: clips in, verdicts with their reasons out. It works without its script;
//! with it several clips can be dropped, and the player and the timeline move together.
//!
//! | file | what it does |
//! | --- | --- |
//! | `reports` | clips and what was found of them, on disk |
//! | `session` | who asks: their language and their token |
//! | `review` | what people decide: cases, search, statements |
//! | `text` | what the page says, in each language |
//! | `view` | the pages themselves |

mod reports;
mod review;
mod session;
mod text;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, FromRequest, Path, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use proofmark::media::Stills;
use proofmark::registry::Content;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::caller::Caller;
use super::form::{self, Kind};
use super::places::Place;
use super::{Problem, Scope, Service, Shared, reference};
use crate::output;

pub(super) use reports::Reports;
use reports::{About, State as Standing};
pub(super) use session::Sessions;
use session::{Viewer, Visitor};
use text::Text;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("icon.svg");

/// Everything comes from here, and nothing is loaded, sent or framed anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Between two looks for reports that are too old.
const SWEEP: Duration = Duration::from_secs(600);
/// Bytes of a form without files.
const FIELDS: usize = 64 << 10;

pub(super) fn routes() -> Router<Arc<Service>> {
    let fields = Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/reports/by-address", post(by_address))
        .merge(review::forms());
    Router::new()
        .route("/", get(start))
        .route("/login", get(ask_for_login))
        .route("/reports", post(submit))
        .route("/reports/{report}", get(report))
        .route("/reports/{report}/progress", get(progress))
        .route("/reports/{report}/cancel", post(cancel))
        .route("/reports/{report}/report.json", get(download))
        .route("/reports/{report}/media", get(media))
        .route("/reports/{report}/stills/{still}", get(own_still))
        .route("/reports/{report}/registered/{entry}/stills/{still}", get(registered_still))
        .route("/assets/page.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/icon.svg", get(async || asset("image/svg+xml", ICON)))
        .route("/assets/page.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .merge(review::routes())
        .merge(fields.layer(DefaultBodyLimit::max(FIELDS)))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

fn html(visitor: &Visitor, status: StatusCode, page: maud::Markup) -> Response {
    visitor.remember(
        (status, [(CONTENT_SECURITY_POLICY, POLICY)], Html(page.into_string())).into_response(),
    )
}

/// A page, or why there is none.
fn answer(visitor: &Visitor, page: Result<maud::Markup, Problem>) -> Response {
    match page {
        Ok(page) => html(visitor, StatusCode::OK, page),
        Err(refusal) => told(visitor, refusal),
    }
}

/// A refusal as a page.
fn told(visitor: &Visitor, refusal: Problem) -> Response {
    let message = refusal.message().to_string();
    let mut response = refusal.into_response();
    let page = html(visitor, response.status(), view::refused(visitor, &message));
    for (name, value) in page.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    *response.body_mut() = page.into_body();
    // The length was that of another body.
    response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    response
}

/// The fields of a form of ours. What is none is refused as a page.
struct Fields<T>(T);

impl<T: DeserializeOwned> FromRequest<Arc<Service>> for Fields<T> {
    type Rejection = Response;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Response> {
        let headers = request.headers().clone();
        match Form::from_request(request, service).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(e) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(told_to(&headers, Problem::too_large(FIELDS as u64)))
            }
            Err(_) => Err(told_to(
                &headers,
                Problem::bad("this is not what the form of this page sends; use the form"),
            )),
        }
    }
}

/// A refusal for whoever asked for a page: as one.
pub(super) fn told_to(headers: &HeaderMap, refusal: Problem) -> Response {
    told(&Visitor::unknown(headers), refusal)
}

/// Whether whoever asks wants such a kind of answer.
pub(super) fn wants(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(ACCEPT).and_then(|a| a.to_str().ok()).is_some_and(|a| a.contains(kind))
}

async fn start(State(service): Shared, Viewer(visitor): Viewer) -> Response {
    html(&visitor, StatusCode::OK, view::start(&visitor, &service.settings))
}

async fn ask_for_login(visitor: Visitor) -> Response {
    html(&visitor, StatusCode::OK, view::login(&visitor, false))
}

#[derive(Deserialize)]
struct Shown {
    token: String,
}

async fn login(
    State(service): Shared,
    visitor: Visitor,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Fields(shown): Fields<Shown>,
) -> Response {
    let digest = Content::of_bytes(shown.token.trim().as_bytes());
    match service.tokens.find(&digest) {
        Ok(Some(token)) if token.scopes.contains(&Scope::Fetch) => {
            service.sessions.end(&headers);
            ([(SET_COOKIE, service.sessions.begin(digest, caller.secure))], Redirect::to("/"))
                .into_response()
        }
        Ok(_) => html(&visitor, StatusCode::FORBIDDEN, view::login(&visitor, true)),
        Err(e) => told(&visitor, Problem::broken(&format!("{e:#}"))),
    }
}

async fn logout(State(service): Shared, _: Visitor, headers: HeaderMap) -> Response {
    ([(SET_COOKIE, service.sessions.end(&headers))], Redirect::to("/")).into_response()
}

async fn submit(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let plain = wants(request.headers(), "application/json");
    let received = receive(&service, &caller, request).await;
    begun(&visitor, received, plain)
}

/// Where the report of what was received is made.
fn begun(visitor: &Visitor, received: Result<String, Problem>, plain: bool) -> Response {
    match received {
        Ok(id) if plain => Json(json!({"id": id, "at": format!("/reports/{id}")})).into_response(),
        Ok(id) => Redirect::to(&format!("/reports/{id}")).into_response(),
        Err(refusal) if plain => refusal.into_response(),
        Err(refusal) => told(visitor, refusal),
    }
}

async fn receive(
    service: &Arc<Service>,
    caller: &Caller,
    request: Request,
) -> Result<String, Problem> {
    if form::kind(request.headers()) != Kind::Form {
        return Err(Problem::bad("this is not the form of this page; choose a clip there"));
    }
    let coming = service.admission.enter(caller).await?;
    let draft = |name: Option<&str>| {
        service
            .reports
            .draft(name.ok_or_else(|| Problem::bad("no clip was chosen; choose one first"))?)
    };
    let draft = form::receive(request, service, Some("clip"), draft).await?;
    let place = coming.whole()?;
    let about = draft.keep()?;
    let id = about.id.clone();
    work(service, about, place);
    Ok(id)
}

#[derive(Deserialize)]
struct Address {
    address: String,
}

async fn by_address(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Extension(caller): Extension<Caller>,
    Fields(asked): Fields<Address>,
) -> Response {
    let fetched = async {
        let coming = service.admission.enter(&caller).await?;
        service.disk.room(service.settings.upload_bytes)?;
        let address = asked.address.trim();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let name: String =
            path.rsplit('/').next().unwrap_or_default().chars().take(form::NAME).collect();
        let draft = service.reports.draft(&name)?;
        reference::fetch(
            address.into(),
            reference::Length::AtMost(service.settings.upload_bytes),
            draft.as_ref(),
            &service.settings,
        )
        .await?;
        let place = coming.whole()?;
        let about = draft.keep()?;
        let id = about.id.clone();
        work(&service, about, place);
        Ok(id)
    };
    let fetched = fetched.await;
    begun(&visitor, fetched, false)
}

/// Looks at a kept clip while others come and go.
fn work(service: &Arc<Service>, about: About, place: Place) {
    let mut order = service.order();
    order.options.glimpse = true;
    let work = service.reports.begin(&about.id, order.number(), order.cancel.clone());
    // No more are kept than may be, whenever one comes.
    service.reports.sweep();
    let (id, service) = (about.id.clone(), service.clone());
    let reports = service.clone();
    let task = tokio::spawn(async move {
        let _place = place;
        let verified = service
            .examine(about.path.clone(), &about.name, order, move |stage| work.reach(stage))
            .await;
        if service.examiner.is_stopped() {
            // It is taken up again when the server starts.
            return;
        }
        let written = match verified.and_then(|v| Ok((said(&about, &v)?, v))) {
            Ok((all, v)) => service.reports.finish(
                &about.id,
                &all,
                v.detected.as_ref().and_then(|d| d.stills.as_ref()),
            ),
            Err(refusal) => service.reports.refuse(&about.id, refusal.message()),
        };
        if let Err(e) = written {
            output::error(&e);
        }
    });
    reports.reports.made_by(&id, task.abort_handle());
}

/// A report in every language.
fn said(
    about: &About,
    verified: &proofmark::Verified,
) -> Result<Vec<(proofmark::Language, Value)>, Problem> {
    let one = |(language, _)| {
        Ok((
            language,
            output::json::verify(std::path::Path::new(&about.name), verified, language)
                .map_err(|e| Problem::broken(&e))?,
        ))
    };
    Text::LANGUAGES.into_iter().map(one).collect()
}

/// Takes up what an earlier server did not finish.
pub(super) async fn resume(service: &Arc<Service>) {
    for about in service.reports.unfinished() {
        match service.admission.again() {
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

fn unknown() -> Problem {
    Problem::not_found("there is no such report, or its time is over; verify the clip again")
}

fn find(service: &Service, id: &str) -> Result<(About, Standing), Problem> {
    service.reports.find(id).ok_or_else(unknown)
}

/// A finished report.
fn finished(service: &Service, id: &str, text: Text) -> Result<(About, Value), Problem> {
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
fn content_of(report: &Value) -> Option<Content> {
    report.pointer("/check/sha256").and_then(Value::as_str)?.parse().ok()
}

async fn report(
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
                view::report(
                    &visitor,
                    &about,
                    &report,
                    &remarks,
                    &service.settings,
                    service.identity.is_some(),
                )
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

/// What is told of a report that is being made, or was just finished.
#[derive(serde::Serialize)]
struct Progress {
    done: bool,
    /// Share of the clip that was looked at, 0 to 1, if that is the stage.
    share: Option<f64>,
    /// The stage in words.
    stage: String,
    /// What is known already, in words.
    glimpse: Option<String>,
    /// What came out, for lists.
    result: Option<Value>,
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

async fn progress(
    State(service): Shared,
    Viewer(visitor): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(standing(&service, &id, visitor.text)?).into_response())
}

async fn cancel(
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
fn stem(about: &About) -> String {
    PathBuf::from(&about.name)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

async fn download(
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
async fn media(
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
async fn own_still(
    State(service): Shared,
    Viewer(_): Viewer,
    Path((id, index)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let (about, _) = find(&service, &id)?;
    still(about.stills().as_ref(), index)
}

/// A small picture of a registered clip that a report is about.
async fn registered_still(
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
async fn still_of(
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
