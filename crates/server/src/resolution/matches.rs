//! Which manifests belong to a soft binding, a file, or a file at a URL.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Extension, Router};
use proofmark::provenance::names_marks;
use proofmark::{Registered, Verified};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::caller::Caller;
use super::super::upload::{self, Upload, receive};
use super::super::{Answer, Problem, Scope, Service, Shared, json as answer, reference};
use super::{query, value};

/// Length of a value in a query string.
const LONGEST: usize = 8 << 10;
/// Matches at once, however many are asked for.
const MOST: u64 = 100;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/matches/byBinding", get(by_binding_query).post(by_binding_body))
        .route("/matches/byContent", post(by_content))
        .route("/matches/byReference", post(by_reference))
}

/// How many matches are asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    max_results: Option<u64>,
}

impl Wanted {
    fn most(&self) -> Result<usize, Problem> {
        match self.max_results {
            None => Ok(10),
            Some(0) => Err(Problem::bad("maxResults is 0; ask for at least one")),
            Some(n) => Ok(n.min(MOST) as usize),
        }
    }
}

#[derive(Deserialize)]
struct Binding {
    alg: String,
    value: String,
}

async fn by_binding_query(State(service): Shared, headers: HeaderMap, uri: Uri) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let (binding, wanted): (Binding, Wanted) = (query(&uri)?, query(&uri)?);
    if binding.value.len() > LONGEST {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            format!("the value is longer than {LONGEST} characters; send it in the body of a POST"),
        ));
    }
    let found = bound(&service, binding, wanted.most()?).await?;
    Ok(matches(found))
}

async fn by_binding_body(
    State(service): Shared,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let most = query::<Wanted>(&uri)?.most()?;
    let found = bound(&service, upload::json(&headers, body).await?, most).await?;
    Ok(matches(found))
}

/// The manifests of a soft binding.
async fn bound(
    service: &Arc<Service>,
    binding: Binding,
    most: usize,
) -> Result<Vec<Value>, Problem> {
    let bytes = value(&binding.value)?;
    let ids = service.ask(move |r| r.by_binding(Some(&binding.alg), &bytes, most)).await?;
    Ok(ids.into_iter().map(|id| json!({"manifestId": id})).collect())
}

fn matches(found: Vec<Value>) -> axum::response::Response {
    answer(&json!({"matches": found}))
}

/// What is asked of a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hints {
    alg: Option<String>,
    hint_alg: Option<String>,
    hint_value: Option<String>,
    max_results: Option<u64>,
}

impl Hints {
    /// Refuses algorithms that are not ours, and hints by halves.
    fn check(self, service: &Service) -> Result<Sought, Problem> {
        let o = &service.options;
        let by = match self.alg {
            None => By { mark: true, looks: true, sound: true },
            Some(alg) => By {
                mark: names_marks(&alg, &o.algorithm),
                looks: alg == o.picture_algorithm,
                sound: alg == o.sound_algorithm,
            }
            .any()
            .ok_or_else(|| {
                Problem::bad(format!(
                    "'{alg}' is not looked for here, {} is; \
                    /v1/services/supportedAlgorithms lists what is",
                    o.algorithm
                ))
            })?,
        };
        let most = Wanted { max_results: self.max_results }.most()?;
        match (self.hint_alg, self.hint_value) {
            (Some(alg), Some(hint)) => {
                value(&hint)?;
                Ok(Sought { by, most, hint: Some(Binding { alg, value: hint }) })
            }
            (None, None) => Ok(Sought { by, most, hint: None }),
            _ => Err(Problem::bad("hintAlg and hintValue go together; send both")),
        }
    }
}

/// Which of our algorithms are asked.
#[derive(Clone, Copy)]
struct By {
    mark: bool,
    looks: bool,
    sound: bool,
}

impl By {
    fn any(self) -> Option<Self> {
        (self.mark || self.looks || self.sound).then_some(self)
    }
}

/// What is sought in a file.
struct Sought {
    by: By,
    most: usize,
    hint: Option<Binding>,
}

async fn by_content(
    State(service): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
    mut body: Body,
) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let sought = query::<Hints>(&uri)?.check(&service)?;
    let ending = match ending(&headers) {
        Ok(ending) => ending,
        Err(refusal) => {
            upload::linger(&mut body).await;
            return Err(refusal);
        }
    };
    let coming = service.admission.enter(&caller).await?;
    let upload = Upload::place(&service.spool, ending)?;
    receive(&headers, body, &upload.path, &service).await?;
    let _place = coming.whole()?;
    within(&service, &upload, sought).await
}

/// A name for what comes, from its media type; what cannot be looked into is refused before it
/// comes.
fn ending(headers: &HeaderMap) -> Result<&'static str, Problem> {
    let told = headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("application/octet-stream");
    let essence = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "video/webm" | "audio/webm" => Ok("a.webm"),
        "video/x-matroska" | "audio/x-matroska" => Ok("a.mkv"),
        "video/quicktime" => Ok("a.mov"),
        "audio/ogg" | "video/ogg" | "application/ogg" => Ok("a.ogg"),
        "application/octet-stream" | "application/mp4" => Ok("a"),
        t if ["video/", "audio/", "image/"].iter().any(|kind| t.starts_with(kind)) => Ok("a"),
        t => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "{t} is not looked into here; send video, sound or a still image under its media \
                type"
            ),
        )),
    }
}

/// The manifests that belong to a file: those that its marks lead to, those of clips that look or
/// sound like it, and those of the hint if there are none.
async fn within(service: &Arc<Service>, upload: &Upload, sought: Sought) -> Answer {
    let Sought { by, most, hint } = sought;
    let verified = service.examine(upload.path.clone(), "upload", service.order(), |_| {}).await?;
    let mut found = led_to(&verified, by);
    if let Some(hint) = hint.filter(|_| found.is_empty()) {
        found = bound(service, hint, most).await?;
    }
    found.truncate(most);
    Ok(matches(found))
}

fn led_to(verified: &Verified, by: By) -> Vec<Value> {
    let marked: HashSet<_> =
        verified.detected.iter().flat_map(proofmark::Detected::payloads).collect();
    let mut found = Vec::new();
    for r in verified.registered.iter().filter(|r| r.manifest.is_some()) {
        let score = score(r, by);
        // What a mark led to is told as such; where a fingerprint is asked for, it must agree.
        if by.mark && r.payload.is_some_and(|p| marked.contains(&p)) {
            found.push(json!({"manifestId": r.id}));
        } else if !by.mark && score.is_some() {
            found.push(json!({"manifestId": r.id, "similarityScore": score}));
        }
    }
    let alike = verified
        .similar
        .iter()
        .filter(|r| r.manifest.is_some())
        .filter_map(|r| Some(json!({"manifestId": r.id, "similarityScore": score(r, by)?})));
    found.extend(alike);
    found
}

/// How alike a file and a registered clip are, by the fingerprints that are asked and agree.
fn score(r: &Registered, by: By) -> Option<u8> {
    let looks = r.resemblance.filter(|l| by.looks && l.same()).map(|l| l.score());
    let sound = r.sound_resemblance.filter(|s| by.sound && s.same()).map(|s| s.score());
    looks.max(sound)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_url: String,
    asset_length: u64,
    asset_type: Option<String>,
    region: Option<Value>,
}

async fn by_reference(
    State(service): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Answer {
    service.allow(&headers, Scope::Fetch)?;
    let sought = query::<Hints>(&uri)?.check(&service)?;
    let asked: Reference = upload::json(&headers, body).await?;
    if asked.region.as_ref().is_some_and(|r| r.as_array().is_none_or(|a| !a.is_empty())) {
        return Err(Problem::bad("parts of a file are not looked at here; leave 'region' out"));
    }
    if service.settings.reference_hosts.is_empty() {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this server fetches nothing; send the file itself to /v1/matches/byContent",
        ));
    }
    if asked.asset_length > service.settings.upload_bytes {
        return Err(Problem::too_large(service.settings.upload_bytes));
    }
    let coming = service.admission.enter(&caller).await?;
    service.disk.room(asked.asset_length)?;
    let upload = Upload::place(&service.spool, asked.asset_type.as_deref().unwrap_or_default())?;
    reference::fetch(
        asked.reference_url,
        reference::Length::Exactly(asked.asset_length),
        &upload.path,
        &service.settings,
    )
    .await?;
    let _place = coming.whole()?;
    within(&service, &upload, sought).await
}
