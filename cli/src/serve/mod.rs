//! `proofmark serve`: the C2PA's Soft Binding Resolution API, verification, and the moderator's
//! page, over HTTP.
//!
//! | file | what it does |
//! | --- | --- |
//! | `settings` | what can be set, with its defaults |
//! | `server` | connections: how many, over what, and how they end |
//! | `pace`, `places` | who moves nothing, and makes room for others |
//! | `caller` | from which network somebody asks, by which of our names, from which site's page |
//! | `refusal` | what a request is told that is not answered |
//! | `auth` | who may read and who may store |
//! | `gate` | how often one network may ask, and how much work may wait |
//! | `disk` | how much of it uploads and reports may take |
//! | `upload`, `form` | a body, or a form → a file, bounded |
//! | `reference` | a URL → a file, from named hosts alone |
//! | `examine` | a file → what `verify` says of it |
//! | `resolution`, `verify`, `health`, `page` | the routes |
//! | `metrics` | what Prometheus reads |
//!
//! Registry and detector block, so both run on threads for that.

mod admission;
mod admit;
mod auth;
mod caller;
mod disk;
mod examine;
mod form;
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

pub(crate) use auth::{Token, TokenFile};
pub(crate) use metrics::SECONDS;
pub(crate) use scope::Scope;
pub(crate) use settings::{ServeConfig, Settings};

use admission::Admission;
pub(crate) use caller::Peer;
use disk::Disk;
use examine::Examiner;
use health::Health;
use metrics::Metrics;
use problem::Problem;

/// What all requests share.
pub(crate) struct Service {
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
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) ring: Option<KeyRing>,
    pub(crate) options: VerifyOptions,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) tokens: TokenFile,
    pub(crate) identity: Option<Identity>,
}

type Shared = State<Arc<Service>>;

impl Service {
    /// Prepares `folder`, which belongs to this server alone while it holds its lock.
    pub(crate) fn new(parts: Parts, folder: &std::path::Path) -> Result<Self> {
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
pub(crate) fn routes(service: Arc<Service>) -> Router {
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
pub(crate) fn run(service: Service) -> Result<()> {
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

/// JSON, as every answer of the API is.
fn json(value: &serde_json::Value) -> Response {
    axum::Json(value).into_response()
}
