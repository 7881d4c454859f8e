//! Connections: how many, how slow, over what, and how they end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt as _;

use super::caller::{Peer, network};
use super::pace::{Paced, PacedBody, Pulse};
use super::places::Places;
use super::{Problem, Settings, health};

/// How long a request's headers may take to come, and a connection may say nothing.
const HEADERS: Duration = Duration::from_secs(20);
/// How long an exchange of keys may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long what is under way may go on after a signal.
const GRACE: Duration = Duration::from_secs(30);
/// Connections beyond all others that are asked about the server's health alone, and those of one
/// network.
const RESERVED: (usize, usize) = (32, 8);
/// Files that are open beside connections.
const FILES: usize = 512;

/// What connections are served with.
#[derive(Clone)]
struct Door {
    http: http1::Builder,
    routes: Router,
    tls: Option<TlsAcceptor>,
}

async fn listen(settings: &Settings) -> Result<TcpListener> {
    TcpListener::bind(settings.listen).await.with_context(|| {
        format!(
            "{}: cannot be listened on; choose another address or port with --listen",
            settings.listen
        )
    })
}

/// Answers until a signal comes, and then no more than is under way.
pub(super) async fn serve(routes: Router, settings: &Settings) -> Result<()> {
    let tls = settings.tls.as_ref().map(|(chain, key)| acceptor(chain, key)).transpose()?;
    let listener = listen(settings).await?;
    let mut stop = signal(SignalKind::terminate()).context("signals cannot be waited for")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = listener.local_addr().context("the address is gone")?;
    log::info!("serving at {scheme}://{address}");
    let most = connections(settings.connections);
    let (ordinary, reserved) =
        (Places::new(most, settings.connections_each), Places::new(RESERVED.0, RESERVED.1));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 << 10);
    let door = Door { http, routes, tls };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
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
        let pulse = Arc::new(Pulse::default());
        let from = from.ip();
        let place = ordinary.enter((!settings.is_proxy(from)).then(|| network(from)), &pulse).ok();
        // Where nobody makes room, whoever asks how the server is still hears it.
        let healthy = place.is_none();
        let Some(place) = place.or_else(|| reserved.enter(Some(network(from)), &pulse).ok()) else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (door, watcher) = (door.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            // A connection that breaks, or is too slow for others, is its client's affair.
            tokio::select! {
                () = door.greet(stream, Peer { address: from, tls: door.tls.is_some(), pulse: pulse.clone() }, healthy, watcher) => {}
                () = pulse.evicted() => {}
            }
        });
    }
    drop(listener);
    log::info!("stopping: what is under way is finished, nothing new is taken");
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        log::warn!("what took longer than {} seconds was broken off", GRACE.as_secs());
    }
    Ok(())
}

impl Door {
    async fn greet(&self, stream: TcpStream, peer: Peer, healthy: bool, watcher: Watcher) {
        let paced = Paced::new(stream, peer.pulse.clone());
        match &self.tls {
            None => self.converse(paced, peer, healthy, watcher).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(paced)).await {
                    self.converse(stream, peer, healthy, watcher).await;
                }
            }
        }
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
        healthy: bool,
        watcher: Watcher,
    ) {
        let pulse = &peer.pulse;
        let service = service_fn(|request: hyper::Request<Incoming>| {
            pulse.ours();
            let mut request: Request =
                request.map(|body| Body::new(PacedBody::new(body, pulse.clone())));
            request.extensions_mut().insert(ConnectInfo(peer.clone()));
            let routes = self.routes.clone();
            async move {
                let response = if healthy && !health::is_about(request.uri().path()) {
                    let mut refused = Problem::busy(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "all connections are taken; try again later",
                        5,
                    )
                    .into_response();
                    refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    Ok(refused)
                } else {
                    routes.oneshot(request).await
                };
                pulse.theirs();
                response
            }
        });
        let _ = watcher.watch(self.http.serve_connection(TokioIo::new(stream), service)).await;
    }
}

/// What says who we are, from files in PEM.
fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor> {
    let read = |path: &Path| {
        format!(
            "{}: cannot be read as PEM; give a certificate chain as certificate and its key as \
            certificate_key, both in [serve]",
            path.display()
        )
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| read(chain))?;
    ensure!(!certificates.is_empty(), "{}: there is no certificate in it", chain.display());
    let key_der = PrivateKeyDer::from_pem_file(key).with_context(|| read(key))?;
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key_der);
    let mut config = config.with_context(|| {
        format!("{}: is not the key of the certificate in {}", key.display(), chain.display())
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// How many connections there can be: each needs a file handle, and most systems give out fewer at
/// first than one may have.
fn connections(wanted: usize) -> usize {
    let needed = (wanted + RESERVED.0 + FILES) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = maximum.unwrap_or(u64::MAX).min(needed.max(current.unwrap_or(u64::MAX)));
    let have = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => current.unwrap_or(u64::MAX),
    };
    if have >= needed {
        return wanted;
    }
    let most = (have as usize).saturating_sub(RESERVED.0 + FILES).max(have as usize / 4);
    log::warn!(
        "the system gives out {have} file handles, so there are at most {most} connections at once"
    );
    most
}
