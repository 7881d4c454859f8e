//! Receipts of storing: which manifest store is held here under an id, by its SHA-256. They are
//! confirmed by asking, and prove nothing to anyone who does not ask.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proofmark::registry::Content;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::upload::json as body_of;
use super::super::{Answer, Scope, Service, Shared, json as answer};
use super::held;

/// The kind of a receipt, its digest's name, and where this repository answers.
const KIND: &str = "org.c2pa.manifest-receipt";
const DIGEST: &str = "sha256";
const REPOSITORY: &str = "/v1";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/manifests/{manifestId}/receipts", get(receipt).post(verify))
}

/// A receipt, as far as it says what is held.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Receipt {
    #[serde(rename = "@type", default)]
    kind: String,
    repository: Repository,
    anchor: Anchor,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(default)]
    uri: String,
    manifest_id: String,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Anchor {
    #[serde(default)]
    uri: String,
    proof: Proof,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Proof {
    alg: String,
    value: String,
}

impl Receipt {
    /// Of a manifest store under its id.
    pub(super) fn of(id: &str, store: &[u8]) -> Self {
        Self {
            kind: KIND.into(),
            repository: Repository { uri: REPOSITORY.into(), manifest_id: id.into() },
            anchor: Anchor {
                uri: format!("{REPOSITORY}/manifests/{id}"),
                proof: Proof {
                    alg: DIGEST.into(),
                    value: STANDARD.encode(Content::of_bytes(store).as_bytes()),
                },
            },
        }
    }

    /// It, and that it is of what is held.
    fn confirmed(&self) -> Value {
        let mut all = json!(self);
        all["verified"] = true.into();
        all
    }

    /// What is wrong with one that was shown, beside this one; `None` if it says the same.
    fn fault(&self, shown: &Self) -> Option<String> {
        let (own, theirs) = (&self.anchor.proof, &shown.anchor.proof);
        if shown.repository.manifest_id != self.repository.manifest_id {
            Some("the receipt is of another manifest".into())
        } else if theirs.alg != own.alg {
            Some(format!("the receipt's proof is not of the kind that is given here, {DIGEST}"))
        } else if theirs.value != own.value {
            Some("the receipt is of another manifest store than the one that is held".into())
        } else {
            None
        }
    }
}

async fn receipt(State(service): Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let store = held(&service, &id).await?;
    Ok(answer(&Receipt::of(&id, &store).confirmed()))
}

async fn verify(
    State(service): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let own = Receipt::of(&id, &held(&service, &id).await?);
    let shown: Receipt = body_of(&headers, body).await?;
    // What a receipt says of itself is not repeated as if it had been found here.
    Ok(answer(&match own.fault(&shown) {
        Some(fault) => json!({"verified": false, "error": fault}),
        None => own.confirmed(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_of_one_store_under_one_id() {
        let own = Receipt::of("urn:c2pa:1", b"a store");
        assert_eq!(own.fault(&Receipt::of("urn:c2pa:1", b"a store")), None);
        assert!(own.fault(&Receipt::of("urn:c2pa:2", b"a store")).is_some());
        assert!(own.fault(&Receipt::of("urn:c2pa:1", b"another")).is_some());
        let mut other = Receipt::of("urn:c2pa:1", b"a store");
        other.anchor.proof.alg = "none".into();
        assert!(own.fault(&other).is_some());
        // It comes back as it was given, without what need not be there.
        let least = json!({"repository": {"manifestId": "urn:c2pa:1"}, "anchor": {"proof": json!(own)["anchor"]["proof"]}});
        assert_eq!(own.fault(&serde_json::from_value(least).unwrap()), None);
        assert_eq!(own.confirmed()["verified"], true);
    }
}
