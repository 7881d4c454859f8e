//! The C2PA's Soft Binding Resolution API 2.4.

mod bindings;
mod manifests;
mod matches;
mod receipts;
mod services;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use serde::de::DeserializeOwned;

use super::{Problem, Service};

pub(super) use services::well_known;

/// The version of the specification.
const SPECIFICATION: &str = "2.4.0";

pub(super) fn routes() -> Router<Arc<Service>> {
    matches::routes()
        .merge(manifests::routes())
        .merge(receipts::routes())
        .merge(bindings::routes())
        .merge(services::routes())
}

/// What the query string asks for.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::try_from_uri(uri).map(|Query(q)| q).map_err(|e| {
        Problem::bad(format!("the query string is not as asked for: {}", e.body_text()))
    })
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("{id}: no manifest of this id is stored here"))
}

/// The manifest store of an id.
async fn held(service: &Arc<Service>, id: &str) -> Result<Vec<u8>, Problem> {
    let asked = id.to_string();
    let entry = service.ask(move |r| r.by_id(&asked)).await?;
    entry.and_then(|entry| entry.manifest).ok_or_else(|| unknown(id))
}

/// The bytes of a soft binding's value. Padding may be missing, and both alphabets occur.
fn value(text: &str) -> Result<Vec<u8>, Problem> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    match GeneralPurpose::new(&alphabet, LENIENT).decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Ok(_) => Err(Problem::bad("the value of the soft binding is empty")),
        Err(e) => Err(Problem::bad(format!("the value of the soft binding is no base64: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    #[test]
    fn values_in_any_base64() {
        let bytes = [251, 255, 254, 1];
        for text in [
            STANDARD.encode(bytes),
            URL_SAFE.encode(bytes),
            STANDARD.encode(bytes).trim_end_matches('=').to_string(),
        ] {
            assert_eq!(value(&text).ok().as_deref(), Some(&bytes[..]), "{text}");
        }
        assert!(["", "===", "a", "ä"].iter().all(|t| value(t).is_err()));
    }
}
