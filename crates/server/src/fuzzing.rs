//! What fuzzing reaches of this crate; no interface for anything else.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::{HeaderValue, Method, Uri};
use proofmark::VerifyOptions;
use proofmark::media::Limits;
use tower::ServiceExt as _;

use super::caller::Peer;
use super::{Parts, Scope, ServeConfig, Service, TokenFile, routes};

/// The server's routes over a registry of their own.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    routes: Router,
    token: HeaderValue,
}

impl Server {
    /// One whose files lie in `folder`, and where an upload may take so much.
    ///
    /// # Errors
    /// If they cannot be written there.
    pub fn new(folder: &Path, limits: Limits) -> Result<Self> {
        let tokens = TokenFile::of(folder);
        let token = tokens.add("all", Scope::ALL.into())?;
        let location = folder.join("registry.db");
        let registry =
            proofmark::registry::open(location.to_str().context("the folder's name is no text")?)?;
        let mut options = VerifyOptions::default();
        options.registry = Some(registry.clone());
        options.limits = limits;
        let mut settings = ServeConfig::default().settings(None, false)?;
        (settings.rate, settings.upload_bytes) = (0, 1 << 20);
        let service = Service::new(
            Parts { settings, ring: None, options, registry, tokens, identity: None },
            folder,
        )?;
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            routes: routes(Arc::new(service)),
            token: HeaderValue::from_str(&format!("Bearer {token}"))?,
        })
    }

    /// The status that a request is answered with, once its whole answer was sent: its first line
    /// is method and address, then come headers, and after an empty line its body. A token that may
    /// do everything is shown unless another is. `None` where the text is no request.
    #[must_use]
    pub fn ask(&self, text: &[u8]) -> Option<u16> {
        let (head, body) = text
            .windows(2)
            .position(|w| w == b"\n\n")
            .map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
        let mut lines = head.split(|&b| b == b'\n');
        let mut first = lines.next()?.splitn(2, |&b| b == b' ');
        let mut request = Request::new(Body::from(body.to_vec()));
        *request.method_mut() = Method::from_bytes(first.next()?).ok()?;
        *request.uri_mut() =
            Uri::try_from(first.next()?).ok().filter(|uri| uri.path().starts_with('/'))?;
        for line in lines {
            let colon = line.iter().position(|&b| b == b':')?;
            request.headers_mut().append(
                HeaderName::from_bytes(&line[..colon]).ok()?,
                HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?,
            );
        }
        request.headers_mut().entry(AUTHORIZATION).or_insert_with(|| self.token.clone());
        request.extensions_mut().insert(ConnectInfo(Peer {
            address: Ipv4Addr::LOCALHOST.into(),
            tls: false,
            pulse: Arc::default(),
        }));
        self.runtime.block_on(async {
            let response =
                self.routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = response.status().as_u16();
            axum::body::to_bytes(response.into_body(), 64 << 20).await.ok()?;
            Some(status)
        })
    }
}
