//! What an identity is good for, tried by signing with it and reading that as anybody would.

use std::path::Path;
use std::time::Instant;

use proofmark_core::{Container, Limits, Payload};
use serde::Serialize;

use super::identity::{Algorithm, TRIAL, day};
use super::manifest::{Bound, ManifestOptions, Sent, sign_stream};
use super::read::{Trust, read_store};
use super::report::{ManifestReport, ManifestState, UNTRUSTED};
use super::{Identity, ProvenanceError, validity};

/// Days before the end of a certificate from which on that is told.
const SOON: i64 = 30;

/// What a signing identity is good for.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct IdentityReport {
    /// What it signs by.
    pub algorithm: Algorithm,
    /// Whose it is, and who says so: distinguished names.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// What its certificate is for: names where there are any, else object identifiers.
    pub usages: Vec<String>,
    /// SHA-256 of the signing certificate.
    pub certificate: String,
    /// How many certificates the chain has.
    pub chain: usize,
    /// From when it is valid, in seconds since 1970.
    pub valid_from: i64,
    /// Until when, in seconds since 1970.
    pub valid_until: i64,
    /// Whole days until then; fewer than 0 if it has ended.
    pub days_left: i64,
    /// Whether its key signed, and the signature fits the certificate.
    pub signs: bool,
    /// How long that took, in milliseconds.
    pub milliseconds: Option<f64>,
    /// Whether a trust list names who vouches for it; `None` if there was no list, or if it signs
    /// nothing that could be held against one.
    pub trusted: Option<bool>,
    /// The time-stamp authority that is asked.
    pub time_stamp_url: Option<String>,
    /// What is wrong, each with the mend.
    pub problems: Vec<String>,
    /// What is worth knowing besides.
    pub remarks: Vec<String>,
}

impl IdentityReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Says what an identity is good for: [`Identity::whatever`] makes one of which anything may be
/// wrong. It signs twice; no time-stamp authority is asked.
///
/// # Errors
/// [`ProvenanceError::Trust`] if a trust list is no good.
pub fn check_identity(
    identity: &Identity,
    trust: &Trust,
) -> Result<IdentityReport, ProvenanceError> {
    let chain = identity.chain();
    let (from, until) = chain.validity;
    let left = until - validity::now();
    let mut report = IdentityReport {
        algorithm: chain.algorithm,
        subject: chain.subject.clone(),
        issuer: chain.issuer.clone(),
        usages: chain.usages.clone(),
        certificate: chain.certificates.first().map(|c| validity::digest(c)).unwrap_or_default(),
        chain: chain.certificates.len(),
        valid_from: from,
        valid_until: until,
        days_left: left.div_euclid(24 * 60 * 60),
        signs: false,
        milliseconds: None,
        trusted: None,
        time_stamp_url: identity.time_stamp_url().map(str::to_string),
        problems: chain.faults.clone(),
        remarks: Vec::new(),
    };
    let begun = Instant::now();
    match identity.signature(TRIAL) {
        Ok(_) => {
            report.signs = true;
            report.milliseconds = Some(begun.elapsed().as_secs_f64() * 1000.0);
            match read_back(identity, trust) {
                Ok(read) => report.hold(&read, trust),
                // What is wrong with the certificate was said in better words.
                Err(ProvenanceError::Sign { .. }) if !report.problems.is_empty() => {}
                Err(ProvenanceError::Sign { reason, .. }) => {
                    report.problems.push(format!("it signs no manifest: {reason}"));
                }
                Err(e) => return Err(e),
            }
        }
        Err(reason) => report.problems.push(reason),
    }
    report.remark(left, trust);
    if !chain.is_in_order() {
        report.remarks.push(
            "the chain's second certificate is not that of who issued the first; give the \
            authorities in order, each after whom it vouches for"
                .into(),
        );
    }
    Ok(report)
}

/// What our own verifier says of something that the identity signed.
fn read_back(identity: &Identity, trust: &Trust) -> Result<ManifestReport, ProvenanceError> {
    let sent =
        Sent { content: &[0; 32], container: Container::Png, name: Path::new("a trial manifest") };
    let bound = Bound {
        payload: Payload::random(),
        marked: false,
        picture: None,
        sound: None,
        length: None,
        thumbnail: None,
    };
    let signed = sign_stream(&sent, &bound, &identity.without_time(), &ManifestOptions::default())?;
    read_store(&signed.store, trust, &Limits::default())
}

impl IdentityReport {
    /// Holds it against what was read of its signature.
    fn hold(&mut self, read: &ManifestReport, trust: &Trust) {
        let codes: Vec<&str> =
            read.failures.iter().map(String::as_str).filter(|f| *f != UNTRUSTED).collect();
        if self.problems.is_empty() && read.state == ManifestState::Invalid {
            self.problems.push(format!(
                "verifiers refuse what it signs ({}); have another certificate issued",
                codes.join(", ")
            ));
        }
        if !trust.lists().is_empty() {
            let trusted = read.signer.as_ref().is_some_and(|signer| signer.trusted);
            self.trusted = Some(trusted);
            if !trusted {
                self.problems.push(
                    "no trust list names an authority that vouches for it; give the whole chain, \
                    or have a certificate issued by one that is listed"
                        .into(),
                );
            }
        }
    }

    /// Adds what is worth knowing of its time.
    fn remark(&mut self, left: i64, trust: &Trust) {
        let end = day(self.valid_until);
        if (0..SOON).contains(&self.days_left) && left >= 0 {
            self.remarks.push(format!(
                "the certificate ends in {} days, on {end}; have a new one issued",
                self.days_left
            ));
        }
        if self.time_stamp_url.is_none() {
            self.remarks.push(format!(
                "without a time-stamp authority (--time-stamp-url) signatures will not be \
                verifiable after {end}"
            ));
        }
        if trust.lists().is_empty() {
            self.remarks.push(
                "no trust list was given (--trust), so it was not asked whether one names it"
                    .into(),
            );
        }
    }
}
