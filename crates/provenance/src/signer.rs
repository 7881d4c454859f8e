//! Who signed a manifest, and when.

use c2pa::Manifest;
use serde::{Deserialize, Serialize};

use super::validity;

/// Why a time of signing counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unattested {
    /// No list names who attests it.
    Unlisted,
    /// It stamps a claim of the first version, in a way that is held to no list here.
    OldKind,
    /// It has not come yet.
    Future,
}

impl Unattested {
    /// Its word, as JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::OldKind => "old-kind",
            Self::Future => "future",
        }
    }
}

/// Who signed, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Organisation of the certificate.
    pub organisation: Option<String>,
    /// Common name of the certificate.
    pub common_name: Option<String>,
    /// Time of signing by a time-stamp authority that a list names; `null` if none attested it.
    pub time: Option<String>,
    /// Time of signing that counts for nothing: no list names who attests it, or it has not come
    /// yet.
    #[serde(default)]
    pub unattested_time: Option<String>,
    /// Why it counts for nothing.
    #[serde(default)]
    pub unattested: Option<Unattested>,
    /// Whether the certificate leads to a trusted authority.
    pub trusted: bool,
    /// From when the certificate is valid, in seconds since 1970.
    pub valid_from: Option<i64>,
    /// Until when.
    pub valid_until: Option<i64>,
    /// SHA-256 of the certificate.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether its authority says that it was not revoked, in an answer that came with the
    /// signature (OCSP).
    #[serde(default)]
    pub not_revoked: bool,
}

impl Signer {
    /// The name that people are told.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.common_name.as_deref().or(self.organisation.as_deref())
    }
}

/// Who signed, as the certificate has it.
pub(super) fn signer(m: &Manifest, trusted: bool) -> Option<Signer> {
    let signed = m.signature_info()?;
    let (valid_from, valid_until) = validity::of_chain(signed.cert_chain()).unzip();
    Some(Signer {
        organisation: signed.issuer.clone(),
        common_name: signed.common_name.clone(),
        time: signed.time.clone(),
        unattested_time: None,
        unattested: None,
        trusted,
        valid_from,
        valid_until,
        certificate: validity::leaf(signed.cert_chain()),
        not_revoked: false,
    })
}
