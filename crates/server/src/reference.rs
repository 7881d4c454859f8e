//! A URL → a file. Only from hosts that whoever runs the server has named, over TLS, at public
//! addresses, without following anyone elsewhere.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, Uri};
use proofmark::tls;

use super::{Problem, Settings};

/// Refuses URLs that are not to be fetched.
fn allowed(url: &str, hosts: &[String]) -> Result<Uri, Problem> {
    let uri: Uri = url.parse().map_err(|_| {
        Problem::bad("this is no address of a file; give one that begins with https://")
    })?;
    if uri.scheme_str() != Some("https") {
        return Err(Problem::bad("this is no https:// address, and nothing is fetched otherwise"));
    }
    let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    if authority.contains('@') {
        return Err(Problem::bad("the address carries a name or password; leave it out"));
    }
    let host = authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
    if !hosts.iter().any(|h| h.eq_ignore_ascii_case(&host)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "this server fetches nothing from {host}; send the file itself to \
                /v1/matches/byContent"
            ),
        ));
    }
    Ok(uri)
}

/// How long a file may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// So many bytes, as was said before.
    Exactly(u64),
    /// No more than so many.
    AtMost(u64),
}

/// Fetches `url` to a file at `to`.
pub(super) async fn fetch(
    url: String,
    length: Length,
    to: &Path,
    settings: &Settings,
) -> Result<(), Problem> {
    let uri = allowed(&url, &settings.reference_hosts)?;
    let (to, private, time) = (to.to_path_buf(), settings.reference_private, settings.upload_time);
    tokio::task::spawn_blocking(move || download(&uri, length, &to, private, time))
        .await
        .unwrap_or_else(|e| Err(Problem::broken(&e)))
}

fn download(
    uri: &Uri,
    length: Length,
    to: &Path,
    private: bool,
    time: Duration,
) -> Result<(), Problem> {
    let failed = |why: &dyn std::fmt::Display| {
        Problem::new(
            StatusCode::BAD_GATEWAY,
            format!("{} could not be fetched: {why}", uri.host().unwrap_or_default()),
        )
    };
    let until = Instant::now() + time;
    let mut response = tls::agent(private, time).get(uri.clone()).call().map_err(|e| failed(&e))?;
    if response.status() != StatusCode::OK {
        return Err(failed(&format!("it answers {}", response.status())));
    }
    let mut from = response.body_mut().as_reader();
    let mut file = std::fs::File::create_new(to).map_err(|e| Problem::broken(&e))?;
    let (mut buffer, mut read) = (vec![0; 1 << 16], 0);
    loop {
        let n = from.read(&mut buffer).map_err(|e| failed(&e))?;
        read += n as u64;
        match length {
            Length::Exactly(length) if read > length || (n == 0 && read < length) => {
                return Err(failed(&format!(
                    "it is {} than the {length} bytes of assetLength",
                    if n == 0 { "shorter" } else { "longer" }
                )));
            }
            Length::AtMost(limit) if read > limit => {
                return Err(failed(&format!(
                    "it is longer than the {limit} bytes that are taken here"
                )));
            }
            Length::AtMost(_) if n == 0 && read == 0 => return Err(failed(&"it is empty")),
            Length::Exactly(_) | Length::AtMost(_) => {}
        }
        if n == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(failed(&"it comes too slowly"));
        }
        std::io::Write::write_all(&mut file, &buffer[..n]).map_err(|e| Problem::broken(&e))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_over_tls() {
        let hosts = ["cdn.example.com".to_string(), "media.example.com:8443".to_string()];
        for url in [
            "https://cdn.example.com/a.mp4",
            "https://CDN.example.com:443/a",
            "https://media.example.com:8443/",
        ] {
            assert!(allowed(url, &hosts).is_ok(), "{url}");
        }
        for url in [
            "http://cdn.example.com/a.mp4",
            "https://example.com/",
            "https://cdn.example.com.evil.net/",
            "https://cdn.example.com@evil.net/",
            "https://cdn.example.com:22/",
            "file:///etc/passwd",
            "https://media.example.com/",
            "nonsense",
            "",
            "//cdn.example.com/a",
        ] {
            assert!(allowed(url, &hosts).is_err(), "{url}");
        }
    }
}
