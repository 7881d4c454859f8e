//! Connections: how many, how slow, and how they end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::Settings;
use crate::output;

/// How long a request's headers may take to come.
const HEADERS: Duration = Duration::from_secs(20);
/// How long what is under way may go on after a signal.
const GRACE: Duration = Duration::from_secs(30);

/// Answers until a signal comes, and then no more than is under way.
pub(super) async fn serve(routes: Router, settings: &Settings) -> Result<()> {
    let listener = TcpListener::bind(settings.listen).await.with_context(|| format!("{}: cannot be listened on; choose another address or port with --listen", settings.listen))?;
    let mut stop = signal(SignalKind::terminate()).context("signals cannot be waited for")?;
    output::remark(&format!("serving at http://{}", listener.local_addr().context("the address is gone")?));
    let places = Arc::new(Semaphore::new(settings.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 << 10);
    loop {
        // Whoever comes when all places are taken waits to be accepted.
        let accept = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            _ = tokio::signal::ctrl_c() => break,
            _ = stop.recv() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            // Out of file handles, or gone before it was greeted: neither ends the server.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let routes = routes.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(from));
            routes.clone().oneshot(request)
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _place = place;
            // A connection that breaks is its client's affair.
            let _ = connection.await;
        });
    }
    drop(listener);
    output::remark("stopping: what is under way is finished, nothing new is taken");
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        output::remark(&format!("what took longer than {} seconds was broken off", GRACE.as_secs()));
    }
    Ok(())
}
