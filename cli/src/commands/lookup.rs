//! `proofmark lookup`: what does the registry remember?

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proofmark::verify::{VerifyOptions, verify};
use proofmark::{KeyRing, Registered, Registry};

use super::registry::label;
use crate::args::{Global, LookupArgs};
use crate::exit::Exit;
use crate::home::Home;
use crate::output;
use crate::progress::{Bar, cancel};

/// Entries that one soft binding may lead to before the rest is left out.
const MOST: usize = 100;

pub(crate) fn run(args: &LookupArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let config = home.config()?;
    let registry = home.registry_if_any(&args.registry, &config)?;
    let registry = registry.with_context(|| format!("{}: there is no registry here to look in; 'proofmark stamp' makes one, --registry names another", home.path().display()))?;
    let ring = home.key_ring_if_any()?;
    let mut options = VerifyOptions::default();
    options.limits = config.limits.limits();
    options.trust = super::trust(&args.trust, &config)?;
    options.registry = Some(registry.clone());
    if let Some(algorithm) = &config.manifest.algorithm {
        options.algorithm.clone_from(algorithm);
    }
    let all: Vec<PathBuf> = args.what.iter().map(PathBuf::from).collect();
    super::each(&all, "lookup", global, |what| {
        let registered = if what.is_file() {
            in_file(what, ring.as_ref(), &options, global)?
        } else {
            let ids = ids(registry.as_ref(), &what.to_string_lossy(), args.alg.as_deref())?;
            let entries = ids.iter().map(|id| Ok(registry.by_id(id)?)).collect::<Result<Vec<_>>>()?;
            entries.into_iter().flatten().map(|e| Ok(Registered::of(e, &options.trust, &options.limits)?)).collect::<Result<Vec<_>>>()?
        };
        if global.json {
            output::json::lookup(what, &registered)?
        } else {
            output::human::lookup(what, &registered)?
        }
        Ok(if registered.is_empty() { Exit::Nothing } else { Exit::Success })
    })
}

fn in_file(file: &Path, ring: Option<&KeyRing>, options: &VerifyOptions, global: &Global) -> Result<Vec<Registered>> {
    let bar = Bar::new(global, "reading", file);
    Ok(verify(file, ring, options, &cancel(), &mut |p| bar.update(p))?.registered)
}

/// The entries that a label, a payload or a soft binding's value names.
fn ids(registry: &dyn Registry, what: &str, alg: Option<&str>) -> Result<Vec<String>> {
    let id = label(what);
    if id != what || what.starts_with("urn:") {
        return Ok(vec![id]);
    }
    let Ok(value) = BASE64.decode(what) else {
        bail!("{what}: is no file here, and neither a payload, a manifest's label nor a soft binding's value in base64");
    };
    Ok(registry.by_binding(alg, &value, MOST)?)
}
