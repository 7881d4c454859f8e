//! `proofmark lookup`: what does the registry, or another server, remember?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proofmark::recovery::deposit;
use proofmark::registry::{Binding, Entry};
use proofmark::sandbox::PreparedZygote;
use proofmark::verify::{Stage, VerifyOptions};
use proofmark::{Control, Detected, KeyRing, Payload, Registered, Registry, Verifier};

use super::registry::label;
use crate::args::{Global, LookupArgs};
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::output;
use crate::progress::{Bar, cancel};
use crate::resolver::Resolver;

/// Entries that one soft binding may lead to before the rest is left out.
const MOST: usize = 100;

/// Who is asked.
enum Source {
    Registry(Arc<dyn Registry>),
    Server { resolver: Resolver, upload: bool },
}

pub(crate) fn run(
    args: &LookupArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<Exit> {
    let lookers = super::Inspectors::new(&args.sandbox, early);
    let home = Home::locate(global)?;
    let config = home.config()?;
    let ring = home.key_ring_if_any()?;
    let mut options = VerifyOptions::default();
    options.limits = config.limits;
    options.trust = super::trust(Some(&args.trust), &config)?;
    config.manifest.name(&mut options);
    let source = match &args.server {
        Some(url) => Source::Server {
            resolver: Resolver::discover(
                url,
                &config.lookup.servers,
                args.token.clone(),
                options.limits.manifest_bytes,
            )?,
            upload: args.upload,
        },
        None => {
            let registry = home.registry_if_any(&args.registry, &config)?;
            let registry = registry.with_context(|| {
                format!(
                    "{}: there is no registry here to look in; \
                    'proofmark stamp' makes one, --registry names another",
                    home.path().display()
                )
            })?;
            options.registry = Some(registry.clone());
            Source::Registry(registry)
        }
    };
    options.inspector = lookers.inspector();
    let all: Vec<PathBuf> = args.what.iter().map(PathBuf::from).collect();
    super::each(&all, "lookup", global, |what| {
        let alg = args.alg.as_deref();
        let registered = match &source {
            Source::Registry(_) if what.is_file() => seen(what, ring.as_ref(), &options, global)?.0,
            Source::Registry(registry) => {
                remembered(registry.as_ref(), &what.to_string_lossy(), alg, &options)?
            }
            Source::Server { resolver, upload } => {
                let leads = if what.is_file() && *upload {
                    let found = resolver.by_content(what)?;
                    found.into_iter().map(|id| Lead { id, asked: None }).collect()
                } else if what.is_file() {
                    asked_of(resolver, what, ring.as_ref(), &options, global)?
                } else {
                    named(resolver, &what.to_string_lossy(), alg, &options)?
                };
                fetched(resolver, leads, &options)?
            }
        };
        if global.json {
            output::json::lookup(what, &registered)?
        } else {
            output::human::lookup(what, &registered)?
        }
        Ok(if registered.is_empty() { Exit::Nothing } else { Exit::Success })
    })
}

/// What is remembered of a file, and the soft bindings that lead from it elsewhere: those of its
/// manifest, and of its marks.
fn seen(
    file: &Path,
    ring: Option<&KeyRing>,
    options: &VerifyOptions,
    global: &Global,
) -> Result<(Vec<Registered>, Vec<Binding>)> {
    let bar = Bar::new(global, "reading", file);
    let verified = Verifier::new().ring(ring.cloned()).options(options.clone()).verify_with(
        file,
        Control::new(&cancel(), |stage: Stage| {
            stage.looked().into_iter().for_each(|p| bar.update(p))
        }),
    )?;
    let marks = verified
        .detected
        .iter()
        .flat_map(Detected::payloads)
        .map(|p| Binding { alg: options.algorithm.clone(), value: p.as_bytes().to_vec() });
    let mut bindings: Vec<Binding> = marks.collect();
    for b in verified.manifest.into_iter().flat_map(|m| m.soft_bindings) {
        let value = b
            .payload()
            .filter(|_| b.alg == options.algorithm)
            .map_or(b.bytes, |p| p.as_bytes().to_vec());
        let binding = Binding { alg: b.alg, value };
        if !bindings.contains(&binding) {
            bindings.push(binding);
        }
    }
    Ok((verified.registered, bindings))
}

/// What a user can name that is no file.
enum Name {
    Label(String),
    Payload(Payload),
    Value(Vec<u8>),
}

fn name(what: &str) -> Result<Name> {
    match (what.parse(), BASE64.decode(what)) {
        (Ok(payload), _) => Ok(Name::Payload(payload)),
        _ if what.starts_with("urn:") => Ok(Name::Label(what.into())),
        (_, Ok(value)) => Ok(Name::Value(value)),
        _ => bail!(
            "{what}: is no file here, and neither a payload, a manifest's label nor a soft \
            binding's value in base64"
        ),
    }
}

/// What our registry remembers under a name.
fn remembered(
    registry: &dyn Registry,
    what: &str,
    alg: Option<&str>,
    options: &VerifyOptions,
) -> Result<Vec<Registered>> {
    let ids = match name(what)? {
        Name::Label(_) | Name::Payload(_) => vec![label(what)],
        Name::Value(value) => registry.by_binding(alg, &value, MOST)?,
    };
    let entries = ids.iter().map(|id| Ok(registry.by_id(id)?)).collect::<Result<Vec<_>>>()?;
    entries
        .into_iter()
        .flatten()
        .map(|e| Ok(Registered::of(e, &options.trust, &options.limits)?))
        .collect()
}

/// A manifest that a server has, and the soft binding that was asked for, if one was.
struct Lead {
    id: String,
    asked: Option<Binding>,
}

fn leads(resolver: &Resolver, asked: Binding) -> Result<Vec<Lead>> {
    let ids = resolver.by_binding(&asked.alg, &asked.value)?;
    Ok(ids.into_iter().map(|id| Lead { id, asked: Some(asked.clone()) }).collect())
}

/// The manifests that another server has under a name.
fn named(
    resolver: &Resolver,
    what: &str,
    alg: Option<&str>,
    options: &VerifyOptions,
) -> Result<Vec<Lead>> {
    let alg = alg.unwrap_or(&options.algorithm).to_string();
    match name(what)? {
        Name::Label(id) => Ok(vec![Lead { id, asked: None }]),
        Name::Payload(payload) => {
            leads(resolver, Binding { alg, value: payload.as_bytes().to_vec() })
        }
        Name::Value(value) => leads(resolver, Binding { alg, value }),
    }
}

/// The manifests that another server has for a file, by what can be read from it here.
fn asked_of(
    resolver: &Resolver,
    file: &Path,
    ring: Option<&KeyRing>,
    options: &VerifyOptions,
    global: &Global,
) -> Result<Vec<Lead>> {
    let (_, bindings) = seen(file, ring, options, global)?;
    if bindings.is_empty() && !global.quiet {
        output::remark(&format!(
            "{}: neither manifest nor mark can be read here, so there is nothing to ask for; \
            --upload sends the file itself",
            file.display()
        ));
    }
    let mut out: Vec<Lead> = Vec::new();
    for binding in bindings {
        out.extend(
            leads(resolver, binding)?
                .into_iter()
                .filter(|lead| out.iter().all(|o| o.id != lead.id))
                .collect::<Vec<_>>(),
        );
    }
    Ok(out)
}

/// Fetches manifests and judges them here: a server's word for them is not enough.
fn fetched(
    resolver: &Resolver,
    leads: Vec<Lead>,
    options: &VerifyOptions,
) -> Result<Vec<Registered>> {
    let mut out = Vec::new();
    for Lead { id, asked } in leads.into_iter().take(MOST) {
        let Some(store) = resolver.manifest(&id)? else { continue };
        let entry =
            deposit(store, &options.algorithm, home::now(), &options.trust, &options.limits)
                .with_context(|| id.clone())?;
        if entry.id != id {
            bail!(
                "{id}: the server gave another manifest for it, {}; do not trust its answers",
                entry.id
            );
        }
        if asked.is_some_and(|asked| !names(&entry, &asked)) {
            bail!(
                "{id}: the server gave this manifest for what was asked, which the manifest does \
                not name; anybody may have put it there, so do not trust the answer"
            );
        }
        out.push(Registered::of(entry, &options.trust, &options.limits)?);
    }
    Ok(out)
}

/// Whether a manifest names a soft binding itself.
fn names(entry: &Entry, asked: &Binding) -> bool {
    entry.payload.is_some_and(|p| p.as_bytes() == asked.value.as_slice())
        || entry.bindings.contains(asked)
}
