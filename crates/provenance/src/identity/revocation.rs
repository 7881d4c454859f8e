//! Whether a certificate was revoked, as its authority says (OCSP, RFC 6960): asked when an identity
//! is opened, and put beside each of its signatures.

use std::time::Duration;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ureq::Agent;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// How long an authority may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const ANSWER: u64 = 64 << 10;
/// SHA-1, by which certificates are named to every authority, and no parameters.
const SHA1: [u8; 9] = [0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
/// The way of asking that is meant here, among those that a certificate may name.
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
/// DER's tags.
const INTEGER: u8 = 0x02;
const BYTES: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// What the authority of the first certificate, which is the second, says of it: an `OCSPResponse`
/// in DER.
///
/// # Errors
/// Why it could not be asked, or says nothing.
pub(super) fn status(certificates: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let read = |which: usize| {
        let der = certificates.get(which)?;
        X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
    };
    let leaf = read(0).ok_or("the signing certificate is damaged")?;
    let issuer = read(1).ok_or(
        "to ask whether the signing certificate was revoked takes that of who issued it, second in \
        the chain; add it, or leave out --ocsp",
    )?;
    let url = responder(&leaf).ok_or(
        "the signing certificate names nobody who says whether it was revoked (OCSP); leave out \
        --ocsp",
    )?;
    let agent: Agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    let failed = |e: ureq::Error| {
        format!("{url} could not be asked whether the signing certificate was revoked: {e}")
    };
    let mut answer = agent
        .post(&url)
        .header("content-type", "application/ocsp-request")
        .send(&request(&leaf, &issuer))
        .map_err(failed)?;
    let told = answer.body_mut().with_config().limit(ANSWER).read_to_vec().map_err(failed)?;
    if is_successful(&told) {
        Ok(told)
    } else {
        Err(format!("{url} does not say whether the signing certificate was revoked"))
    }
}

/// Where a certificate says that its status is told.
fn responder(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().find_map(|one| match one.access_location {
                GeneralName::URI(uri) if one.access_method.to_id_string() == OCSP => {
                    Some(uri.to_string())
                }
                _ => None,
            })
        }
        _ => None,
    })
}

/// An `OCSPRequest` for one certificate.
fn request(leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Vec<u8> {
    let hash = |bytes: &[u8]| der(BYTES, digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    let id = [
        der(SEQUENCE, &SHA1),
        hash(leaf.issuer().as_raw()),
        hash(&issuer.public_key().subject_public_key.data),
        der(INTEGER, leaf.raw_serial()),
    ];
    // CertID, Request, requestList, TBSRequest, OCSPRequest.
    (0..5).fold(id.concat(), |inner, _| der(SEQUENCE, &inner))
}

/// A value in DER.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let length = &length[value.len().leading_zeros() as usize / 8..];
    let head = match value.len() {
        0..0x80 => vec![tag, value.len() as u8],
        _ => [&[tag, 0x80 | length.len() as u8], length].concat(),
    };
    [&head, value].concat()
}

/// Whether an `OCSPResponse` says something: the first of its fields is 0.
fn is_successful(response: &[u8]) -> bool {
    let Some([SEQUENCE, length, rest @ ..]) = response.get(..) else { return false };
    let long = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    rest.get(long..).is_some_and(|body| body.starts_with(&[0x0a, 0x01, 0x00]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_der_has_them() {
        assert_eq!(der(BYTES, b"ab"), [4, 2, b'a', b'b']);
        assert_eq!(der(BYTES, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(der(BYTES, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn refusals_are_told_from_answers() {
        assert!(is_successful(&[0x30, 0x82, 1, 0, 0x0a, 1, 0, 0xa0]));
        assert!(is_successful(&[0x30, 3, 0x0a, 1, 0]));
        for refusal in [&[0x30, 3, 0x0a, 1, 6][..], b"<html>", &[], &[0x30], &[0x30, 0x84, 1]] {
            assert!(!is_successful(refusal), "{refusal:?}");
        }
    }
}
