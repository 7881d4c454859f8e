//! Other servers that speak the C2PA's Soft Binding Resolution API.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proofmark::tls;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{StatusCode, Uri};
use ureq::typestate::{WithBody, WithoutBody};
use ureq::{Agent, RequestBuilder};

/// How long an answer may take; a clip has to be looked at.
const PATIENCE: Duration = Duration::from_secs(300);
/// Size of an answer that is no manifest.
const ANSWER: u64 = 1 << 20;

/// A server, and how it is asked.
pub(crate) struct Resolver {
    agent: Agent,
    /// Where its API is, without a slash at the end.
    api: String,
    /// Scheme and host, for messages.
    origin: String,
    token: Option<String>,
    /// Size of a manifest.
    most: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    api_endpoint: String,
}

#[derive(Deserialize)]
struct Matches {
    #[serde(default)]
    matches: Vec<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    manifest_id: String,
}

impl Resolver {
    /// Finds the API of the server at `url`. With a list of `allowed` servers, it must be one of
    /// them.
    pub(crate) fn discover(
        url: &str,
        allowed: &[String],
        token: Option<String>,
        most: u64,
    ) -> Result<Self> {
        let url = url.trim_end_matches('/');
        let uri: Uri = url
            .parse()
            .ok()
            .filter(|u: &Uri| u.host().is_some() && u.scheme().is_some())
            .with_context(|| {
                format!("{url}: is no URL; name a server like https://credentials.example.com")
            })?;
        let host = uri.host().unwrap_or_default();
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            bail!(
                "{host}: a name or password in the URL is not sent; put the token into \
                PROOFMARK_TOKEN"
            );
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if ["localhost", "127.0.0.1", "[::1]"].contains(&host) => {}
            _ => bail!("{url}: anyone could read and change what is sent there; use https"),
        }
        if !allowed.is_empty() && !allowed.iter().any(|a| a.trim_end_matches('/') == url) {
            bail!(
                "{url}: is not among the servers that the configuration allows; add it to \
                'servers' in its [lookup] part"
            );
        }
        let origin = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map(|a| a.as_str()).unwrap_or_default()
        );
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .tls_config(tls::trusted())
            .build();
        let mut this = Self { agent: config.into(), api: url.into(), origin, token, most };
        // A server may say where its API is; one that does not is taken to be there itself.
        let (status, told) = this.answer(
            this.agent.get(format!("{}/.well-known/c2pa-soft-binding-resolution", this.origin)),
            ANSWER,
        )?;
        if let (StatusCode::OK, Ok(Discovery { api_endpoint })) =
            (status, serde_json::from_slice(&told))
        {
            let endpoint = api_endpoint.trim_end_matches('/');
            this.api = match endpoint.strip_prefix(&this.origin) {
                Some(path) if path.is_empty() || path.starts_with('/') => endpoint.into(),
                _ if endpoint.starts_with('/') && !endpoint.starts_with("//") => {
                    format!("{}{endpoint}", this.origin)
                }
                _ => {
                    bail!("{url}: sends elsewhere, to {endpoint}; name that server if you trust it")
                }
            };
        }
        Ok(this)
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn unreachable(&self, e: &ureq::Error) -> anyhow::Error {
        anyhow::anyhow!(
            "{}: cannot be asked: {e}; check the name, and that the server runs",
            self.origin
        )
    }

    fn answer(
        &self,
        request: RequestBuilder<WithoutBody>,
        most: u64,
    ) -> Result<(StatusCode, Vec<u8>)> {
        let mut answer = self.signed(request).call().map_err(|e| self.unreachable(&e))?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(most)
            .read_to_vec()
            .map_err(|e| self.unreachable(&e))?;
        Ok((answer.status(), body))
    }

    /// An answer that is no refusal.
    fn taken(&self, status: StatusCode, body: Vec<u8>) -> Result<Vec<u8>> {
        #[derive(Deserialize)]
        struct Refused {
            error: String,
        }
        if status.is_success() {
            return Ok(body);
        }
        let why = serde_json::from_slice(&body).map(|r: Refused| {
            r.error.chars().filter(|c| !c.is_control()).take(300).collect::<String>()
        });
        let advice = if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            "; put a token into PROOFMARK_TOKEN"
        } else {
            ""
        };
        bail!(
            "{}: answers {status}{}{advice}",
            self.origin,
            why.map(|w| format!(", {w}")).unwrap_or_default()
        )
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).with_context(|| {
            format!("{}: its answer is not one of the resolution API", self.origin)
        })
    }

    fn ids(&self, body: &[u8]) -> Result<Vec<String>> {
        Ok(self.parse::<Matches>(body)?.matches.into_iter().map(|m| m.manifest_id).collect())
    }

    /// The ids of the manifests of a soft binding.
    pub(crate) fn by_binding(&self, alg: &str, value: &[u8]) -> Result<Vec<String>> {
        let (status, body) = self.answer(
            self.agent
                .get(format!("{}/matches/byBinding", self.api))
                .query("alg", alg)
                .query("value", BASE64.encode(value)),
            ANSWER,
        )?;
        self.ids(&self.taken(status, body)?)
    }

    /// The ids of the manifests of a file, which is sent there.
    pub(crate) fn by_content(&self, file: &Path) -> Result<Vec<String>> {
        let content =
            File::open(file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let request: RequestBuilder<WithBody> = self
            .agent
            .post(format!("{}/matches/byContent", self.api))
            .header("content-type", "application/octet-stream");
        let mut answer = self.signed(request).send(content).map_err(|e| self.unreachable(&e))?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(ANSWER)
            .read_to_vec()
            .map_err(|e| self.unreachable(&e))?;
        self.ids(&self.taken(answer.status(), body)?)
    }

    /// A manifest store by its id; `None` if there is none.
    pub(crate) fn manifest(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let (status, body) = self
            .answer(self.agent.get(format!("{}/manifests/{}", self.api, encoded(id))), self.most)?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.taken(status, body).map(Some),
        }
    }
}

/// A part of a path, whatever is in it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~:".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_are_allowed_are_asked() {
        let allowed = ["https://a.example.com".to_string()];
        for (url, part) in [
            ("nonsense", "no URL"),
            ("http://a.example.com", "use https"),
            ("ftp://a.example.com", "use https"),
            ("https://me:secret@a.example.com", "PROOFMARK_TOKEN"),
            ("https://b.example.com", "[lookup]"),
            ("https://a.example.com.evil.net", "[lookup]"),
        ] {
            let e = Resolver::discover(url, &allowed, None, 1).err().unwrap();
            assert!(
                e.to_string().contains(part) && !e.to_string().contains("secret"),
                "{url}: {e}"
            );
        }
    }

    #[test]
    fn parts_of_paths() {
        assert_eq!(encoded("urn:c2pa:a/../b?c"), "urn:c2pa:a%2F..%2Fb%3Fc");
    }
}
