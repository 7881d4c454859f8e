//! `proofmark registry`: list, show, export, import, delete, log, check, backup, restore.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use proofmark::draft::Draft;
use proofmark::media::Limits;
use proofmark::provenance::Trust;
use proofmark::registry::{Entry, Filter, Mended, Put, Registration, Registry, mend};
use proofmark::{Payload, Registered};

use crate::args::{FilterArgs, Global, RegistryAction, RegistryArgs};
use crate::exit::Exit;
use crate::home::Home;
use crate::output;
use crate::output::json::{Checked, Imported};
use crate::target::Target;

/// Entries that are read or written together.
const PAGE: usize = 200;

pub(crate) fn run(args: &RegistryArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let config = home.config()?;
    let limits = config.limits;
    let registry = match args.action {
        RegistryAction::Import { .. } | RegistryAction::Restore { .. } => {
            home.registry(&args.registry, &config)?
        }
        _ => home.registry_if_any(&args.registry, &config)?,
    };
    let registry = registry.with_context(|| {
        format!(
            "{}: there is no registry here yet; \
        'proofmark stamp' makes one, --registry names another",
            home.path().display()
        )
    })?;
    let registry = registry.as_ref();
    match &args.action {
        RegistryAction::List { filter, most } => list(registry, &asked(filter, *most), global),
        RegistryAction::Show { id, manifest, force } => {
            let trust = super::trust(None, &config)?;
            let target =
                manifest.as_ref().map(|path| Target::new(path, *force, &[])).transpose()?;
            show(registry, id, target, (&trust, &limits), global)
        }
        RegistryAction::Export { output, filter, force } => {
            export(registry, output.as_deref(), &asked(filter, PAGE), *force)
        }
        RegistryAction::Import { files, force } => super::each(files, "registry", global, |file| {
            import(registry, file, *force, &limits, global)
        }),
        RegistryAction::Delete { ids } => delete(registry, ids, global),
        RegistryAction::Log { id, most } => log(registry, id.as_deref(), *most, global),
        RegistryAction::Check => check(registry, &limits, global),
        RegistryAction::Backup { output, force } => backup(registry, output, *force, global),
        RegistryAction::Restore { input, force } => restore(registry, input, *force, global),
    }
}

fn asked(args: &FilterArgs, most: usize) -> Filter {
    let mut filter = Filter::default();
    filter.label.clone_from(&args.label);
    filter.since = args.since;
    filter.most = most;
    filter
}

/// The label that a user means: that of the manifest, or the payload in it.
pub(crate) fn label(text: &str) -> String {
    text.parse::<Payload>().map_or_else(|_| text.to_string(), Entry::id_of)
}

fn list(registry: &dyn Registry, filter: &Filter, global: &Global) -> Result<Exit> {
    let entries = registry.list(filter)?;
    if global.json {
        output::json::entries(&entries)?
    } else {
        output::human::entries(&entries)?
    }
    let all = registry.count()?;
    if entries.len() == filter.most && (entries.len() as u64) < all && !global.quiet {
        output::remark(&format!(
            "{all} entries are in the registry, and --most {} of them were asked for",
            filter.most
        ));
    }
    Ok(Exit::Success)
}

fn show(
    registry: &dyn Registry,
    id: &str,
    target: Option<Target>,
    (trust, limits): (&Trust, &Limits),
    global: &Global,
) -> Result<Exit> {
    let Some(entry) = registry.by_id(&label(id))? else {
        bail!(
            "{id}: is not in the registry at {}; 'proofmark registry list' shows what is",
            registry.location()
        );
    };
    match (&target, &entry.manifest) {
        (Some(target), Some(store)) => target.write(store)?,
        (Some(target), None) => {
            bail!("{}: not written: {id} was stamped without a manifest", target.path().display())
        }
        (None, _) => {}
    }
    let registered = Registered::of(entry, trust, limits)?;
    if global.json {
        output::json::entry(&registered)?
    } else {
        output::human::entry(&registered)?
    }
    Ok(Exit::Success)
}

/// Calls `each` with every entry, manifests included.
fn every(
    registry: &dyn Registry,
    filter: &Filter,
    mut each: impl FnMut(Entry) -> Result<()>,
) -> Result<()> {
    let mut filter = filter.clone();
    filter.most = PAGE;
    loop {
        let page = registry.list(&filter)?;
        let Some(last) = page.last() else { return Ok(()) };
        filter.after = Some((last.stamped, last.id.clone()));
        for listed in page {
            // It may have been forgotten meanwhile.
            registry.by_id(&listed.id)?.map_or(Ok(()), &mut each)?;
        }
    }
}

fn export(
    registry: &dyn Registry,
    output: Option<&Path>,
    filter: &Filter,
    force: bool,
) -> Result<Exit> {
    let Some(path) = output else {
        let mut out = std::io::stdout().lock();
        every(registry, filter, |e| Ok(writeln!(out, "{}", Registration::from(&e).line())?))?;
        out.flush()?;
        return Ok(Exit::Success);
    };
    Target::new(path, force, &[])?.write_with(|file| {
        every(registry, filter, |e| Ok(writeln!(file, "{}", Registration::from(&e).line())?))
    })?;
    Ok(Exit::Success)
}

fn import(
    registry: &dyn Registry,
    path: &Path,
    force: bool,
    limits: &Limits,
    global: &Global,
) -> Result<Exit> {
    let file = File::open(path).with_context(|| {
        format!("{}: cannot be read; give a file of registrations", path.display())
    })?;
    // A manifest in base64, and as much again for the rest.
    let longest = limits.manifest_bytes.saturating_mul(3);
    let mut reader = BufReader::new(file);
    let mut done = Imported::default();
    let mut page: Vec<(usize, Entry)> = Vec::new();
    let mut bytes = 0;
    for number in 1.. {
        let mut line = Vec::new();
        let read = reader
            .by_ref()
            .take(longest)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        if read > 0 {
            match parse(&line, longest) {
                Ok(Some(entry)) => page.push((number, entry)),
                Ok(None) => {}
                Err(reason) => done.refuse(path, number, &reason),
            }
            bytes += read;
        }
        if read == 0 || page.len() >= PAGE || bytes >= 1 << 24 {
            put(registry, path, &page, force, &mut done)?;
            page.clear();
            bytes = 0;
        }
        if read == 0 {
            break;
        }
    }
    if done.added + done.replaced + done.unchanged == 0 && done.refused == 0 {
        bail!(
            "{}: holds no registration; give a file from 'registry export' or 'stamp --register \
            later'",
            path.display()
        );
    }
    if global.json {
        output::json::imported(path, &done)?
    } else {
        output::human::imported(path, &done)?
    }
    Ok(match done.refused {
        0 => Exit::Success,
        n if n == done.all() => Exit::Error,
        _ => Exit::SomeFailed,
    })
}

fn parse(line: &[u8], longest: u64) -> Result<Option<Entry>> {
    if line.len() as u64 == longest && line.last() != Some(&b'\n') {
        bail!(
            "is longer than the limit of {longest} bytes; raise manifest_bytes in the \
            configuration if you trust the file"
        );
    }
    let text = std::str::from_utf8(line).context("is no text")?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    Registration::parse(text).map(Some).map_err(|reason| anyhow!("is no registration: {reason}"))
}

/// Puts a page in; where one of it cannot be held, each on its own.
fn put(
    registry: &dyn Registry,
    path: &Path,
    page: &[(usize, Entry)],
    force: bool,
    done: &mut Imported,
) -> Result<()> {
    let entries: Vec<Entry> = page.iter().map(|(_, e)| e.clone()).collect();
    let puts = match registry.put_all(&entries, force) {
        Ok(puts) => puts.into_iter().map(Ok).collect(),
        Err(_) => entries
            .iter()
            .map(|e| {
                registry
                    .put_all(std::slice::from_ref(e), force)
                    .map(|p| p.first().copied().unwrap_or(Put::Taken))
            })
            .collect::<Vec<_>>(),
    };
    for ((number, entry), put) in page.iter().zip(puts) {
        match put {
            Ok(Put::Added) => done.added += 1,
            Ok(Put::Replaced) => done.replaced += 1,
            Ok(Put::Unchanged) => done.unchanged += 1,
            Ok(Put::Taken | Put::Owned) => done.refuse(
                path,
                *number,
                &anyhow!(
                    "{} is registered already, for another file; --force replaces it",
                    entry.id
                ),
            ),
            Err(e) => done.refuse(path, *number, &e.into()),
        }
    }
    Ok(())
}

fn delete(registry: &dyn Registry, ids: &[String], global: &Global) -> Result<Exit> {
    let files: Vec<PathBuf> = ids.iter().map(PathBuf::from).collect();
    super::each(&files, "registry", global, |id| {
        let id = label(&id.to_string_lossy());
        if !registry.delete(&id)? {
            bail!(
                "{id}: is not in the registry at {}; 'proofmark registry list' shows what is",
                registry.location()
            );
        }
        if global.json {
            output::json::deleted(&id)?
        } else {
            output::human::deleted(&id, global)?
        }
        Ok(Exit::Success)
    })
}

fn log(registry: &dyn Registry, id: Option<&str>, most: usize, global: &Global) -> Result<Exit> {
    let events = registry.log(id.map(label).as_deref(), most)?;
    if global.json {
        output::json::log(&events)?
    } else {
        output::human::log(&events)?
    }
    Ok(Exit::Success)
}

fn backup(registry: &dyn Registry, path: &Path, force: bool, global: &Global) -> Result<Exit> {
    Target::new(path, force, &[])?;
    let unwritten = || {
        format!(
            "{}: cannot be written; check the folder, its permissions and the free space",
            path.display()
        )
    };
    let draft = Draft::beside(path).with_context(unwritten)?;
    registry.backup(draft.path())?;
    draft.publish(force).with_context(unwritten)?;
    kept(registry, "backup", path, global)
}

fn restore(registry: &dyn Registry, path: &Path, force: bool, global: &Global) -> Result<Exit> {
    ensure!(
        path.is_file(),
        "{}: is no file; give one that 'proofmark registry backup' wrote",
        path.display()
    );
    let there = registry.count()?;
    ensure!(
        there == 0 || force,
        "{}: has {there} entries, and those that are not in {} would be gone; allow that with \
        --force",
        registry.location(),
        path.display()
    );
    registry.restore(path)?;
    kept(registry, "restored", path, global)
}

/// Says what is in both, a registry and its copy.
fn kept(registry: &dyn Registry, what: &'static str, path: &Path, global: &Global) -> Result<Exit> {
    let entries = registry.count()?;
    if global.json {
        output::json::kept(what, path, registry.location(), entries)?;
    } else if !global.quiet {
        output::remark(&match what {
            "backup" => {
                format!("{entries} entries of {} are in {}", registry.location(), path.display())
            }
            _ => format!("{entries} entries of {} are in {}", path.display(), registry.location()),
        });
    }
    Ok(Exit::Success)
}

fn check(registry: &dyn Registry, limits: &Limits, global: &Global) -> Result<Exit> {
    let mut wrong = registry.integrity()?;
    // Nothing is settled in what is damaged, and what cannot be read there is one finding more.
    let mended = if wrong.is_empty() { mend(registry, 0)? } else { Mended::default() };
    let mut entries = 0;
    let looked = every(registry, &Filter::default(), |entry| {
        entries += 1;
        let registered = Registered::of(entry, &Trust::default(), limits)?;
        if let Some(m) = registered.manifest.as_ref().filter(|_| !registered.holds()) {
            wrong.push(format!(
                "the manifest of {} does not hold ({})",
                registered.id,
                m.failures.join(", ")
            ));
        }
        Ok(())
    });
    match looked {
        Err(e) if wrong.is_empty() => return Err(e),
        Err(e) => wrong.push(format!("{e:#}")),
        Ok(()) => {}
    }
    let checked = Checked {
        location: registry.location(),
        entries,
        confirmed: mended.confirmed,
        open: mended.open,
        wrong,
    };
    if global.json {
        output::json::checked(&checked)?
    } else {
        output::human::checked(&checked)?
    }
    Ok(if checked.wrong.is_empty() { Exit::Success } else { Exit::Doubtful })
}
