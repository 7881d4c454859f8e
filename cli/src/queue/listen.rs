//! A worker's door for whoever watches it: `/metrics`, `/healthz` and `/readyz`.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use proofmark::Queue;

use super::Metrics;
use crate::output;

/// How long a request's head may take to come.
const HEAD: Duration = Duration::from_secs(20);
/// How long it is waited where no connection can be taken: most often for file handles.
const PAUSE: Duration = Duration::from_millis(50);

const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers at `address` as long as the process lives.
pub(crate) fn listen(address: SocketAddr, metrics: Arc<Metrics>, queue: Arc<Queue>) -> Result<()> {
    let failed = || {
        format!("{address}: cannot be listened on; choose another address or port with --metrics")
    };
    let listener = TcpListener::bind(address).with_context(failed)?;
    listener.set_nonblocking(true).with_context(failed)?;
    let at = listener.local_addr().with_context(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("no thread can be started for the metrics")?;
    let door = Door { metrics, queue };
    std::thread::Builder::new()
        .name("metrics".into())
        .spawn(move || {
            let Err(e) = runtime.block_on(door.stand_open(listener));
            output::remark(&format!("the metrics are gone: {e}"));
        })
        .context("no thread can be started for the metrics")?;
    output::remark(&format!("metrics at http://{at}/metrics"));
    Ok(())
}

/// Who is asked.
#[derive(Clone)]
struct Door {
    metrics: Arc<Metrics>,
    queue: Arc<Queue>,
}

impl Door {
    /// Takes connections, without end.
    async fn stand_open(self, listener: TcpListener) -> std::io::Result<Infallible> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let door = self.clone();
            let service = service_fn(move |request| {
                let door = door.clone();
                async move { Ok::<_, Infallible>(door.answer(&request).await) }
            });
            // One that breaks is its client's affair.
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let path = request.uri().path();
        if !["/healthz", "/readyz", "/metrics"].contains(&path) {
            return told(StatusCode::NOT_FOUND, None, String::new());
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = told(StatusCode::METHOD_NOT_ALLOWED, None, String::new());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
            return refused;
        }
        let door = self.clone();
        match path {
            "/healthz" => health(true),
            "/readyz" => {
                let asked = tokio::task::spawn_blocking(move || door.queue.unfinished());
                health(asked.await.is_ok_and(|answered| answered.is_ok()))
            }
            _ => {
                let read = move || door.metrics.text(door.queue.overview());
                let text = tokio::task::spawn_blocking(read).await.unwrap_or_default();
                told(StatusCode::OK, Some(METRICS), text)
            }
        }
    }
}

fn health(well: bool) -> Response<String> {
    let (status, word) = if well {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the queue cannot be reached")
    };
    told(status, Some("application/json"), serde_json::json!({ "status": word }).to_string())
}

fn told(status: StatusCode, kind: Option<&'static str>, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}
