//! Who signs, as commands can be told, and what `identity` can be.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use proofmark::provenance::Algorithm;

use super::options::{TrustOption, seconds};

/// Whose key signs, and where that is.
#[derive(Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct SigningArgs {
    /// Certificate chain (PEM, signing certificate first) [default: the home's test identity]
    #[arg(long, env = "PROOFMARK_SIGN_CERT", value_name = "FILE")]
    pub(crate) sign_cert: Option<PathBuf>,
    /// Private key of the signing certificate: PEM of RSA, P-256, P-384, P-521 or Ed25519
    #[arg(long, env = "PROOFMARK_SIGN_KEY", value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,
    /// File with the password of that key, or with the PIN of a token; a descriptor such as
    /// /dev/fd/3, too
    #[arg(long, env = "PROOFMARK_SIGN_KEY_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) sign_key_password_file: Option<PathBuf>,
    /// Have a token or a service sign: a PKCS#11 URI such as
    /// 'pkcs11:token=T;object=K?module-path=/path/lib.so&pin-source=/path/pin', or awskms: and the
    /// id, alias or ARN of a key of AWS, with AWS's own variables
    #[arg(long, env = "PROOFMARK_SIGNER", value_name = "URI", hide_env_values = true)]
    pub(crate) signer: Option<String>,
    /// Have a command sign, by c2patool's protocol: it reads what is to be signed, writes the bare
    /// signature (ECDSA as r and s, or in DER), and has --reserve-size N --alg NAME --sign-cert
    /// FILE behind its own arguments. No shell runs it: its words are split as a shell would
    #[arg(long, env = "PROOFMARK_SIGNER_COMMAND", value_name = "COMMAND")]
    pub(crate) signer_command: Option<String>,
    /// Seconds that a command or a service may take to sign [default: 30]
    #[arg(long, env = "PROOFMARK_SIGNER_SECONDS", value_name = "N", value_parser = seconds)]
    pub(crate) signer_seconds: Option<f64>,
    /// Bytes to keep for the signature with its certificates and time stamp, c2patool's
    /// --reserve-size [default: reckoned]
    #[arg(long, env = "PROOFMARK_SIGNER_RESERVE", value_name = "BYTES")]
    pub(crate) signer_reserve: Option<u64>,
    /// What an RSA key signs by: ps256, ps384 or ps512 [default: what the certificate says, else
    /// ps256]
    #[arg(long, env = "PROOFMARK_SIGN_ALG", value_name = "NAME")]
    pub(crate) sign_alg: Option<Algorithm>,
    /// RFC 3161 time-stamp authority to ask; without, nothing leaves the machine
    #[arg(long, env = "PROOFMARK_TIME_STAMP_URL", value_name = "URL")]
    pub(crate) time_stamp_url: Option<String>,
    /// Ask the authority that the certificate names whether it was revoked (OCSP), and put its
    /// answer beside the signature
    #[arg(long)]
    pub(crate) ocsp: bool,
}

#[derive(Args)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    pub(crate) action: IdentityAction,
}

#[derive(Subcommand)]
pub(crate) enum IdentityAction {
    /// Say what the identity that signs is good for, by signing with it
    #[command(after_help = "\
Examples:
  proofmark identity check
  proofmark identity check --sign-cert chain.pem --sign-key key.pem --trust C2PA-TRUST-LIST.pem
  proofmark identity check --sign-cert chain.pem --signer awskms:alias/signing --json

It signs twice, and asks no time-stamp authority. Exit codes: 0 good, 1 something is wrong, 2 it \
could not be tried.")]
    Check(Box<CheckArgs>),
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}
