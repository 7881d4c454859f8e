//! Who asks: from which network, by which of our names, and from which site's page.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::uri::Authority;

use super::Settings;
use super::pace::Pulse;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
    pub(crate) pulse: Arc<Pulse>,
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The network that it comes from: an address of version 4, or the 64 bits of one of version 6
    /// that are one customer's.
    pub(super) network: IpAddr,
    /// Whether it came over TLS.
    pub(super) secure: bool,
    /// How it moves what it sends.
    pub(super) pulse: Arc<Pulse>,
}

/// The network of an address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(a) => IpAddr::V6((u128::from(a) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Settings {
    /// Whether an address is that of a proxy of ours, whose word counts.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.forwarded.iter().any(|net| net.contains(&address))
    }

    /// Whether this server goes by a name: one that is listed, or that no page of another site can
    /// point elsewhere.
    pub(super) fn goes_by(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        literal
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|h| h.eq_ignore_ascii_case(name))
    }
}

/// Who sent a request over a connection: what a trusted proxy says of it, the last address in the
/// list that is no such proxy's.
pub(super) fn caller(peer: Peer, headers: &HeaderMap, settings: &Settings) -> Caller {
    let Peer { address: from, tls, pulse } = peer;
    if !settings.is_proxy(from) {
        return Caller { network: network(from), secure: tls, pulse };
    }
    let told: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .collect();
    // Behind what is no address nobody can be believed.
    let known = told.iter().rev().map_while(|a| {
        a.parse::<IpAddr>().or_else(|_| a.parse::<SocketAddr>().map(|a| a.ip())).ok()
    });
    let mut client = from;
    for address in known {
        client = address;
        if !settings.is_proxy(address) {
            break;
        }
    }
    let https = headers
        .get("x-forwarded-proto")
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"https"));
    Caller { network: network(client), secure: tls || https, pulse }
}

/// Whether a page of another site made a browser ask. Over plain HTTP most say no more than where
/// that page is.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let told = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match (told("sec-fetch-site"), told("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|o| o.1) != told("host"),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(hosts: &[&str], forwarded: &[&str]) -> Settings {
        let mut settings = super::super::ServeConfig::default().settings(None, false).unwrap();
        settings.hosts = hosts.iter().map(ToString::to_string).collect();
        settings.forwarded = forwarded.iter().map(|n| n.parse().unwrap()).collect();
        settings
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(n, v)| (axum::http::HeaderName::from_static(n), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn who_asks_from_elsewhere_is_told_by_either_header() {
        let from = |all: &[(&'static str, &str)]| is_from_elsewhere(&headers(all));
        assert!(
            from(&[("sec-fetch-site", "cross-site")]) && from(&[("sec-fetch-site", "same-site")])
        );
        assert!(
            from(&[("origin", "http://evil.example"), ("host", "proof.example")])
                && from(&[("origin", "null"), ("host", "proof.example")])
        );
        assert!(from(&[("origin", "http://proof.example:81"), ("host", "proof.example")]));
        assert!(!from(&[("origin", "http://proof.example:81"), ("host", "proof.example:81")]));
        assert!(!from(&[("sec-fetch-site", "same-origin"), ("origin", "null")]) && !from(&[]));
    }

    #[test]
    fn names_that_others_can_point_here_are_listed_or_refused() {
        let ours = settings(&["proof.example"], &[]);
        for name in [
            "proof.example",
            "PROOF.example:8443",
            "localhost:8473",
            "127.0.0.1:80",
            "[::1]:8473",
            "10.1.2.3",
        ] {
            assert!(ours.goes_by(name), "{name}");
        }
        for name in [
            "evil.example",
            "proof.example.evil.net",
            "localhost.evil.net",
            "",
            "a b",
            "x@evil.net",
        ] {
            assert!(!ours.goes_by(name), "{name}");
        }
    }

    #[test]
    fn a_proxy_of_ours_is_believed_and_no_other() {
        let settings = settings(&[], &["10.0.0.0/8", "::1/128"]);
        let of = |from: &str, told: &[(&'static str, &str)]| {
            caller(
                Peer { address: from.parse().unwrap(), tls: false, pulse: Arc::default() },
                &headers(told),
                &settings,
            )
        };
        let is = |from: &str, told: &[(&'static str, &str)], network: &str| {
            assert_eq!(of(from, told).network, network.parse::<IpAddr>().unwrap(), "{told:?}")
        };
        is("192.0.2.7", &[("x-forwarded-for", "203.0.113.9")], "192.0.2.7");
        is("10.0.0.1", &[("x-forwarded-for", "203.0.113.9")], "203.0.113.9");
        // What the client made up itself stands before what the first proxy saw.
        is("10.0.0.1", &[("x-forwarded-for", "8.8.8.8, 203.0.113.9, 10.2.2.2")], "203.0.113.9");
        is("10.0.0.1", &[("x-forwarded-for", "203.0.113.9:4711")], "203.0.113.9");
        is("::1", &[("x-forwarded-for", "2001:db8:1:2:3::4")], "2001:db8:1:2::");
        is("10.0.0.1", &[("x-forwarded-for", "nonsense, 10.3.3.3")], "10.3.3.3");
        is("10.0.0.1", &[], "10.0.0.1");
        assert!(
            of("10.0.0.1", &[("x-forwarded-proto", "https")]).secure
                && !of("192.0.2.7", &[("x-forwarded-proto", "https")]).secure
        );
    }
}
