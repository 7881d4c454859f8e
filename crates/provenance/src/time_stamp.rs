//! When a manifest was signed, told by a time-stamp authority (RFC 3161): beside a key that is in a
//! service, the one thing that this crate asks of another machine, and only of the one that was
//! named.

use std::io::{Error, Read};
use std::time::Duration;

use c2pa::crypto::time_stamp::default_rfc3161_request;
use c2pa::http::http::{Request, Response};
use c2pa::http::{HttpResolverError, SyncHttpResolver};
use c2pa::{BoxedSigner, Context, Signer, SigningAlg};
use ureq::Agent;

/// How long an authority may take to answer: whoever stamps waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A signer whose signatures carry the time.
pub(super) struct Stamping {
    pub(super) signer: BoxedSigner,
    pub(super) url: String,
}

impl Signer for Stamping {
    fn sign(&self, data: &[u8]) -> c2pa::Result<Vec<u8>> {
        self.signer.sign(data)
    }

    fn alg(&self) -> SigningAlg {
        self.signer.alg()
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        self.signer.certs()
    }

    fn reserve_size(&self) -> usize {
        self.signer.reserve_size()
    }

    fn ocsp_val(&self) -> Option<Vec<u8>> {
        self.signer.ocsp_val()
    }

    fn time_authority_url(&self) -> Option<String> {
        Some(self.url.clone())
    }

    fn send_timestamp_request(&self, message: &[u8]) -> Option<c2pa::Result<Vec<u8>>> {
        let asked = self.timestamp_request_body(message).and_then(|body| {
            let context = Context::new().with_resolver(Authority);
            Ok(default_rfc3161_request(&self.url, None, &body, message, &context)?)
        });
        Some(asked.map_err(|e| {
            c2pa::Error::OtherError(
                format!("the time-stamp authority {} did not answer as it should: {e}", self.url)
                    .into(),
            )
        }))
    }
}

/// Takes one request to the authority.
struct Authority;

impl SyncHttpResolver for Authority {
    fn http_resolve(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Box<dyn Read>>, HttpResolverError> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into();
        let answer = agent.run(request).map_err(|e| HttpResolverError::Io(Error::other(e)))?;
        Ok(answer.map(|body| Box::new(body.into_reader()) as Box<dyn Read>))
    }
}
