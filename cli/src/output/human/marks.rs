//! The marks that picture and sound carry.

use std::fmt::Write as _;
use std::path::Path;

use proofmark::audio::AudioEvidence;
use proofmark::evidence::{Method, TimeRange};
use proofmark::video::{Geometry, VideoEvidence};
use proofmark::{Detected, Generation, Payload};

use super::line;
use crate::output::{BOLD, DOUBT, GOOD, name};

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
pub(super) fn evidence(out: &mut String, detected: &Detected) {
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
pub(super) fn generation(g: Generation) -> String {
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
