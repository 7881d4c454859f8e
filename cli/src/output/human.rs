//! Results for people, to fit a terminal.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use proofmark::attacks::Attack;
use proofmark::audio::AudioEvidence;
use proofmark::evaluate::Tally;
use proofmark::evidence::{Method, TimeRange};
use proofmark::key::KeyId;
use proofmark::provenance::{Action, ManifestReport, ManifestState};
use proofmark::registry::{Entry, Event};
use proofmark::verdict::{Language, Severity, Verdict};
use proofmark::video::{Geometry, VideoEvidence};
use proofmark::{
    Detected, Generation, KeyRing, PValue, Payload, Registered, Report, Stamped, Verified,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::{Checked, Imported};
use super::{BAD, BOLD, DOUBT, GOOD, name, plain};
use crate::args::Global;
use crate::home::Home;
use crate::serve::Token;

/// Width of the labels' column.
const LABEL: usize = 10;
/// Width of a line, where the text allows.
const WIDTH: usize = 96;

/// Prints text, whole and at once.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A labelled line, wrapped under its own column.
pub(super) fn line(out: &mut String, label: &str, text: &str) {
    let mut column = LABEL + 2;
    let _ = write!(out, "  {label:LABEL$}");
    for (i, word) in plain(text).split_whitespace().enumerate() {
        let width = word.chars().count();
        if i > 0 && column + 1 + width > WIDTH {
            let _ = write!(out, "\n  {:LABEL$}", "");
            column = LABEL + 2;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

/// Several of them under one label.
fn lines(out: &mut String, label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
    for (i, value) in values.into_iter().enumerate() {
        line(out, if i == 0 { label } else { "" }, value.as_ref());
    }
}

pub(crate) fn init(home: &Home, key: &KeyId) -> Result<()> {
    let mut out = format!("{GOOD}ready{GOOD:#}: {}\n", name(home.path()));
    line(
        &mut out,
        "key",
        &format!(
            "{key}, in keys/: whoever has it can find and imitate your marks, so back it up and keep it secret"
        ),
    );
    line(
        &mut out,
        "identity",
        "a TEST certificate, in signing/: good for trying things out, trusted by nobody else",
    );
    line(&mut out, "settings", "config.toml, every one with a comment");
    line(&mut out, "next", "proofmark stamp clip.mp4 -o stamped.mp4");
    print(&out)
}

pub(crate) fn keys(ring: &KeyRing) -> Result<()> {
    let mut out = String::new();
    for (i, key) in ring.keys().iter().enumerate() {
        let role = if i == 0 { "stamps and detects" } else { "detects" };
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}  {}  {role}", key.id(), date(key.created()));
    }
    print(&out)
}

/// Year-month-day of a time in seconds since 1970.
pub(super) fn date(seconds: u64) -> String {
    let time =
        i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.map_or_else(|| "unknown day".into(), |t| t.date().to_string())
}

/// A time in milliseconds since 1970, to the second.
fn moment(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds / 1000)
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_else(|| "unknown time".into())
}

pub(crate) fn stamp(file: &Path, target: &Path, stamped: &Stamped, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", stamped.payload);
    }
    let mut out = format!("{GOOD}stamped{GOOD:#}: {} → {}\n", name(file), name(target));
    line(&mut out, "payload", &format!("{}{}", stamped.payload, generation(stamped.generation)));
    let s = &stamped.summary;
    if let (Some(codec), Some(p)) = (s.codec, &s.info.picture) {
        line(
            &mut out,
            "picture",
            &format!(
                "{codec}, {}×{}, {} frames, marked with key {}",
                p.width, p.height, s.frames, stamped.key
            ),
        );
    }
    if let Some(capacity) = &stamped.capacity {
        line(
            &mut out,
            "evidence",
            &format!("{:.0}: {}", capacity.evidence, capacity.outlook.sentence()),
        );
    }
    for track in &stamped.sound {
        let told = match track {
            Ok(c) if !c.is_marked() => c.outlook.sentence().to_string(),
            Ok(c) => format!("marked, evidence {:.0}: {}", c.evidence, c.outlook.sentence()),
            Err(reason) => format!("not marked: {reason}"),
        };
        line(&mut out, "sound", &told);
    }
    let manifest = match &stamped.manifest {
        Some(path) if path == target => "embedded and signed".to_string(),
        Some(path) => format!("signed, in {}: keep it beside the clip", path.display()),
        None if stamped.signed => "signed; the registry keeps it".to_string(),
        None => "none, as asked".to_string(),
    };
    line(&mut out, "manifest", &manifest);
    if let Some(parent) = &stamped.parent {
        line(&mut out, "made from", &format!("{parent}, whose manifest is in the new one"));
    }
    let marked =
        stamped.capacity.is_some() || stamped.sound.iter().flatten().any(|c| c.is_marked());
    let forgotten = if marked {
        "none: a stripped copy will be 'marked', not 'recovered'"
    } else {
        "none: a stripped copy will carry nothing"
    };
    line(&mut out, "registry", stamped.remembered.as_deref().unwrap_or(forgotten));
    out
}

pub(crate) fn detect(file: &Path, detected: &Detected) -> String {
    let head = if detected.any() {
        format!("{GOOD}mark found{GOOD:#}")
    } else {
        format!("{DOUBT}no mark found{DOUBT:#}")
    };
    let mut out = format!("{head}: {}\n", name(file));
    evidence(&mut out, detected);
    if !detected.any() {
        line(&mut out, "note", "this says nothing about where the clip comes from");
    }
    out
}

/// What picture and sound carry.
fn evidence(out: &mut String, detected: &Detected) {
    if let Some(picture) = &detected.picture {
        let _ = writeln!(out, "{BOLD}picture{BOLD:#}");
        mark(out, picture);
    }
    if let Some(sound) = &detected.sound {
        let _ = writeln!(out, "{BOLD}sound{BOLD:#}");
        heard(out, sound);
    }
}

fn payload(out: &mut String, payload: Option<Payload>, method: Option<Method>, more: &str) {
    if let Some(payload) = payload {
        let how = match method {
            Some(Method::Candidates) => "chosen among the candidates",
            Some(Method::Expected) => "the one expected",
            _ => "read blind",
        };
        line(out, "payload", &format!("{payload}, {how}{more}"));
    }
}

fn when(out: &mut String, ranges: &[TimeRange]) {
    if !ranges.is_empty() {
        let spans: Vec<String> =
            ranges.iter().map(|r| format!("{:.1}–{:.1} s", r.start, r.end)).collect();
        line(out, "when", &spans.join(", "));
    }
}

fn heard(out: &mut String, s: &AudioEvidence) {
    payload(out, s.payload, s.method, "");
    line(
        out,
        "chance",
        &format!("p ≤ {} from {:.1} s, evidence {:.0}", s.p_value, s.seconds, s.evidence),
    );
    if let Some(key) = &s.key {
        line(out, "key", &key.to_string());
    }
    when(out, &s.ranges);
    if let Some(g) = s.geometry {
        let off = |v: f32| (v - 1.0).abs() > 0.001;
        let told = match (off(g.speed), off(g.pitch)) {
            _ if g.backwards => "played backwards".to_string(),
            (false, false) => "as stamped".to_string(),
            (true, false) => format!("{:.1} % of its speed, at its own pitch", 100.0 * g.speed),
            (false, true) => format!("pitch shifted to {:.1} %", 100.0 * g.pitch),
            (true, true) => format!("played at {:.1} % of its speed", 100.0 * g.speed),
        };
        line(out, "stretch", &told);
    }
    if let Some(note) = &s.note {
        line(out, "note", note);
    }
    for other in &s.others {
        let _ = writeln!(out, "{DOUBT}and another mark{DOUBT:#}");
        heard(out, other);
    }
}

fn mark(out: &mut String, p: &VideoEvidence) {
    payload(out, p.payload, p.method, &p.generation.map(generation).unwrap_or_default());
    line(
        out,
        "chance",
        &format!("p ≤ {} from {} frames, evidence {:.0}", p.p_value, p.frames, p.evidence),
    );
    if let Some(key) = &p.key {
        line(out, "key", &key.to_string());
    }
    when(out, &p.ranges);
    if let Some(area) = p.area.as_ref().filter(|a| a.share < 0.95) {
        line(
            out,
            "where",
            &format!("in {:.0} % of the picture; detect --overlay shows where", 100.0 * area.share),
        );
    }
    if let Some(g) = p.geometry {
        line(out, "geometry", &geometry(g));
    }
    if let Some(note) = &p.note {
        line(out, "note", note);
    }
    for (heading, others) in [("over an earlier mark", &p.earlier), ("and another mark", &p.others)]
    {
        for other in others {
            let _ = writeln!(out, "{DOUBT}{heading}{DOUBT:#}");
            mark(out, other);
        }
    }
}

/// What is said of a clip that was stamped before.
fn generation(g: Generation) -> String {
    match g {
        Generation::FIRST => String::new(),
        // Later ones share its layer, and cannot be told from it.
        Generation::LAST => format!(", stamp number {g} of this clip or a later one"),
        _ => format!(", stamp number {g} of this clip"),
    }
}

fn geometry(g: Geometry) -> String {
    let mut parts = Vec::new();
    if g.scale.iter().any(|s| (s - 1.0).abs() > 0.005) {
        parts.push(format!("mark at {:.2}×{:.2} of its usual size", g.scale[0], g.scale[1]));
    }
    if g.rotation.abs() > 0.1 {
        parts.push(format!("turned by {:.1}°", g.rotation));
    }
    parts.extend(g.mirrored.then(|| "mirrored".to_string()));
    parts.extend(g.inverted.then(|| "brightness inverted".to_string()));
    parts.extend(g.moving.then(|| "moving: zoomed, panned or shaken".to_string()));
    if parts.is_empty() { "as stamped, or merely resized".into() } else { parts.join(", ") }
}

pub(crate) fn verify(file: &Path, v: &Verified, language: Language) -> String {
    let verdict = v.judgement.verdict;
    let style = match v.judgement.severity {
        Severity::Good => GOOD,
        Severity::Alert => BAD,
        Severity::Note => BOLD,
        _ => DOUBT,
    };
    let mut out = format!("{style}{}{style:#}: {}\n", verdict.name(), name(file));
    line(&mut out, "in short", &v.judgement.summary(language));
    lines(&mut out, "why", v.judgement.reasons.iter().map(|r| r.text(language)));
    if let Some(m) = &v.manifest {
        manifest(&mut out, m);
    }
    if verdict == Verdict::Recovered
        && let Some(m) = v.registered.first().and_then(|r| r.manifest.as_ref())
    {
        let _ = writeln!(out, "{BOLD}recovered manifest{BOLD:#}");
        manifest(&mut out, m);
    }
    if let Some(d) = v.detected.as_ref().filter(|d| d.any()) {
        evidence(&mut out, d);
    }
    lines(&mut out, "next", v.judgement.steps(language).into_iter().map(|step| step.1));
    out
}

fn manifest(out: &mut String, m: &ManifestReport) {
    if let Some(label) = &m.label {
        line(out, "manifest", label);
    }
    if let Some(title) = &m.title {
        line(out, "title", title);
    }
    if let Some(s) = &m.signer {
        let name = [s.common_name.as_deref(), s.organisation.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ");
        let trusted = if s.trusted { "trusted" } else { "not on a trust list here" };
        let time = match (&s.time, &s.unattested_time) {
            (Some(time), _) => format!("attested at {time}"),
            (None, Some(time)) => {
                format!("says it was at {time}, which nobody listed here attests")
            }
            (None, None) => "no attested time".to_string(),
        };
        line(out, "signer", &format!("{name}; {trusted}; {time}"));
    }
    lines(out, "actions", m.actions.iter().map(action));
    for (i, a) in m.lineage.iter().enumerate() {
        let title = a.title.as_ref().map(|t| format!(", '{t}'")).unwrap_or_default();
        let how = a.relationship.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
        line(
            out,
            if i == 0 { "made from" } else { "" },
            &format!(
                "{}{how}{title}, signed by {}",
                a.label,
                a.signer().unwrap_or("an unnamed signer")
            ),
        );
        lines(out, "", a.actions.iter().map(action));
    }
    if m.state == ManifestState::Invalid {
        lines(out, "failures", &m.failures);
    }
}

/// What was done, in a line.
fn action(a: &Action) -> String {
    let source = a
        .digital_source_type
        .as_deref()
        .and_then(|t| t.rsplit('/').next())
        .map(|t| format!(" ({t})"))
        .unwrap_or_default();
    let agent = a.software_agent.as_ref().map(|s| format!(" by {s}")).unwrap_or_default();
    let when = a.when.as_ref().map(|w| format!(" at {w}")).unwrap_or_default();
    format!("{}{source}{agent}{when}", a.action)
}

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

/// A user's text in a table: short.
pub(super) fn shown(text: &str) -> String {
    plain(text).chars().take(40).collect()
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

pub(crate) fn tokens(tokens: &[Token]) -> Result<()> {
    if tokens.is_empty() {
        return print("no tokens\n");
    }
    let mut rows = vec![["name", "made", "allows"].map(String::from)];
    for t in tokens {
        rows.push([
            shown(&t.name),
            date(t.created),
            t.scopes.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "),
        ]);
    }
    print(&table(&rows, 3))
}

pub(crate) fn token(token: &str, global: &Global) -> Result<()> {
    print(&format!("{token}\n"))?;
    if !global.quiet {
        super::remark(
            "this token is not kept, and cannot be shown again; clients send it as 'Authorization: Bearer …'",
        );
    }
    Ok(())
}

pub(crate) fn revoked(name: &str, global: &Global) -> Result<()> {
    if global.quiet { Ok(()) } else { print(&format!("revoked: {name}\n")) }
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
                "{} whose file is not where it was to appear: still at work, never finished, or moved",
                c.open
            ),
        );
    }
    c.wrong.iter().for_each(|w| line(&mut out, "wrong", w));
    print(&out)
}

pub(crate) fn evaluate(report: &Report) -> Result<()> {
    let mut clips = vec![["clip", "size", "frames", "PSNR-Y", "SSIM-Y", "exact"].map(String::from)];
    for (file, e) in report.evaluated() {
        let name = shown(&file.file_name().unwrap_or_default().to_string_lossy());
        let tally = Tally::of(e.trials.iter());
        let exact = format!("{} of {}", tally.exact, tally.run);
        clips.push([
            name,
            format!("{}×{}", e.width, e.height),
            e.frames.to_string(),
            format!("{:.2} dB", e.psnr),
            format!("{:.4}", e.ssim),
            exact,
        ]);
    }
    if clips.len() == 1 {
        return Ok(());
    }
    let mut attacks = vec![
        ["attack", "group", "clips", "exact", "present", "wrong", "median p"].map(String::from),
    ];
    for a in &report.attacks {
        let [run, exact, present, wrong, p] = counts(&a.tally);
        attacks.push([
            a.attack.name.into(),
            a.attack.group.name().into(),
            run,
            exact,
            present,
            wrong,
            p,
        ]);
    }
    let mut groups =
        vec![["group", "trials", "exact", "present", "wrong", "median p"].map(String::from)];
    for g in &report.groups {
        let [run, exact, present, wrong, p] = counts(&g.tally);
        groups.push([g.group.name().into(), run, exact, present, wrong, p]);
    }
    print(&format!("{}\n{}\n{}", table(&clips, 1), table(&attacks, 2), table(&groups, 1)))
}

/// A tally as cells: trials, exact, present, wrong, median p-value.
fn counts(t: &Tally) -> [String; 5] {
    if t.run == 0 {
        return ["not run", "", "", "", ""].map(String::from);
    }
    [
        t.run.to_string(),
        t.exact.to_string(),
        t.present.to_string(),
        t.wrong.to_string(),
        t.median_p_value.unwrap_or(PValue::ONE).to_string(),
    ]
}

pub(crate) fn attacks(list: &[&Attack]) -> Result<()> {
    let rows: Vec<_> =
        list.iter().map(|a| [a.name, a.group.name(), a.about].map(String::from)).collect();
    print(&table(&rows, 3))
}

/// Columns as wide as their widest cell, the first `left` of them flush left; the first row in bold
/// if there are columns of figures.
pub(super) fn table<const N: usize>(rows: &[[String; N]], left: usize) -> String {
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for (y, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(i, (c, w))| if i < left { format!("{c:w$}") } else { format!("{c:>w$}") })
            .collect();
        let text = cells.join("  ");
        let text = text.trim_end();
        let _ = if y == 0 && left < N {
            writeln!(out, "{BOLD}{text}{BOLD:#}")
        } else {
            writeln!(out, "{text}")
        };
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        assert_eq!(super::date(0), "1970-01-01");
        assert_eq!(super::date(951_782_400), "2000-02-29");
        assert_eq!(super::date(1_795_392_000), "2026-11-23");
    }

    #[test]
    fn long_text_wraps_under_its_column() {
        let mut out = String::new();
        super::line(&mut out, "why", &"word ".repeat(40));
        assert!(out.lines().count() > 1 && out.lines().all(|l| l.chars().count() <= super::WIDTH));
        assert!(out.lines().nth(1).is_some_and(|l| l.starts_with("            word")));
    }
}
