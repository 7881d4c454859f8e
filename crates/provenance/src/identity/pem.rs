//! A private key in a PEM file: PKCS#8 (RFC 5958), encrypted or not, SEC1 (RFC 5915) or PKCS#1
//! (RFC 8017).

use c2pa::BoxedSigner;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfo, ObjectIdentifier, PrivateKeyInfo};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use super::PrivateKey;
use super::algorithm::Algorithm;

/// What converts any key that OpenSSL can read, encrypted or not.
const MEND: &str = "convert it with 'openssl pkcs8 -topk8'";
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A private key that this process has.
pub(super) enum PemKey {
    /// Through `ring`, whose time does not depend on the key: that of the `rsa` crate, which the
    /// `c2pa` crate signs with, does (RUSTSEC-2023-0071).
    Rsa(Box<RsaKeyPair>),
    Other(BoxedSigner),
}

impl PemKey {
    /// From the text of a file with a key, and the password if that is encrypted. `chain` is the
    /// certificate file.
    ///
    /// # Errors
    /// What is wrong with it, and the mend.
    pub(super) fn read(text: &str, password: Option<&str>, chain: &str) -> Result<Self, String> {
        let (label, document) = section(text)?;
        let damaged = |_| format!("the private key is damaged; {MEND} from a sound copy");
        match label.as_str() {
            "PRIVATE KEY" => Self::of_pkcs8(document.as_bytes(), chain),
            "ENCRYPTED PRIVATE KEY" => {
                let Some(password) = password else {
                    return Err("the private key is encrypted; give the file with its password \
                        (--sign-key-password-file)"
                        .into());
                };
                let sealed =
                    EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(damaged)?;
                let opened = sealed.decrypt(password).map_err(|e| match e {
                    pkcs8::Error::EncryptedPrivateKey(
                        pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
                        | pkcs8::pkcs5::Error::NoPbes1CryptSupport,
                    ) => format!("the private key is encrypted by an old algorithm; {MEND}"),
                    _ => "the private key cannot be decrypted; check its password".to_string(),
                })?;
                Self::of_pkcs8(opened.as_bytes(), chain)
            }
            "EC PRIVATE KEY" => {
                let key = EcPrivateKey::from_der(document.as_bytes())
                    .map_err(|_| damaged(pkcs8::Error::KeyMalformed))?;
                let curve = key.parameters.and_then(|p| p.named_curve()).ok_or_else(|| {
                    format!("the private key does not say which curve it is on; {MEND}")
                })?;
                let algorithm =
                    AlgorithmIdentifierRef { oid: EC, parameters: Some((&curve).into()) };
                let key = PrivateKeyInfo::new(algorithm, document.as_bytes());
                Self::other(&key, chain)
            }
            "RSA PRIVATE KEY" => Self::rsa(document.as_bytes()),
            other => Err(format!("the key file holds a {other}, which signs nothing here; {MEND}")),
        }
    }

    fn of_pkcs8(der: &[u8], chain: &str) -> Result<Self, String> {
        let key = PrivateKeyInfo::try_from(der)
            .map_err(|_| format!("the private key is damaged; {MEND} from a sound copy"))?;
        match key.algorithm.oid {
            RSA | RSA_PSS => Self::rsa(key.private_key),
            _ => Self::other(&key, chain),
        }
    }

    fn rsa(der: &[u8]) -> Result<Self, String> {
        let key = RsaKeyPair::from_der(der).map_err(|e| {
            format!("the private RSA key cannot be used ({e}); it must have 2048 to 4096 bits")
        })?;
        Ok(Self::Rsa(Box::new(key)))
    }

    fn other(key: &PrivateKeyInfo<'_>, chain: &str) -> Result<Self, String> {
        let curve = key.algorithm.parameters_oid().ok();
        let algorithm = match (key.algorithm.oid, curve) {
            (EC, Some(P256)) => Algorithm::Es256,
            (EC, Some(P384)) => Algorithm::Es384,
            (EC, Some(P521)) => Algorithm::Es512,
            (ED25519, _) => Algorithm::Ed25519,
            (oid, curve) => {
                return Err(format!(
                    "the private key is of a kind that C2PA does not take ({}); it must be of \
                    RSA, P-256, P-384, P-521 or Ed25519",
                    curve.unwrap_or(oid)
                ));
            }
        };
        let unusable = |e: String| format!("the private key cannot be used ({e}); {MEND}");
        let document = SecretDocument::try_from(key).map_err(|e| unusable(e.to_string()))?;
        let text: Zeroizing<String> =
            document.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|e| unusable(e.to_string()))?;
        let signer = c2pa::create_signer::from_keys(
            chain.as_bytes(),
            text.as_bytes(),
            algorithm.in_c2pa(),
            None,
        );
        signer.map(Self::Other).map_err(|e| unusable(e.to_string()))
    }
}

impl PrivateKey for PemKey {
    fn sign(&self, data: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let padding: &dyn RsaEncoding = match algorithm {
                    Algorithm::Ps384 => &RSA_PSS_SHA384,
                    Algorithm::Ps512 => &RSA_PSS_SHA512,
                    _ => &RSA_PSS_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &SystemRandom::new(), data, &mut signature)
                    .map_err(|_| "the private RSA key signs nothing; it is damaged".to_string())?;
                Ok(signature)
            }
            Self::Other(signer) => {
                signer.sign(data).map_err(|e| format!("the private key signs nothing: {e}"))
            }
        }
    }

    fn misfit(&self) -> String {
        "certificate and key do not belong together; give the key of the chain's first certificate"
            .into()
    }
}

/// The first private key of a PEM file: what it is called, and what it is. `openssl ecparam` writes
/// the parameters of its curve before it.
fn section(text: &str) -> Result<(String, SecretDocument), String> {
    let none = "the key file holds no private key in PEM; convert it with 'openssl pkcs8 -topk8'";
    let label = |begin: &str| Some(begin.split_once("-----")?.0.to_string());
    let (at, name) = text
        .match_indices("-----BEGIN ")
        .filter_map(|(at, begin)| Some((at, label(&text[at + begin.len()..])?)))
        .find(|(_, name)| name.ends_with("PRIVATE KEY"))
        .ok_or(none)?;
    let rest = &text[at..];
    let end = format!("-----END {name}-----");
    let whole = rest.find(&end).map(|to| &rest[..to + end.len()]);
    let whole =
        whole.ok_or("the key file ends within its private key; restore it from a backup")?;
    if whole.contains("Proc-Type:") {
        return Err(format!("the private key is encrypted in an old way; {MEND} -in OLD -out NEW"));
    }
    // Lines may end as on Windows, and be indented where a secret was pasted.
    let mut plain = Zeroizing::new(String::with_capacity(whole.len() + 1));
    for line in whole.lines().map(str::trim).filter(|line| !line.is_empty()) {
        plain.push_str(line);
        plain.push('\n');
    }
    let (_, document) = SecretDocument::from_pem(&plain)
        .map_err(|_| format!("the private key is damaged; {MEND} from a sound copy"))?;
    Ok((name, document))
}
