//! What marks, registry and manifests say, in full.

use maud::{Markup, html};
use proofmark::fingerprint::{AudioResemblance, Resemblance};
use proofmark::registry::Entry;
use serde_json::Value;

use super::super::text::Text;
use super::{list, moment, number, percent, text};

/// What picture and sound carry.
pub(super) fn marks(t: Text, report: &Value) -> Markup {
    html! {
        @for (name, path) in [("marks.picture", "/video"), ("marks.sound", "/audio")] {
            @let part = report.pointer(path).filter(|p| !p.is_null());
            details open[part.is_some()] {
                summary { (t.say(name)) @if part.is_none() { span .soft { ": " (t.say("marks.absent")) } } }
                @if let Some(part) = part {
                    (mark(t, part))
                    @for (kind, inner) in [("marks.other", "/others"), ("marks.earlier", "/earlier")] {
                        @for other in list(part, inner) { details { summary { (t.say(kind)) } (mark(t, other)) } }
                    }
                }
            }
        }
    }
}

fn mark(t: Text, part: &Value) -> Markup {
    let found = part.get("detected").and_then(Value::as_bool).unwrap_or(false);
    html! {
        dl {
            dt { (t.say("marks.mark")) } dd { (t.say(if found { "marks.found" } else { "marks.not-found" })) }
            dt { (t.say("marks.number")) } dd { @match text(part, "/payload") { Some(p) => code { (p) }, None => (t.say("marks.untold")) } }
            @if found {
                dt { (t.say("marks.chance")) } dd { (t.say("marks.odds")) " " (odds(number(part, "/p_value").unwrap_or(1.0))) }
                @if let Some(method) = text(part, "/method") { dt { (t.say("marks.method")) } dd { (method) } }
            }
            @if let Some(note) = text(part, "/note") { dt { (t.say("marks.note")) } dd { (note) } }
        }
    }
}

/// One over a p-value.
fn odds(p: f64) -> Markup {
    let zeros = (-p.clamp(1e-300, 1.0).log10()).floor();
    html! { @if zeros < 6.0 { (format!("{:.0}", 1.0 / p)) } @else { "10" sup { (zeros) } } }
}

/// What the registry remembers.
pub(super) fn original(t: Text, entry: &Value) -> Markup {
    let none = t.say("entry.no-title");
    html! {
        dl {
            dt { (t.say("entry.title")) } dd { (text(entry, "/title").unwrap_or(&none)) }
            @let alone = text(entry, "/media_type") == Some(Entry::MANIFEST_ALONE);
            @if let Some(stamped) = entry.get("stamped").and_then(Value::as_i64) { dt { (t.say(if alone { "entry.handed-in" } else { "entry.stamped" })) } dd { (moment(stamped)) } }
            dt { (t.say("entry.number")) } dd { code { (text(entry, "/payload").unwrap_or(&none)) } }
            dt { (t.say("entry.kind")) } dd { @if alone { (t.say("entry.alone")) } @else { (text(entry, "/media_type").unwrap_or_default()) } }
            @let labels: Vec<&str> = list(entry, "/labels").iter().filter_map(Value::as_str).collect();
            @if !labels.is_empty() { dt { (t.say("entry.labels")) } dd { (labels.join(", ")) } }
            dt { (t.say("entry.looks")) } dd { (likeness(t, entry)) }
            dt { (t.say("entry.sounds")) } dd { (sound_likeness(t, entry)) }
            dt { "SHA-256" } dd { code { (text(entry, "/content").unwrap_or_default()) } }
        }
        @match entry.get("manifest").filter(|m| !m.is_null()) {
            Some(m) => div .tree { (manifest(t, m)) },
            None => p .soft { (t.say("entry.no-manifest")) },
        }
    }
}

fn likeness(t: Text, entry: &Value) -> String {
    let Some(distance) = number(entry, "/resemblance/distance") else {
        return t.say("entry.not-compared");
    };
    let apart = t.with("entry.bits", &[("bits", format!("{distance:.0}").into())]);
    t.with(
        if distance <= f64::from(Resemblance::SAME) { "entry.same" } else { "entry.different" },
        &[("apart", apart.into())],
    )
}

fn sound_likeness(t: Text, entry: &Value) -> String {
    let Some(distance) = number(entry, "/sound_resemblance/distance") else {
        return t.say("entry.not-compared");
    };
    let factor = |path| number(entry, path).unwrap_or(1.0);
    let (speed, pitch) = (factor("/sound_resemblance/speed"), factor("/sound_resemblance/pitch"));
    let stretched = speed != 1.0 || pitch != 1.0;
    let most = if stretched { AudioResemblance::SAME_STRETCHED } else { AudioResemblance::SAME };
    let how = if stretched {
        t.with(
            "entry.stretched",
            &[("speed", format!("{speed:.2}").into()), ("pitch", format!("{pitch:.2}").into())],
        )
    } else {
        String::new()
    };
    let alike =
        distance <= f64::from(most) * number(entry, "/sound_resemblance/chance").unwrap_or(0.0);
    let apart = t.with("entry.share", &[("share", percent(distance).into())]) + &how;
    t.with(if alike { "entry.same" } else { "entry.different" }, &[("apart", apart.into())])
}

/// Characters of a soft binding's value that are shown: a payload whole, of a fingerprint the
/// beginning.
const SHOWN: usize = 48;

/// The beginning of a text that may be long.
fn shortened(text: &str) -> String {
    let mut out: String = text.chars().take(SHOWN).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

/// A manifest as a tree.
pub(super) fn manifest(t: Text, m: &Value) -> Markup {
    let state = match text(m, "/state") {
        Some("trusted") => "manifest.trusted",
        Some("valid") => "manifest.valid",
        _ => "manifest.invalid",
    };
    let told = |path: &str, otherwise: &str| {
        text(m, path).map_or_else(|| t.say(otherwise), str::to_string)
    };
    html! {
        details open {
            summary { strong { (told("/title", "manifest.title")) } span .soft { ": " (t.say(state)) } }
            dl {
                dt { (t.say("manifest.label")) } dd { code { (told("/label", "manifest.unreadable")) } }
                dt { (t.say("manifest.by")) } dd { (told("/claim_generator", "manifest.unknown")) }
                dt { (t.say("manifest.signer")) } dd { (told("/signer/common_name", "manifest.unknown")) @if let Some(o) = text(m, "/signer/organisation") { ", " (o) } }
                dt { (t.say("manifest.signed")) } dd { (told("/signer/time", "manifest.untimed")) }
            }
            (branch(&t.say("manifest.actions"), list(m, "/actions"), action))
            (branch(&t.say("manifest.ingredients"), list(m, "/ingredients"), |i| html! { (i.as_str().unwrap_or_default()) }))
            (branch(&t.say("manifest.lineage"), list(m, "/lineage"), |a| ancestor(t, a)))
            (branch(&t.say("manifest.bindings"), list(m, "/soft_bindings"), |b| html! { (text(b, "/alg").unwrap_or_default()) " " code { (shortened(text(b, "/value").unwrap_or_default())) } }))
            (branch(&t.say("manifest.failures"), list(m, "/failures"), |f| html! { code { (f.as_str().unwrap_or_default()) } }))
        }
    }
}

fn action(a: &Value) -> Markup {
    html! { (text(a, "/action").unwrap_or_default()) @if let Some(kind) = text(a, "/digital_source_type") { span .soft { ": " (kind.rsplit('/').next().unwrap_or(kind)) } } }
}

/// Another manifest that came with it.
fn ancestor(t: Text, a: &Value) -> Markup {
    let signer = text(a, "/common_name")
        .or(text(a, "/organisation"))
        .map_or_else(|| t.say("manifest.unknown"), str::to_string);
    html! {
        (text(a, "/title").map_or_else(|| t.say("manifest.untitled"), str::to_string))
        span .soft { ": " (t.with("manifest.signed-by", &[("signer", signer.into())])) @if let Some(how) = text(a, "/relationship") { ", " (how) } }
        " " code { (text(a, "/label").unwrap_or_default()) }
        (branch(&t.say("manifest.actions"), list(a, "/actions"), action))
    }
}

fn branch(name: &str, items: &[Value], show: impl Fn(&Value) -> Markup) -> Markup {
    html! {
        @if !items.is_empty() {
            details open { summary { (name) " (" (items.len()) ")" } ul { @for item in items { li { (show(item)) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_told_as_odds() {
        assert_eq!(
            (odds(0.001).into_string().as_str(), odds(1e-9).into_string().as_str()),
            ("1000", "10<sup>9</sup>")
        );
    }
}
