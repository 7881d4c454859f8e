//! The moderator's page: clips in, verdicts with their reasons out. It works without its script;
//! with it several clips can be dropped, and the player and the timeline move together.
//!
//! | file | what it does |
//! | --- | --- |
//! | `reports` | clips and what was found of them, on disk |
//! | `receive` | takes clips in, and has them looked at |
//! | `show` | shows what was found of them |
//! | `session` | who asks: their language and their token |
//! | `review` | what people decide: cases, search, statements |
//! | `text` | what the page says, in each language |
//! | `view` | the pages themselves |

mod receive;
mod reports;
mod review;
mod session;
mod show;
mod text;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, FromRequest, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use proofmark::registry::Content;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::caller::Caller;
use super::{Problem, Scope, Service, Shared};

pub(super) use receive::resume;
pub(super) use reports::Reports;
pub(super) use session::Sessions;
use session::{Viewer, Visitor};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const ICON: &str = include_str!("icon.svg");

/// Everything comes from here, and nothing is loaded, sent or framed anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors \
    'none'";

/// Between two looks for reports that are too old.
const SWEEP: Duration = Duration::from_secs(600);
/// Bytes of a form without files.
const FIELDS: usize = 64 << 10;

pub(super) fn routes() -> Router<Arc<Service>> {
    let fields = Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/reports/by-address", post(receive::by_address))
        .merge(review::forms());
    Router::new()
        .route("/", get(start))
        .route("/login", get(ask_for_login))
        .route("/reports", post(receive::submit))
        .route("/reports/{report}", get(show::report))
        .route("/reports/{report}/progress", get(show::progress))
        .route("/reports/{report}/cancel", post(show::cancel))
        .route("/reports/{report}/report.json", get(show::download))
        .route("/reports/{report}/media", get(show::media))
        .route("/reports/{report}/stills/{still}", get(show::own_still))
        .route("/reports/{report}/registered/{entry}/stills/{still}", get(show::registered_still))
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

/// Forgets reports when their time has come.
pub(super) async fn sweep(service: Arc<Service>) {
    loop {
        service.reports.sweep();
        tokio::time::sleep(SWEEP).await;
    }
}
