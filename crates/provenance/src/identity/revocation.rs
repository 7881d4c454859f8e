//! Whether a certificate was revoked, as its authority says (OCSP, RFC 6960): asked when an
//! identity is opened, and put beside each of its signatures.

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
    match said(&told) {
        Some(Said::Good) => Ok(told),
        Some(Said::Revoked) => {
            Err("the signing certificate was revoked, says its authority; have \
            another one issued"
                .into())
        }
        None => Err(format!("{url} does not say whether the signing certificate was revoked")),
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

/// What an authority says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Good,
    Revoked,
}

/// What an `OCSPResponse` says of the one certificate that was asked about; `None` if nothing. Its
/// signature is for those to check who trust the authority.
fn said(response: &[u8]) -> Option<Said> {
    let (_, fields) = inside(response, SEQUENCE)?;
    // Of the answers the one that is none of a fault.
    let fields = fields.strip_prefix(&[0x0a, 0x01, 0x00])?;
    let (_, typed) = inside(fields, 0xa0).and_then(|(_, explicit)| inside(explicit, SEQUENCE))?;
    let (_, _, after_kind) = value(typed)?;
    let (_, basic) = inside(after_kind, BYTES).and_then(|(_, bytes)| inside(bytes, SEQUENCE))?;
    let (_, mut data) = inside(basic, SEQUENCE)?;
    // Version, responder and time come before.
    loop {
        let (tag, body, rest) = value(data)?;
        if tag == SEQUENCE {
            let (_, one) = inside(body, SEQUENCE)?;
            let (_, _, status) = value(one)?;
            return match status.first()? {
                0x80 => Some(Said::Good),
                0xa1 => Some(Said::Revoked),
                _ => None,
            };
        }
        data = rest;
    }
}

/// What follows a value of that tag at the beginning, and what is in it.
fn inside(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, body, rest) = value(bytes)?;
    (found == tag).then_some((rest, body))
}

/// The first value in DER: its tag, what is in it, and what follows.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let long = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
    let (said, rest) = rest.split_at_checked(long).filter(|_| long <= 4)?;
    let length = if long == 0 {
        usize::from(*length)
    } else {
        said.iter().fold(0, |n, &b| n << 8 | usize::from(b))
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((*tag, body, rest))
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
        let answer = |status: u8| {
            let one = der(SEQUENCE, &[der(SEQUENCE, b"id"), vec![status, 0]].concat());
            let data = [der(0xa1, b"who"), der(0x18, b"when"), der(SEQUENCE, &one)].concat();
            let basic = der(SEQUENCE, &der(SEQUENCE, &data));
            let typed = [der(0x06, b"kind"), der(BYTES, &basic)].concat();
            let fields = [vec![0x0a, 1, 0], der(0xa0, &der(SEQUENCE, &typed))].concat();
            der(SEQUENCE, &fields)
        };
        assert_eq!(said(&answer(0x80)), Some(Said::Good));
        assert_eq!(said(&answer(0xa1)), Some(Said::Revoked));
        assert_eq!(said(&answer(0x82)), None);
        let good = answer(0x80);
        for end in 0..good.len() {
            assert_eq!(said(&good[..end]), None, "{end}");
        }
        for refusal in [&[0x30, 3, 0x0a, 1, 6][..], b"<html>", &[0x30, 0x84, 1], &[0x30, 0xff]] {
            assert_eq!(said(refusal), None, "{refusal:?}");
        }
    }
}
