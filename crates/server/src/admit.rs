//! The door: whoever asks is named, and what others make browsers ask is refused.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::{Peer, caller, is_from_elsewhere};
use super::upload::linger;
use super::{Problem, Settings, Shared, page};

fn refusal(request: &Request, settings: &Settings) -> Option<Problem> {
    let asked = request
        .uri()
        .authority()
        .map(|a| a.as_str())
        .or_else(|| request.headers().get(HOST)?.to_str().ok());
    if let Some(host) = asked.filter(|host| !settings.goes_by(host)) {
        let name: String = host.chars().filter(|c| c.is_ascii_graphic()).take(100).collect();
        return Some(
            Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                format!(
                    "this server does not go by the \
                name '{name}'; whoever runs it can list it under hosts in [serve]"
                ),
            )
            .coded("request.host"),
        );
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // A page elsewhere that makes a browser send something is not its reader.
    (!reads && is_from_elsewhere(request.headers())).then(|| {
        Problem::new(
            StatusCode::FORBIDDEN,
            "this came from a page of another site; use the form here, or send it from a program",
        )
        .coded("request.cross-site")
    })
}

/// Says who asks, and refuses what others make browsers ask. Pages of other sites may read what
/// anybody may.
pub(super) async fn admit(
    State(service): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let settings = &service.settings;
    let caller = caller(peer, request.headers(), settings);
    request.extensions_mut().insert(caller);
    if let Some(refusal) = refusal(&request, settings) {
        let response = if page::wants(request.headers(), "text/html") {
            page::told_to(request.headers(), refusal)
        } else {
            refusal.into_response()
        };
        linger(&mut request.into_body()).await;
        return response;
    }
    let open = *request.method() == Method::GET
        && request.uri().path().starts_with("/v1/")
        && !settings.require_token;
    let shared = open
        && request.headers().contains_key(ORIGIN)
        && !request.headers().contains_key(AUTHORIZATION);
    let mut response = next.run(request).await;
    if shared {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}
