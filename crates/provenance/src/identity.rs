//! Who signs: a certificate chain and its private key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use c2pa::{Signer as _, SigningAlg};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::ProvenanceError;
use super::time_stamp::Stamping;

/// A signing identity. `Debug` shows nothing of the key.
#[derive(Clone)]
pub struct Identity {
    chain: String,
    key: Zeroizing<String>,
    alg: SigningAlg,
    time_stamp_url: Option<String>,
}

impl Identity {
    /// From PEM: the certificate chain, leaf first, and the leaf's private key in PKCS#8. ES256
    /// (P-256) and Ed25519 are told from the key.
    ///
    /// # Errors
    /// [`ProvenanceError::Identity`] if either is no such PEM.
    pub fn from_pem(
        chain: String,
        key: String,
        time_stamp_url: Option<String>,
    ) -> Result<Self, ProvenanceError> {
        let fail = |reason: &str| ProvenanceError::Identity { reason: reason.into() };
        let key = Zeroizing::new(key);
        if !chain.contains("-----BEGIN CERTIFICATE-----") {
            return Err(fail(
                "the certificate file holds no PEM certificate; give the chain, the signing \
                certificate first",
            ));
        }
        if key.contains("-----BEGIN EC PRIVATE KEY-----") || key.contains("ENCRYPTED") {
            return Err(fail(
                "the private key is encrypted or in an old format; convert it with 'openssl pkcs8 \
                -topk8 -nocrypt'",
            ));
        }
        let pair = KeyPair::from_pem(&key).map_err(|_| {
            fail(
                "the private key is no PKCS#8 PEM of \
            a P-256 or Ed25519 key; convert it with 'openssl pkcs8 -topk8 -nocrypt'",
            )
        })?;
        let alg = if pair.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256) {
            SigningAlg::Es256
        } else if pair.is_compatible(&rcgen::PKCS_ED25519) {
            SigningAlg::Ed25519
        } else {
            return Err(fail(
                "the private key is neither P-256 (ES256) nor Ed25519; make a certificate for one \
                of those",
            ));
        };
        let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|_| {
            fail(
                "the \
            certificate file is damaged; give the chain in PEM, the signing certificate first",
            )
        })?;
        // A certificate holds its public key as plain bytes.
        let public = pair.public_key_raw();
        if !leaf.windows(public.len()).any(|w| w == public) {
            return Err(fail(
                "certificate and key do not belong together; give the key of the chain's first \
                certificate",
            ));
        }
        Ok(Self { chain, key, alg, time_stamp_url })
    }

    /// Signs bytes as a JSON Web Signature (RFC 7515) in its compact form, with the certificate
    /// chain in its header (`x5c`). `kind` says what they are (`typ`).
    ///
    /// # Errors
    /// [`ProvenanceError::Identity`] if certificate and key do not work together.
    pub fn sign_text(&self, kind: &str, payload: &[u8]) -> Result<String, ProvenanceError> {
        let fail = |reason: String| ProvenanceError::Identity { reason };
        let certificates = CertificateDer::pem_slice_iter(self.chain.as_bytes())
            .map(|c| c.map(|c| STANDARD.encode(&c)))
            .collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|e| {
            fail(format!("the certificate file is damaged ({e}); give the chain in PEM"))
        })?;
        let algorithm = if matches!(self.alg, SigningAlg::Ed25519) { "EdDSA" } else { "ES256" };
        let head =
            serde_json::json!({"alg": algorithm, "typ": kind, "x5c": certificates}).to_string();
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(payload));
        let signature = self
            .signer()?
            .sign(signed.as_bytes())
            .map_err(|e| fail(format!("nothing can be signed with this key: {e}")))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The signer that the `c2pa` crate wants.
    pub(super) fn signer(&self) -> Result<c2pa::BoxedSigner, ProvenanceError> {
        // The signer leaves room for a time stamp if it is told of an authority.
        let signer = c2pa::create_signer::from_keys(
            self.chain.as_bytes(),
            self.key.as_bytes(),
            self.alg,
            self.time_stamp_url.clone(),
        )
        .map_err(|e| ProvenanceError::Identity {
            reason: format!(
                "certificate and key do not \
                work together ({e}); check that they belong to each other"
            ),
        })?;
        Ok(match &self.time_stamp_url {
            Some(url) => Box::new(Stamping { signer, url: url.clone() }),
            None => signer,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.alg)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_can_be_checked_with_the_certificate_in_its_head() {
        let made = test_identity().unwrap();
        let identity = Identity::from_pem(made.chain.clone(), made.key.to_string(), None).unwrap();
        let signed = identity.sign_text("statement", b"{}").unwrap();
        let [head, body, signature]: [&str; 3] =
            signed.split('.').collect::<Vec<_>>().try_into().unwrap();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        assert_eq!(decoded(body), b"{}");
        let head: serde_json::Value = serde_json::from_slice(&decoded(head)).unwrap();
        assert_eq!(
            (head["alg"].as_str(), head["typ"].as_str(), head["x5c"].as_array().map(Vec::len)),
            (Some("ES256"), Some("statement"), Some(2))
        );
        let pair = KeyPair::from_pem(&made.key).unwrap();
        let key = ring::signature::UnparsedPublicKey::new(
            &ring::signature::ECDSA_P256_SHA256_FIXED,
            pair.public_key_raw(),
        );
        assert!(
            key.verify(signed.rsplit_once('.').unwrap().0.as_bytes(), &decoded(signature)).is_ok()
        );
        assert!(key.verify(b"another", &decoded(signature)).is_err());
    }
}
