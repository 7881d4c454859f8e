//! The home: keys, signing identity, configuration.
//!
//! ```text
//! config.toml              every setting, commented
//! keys/<id>.key            a watermark key, mode 0600
//! keys/<id>.retired        one that detects and stamps no more
//! keys/stamping            the id of the one that stamps; without, the newest does
//! signing/certificate.pem  the test identity's chain
//! signing/key.pem          its private key, mode 0600
//! signing/authority.pem    its authority, for --trust
//! registry.db              what was stamped
//! tokens.json              digests of the tokens that clients of the server show, mode 0600
//! serve/                   uploads and reports of the server
//! ```

mod config;
mod keys;
mod signing;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use proofmark::WatermarkKey;
use proofmark::draft;
use proofmark::provenance::TestIdentity;
use proofmark::registry::{self, Registry};

use crate::args::{Global, RegistryOption};
use crate::settings;

pub(crate) use config::{Config, ManifestConfig, SigningConfig};
pub(crate) use keys::{accept_key, read_key};

/// The configuration of a file with that text, with what environment and `--limit` say beside it.
fn given(config: Config, text: &str, limits: &[(String, u64)]) -> Result<Config> {
    let given = settings::given(std::env::vars_os(), limits)?;
    config.with(text, given).map_err(|e| {
        anyhow!("a variable PROOFMARK_… or --limit sets what cannot be: {e}; mend or unset it")
    })
}

/// The configuration where there is no home.
pub(crate) fn without_home(limits: &[(String, u64)]) -> Result<Config> {
    given(Config::default(), "", limits)
}

/// The folder.
pub(crate) struct Home {
    path: PathBuf,
    /// What `--limit` sets.
    limits: Vec<(String, u64)>,
}

impl Home {
    /// The home that options, environment or XDG name; it need not exist.
    pub(crate) fn locate(global: &Global) -> Result<Self> {
        let from_env =
            |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let path = global
            .home
            .clone()
            .filter(|p| !p.as_os_str().is_empty())
            .or_else(|| from_env("XDG_DATA_HOME").map(|p| p.join("proofmark")))
            .or_else(|| from_env("HOME").map(|p| p.join(".local/share/proofmark")))
            .context("no home folder is known; name one with --home or PROOFMARK_HOME")?;
        Ok(Self { path, limits: global.limit.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The authority of the test identity, for `--trust`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.path.join("signing/authority.pem")
    }

    /// Makes the home with its first key and a test identity, or what it lacks of these.
    pub(crate) fn create(&self, key: &WatermarkKey, identity: &TestIdentity) -> Result<()> {
        let signing = |name: &str| self.path.join("signing").join(name);
        // What is empty was left by a full disk.
        let there = |name: &str| fs::metadata(signing(name)).is_ok_and(|m| m.len() > 0);
        let (has_key, has_identity) =
            (!self.key_files()?.is_empty(), there("key.pem") && there("certificate.pem"));
        if has_key && has_identity {
            bail!(
                "{}: is set up already; add a key with 'proofmark keys add', or choose another \
                folder with --home",
                self.path.display()
            );
        }
        for folder in [self.path.clone(), self.keys_folder(), self.path.join("signing")] {
            make_private(&folder)?;
        }
        if !has_identity {
            if there("key.pem") {
                bail!(
                    "{}: is a private key without its certificate; put that beside it as \
                    certificate.pem, or move the key away",
                    signing("key.pem").display()
                );
            }
            write_public(&signing("certificate.pem"), &identity.chain)?;
            write_public(&self.authority(), &identity.authority)?;
            let _ = fs::remove_file(signing("key.pem"));
            write_private(&signing("key.pem"), &identity.key)?;
        }
        if !self.path.join("config.toml").exists() {
            write_public(&self.path.join("config.toml"), &settings::file())?;
        }
        if has_key { Ok(()) } else { self.store_key(key) }
    }

    pub(crate) fn config(&self) -> Result<Config> {
        let path = self.path.join("config.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => {
                return Err(e).with_context(|| {
                    format!("{}: cannot be read; check its permissions", path.display())
                });
            }
        };
        match Config::parse(&text) {
            Ok(config) => Ok(given(config, &text, &self.limits)?.seen_from(&self.path)),
            Err(e) => bail!("{}: {e}; mend or comment out the setting", path.display()),
        }
    }

    /// The registry that options or configuration name, else the home's own; `None` if it is called
    /// 'none'. One that is not there is made.
    pub(crate) fn registry(
        &self,
        asked: &RegistryOption,
        config: &Config,
    ) -> Result<Option<Arc<dyn Registry>>> {
        match named(asked.registry.as_ref(), config.registry.location.as_ref()) {
            Some(location) if location == "none" => Ok(None),
            Some(location) => Ok(Some(registry::open(location)?)),
            None if !self.path.is_dir() => bail!(
                "{}: there is no home here; make one with 'proofmark init'",
                self.path.display()
            ),
            None => Ok(Some(registry::open(&self.own_registry())?)),
        }
    }

    /// The same for reading alone: the home's own need not be there, and one that is named must be.
    pub(crate) fn registry_if_any(
        &self,
        asked: &RegistryOption,
        config: &Config,
    ) -> Result<Option<Arc<dyn Registry>>> {
        match named(asked.registry.as_ref(), config.registry.location.as_ref()) {
            None if !Path::new(&self.own_registry()).exists() => Ok(None),
            Some(file)
                if file != "none" && !registry::is_server(file) && !Path::new(file).exists() =>
            {
                bail!("{file}: there is no registry here; check the name")
            }
            _ => self.registry(asked, config),
        }
    }

    fn own_registry(&self) -> String {
        self.path.join("registry.db").to_string_lossy().into_owned()
    }
}

/// What is asked for, else what is configured; an empty text names nothing.
pub(crate) fn named<'a>(
    asked: Option<&'a String>,
    configured: Option<&'a String>,
) -> Option<&'a String> {
    asked.or(configured).filter(|name| !name.is_empty())
}

/// Writes a secret: mode 0600 from the start, whole or not at all, and over no other file.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    draft::write_private(path, text.as_bytes(), false).with_context(|| unwritten(path))
}

fn unwritten(path: &Path) -> String {
    format!("{}: cannot be written; check its folder and the free space", path.display())
}

/// Makes a folder for its owner alone.
pub(crate) fn make_private(folder: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| {
        format!("{}: cannot be made; choose another folder with --home", folder.display())
    })?;
    // One that was there before may be open to others. A volume that belongs to somebody else may
    // be shared with this process's group, and with nobody beside.
    let mode = folder.metadata().map_or(0o700, |m| m.permissions().mode());
    let closed = mode & 0o077 == 0
        || fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).is_ok()
        || mode & 0o007 == 0;
    ensure!(
        closed,
        "{0}: is open to everybody and belongs to somebody else; have its owner close it with \
        'chmod o-rwx {0}'",
        folder.display()
    );
    Ok(())
}

fn write_public(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| unwritten(path))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    proofmark::since_1970().as_secs()
}
