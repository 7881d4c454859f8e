//! Who signs: what options, environment and configuration say of it, else the test identity.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use proofmark::provenance::{Identity, IdentityOptions, KeySource, OwnSigners};
use zeroize::Zeroizing;

use super::keys::refuse_readable;
use super::{Home, SigningConfig, named};
use crate::args::SigningArgs;

/// What an identity is made of.
pub(crate) struct Signing {
    /// The file with the certificates, and its text.
    pub(crate) file: PathBuf,
    pub(crate) chain: String,
    pub(crate) key: KeySource,
    pub(crate) options: IdentityOptions,
}

impl Signing {
    /// The identity, if it is one that can sign manifests now.
    pub(crate) fn identity(self) -> Result<Identity> {
        Identity::new(&self.chain, self.key, self.options)
            .with_context(|| self.file.display().to_string())
    }
}

/// Where the key is, in whichever of three ways that was said.
enum Place<'a> {
    File(&'a Path),
    Signer(&'a String),
    Command(&'a String),
}

impl<'a> Place<'a> {
    /// The one of them that is said.
    fn of(
        file: Option<&'a PathBuf>,
        signer: Option<&'a String>,
        command: Option<&'a String>,
        names: &str,
    ) -> Result<Option<Self>> {
        let said = [
            file.map(|file| Self::File(file)),
            signer.filter(|uri| !uri.is_empty()).map(Self::Signer),
            command.filter(|line| !line.is_empty()).map(Self::Command),
        ];
        let mut said = said.into_iter().flatten();
        match (said.next(), said.next()) {
            (one, None) => Ok(one),
            _ => bail!("one key signs, and more than one is named; keep one of {names}"),
        }
    }
}

impl Home {
    /// The signing identity that options or configuration name, else the home's test identity.
    pub(crate) fn identity(
        &self,
        asked: Option<&SigningArgs>,
        config: &SigningConfig,
    ) -> Result<Identity> {
        self.signing(asked, config)?.identity()
    }

    /// What follows from there being no time-stamp authority, where a certificate was named: the
    /// test identity's word lasts for nobody anyway.
    pub(crate) fn untimed(
        asked: Option<&SigningArgs>,
        config: &SigningConfig,
    ) -> Option<&'static str> {
        let named = asked.is_some_and(|a| a.sign_cert.is_some()) || config.certificate.is_some();
        let timed =
            asked.is_some_and(|a| a.time_stamp_url.is_some()) || config.time_stamp_url.is_some();
        (named && !timed).then_some(
            "no time-stamp authority is asked: what is signed now will not be verifiable after \
            the certificate ends; name one with --time-stamp-url, or time_stamp_url in [signing]",
        )
    }

    /// What it is made of.
    pub(crate) fn signing(
        &self,
        asked: Option<&SigningArgs>,
        config: &SigningConfig,
    ) -> Result<Signing> {
        let place = match asked {
            Some(a) => Place::of(
                a.sign_key.as_ref(),
                a.signer.as_ref(),
                a.signer_command.as_ref(),
                "--sign-key, --signer and --signer-command",
            )?,
            None => None,
        };
        let configured = || {
            Place::of(
                config.key.as_ref(),
                config.signer.as_ref(),
                config.command.as_ref(),
                "key, signer and command of [signing], and of their variables",
            )
        };
        let place = if place.is_some() { place } else { configured()? };
        let certificate = asked.and_then(|a| a.sign_cert.as_ref()).or(config.certificate.as_ref());
        let own = |name: &str| self.path.join("signing").join(name);
        let own_key = own("key.pem");
        let (file, place) = match (certificate, place) {
            (Some(file), Some(place)) => (file.clone(), place),
            (None, None) => (own("certificate.pem"), Place::File(&own_key)),
            _ => bail!(
                "a signing certificate and its key go together; set both: --sign-cert, and \
                --sign-key, --signer or --signer-command"
            ),
        };
        let chain = fs::read_to_string(&file).with_context(|| missing(&file))?;
        let password = asked.and_then(|a| a.sign_key_password_file.as_ref());
        let secret = password.or(config.password_file.as_ref()).map(|file| password_of(file));
        let key = match place {
            Place::File(key) => {
                refuse_readable(key)?;
                let text = fs::read_to_string(key).with_context(|| missing(key))?;
                KeySource::Pem { text: Zeroizing::new(text), password: secret.transpose()? }
            }
            Place::Signer(uri) => {
                KeySource::Uri { uri: Zeroizing::new(uri.clone()), pin: secret.transpose()? }
            }
            Place::Command(line) => {
                KeySource::Command { line: line.clone(), certificate: file.clone() }
            }
        };
        Ok(Signing { file, chain, key, options: options(asked, config)? })
    }

    /// Who signs for this deployment: its identity, if it has one, and whom its configuration
    /// lists.
    pub(crate) fn own_signers(&self, config: &super::Config) -> Result<OwnSigners> {
        let mut own = OwnSigners::default();
        let identity = config
            .signing
            .certificate
            .clone()
            .unwrap_or_else(|| self.path.join("signing").join("certificate.pem"));
        let identity = if identity.exists() { vec![identity] } else { Vec::new() };
        for file in identity.iter().chain(&config.trust.own) {
            let text = fs::read_to_string(file).with_context(|| {
                format!(
                    "{}: cannot be read; give a PEM file with a signer's certificate",
                    file.display()
                )
            })?;
            own.add(&text).with_context(|| file.display().to_string())?;
        }
        Ok(own)
    }
}

/// How to sign.
fn options(asked: Option<&SigningArgs>, config: &SigningConfig) -> Result<IdentityOptions> {
    let mut options = IdentityOptions::default();
    let url = asked.and_then(|a| a.time_stamp_url.as_ref());
    options.time_stamp_url = named(url, config.time_stamp_url.as_ref()).cloned();
    options.ocsp = asked.is_some_and(|a| a.ocsp) || config.ocsp.unwrap_or(false);
    options.algorithm = match (asked.and_then(|a| a.sign_alg), &config.algorithm) {
        (None, Some(name)) if !name.is_empty() => Some(
            name.parse()
                .map_err(|e: String| anyhow!("[signing] algorithm, or PROOFMARK_SIGN_ALG: {e}"))?,
        ),
        (given, _) => given,
    };
    let reserve = asked.and_then(|a| a.signer_reserve).or(config.reserve);
    options.reserve = reserve
        .map(|bytes| {
            usize::try_from(bytes).ok().filter(|b| (1024..=1 << 20).contains(b)).with_context(
                || {
                    format!(
                        "a reserve of {bytes} bytes is outside 1024 to 1048576 (--signer-reserve)"
                    )
                },
            )
        })
        .transpose()?;
    let patience = asked.and_then(|a| a.signer_seconds).or(config.seconds);
    options.patience = patience
        .map(|s| {
            let fits = Some(s).filter(|s| (0.1..=3600.0).contains(s));
            fits.map(Duration::from_secs_f64).with_context(|| {
                format!("[signing] seconds: {s} is outside 0.1 to 3600 (--signer-seconds)")
            })
        })
        .transpose()?;
    Ok(options)
}

fn missing(file: &Path) -> String {
    format!(
        "{}: cannot be read; make a test identity with 'proofmark init', or name your own with \
        --sign-cert and --sign-key",
        file.display()
    )
}

/// A password, or a PIN: the first line of its file.
fn password_of(file: &Path) -> Result<Zeroizing<String>> {
    refuse_readable(file)?;
    let text = fs::read_to_string(file).map(Zeroizing::new).with_context(|| {
        format!("{}: the password cannot be read; check the name", file.display())
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_string()))
}
