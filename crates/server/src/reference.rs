//! A URL → a file. Only from hosts that whoever runs the server has named, over TLS, at public
//! addresses, without following anyone elsewhere.

use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, Uri};
use proofmark::tls;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::{Problem, Settings};

/// Looks names up, and leaves out where nothing public is.
#[derive(Debug)]
struct PublicOnly {
    inner: DefaultResolver,
    private: bool,
}

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found.iter().filter(|a| self.private || is_public(a.ip())) {
            kept.push(*address);
        }
        if kept.is_empty() { Err(Error::HostNotFound) } else { Ok(kept) }
    }
}

/// Whether an address is out on the internet: not this machine, not its network, not one of those
/// with a special meaning.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => {
            let [x, y, ..] = a.octets();
            let shared = x == 100 && (64..128).contains(&y);
            let benchmark = x == 198 && (y == 18 || y == 19);
            let reserved = x == 0 || x >= 240 || (x == 192 && y == 0);
            !(a.is_private()
                || a.is_loopback()
                || a.is_link_local()
                || a.is_multicast()
                || a.is_broadcast()
                || a.is_documentation()
                || shared
                || benchmark
                || reserved)
        }
        // Global unicast alone, and of that neither tunnels, which lead to any version 4 address,
        // nor examples.
        IpAddr::V6(a) => {
            let [x, y, ..] = a.segments();
            x & 0xe000 == 0x2000
                && x != 0x2002
                && !(x == 0x2001 && (y < 0x0200 || y == 0x0db8))
                && a != Ipv6Addr::LOCALHOST
        }
    }
}

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
    let mut response = agent(private, time).get(uri.clone()).call().map_err(|e| failed(&e))?;
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

/// Follows nobody, uses no proxy, and trusts whom this machine trusts.
fn agent(private: bool, time: Duration) -> Agent {
    let config = Agent::config_builder()
        .https_only(true)
        .max_redirects(0)
        .max_redirects_will_error(true)
        .proxy(None)
        .timeout_global(Some(time))
        .tls_config(tls::trusted())
        .build();
    Agent::with_parts(
        config,
        DefaultConnector::default(),
        PublicOnly { inner: DefaultResolver::default(), private },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_is_fetched() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "ff02::1",
        ];
        assert!(inside.iter().all(|a| !is_public(a.parse().unwrap())));
        assert!(
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111"]
                .iter()
                .all(|a| is_public(a.parse().unwrap()))
        );
    }

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
