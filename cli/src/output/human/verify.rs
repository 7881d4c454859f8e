//! A verdict with its reasons, and the manifest that it rests on.

use std::fmt::Write as _;
use std::path::Path;

use proofmark::Verified;
use proofmark::provenance::{Action, ManifestReport, ManifestState, Unattested};
use proofmark::segments::{RenditionReport, SegmentFault, SegmentFaultKind};
use proofmark::verdict::{Language, Severity, Verdict};

use super::marks::evidence;
use super::{line, lines};
use crate::output::{BAD, BOLD, DOUBT, GOOD, name};

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
    if let Some(s) = &v.segments {
        lines(&mut out, "segments", s.renditions.iter().map(segments));
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

/// How many of a rendition's segments there are.
fn segments(r: &RenditionReport) -> String {
    let signed = match r.signed {
        Some(signed) => format!("{} of the {signed} that were signed", r.listed),
        None => format!("{}, of which nothing is signed", r.listed),
    };
    let faults: Vec<String> = r.faults.iter().map(fault).collect();
    let told = if faults.is_empty() { String::new() } else { format!("; {}", faults.join(", ")) };
    format!("{}: {signed}{told}", r.name)
}

fn fault(f: &SegmentFault) -> String {
    let kind = match f.kind {
        SegmentFaultKind::Missing => "missing",
        SegmentFaultKind::Moved => "moved",
        SegmentFaultKind::Repeated => "repeated",
        SegmentFaultKind::Changed => "changed",
        SegmentFaultKind::Foreign => "of another clip",
        _ => "unsigned",
    };
    format!("{} {kind} at {:.1}–{:.1} s", f.count, f.start, f.end)
}

pub(super) fn manifest(out: &mut String, m: &ManifestReport) {
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
                let why = match s.unattested {
                    Some(Unattested::OldKind) => "in a stamp of a kind that is not counted here",
                    Some(Unattested::Future) => "which has not come yet",
                    _ => "which nobody listed here attests",
                };
                format!("says it was at {time}, {why}")
            }
            (None, None) => "no attested time".to_string(),
        };
        let status = if s.not_revoked { "; not revoked, says its authority" } else { "" };
        line(out, "signer", &format!("{name}; {trusted}; {time}{status}"));
    }
    lines(out, "actions", m.actions.iter().map(action));
    if let Some(d) = &m.disclosure {
        let told = [&d.model, &d.identifier, &d.oversight];
        let told: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
        line(out, "model", &told.join(", "));
    }
    let uses = m.training_mining.iter().map(|u| {
        let constraint = u.constraint.as_ref().map(|c| format!(" ({c})")).unwrap_or_default();
        format!("{}: {}{constraint}", u.entry, u.permission)
    });
    lines(out, "training", uses);
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
    let what = a.description.as_ref().map(|d| format!(": {d}")).unwrap_or_default();
    format!("{}{source}{agent}{when}{what}", a.action)
}
