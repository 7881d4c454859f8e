//! How others are asked over HTTPS: whom to believe who answers, and what is not to be reached.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::verify::Fetch;

/// How servers are asked that the authorities vouch for which this machine trusts.
#[must_use]
pub fn trusted() -> TlsConfig {
    let native = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<Certificate<'static>> =
        native.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
    TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build()
}

/// One that takes so long at most, follows nobody, uses no proxy, trusts whom this machine trusts,
/// and reaches public addresses alone, or those of this network with `private`.
#[must_use]
pub fn agent(private: bool, time: Duration) -> Agent {
    let config = Agent::config_builder()
        .https_only(true)
        .max_redirects(0)
        .max_redirects_will_error(true)
        .proxy(None)
        .timeout_global(Some(time))
        .tls_config(trusted())
        .build();
    Agent::with_parts(
        config,
        DefaultConnector::default(),
        PublicOnly { inner: DefaultResolver::default(), private },
    )
}

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

/// Fetches manifests at the addresses that files name: over HTTPS, from public addresses.
#[derive(Clone, Copy, Debug)]
pub struct Web {
    /// How long each may take.
    pub time: Duration,
}

impl Fetch for Web {
    fn fetch(&self, address: &str, most: u64) -> Result<Vec<u8>, String> {
        let uri: Uri = address.parse().map_err(|_| "that is no address of the web".to_string())?;
        if uri.scheme_str() != Some("https")
            || uri.authority().is_none_or(|a| a.as_str().contains('@'))
        {
            return Err("it is no https:// address, or has a name in it".into());
        }
        let mut answer = agent(false, self.time).get(uri).call().map_err(|e| e.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()));
        }
        let body = answer.body_mut().with_config().limit(most).read_to_vec();
        body.map_err(|e| e.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should say so at once")]
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
    fn only_https_is_fetched() {
        let web = Web { time: Duration::from_secs(2) };
        for address in ["http://example.com/a", "file:///etc/passwd", "ipfs://a", "x", "https://"] {
            assert!(web.fetch(address, 10).is_err(), "{address}");
        }
        let told = web.fetch("https://localhost/a", 10).unwrap_err();
        assert!(told.contains("host"), "{told}");
    }
}
