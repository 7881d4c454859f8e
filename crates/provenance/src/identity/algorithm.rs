//! Signature algorithms that C2PA allows: C2PA 2.2, section 13.2.1.

use std::fmt;
use std::str::FromStr;

use c2pa::SigningAlg;
use serde::Serialize;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA over P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA over P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSASSA-PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// EdDSA over Curve25519.
    #[serde(rename = "Ed25519")]
    Ed25519,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = String;

    /// From its name, in capitals or not.
    fn from_str(text: &str) -> Result<Self, String> {
        ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text)).ok_or_else(
            || format!("give one of {}", ALL.map(Self::name).join(", ").to_ascii_lowercase()),
        )
    }
}

/// All of them.
const ALL: [Algorithm; 7] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Ed25519,
];

impl Algorithm {
    /// Its name, as the C2PA has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Its name in a JSON Web Signature (RFC 7518, RFC 8037).
    pub(super) fn in_jws(self) -> &'static str {
        if self == Self::Ed25519 { "EdDSA" } else { self.name() }
    }

    /// Its name in the `c2pa` crate.
    pub(super) fn in_c2pa(self) -> SigningAlg {
        match self {
            Self::Es256 => SigningAlg::Es256,
            Self::Es384 => SigningAlg::Es384,
            Self::Es512 => SigningAlg::Es512,
            Self::Ps256 => SigningAlg::Ps256,
            Self::Ps384 => SigningAlg::Ps384,
            Self::Ps512 => SigningAlg::Ps512,
            Self::Ed25519 => SigningAlg::Ed25519,
        }
    }

    /// Whether it is one of RSA's.
    pub(super) fn is_rsa(self) -> bool {
        matches!(self, Self::Ps256 | Self::Ps384 | Self::Ps512)
    }

    /// Bytes of each of the two numbers of an ECDSA signature; `None` for others.
    pub(super) fn number_bytes(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Es512 => Some(66),
            _ => None,
        }
    }

    /// The digest that it signs, for keys that take no more than that; Ed25519 signs the data.
    #[cfg(any(feature = "pkcs11", feature = "aws-kms"))]
    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        use ring::digest::{SHA256, SHA384, SHA512};
        let of = match self {
            Self::Es256 | Self::Ps256 => &SHA256,
            Self::Es384 | Self::Ps384 => &SHA384,
            Self::Es512 | Self::Ps512 => &SHA512,
            Self::Ed25519 => return data.to_vec(),
        };
        ring::digest::digest(of, data).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_called_as_its_standards_have_it() {
        for algorithm in ALL {
            let name = algorithm.name();
            assert_eq!(name.to_ascii_lowercase().parse(), Ok(algorithm));
            assert_eq!(algorithm.in_c2pa().to_string(), name.to_ascii_lowercase());
            assert_eq!(serde_json::to_value(algorithm).unwrap(), name);
            assert_eq!(algorithm.in_jws() == name, algorithm != Algorithm::Ed25519);
        }
        assert!("rs256".parse::<Algorithm>().unwrap_err().contains("es256, es384"));
    }
}
