//! `proofmark serve`: verification, the resolution API and the page.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result, bail};
use proofmark::verify::VerifyOptions;
use proofmark_server::{Parts, Service, TokenFile};

use crate::args::{Global, ServeArgs};
use crate::exit::Exit;
use crate::home::{Home, make_private};
use crate::output;

pub(crate) fn run(args: &ServeArgs, global: &Global) -> Result<Exit> {
    output::log::begin();
    let lookers = super::Inspectors::new(&args.sandbox, None);
    if args.sandbox.no_sandbox {
        output::remark(
            "files are looked at in the server's own process: one that breaks a decoder can do \
            here whatever the server can",
        );
    }
    let home = Home::locate(global)?;
    let config = home.config()?;
    let settings = config.serve.settings(args.listen, args.require_token)?;
    let registry = home
        .registry(&args.registry, &config)?
        .context("the server needs a registry; leave out --registry none")?;
    let ring = home.key_ring_if_any()?;
    if ring.is_none() {
        output::remark(
            "there is no watermark key in this home, so marks are not looked for; 'proofmark \
            init' makes one",
        );
    }
    let mut options = VerifyOptions::default();
    options.limits = config.limits;
    options.trust = super::trust(Some(&args.trust), &config)?;
    options.own = home.own_signers(&config)?;
    options.registry = Some(registry.clone());
    options.inspector = lookers.inspector();
    options.follow = false;
    config.manifest.name(&mut options);
    // Statements are signed by whoever signs clips here; a server that cannot read that key does
    // without.
    let identity = home
        .identity(None, &config.signing)
        .inspect_err(|e| {
            // A home without an identity has none by choice.
            if config.signing.certificate.is_some() {
                output::remark(&format!("statements are not signed: {e:#}"));
            }
        })
        .ok();
    let folder = home.path().join("serve");
    let _lock = lock(&folder)?;
    let tokens = TokenFile::of(home.path());
    let parts = Parts { settings, ring, options, registry, tokens, identity };
    let service = Service::new(parts, &folder)?;
    proofmark_server::run(service)?;
    Ok(Exit::Success)
}

/// Keeps a second server out of this one's uploads and reports.
fn lock(folder: &Path) -> Result<File> {
    make_private(folder)?;
    let path = folder.join("lock");
    let file = File::create(&path)
        .with_context(|| format!("{}: cannot be written; check its permissions", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another server runs in this home; stop it, or choose another home with --home",
            folder.display()
        ),
        Err(TryLockError::Error(e)) => {
            Err(e).with_context(|| format!("{}: cannot be locked", path.display()))
        }
    }
}
