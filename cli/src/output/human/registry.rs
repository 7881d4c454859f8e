//! The registry: its entries, its log, what was taken in, and whether it is whole.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use proofmark::Registered;
use proofmark::registry::{Entry, Event};

use super::verify::manifest;
use super::{date, line, moment, print, shown, table};
use crate::args::Global;
use crate::output::json::{Checked, Imported};
use crate::output::{BAD, BOLD, DOUBT, GOOD, name};

pub(crate) fn entries(entries: &[Entry]) -> Result<()> {
    if entries.is_empty() {
        return print("no entries\n");
    }
    let mut rows = vec![["payload", "stamped", "type", "title", "labels"].map(String::from)];
    for e in entries {
        let payload = e.payload.map_or_else(|| e.id.clone(), |p| p.to_string());
        let labels = e.labels.iter().map(|l| shown(l)).collect::<Vec<_>>().join(", ");
        rows.push([
            payload,
            date(e.stamped),
            e.media_type.clone(),
            shown(e.title.as_deref().unwrap_or_default()),
            labels,
        ]);
    }
    print(&table(&rows, 4))
}

pub(crate) fn log(events: &[Event]) -> Result<()> {
    if events.is_empty() {
        return print("nothing was done yet\n");
    }
    let mut rows = vec![["when", "who", "what", "entry"].map(String::from)];
    for e in events {
        rows.push([
            moment(e.at),
            e.who.as_deref().map_or_else(|| "this deployment".to_string(), shown),
            e.what.clone(),
            e.id.clone(),
        ]);
    }
    print(&table(&rows, 3))
}

pub(crate) fn entry(r: &Registered) -> Result<()> {
    let mut out = String::new();
    registered(&mut out, r);
    print(&out)
}

fn registered(out: &mut String, r: &Registered) {
    let _ = writeln!(out, "{BOLD}{}{BOLD:#}", r.id);
    if let Some(title) = &r.title {
        line(out, "title", &shown(title));
    }
    match r.media_type.as_str() {
        Entry::MANIFEST_ALONE => {
            line(out, "received", &format!("{}, without its clip", date(r.stamped)))
        }
        kind => line(out, "stamped", &format!("{}, as {kind}", date(r.stamped))),
    }
    if !r.labels.is_empty() {
        line(out, "labels", &r.labels.iter().map(|l| shown(l)).collect::<Vec<_>>().join(", "));
    }
    line(out, "SHA-256", &r.content.to_string());
    match &r.manifest {
        Some(m) => manifest(out, m),
        None => line(out, "manifest", "none: it was stamped without one"),
    }
}

pub(crate) fn lookup(what: &Path, found: &[Registered]) -> Result<()> {
    let mut out = match found.len() {
        0 => format!("{DOUBT}not registered{DOUBT:#}: {}\n", name(what)),
        _ => format!("{GOOD}registered{GOOD:#}: {}\n", name(what)),
    };
    found.iter().for_each(|r| registered(&mut out, r));
    print(&out)
}

pub(crate) fn imported(file: &Path, done: &Imported) -> Result<()> {
    let Imported { added, replaced, unchanged, refused } = done;
    print(&format!(
        "{}: {added} added, {replaced} replaced, {unchanged} there already, {refused} refused\n",
        name(file)
    ))
}

pub(crate) fn deleted(id: &str, global: &Global) -> Result<()> {
    if global.quiet { Ok(()) } else { print(&format!("forgotten: {id}\n")) }
}

pub(crate) fn checked(c: &Checked<'_>) -> Result<()> {
    let (style, word) = if c.wrong.is_empty() { (GOOD, "whole") } else { (BAD, "damaged") };
    let mut out = format!("{style}{word}{style:#}: {}\n", c.location);
    line(&mut out, "entries", &c.entries.to_string());
    if c.confirmed > 0 {
        line(
            &mut out,
            "mended",
            &format!("{} whose file appeared before a crash could be told", c.confirmed),
        );
    }
    if c.open > 0 {
        line(
            &mut out,
            "open",
            &format!(
                "{} whose file is not where it was to appear: still at work, never finished, or \
                moved",
                c.open
            ),
        );
    }
    c.wrong.iter().for_each(|w| line(&mut out, "wrong", w));
    print(&out)
}
