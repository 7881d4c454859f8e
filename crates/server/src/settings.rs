//! What of the server can be set.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use ipnet::IpNet;
use serde::Deserialize;

/// The `[serve]` part of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    listen: Option<SocketAddr>,
    require_token: Option<bool>,
    jobs: Option<usize>,
    queue: Option<usize>,
    rate: Option<u32>,
    connections: Option<usize>,
    connections_each: Option<usize>,
    files_each: Option<usize>,
    store_bytes: Option<u64>,
    hosts: Vec<String>,
    forwarded: Vec<IpNet>,
    certificate: Option<PathBuf>,
    certificate_key: Option<PathBuf>,
    upload_bytes: Option<u64>,
    upload_seconds: Option<u64>,
    keep_hours: Option<u64>,
    reports: Option<usize>,
    reference_hosts: Vec<String>,
    reference_private: Option<bool>,
}

/// All settings, each with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether reading needs a token too; storing always does.
    pub require_token: bool,
    /// Files that are looked at at once.
    pub jobs: usize,
    /// Files that may wait for that.
    pub queue: usize,
    /// Requests a second from one address; 0 for any number.
    pub rate: u32,
    /// Connections at once.
    pub connections: usize,
    /// Those of one network.
    pub connections_each: usize,
    /// Files of one network that are received, and as many that wait or are looked at.
    pub files_each: usize,
    /// Bytes of all uploads and reports.
    pub store_bytes: u64,
    /// Names that this server goes by, beside its addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Where proxies are that say whom they forward.
    pub forwarded: Vec<IpNet>,
    /// A certificate chain and its key, to speak TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Size of an upload.
    pub upload_bytes: u64,
    /// How long an upload may take.
    pub upload_time: Duration,
    /// How long a report can be looked at.
    pub keep: Duration,
    /// Reports that are kept at once.
    pub reports: usize,
    /// Hosts that clips are fetched from by reference; none by default.
    pub reference_hosts: Vec<String>,
    /// Whether those may lie in a private network.
    pub reference_private: bool,
}

impl ServeConfig {
    /// The files that are named.
    pub fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.certificate, &mut self.certificate_key].into_iter().flatten()
    }

    /// Settings, where `listen` and `require_token` of the command line win.
    ///
    /// # Errors
    /// If it names a certificate's key without the certificate.
    pub fn settings(&self, listen: Option<SocketAddr>, require_token: bool) -> Result<Settings> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (jobs, queue) = (self.jobs.unwrap_or(cores).max(1), self.queue.unwrap_or(128));
        let connections = self.connections.unwrap_or(1024).max(1);
        // One file may hold both.
        let tls = match (self.certificate.clone(), self.certificate_key.clone()) {
            (Some(chain), key) => Some((chain.clone(), key.unwrap_or(chain))),
            (None, None) => None,
            (None, Some(key)) => bail!(
                "{}: is a key without its certificate; give that as certificate in [serve]",
                key.display()
            ),
        };
        Ok(Settings {
            listen: listen
                .or(self.listen)
                .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8473))),
            require_token: require_token || self.require_token.unwrap_or(false),
            jobs,
            queue,
            rate: self.rate.unwrap_or(50),
            connections,
            connections_each: self.connections_each.unwrap_or(connections.div_ceil(4)).max(1),
            files_each: self.files_each.unwrap_or((jobs + queue).div_ceil(2)).max(1),
            store_bytes: self.store_bytes.unwrap_or(64 << 30),
            hosts: self.hosts.clone(),
            forwarded: self.forwarded.clone(),
            tls,
            upload_bytes: self.upload_bytes.unwrap_or(1 << 30),
            upload_time: Duration::from_secs(self.upload_seconds.unwrap_or(600)),
            keep: Duration::from_secs(self.keep_hours.unwrap_or(24).saturating_mul(3600)),
            reports: self.reports.unwrap_or(200).max(1),
            reference_hosts: self.reference_hosts.clone(),
            reference_private: self.reference_private.unwrap_or(false),
        })
    }
}
