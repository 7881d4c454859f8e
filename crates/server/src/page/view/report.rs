//! A finished report.

use maud::{Markup, html};
use proofmark::registry::Remark;
use serde_json::Value;

use super::super::super::Settings;
use super::super::reports::About;
use super::super::session::Visitor;
use super::super::text::Text;
use super::manifest::{manifest, marks, original};
use super::timeline::{ranges, timeline};
use super::{beside, frame, list, moment, review, text, tone, verdict_word};

/// Reasons that are shown at once; the weightiest come first.
const FIRST: usize = 3;

/// Why: the first few, the rest folded.
fn reasons(t: Text, all: &[Value]) -> Markup {
    let (first, rest) = all.split_at(all.len().min(FIRST));
    let each = |reasons: &[Value]| html! { ul { @for reason in reasons { li { (text(reason, "/text").unwrap_or_default()) } } } };
    html! {
        (each(first))
        @if !rest.is_empty() { details .rest { summary { (t.with("report.more", &[("count", rest.len().into())])) } (each(rest)) } }
    }
}

/// A finished report.
pub(in super::super) struct Finished<'a> {
    pub(in super::super) about: &'a About,
    pub(in super::super) report: &'a Value,
    /// What was written about its clip.
    pub(in super::super) remarks: &'a [Remark],
    /// Whether the server can sign a statement of it.
    pub(in super::super) signs: bool,
}

/// A finished report, as a page.
pub(in super::super) fn report(
    visitor: &Visitor,
    finished: &Finished<'_>,
    settings: &Settings,
) -> Markup {
    let Finished { about, report, remarks, signs } = *finished;
    let t = visitor.text;
    let title = verdict_word(t, text(report, "/verdict").unwrap_or_default());
    let severity = text(report, "/severity").unwrap_or("note");
    let tone = tone(severity);
    let here = format!("/reports/{}", about.id);
    let (registered, similar) = (list(report, "/registered"), list(report, "/similar"));
    frame(
        visitor,
        &format!("{title}: {}", about.name),
        &html! {},
        &html! {
            section class={ "verdict " (tone.class) } aria-labelledby="verdict" data-report=(about.id) data-name=(about.name) data-word=(title) data-sign=(tone.sign) data-class=(tone.class) {
                h1 #verdict { span .sign aria-hidden="true" { (tone.sign) } (title) span .word { (t.say(&format!("severity.{severity}"))) } small { (about.name) } }
                p .summary { (text(report, "/summary").unwrap_or_default()) }
                (reasons(t, list(report, "/reasons")))
                @let steps = list(report, "/next");
                @if !steps.is_empty() {
                    h2 { (t.say("report.next")) }
                    ul { @for next in steps { li { (text(next, "/text").unwrap_or_default()) } } }
                }
            }
            section {
                h2 { (t.say("report.when")) }
                (beside::player(t, &here, about, report))
                (timeline(t, report))
                (ranges(t, report))
            }
            (beside::pairs(t, &here, about, report))
            (review::section(visitor, about, report, remarks))
            div .columns {
                section { h2 { (t.say("report.this")) } (marks(t, report)) }
                @for (kind, entries) in [("report.original", registered), ("report.similar", similar)] {
                    @for entry in entries { section { h2 { (t.say(kind)) } (original(t, entry)) } }
                }
                @if registered.is_empty() && similar.is_empty() {
                    section { h2 { (t.say("report.original")) } p .soft { (t.say("report.no-original")) } }
                }
            }
            @match report.get("manifest").filter(|m| !m.is_null()) {
                Some(m) => section .tree { h2 { (t.say("report.manifest")) } (manifest(t, m)) },
                None => section {
                    h2 { (t.say("report.manifest")) }
                    @match text(report, "/elsewhere") {
                        Some(address) => p .soft { (t.with("report.elsewhere", &[("address", address.into())])) },
                        None => p .soft { (t.say("report.no-manifest")) },
                    }
                },
            }
            section { h2 { (t.say("report.check")) } (check(t, report)) }
            (keep(visitor, &here, settings, signs))
        },
    )
}

/// How the report is kept, sent on and printed.
fn keep(visitor: &Visitor, here: &str, settings: &Settings, signs: bool) -> Markup {
    let t = visitor.text;
    let hours = settings.keep.as_secs().div_ceil(3600);
    html! {
        section .screen {
            h2 { (t.say("report.keep")) }
            div .row {
                label for="link" { (t.say("report.link")) }
                input #link readonly value=(here);
                button .copy type="button" hidden data-copied=(t.say("report.copied")) { (t.say("report.copy")) }
                a .button href={ (here) "/report.json" } download { (t.say("report.download")) }
                @if signs && visitor.reviews() { a .button href={ (here) "/statement" } download { (t.say("report.statement")) } }
                button .print type="button" hidden { (t.say("report.print")) }
            }
            p .soft { (t.with("report.link-note", &[("hours", hours.into())])) }
        }
    }
}

/// What was asked of what, when and with what: so that it can be asked again.
fn check(t: Text, report: &Value) -> Markup {
    let all = |path: &str| list(report, path).iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let told = |all: Vec<&str>| if all.is_empty() { t.say("report.none") } else { all.join(", ") };
    html! {
        dl {
            dt { "SHA-256" } dd { code { (text(report, "/check/sha256").unwrap_or_default()) } }
            dt { (t.say("report.bytes")) } dd { (report.pointer("/check/bytes").and_then(Value::as_u64).unwrap_or(0)) " \
                B" }
            dt { (t.say("report.checked")) } dd { (moment(report.pointer("/check/time").and_then(Value::as_i64).unwrap_or(0))) }
            dt { (t.say("report.version")) } dd { (t.say("name")) " " (text(report, "/check/version").unwrap_or_default()) }
            dt { (t.say("report.keys")) } dd { (told(all("/check/keys"))) }
            dt { (t.say("report.lists")) } dd { (told(all("/check/lists"))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proofmark::Language;

    use super::*;
    use crate::ServeConfig;

    #[test]
    fn what_others_wrote_is_text_and_nothing_else() {
        let about = About {
            id: "x".into(),
            name: "<script>alert(1)</script>.mp4".into(),
            path: "upload.mp4".into(),
        };
        let hostile = "\"><img src=x onerror=alert(1)>";
        let value = serde_json::json!({
            "verdict": "intact", "severity": hostile, "summary": hostile, "reasons": [{"text": hostile}], "next": [{"text": hostile}], "similar": [],
            "registered": [{"title": hostile, "labels": [hostile], "stamped": 0, "stills": [0.0], "unmatched": [{"start": 0.0, "end": 1.0}], "resemblance": {"offset": 0.0, "speed": 1.0}}],
            "manifest": {"title": hostile, "label": hostile, "signer": {"common_name": hostile}, "actions": [{"action": hostile, "digital_source_type": hostile}], "ingredients": [hostile],
                "lineage": [{"label": hostile, "title": hostile, "common_name": hostile, "relationship": hostile, "actions": [{"action": hostile}]}]},
            "check": {"sha256": hostile, "version": hostile, "keys": [hostile]},
        });
        let remark = Remark {
            content: proofmark::registry::Content::of_bytes(b""),
            at: 0,
            who: hostile.into(),
            act: proofmark::registry::Act::Note,
            said: hostile.into(),
        };
        for (language, _) in Text::LANGUAGES {
            let visitor = Visitor::example(language);
            let finished = Finished {
                about: &about,
                report: &value,
                remarks: std::slice::from_ref(&remark),
                signs: true,
            };
            let settings = ServeConfig::default().settings(None, false).unwrap();
            let page = report(&visitor, &finished, &settings).into_string();
            assert!(
                !page.contains("<img src=x") && !page.contains("<script>alert"),
                "{language:?}"
            );
            assert!(page.contains("&lt;script&gt;"));
        }
        assert_ne!(Text(Language::English), Text(Language::Japanese));
    }
}
