//! What a request is told that is not answered.

use std::fmt::Display;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use proofmark::registry::RegistryError;
use serde_json::json;

use crate::output;

/// A status and one line that says what is wrong and what to do.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// Seconds after which the same may be asked again.
    again: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), again: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn too_large(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than the {limit} bytes that are taken here"))
    }

    pub(super) fn busy(status: StatusCode, message: impl Into<String>, again: u64) -> Self {
        Self { again: Some(again.max(1)), ..Self::new(status, message) }
    }

    /// A failure of ours: told in full to whoever runs the server, and that it happened to whoever asked.
    pub(super) fn broken(reason: &dyn Display) -> Self {
        output::error(&anyhow::anyhow!("{reason}"));
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed at this; its log says why")
    }

    pub(super) fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl From<RegistryError> for Refusal {
    fn from(e: RegistryError) -> Self {
        match e {
            RegistryError::Conflict { id } => Self::bad(format!("{id} is stored already, with another content; delete it first if this is to take its place")),
            RegistryError::Unfit { .. } => Self::bad(e.to_string()),
            e => Self::broken(&e),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"error": self.message}))).into_response();
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
