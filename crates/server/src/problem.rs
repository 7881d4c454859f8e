//! What a request is told that is not answered.

use std::fmt::Display;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use proofmark::registry::RegistryError;
use serde_json::json;

/// A status and one line that says what is wrong and what to do.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// What is wrong, for scripts.
    code: &'static str,
    message: String,
    /// Seconds after which the same may be asked again.
    again: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: of_status(status), message: message.into(), again: None }
    }

    /// The same under a code of its own.
    pub(super) fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than the {limit} bytes that are taken here"),
        )
    }

    pub(super) fn busy(status: StatusCode, message: impl Into<String>, again: u64) -> Self {
        Self { again: Some(again.max(1)), ..Self::new(status, message) }
    }

    /// A failure of ours: told in full to whoever runs the server, and that it happened to whoever
    /// asked.
    pub(super) fn broken(reason: &dyn Display) -> Self {
        log::error!("{reason}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed at this; its log says why")
    }

    pub(super) fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

/// The code of a refusal that has none of its own.
fn of_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "token.needed",
        StatusCode::FORBIDDEN => "request.forbidden",
        StatusCode::NOT_FOUND => "request.not-found",
        StatusCode::METHOD_NOT_ALLOWED => "request.method",
        StatusCode::REQUEST_TIMEOUT => "limit.upload-time",
        StatusCode::PAYLOAD_TOO_LARGE => "limit.upload-bytes",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media.unsupported",
        StatusCode::TOO_MANY_REQUESTS => "limit.rate",
        StatusCode::BAD_GATEWAY => "reference.unreachable",
        StatusCode::SERVICE_UNAVAILABLE => "server.busy",
        s if s.is_server_error() => "server.failed",
        _ => "request.invalid",
    }
}

impl From<RegistryError> for Problem {
    fn from(e: RegistryError) -> Self {
        let code = e.code();
        match e {
            RegistryError::Conflict { id } => Self::bad(format!(
                "{id} is stored already, with \
                another content; delete it first if this is to take its place"
            ))
            .coded(code),
            RegistryError::Unfit { .. } => Self::bad(e.to_string()).coded(code),
            e => Self::broken(&e),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, Json(json!({"error": self.message, "code": self.code}))).into_response();
        let headers = response.headers_mut();
        if let Some(again) = self.again {
            headers.insert(RETRY_AFTER, HeaderValue::from(again));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
