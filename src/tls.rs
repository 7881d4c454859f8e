//! Whom to believe who answers over HTTPS.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How servers are asked that the authorities vouch for which this machine trusts.
#[must_use]
pub fn trusted() -> TlsConfig {
    let native = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<Certificate<'static>> =
        native.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
    TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build()
}
