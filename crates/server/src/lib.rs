//! The server: the C2PA's Soft Binding Resolution API, verification, and the moderator's page, over
//! HTTP. A [`Service`] is made of [`Parts`], and [`run`] serves it.
//!
//! | module | what it does |
//! | --- | --- |
//! | `settings` | what can be set, with its defaults |
//! | `server` | connections: how many, over what, and how they end |
//! | `pace`, `places` | who moves nothing, and makes room for others |
//! | `caller` | from which network somebody asks, by which of our names, from which site's page |
//! | `admit` | under which names, and from which sites, anybody may ask |
//! | `problem` | what a request is told that is not answered |
//! | `auth`, `scope` | who may read and who may store |
//! | `admission` | how often one network may ask, and how much work may wait |
//! | `disk` | how much of it uploads and reports may take |
//! | `upload`, `form` | a body, or a form → a file, bounded |
//! | `reference` | a URL → a file, from named hosts alone |
//! | `examine` | a file → what `verify` says of it |
//! | `resolution`, `verify`, `health`, `page` | the routes |
//! | `metrics` | what Prometheus reads |
//!
//! Registry and detector block, so both run on threads for that. What whoever runs it should know
//! is told through [`log`]: errors as such, all else as information or a warning.

#![forbid(unsafe_code)]

mod admission;
mod admit;
mod auth;
mod caller;
mod disk;
mod examine;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod metrics;
mod pace;
mod page;
mod places;
mod problem;
mod reference;
mod resolution;
mod scope;
mod server;
mod settings;
mod upload;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use proofmark::provenance::Identity;
use proofmark::registry::RegistryError;
use proofmark::verify::VerifyOptions;
use proofmark::{KeyRing, Registry};

pub use auth::{Token, TokenFile};
pub use scope::Scope;
pub use settings::{ServeConfig, Settings};

use admission::Admission;
use disk::Disk;
use examine::Examiner;
use health::Health;
use metrics::Metrics;
use problem::Problem;

/// What all requests share.
pub struct Service {
    settings: Settings,
    registry: Arc<dyn Registry>,
    tokens: TokenFile,
    options: VerifyOptions,
    admission: Admission,
    examiner: Examiner,
    metrics: Metrics,
    /// Where uploads lie while they are looked at.
    spool: PathBuf,
    disk: Disk,
    health: Health,
    reports: page::Reports,
    sessions: page::Sessions,
    /// Who signs statements, if anybody.
    identity: Option<Identity>,
}

/// What a service is made of.
pub struct Parts {
    /// How it serves.
    pub settings: Settings,
    /// Keys whose marks are looked for, if there are any.
    pub ring: Option<KeyRing>,
    /// How files are verified.
    pub options: VerifyOptions,
    /// Where manifests and bindings are looked up and stored.
    pub registry: Arc<dyn Registry>,
    /// Who may do what.
    pub tokens: TokenFile,
    /// Who signs statements, if anybody.
    pub identity: Option<Identity>,
}

type Shared = State<Arc<Service>>;

impl Service {
    /// Prepares `folder`, which belongs to this server alone: whoever calls this sees to that.
    ///
    /// # Errors
    /// If it cannot be emptied of what an earlier server was receiving, or written.
    pub fn new(parts: Parts, folder: &std::path::Path) -> Result<Self> {
        let Parts { settings, ring, options, registry, tokens, identity } = parts;
        let spool = folder.join("spool");
        // What lies there was being received when an earlier server was stopped the hard way.
        match std::fs::remove_dir_all(&spool) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| {
                    format!("{}: cannot be emptied; check its permissions", spool.display())
                });
            }
            _ => {}
        }
        std::fs::create_dir_all(&spool).with_context(|| {
            format!("{}: cannot be made; check its permissions and the free space", spool.display())
        })?;
        Ok(Self {
            admission: Admission::new(&settings),
            examiner: Examiner::new(settings.jobs, ring),
            metrics: Metrics::default(),
            disk: Disk::new(vec![spool.clone(), folder.join("reports")], settings.store_bytes),
            health: Health::default(),
            reports: page::Reports::open(&folder.join("reports"), settings.keep, settings.reports)?,
            settings,
            registry,
            tokens,
            options,
            spool,
            sessions: page::Sessions::default(),
            identity,
        })
    }

    /// Asks the registry, on a thread that may block.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&dyn Registry) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let service = self.clone();
        tokio::task::spawn_blocking(move || {
            question(service.registry.as_ref()).map_err(Problem::from)
        })
        .await
        .unwrap_or_else(|e| Err(Problem::broken(&e)))
    }
}

/// All routes.
fn routes(service: Arc<Service>) -> Router {
    let counted = middleware::from_fn_with_state(service.clone(), metrics::count);
    let rated = middleware::from_fn_with_state(service.clone(), admission::rate);
    Router::new()
        .nest("/v1", resolution::routes().merge(verify::routes()))
        .merge(resolution::well_known())
        .merge(page::routes())
        .layer(rated)
        .layer(middleware::from_fn_with_state(service.clone(), admit::admit))
        .merge(health::routes())
        .fallback(nothing)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this address does not take that method; /v1/openapi.json lists what it takes",
            )
        })
        .layer(counted)
        .layer(middleware::from_fn(guard))
        // Every body has a limit of its own where it is read.
        .layer(DefaultBodyLimit::disable())
        .with_state(service)
}

/// Where nothing is: as a page for browsers, which ask for one.
async fn nothing(request: Request) -> Response {
    let refusal = Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this address; /v1/openapi.json lists what there is",
    );
    if page::wants(request.headers(), "text/html") {
        page::told_to(request.headers(), refusal)
    } else {
        refusal.into_response()
    }
}

/// What every answer says to browsers and proxies.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Serves until a signal comes, then ends what is under way.
///
/// # Errors
/// If the address cannot be listened on, the certificate is none, or threads cannot be started.
pub fn run(service: Service) -> Result<()> {
    let service = Arc::new(service);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the server's threads cannot be started")?;
    let done = runtime.block_on(async {
        page::resume(&service).await;
        let sweeper = tokio::spawn(page::sweep(service.clone()));
        let done = server::serve(routes(service.clone()), &service.settings).await;
        sweeper.abort();
        done
    });
    // What still runs on a blocking thread has been told to stop.
    service.examiner.stop();
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    done
}

/// Any answer as a response or a refusal.
type Answer<T = Response> = Result<T, Problem>;

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// JSON, as every answer of the API is.
fn json(value: &serde_json::Value) -> Response {
    axum::Json(value).into_response()
}
