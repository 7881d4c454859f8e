//! The signer's certificate: what it says, and what of it C2PA does not take (C2PA 2.2, section
//! 14.5).

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::der_parser::ber::BerObject;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate, X509Version};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::algorithm::Algorithm;

/// What a certificate may be for, if it is to sign manifests: object identifier and name.
const USAGES: [(&str, &str); 4] = [
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.36", "documentSigning"),
    ("1.3.6.1.4.1.62558.2.1", "c2pa-kp-claimSigning"),
    ("1.3.6.1.4.1.311.76.59.1.9", "Microsoft C2PA signing"),
];
/// The same of what has a certificate of its own.
const APART: [(&str, &str); 2] =
    [("1.3.6.1.5.5.7.3.8", "timeStamping"), ("1.3.6.1.5.5.7.3.9", "OCSPSigning")];
/// What else is told by a name.
const OTHERS: [(&str, &str); 4] = [
    ("2.5.29.37.0", "any"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
];
/// What to ask of whoever issues a certificate.
const WANTED: &str = "have one issued for emailProtection, documentSigning or c2pa-kp-claimSigning";
/// Algorithms that a certificate itself may be signed with.
const SIGNED_WITH: [&str; 8] = [
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.3.101.112",
];
/// Bits of an RSA key: C2PA asks for the first, verifiers take no more than the last.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A certificate chain, and what its first certificate says.
pub(crate) struct Chain {
    /// The certificates, leaf first.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The leaf's public key, a `SubjectPublicKeyInfo` in DER.
    pub(crate) public_key: Vec<u8>,
    /// What that key signs by.
    pub(crate) algorithm: Algorithm,
    /// Whose it is.
    pub(crate) subject: String,
    /// Who says so.
    pub(crate) issuer: String,
    /// From when and until when it is valid, in seconds since 1970.
    pub(crate) validity: (i64, i64),
    /// What it is for.
    pub(crate) usages: Vec<String>,
    /// What stands against signing with it, each with the mend.
    pub(crate) faults: Vec<String>,
}

impl Chain {
    /// From PEM. An RSA key signs by PS256 unless the certificate says otherwise, or `asked`.
    ///
    /// # Errors
    /// What makes it unfit to sign at all.
    pub(super) fn read(pem: &str, asked: Option<Algorithm>, now: i64) -> Result<Self, String> {
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err("the certificate file holds no PEM certificate; give the chain, the \
                signing certificate first"
                .into());
        }
        let damaged =
            "the certificate file is damaged; give the chain in PEM, the signing certificate first";
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(|c| c.map(|c| c.to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| damaged)?;
        let first = certificates.first().ok_or(damaged)?;
        let (_, leaf) = X509Certificate::from_der(first).map_err(|_| damaged)?;
        let key = leaf.public_key();
        let algorithm = chosen(of_key(key)?, asked)?;
        let (subject, issuer) = (leaf.subject().to_string(), leaf.issuer().to_string());
        let validity = leaf.validity();
        let validity = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let usages = usages(&leaf);
        let faults = faults(&leaf, validity, now);
        let public_key = key.raw.to_vec();
        Ok(Self { public_key, algorithm, subject, issuer, validity, usages, faults, certificates })
    }

    /// Whether the second certificate, if there is one, is that of who issued the first.
    pub(crate) fn is_in_order(&self) -> bool {
        self.certificates.get(1).is_none_or(|second| {
            X509Certificate::from_der(second)
                .is_ok_and(|(_, issuer)| issuer.subject().to_string() == self.issuer)
        })
    }
}

/// What was asked for, if the key can do that.
fn chosen(own: Algorithm, asked: Option<Algorithm>) -> Result<Algorithm, String> {
    match asked {
        Some(other) if other != own && !(own.is_rsa() && other.is_rsa()) => Err(format!(
            "the signing certificate's key signs by {}, not by {}",
            own.name(),
            other.name()
        )),
        _ => Ok(asked.unwrap_or(own)),
    }
}

/// What a public key signs by.
fn of_key(key: &SubjectPublicKeyInfo<'_>) -> Result<Algorithm, String> {
    let parameters = key.algorithm.parameters.as_ref();
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => Ok(Algorithm::Ps256),
        // A key for RSASSA-PSS alone may be for one digest alone.
        "1.2.840.113549.1.1.10" => {
            let says = |oid: &[u8]| {
                parameters.is_some_and(|p| p.data.windows(oid.len()).any(|window| window == oid))
            };
            let sha = |last: u8| says(&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]);
            Ok(match (sha(2), sha(3)) {
                (true, _) => Algorithm::Ps384,
                (_, true) => Algorithm::Ps512,
                _ => Algorithm::Ps256,
            })
        }
        "1.2.840.10045.2.1" => {
            let curve = parameters.and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => Ok(Algorithm::Es256),
                Some("1.3.132.0.34") => Ok(Algorithm::Es384),
                Some("1.3.132.0.35") => Ok(Algorithm::Es512),
                other => Err(format!(
                    "the signing certificate's key is on the curve {}, which C2PA does not take; \
                    have one issued for P-256, P-384 or P-521",
                    named_curve(other)
                )),
            }
        }
        "1.3.101.112" => Ok(Algorithm::Ed25519),
        other => Err(format!(
            "the signing certificate's key is of a kind that C2PA does not take ({other}); have \
            one issued for RSA, P-256, P-384, P-521 or Ed25519"
        )),
    }
}

/// A curve that C2PA does not take, as people call it.
fn named_curve(oid: Option<&str>) -> &str {
    match oid {
        Some("1.3.132.0.10") => "secp256k1",
        Some("1.3.36.3.3.2.8.1.1.7") => "brainpoolP256r1",
        Some(other) => other,
        None => "of its own parameters",
    }
}

/// What a certificate is for, by names where there are any.
fn usages(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extended)) = leaf.extended_key_usage() else { return Vec::new() };
    let extended = extended.value;
    let flags = [
        (extended.any, OTHERS[0].1),
        (extended.server_auth, OTHERS[1].1),
        (extended.client_auth, OTHERS[2].1),
        (extended.code_signing, OTHERS[3].1),
        (extended.email_protection, USAGES[0].1),
        (extended.time_stamping, APART[0].1),
        (extended.ocsp_signing, APART[1].1),
    ];
    let name = |oid: &Oid<'_>| {
        let oid = oid.to_id_string();
        let known = USAGES.iter().find(|(id, _)| *id == oid);
        known.map_or(oid.clone(), |(_, name)| (*name).into())
    };
    let flagged = flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_string());
    flagged.chain(extended.other.iter().map(name)).collect()
}

/// What stands against signing with a certificate at a time.
fn faults(leaf: &X509Certificate<'_>, (from, until): (i64, i64), now: i64) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("the signing certificate {text}"));
    if leaf.is_ca() {
        fault(
            "is an authority's (CA), which signs certificates alone; put the certificate that it \
            issued for you first"
                .into(),
        );
    } else if leaf.issuer() == leaf.subject() {
        fault("is signed by itself, so nobody vouches for it; have an authority issue one".into());
    }
    if now > until {
        fault(format!("ended on {}; have a new one issued", day(until)));
    }
    if now < from {
        fault(format!("is not valid before {}; wait, or set this machine's clock", day(from)));
    }
    if let Some(text) = usage_fault(leaf) {
        fault(text);
    }
    if let Ok(PublicKey::RSA(key)) = leaf.public_key().parsed()
        && let bits = bits(key.modulus)
        && !RSA_BITS.contains(&bits)
    {
        fault(format!(
            "has an RSA key of {bits} bits, and C2PA's are of {} to {}; have one issued for such a \
            key",
            RSA_BITS.start(),
            RSA_BITS.end()
        ));
    }
    if !SIGNED_WITH.contains(&leaf.signature_algorithm.algorithm.to_id_string().as_str()) {
        fault(
            "is itself signed by an algorithm that C2PA does not take, such as SHA-1; have a new \
            one issued"
                .into(),
        );
    }
    if leaf.version() != X509Version::V3 {
        fault("is of an old version; have one of version 3 issued".into());
    }
    let has_authority = leaf
        .extensions()
        .iter()
        .any(|e| matches!(e.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(_)));
    if !leaf.is_ca() && leaf.issuer() != leaf.subject() && !has_authority {
        fault(
            "does not say which key signed it (authority key identifier), as C2PA wants; have a \
            new one issued"
                .into(),
        );
    }
    faults
}

/// What stands against it in what it is for.
fn usage_fault(leaf: &X509Certificate<'_>) -> Option<String> {
    // An authority's are not for signing in any case.
    if leaf.is_ca() {
        return None;
    }
    let usages = usages(leaf);
    let has = |names: &[(&str, &str)]| usages.iter().any(|u| names.iter().any(|(_, n)| n == u));
    let listed = usages.join(", ");
    if usages.is_empty() {
        return Some(format!("does not say what it is for (extended key usage); {WANTED}"));
    }
    if usages.iter().any(|u| u == OTHERS[0].1) {
        return Some(format!(
            "is for anything (anyExtendedKeyUsage), which C2PA refuses; {WANTED}"
        ));
    }
    if has(&APART) || !has(&USAGES) {
        return Some(format!("is for {listed}, not for signing manifests; {WANTED}"));
    }
    let may = leaf.key_usage().ok().flatten().map(|k| k.value);
    match may {
        Some(may) if may.key_cert_sign() => Some(
            "may sign certificates (key usage keyCertSign), which C2PA refuses; have one issued \
            without"
                .into(),
        ),
        Some(may) if may.digital_signature() => None,
        _ => {
            Some("may not sign (key usage lacks digitalSignature); have one issued that may".into())
        }
    }
}

/// Bits of a number in big-endian bytes.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (8 * (number.len() - zeros)).saturating_sub(first)
}

/// A day and its time, as people are told.
pub(crate) fn day(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

/// The two numbers of an ECDSA signature in DER, one after the other in `bytes` bytes each, as C2PA
/// has them (IEEE P1363); `None` if it is no such signature.
pub(super) fn plain_signature(der: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let (rest, sequence) = x509_parser::der_parser::parse_der(der).ok()?;
    let [r, s] = sequence.as_sequence().ok().filter(|_| rest.is_empty())?.as_slice() else {
        return None;
    };
    let number = |of: &BerObject<'_>| {
        let digits = of.as_slice().ok()?;
        let zeros = digits.iter().take_while(|&&byte| byte == 0).count();
        let digits = digits.get(zeros..)?;
        let missing = bytes.checked_sub(digits.len())?;
        Some([vec![0; missing], digits.to_vec()].concat())
    };
    Some([number(r)?, number(s)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_signature_keep_their_places() {
        // Two numbers, one with a sign byte before it, one that is short.
        let der =
            [[0x30, 0x0b, 0x02, 0x05, 0, 0xff, 1, 2, 3].as_slice(), &[0x02, 0x02, 0x12, 0x34]];
        let der = der.concat();
        assert_eq!(plain_signature(&der, 4), Some(vec![0xff, 1, 2, 3, 0, 0, 0x12, 0x34]));
        assert_eq!(plain_signature(&der, 3), None, "a number that is too large");
        for end in 0..der.len() {
            assert_eq!(plain_signature(&der[..end], 4), None);
        }
        assert_eq!(plain_signature(&[der, vec![0]].concat(), 4), None);
        assert_eq!(plain_signature(&[0x30, 0x03, 0x02, 0x01, 0x01], 4), None);
    }

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        for (number, expected) in
            [(&[0u8, 0, 0x80, 0][..], 16), (&[0x01, 0xff], 9), (&[0, 0], 0), (&[], 0)]
        {
            assert_eq!(bits(number), expected, "{number:?}");
        }
    }

    #[test]
    fn a_chain_that_is_none_is_an_error_and_no_panic() {
        let made = super::super::test_identity().unwrap();
        let good = Chain::read(&made.chain, None, crate::validity::now()).unwrap();
        assert!(good.faults.is_empty() && good.is_in_order(), "{:?}", good.faults);
        assert_eq!(
            (good.algorithm, good.usages),
            (Algorithm::Es256, vec!["emailProtection".into()])
        );
        let body = made.chain.find('\n').unwrap() + 1;
        for end in (0..600).step_by(7) {
            let cut = format!(
                "{}\n-----END CERTIFICATE-----\n",
                &made.chain[..(body + end).min(made.chain.len())]
            );
            assert!(Chain::read(&cut, None, 0).is_err(), "{end}");
        }
        let later = Chain::read(&made.chain, None, good.validity.1 + 1).unwrap();
        assert!(later.faults[0].contains("ended on"), "{:?}", later.faults);
        let turned = made.authority + &made.chain;
        let turned = Chain::read(&turned, None, crate::validity::now()).unwrap();
        assert!(turned.faults[0].contains("authority's"), "{:?}", turned.faults);
    }
}
