//! An identity for trying things out.

use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::ProvenanceError;

/// A signing identity for trying things out, in PEM.
pub struct TestIdentity {
    /// Certificate of the own authority: the trust anchor.
    pub authority: String,
    /// Chain of the signing certificate, leaf first.
    pub chain: String,
    /// Private key of the leaf, PKCS#8.
    pub key: Zeroizing<String>,
}

/// Makes an authority and a signing certificate that satisfy the C2PA certificate profile (C2PA
/// 2.2, section 14.5) and say in every name that they are for tests. The authority's key is thrown
/// away.
///
/// # Errors
/// [`ProvenanceError::Identity`] if the system has no randomness.
pub fn test_identity() -> Result<TestIdentity, ProvenanceError> {
    make().map_err(|e| ProvenanceError::Identity {
        reason: format!("a test identity could not be made ({e})"),
    })
}

fn make() -> Result<TestIdentity, rcgen::Error> {
    let now = OffsetDateTime::now_utc();
    let validity = |p: &mut CertificateParams, years: i64| {
        p.not_before = now - Duration::days(1);
        p.not_after = now + Duration::days(365 * years);
    };
    let country = || PrintableString::try_from("ZZ").map(DnValue::PrintableString);
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CountryName, country()?);
    authority
        .distinguished_name
        .push(DnType::OrganizationName, "Proofmark TEST identity, not for production");
    authority.distinguished_name.push(DnType::CommonName, "Proofmark TEST authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut authority, 10);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut leaf = CertificateParams::new(Vec::new())?;
    leaf.distinguished_name.push(DnType::CountryName, country()?);
    leaf.distinguished_name
        .push(DnType::OrganizationName, "Proofmark TEST identity, not for production");
    leaf.distinguished_name.push(DnType::CommonName, "Proofmark TEST signer");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    validity(&mut leaf, 5);
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;
    Ok(TestIdentity {
        authority: authority_certificate.pem(),
        chain: leaf_certificate.pem() + &authority_certificate.pem(),
        key: Zeroizing::new(leaf_key.serialize_pem()),
    })
}
