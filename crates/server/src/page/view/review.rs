//! What people decided about clips.

use maud::{Markup, html};
use proofmark::registry::{Act, Content, Entry, Remark};
use serde_json::Value;

use super::super::reports::About;
use super::super::session::Visitor;
use super::super::text::Text;
use super::{frame, moment, text};

/// What was written about a clip, and where more can be.
pub(super) fn section(
    visitor: &Visitor,
    about: &About,
    report: &Value,
    remarks: &[Remark],
) -> Markup {
    let t = visitor.text;
    let content = text(report, "/check/sha256").and_then(|c| c.parse::<Content>().ok());
    html! {
        @if let (Some(content), Some(_)) = (content, &visitor.token) {
            section #case .case {
                h2 { (t.say("case.title")) }
                @if visitor.reviews() {
                    (written(t, remarks))
                    (forms(t, &content, Some(&about.id), remarks))
                    p { a href={ "/cases/" (content) } { (t.say("case.open")) } }
                } @else { p .soft { (t.say("case.scope")) } }
            }
        }
    }
}

/// What a remark says, in the reader's language where it is one of a few words.
fn said(t: Text, remark: &Remark) -> String {
    match remark.act {
        Act::Decision | Act::Review => t.say(&format!("case.{}", remark.said)),
        Act::Note | Act::Label => remark.said.clone(),
    }
}

fn written(t: Text, remarks: &[Remark]) -> Markup {
    html! {
        @if remarks.is_empty() { p .soft { (t.say("case.none")) } } @else {
            ol .remarks { @for r in remarks {
                li class=(r.act.name()) {
                    strong { (t.say(&format!("case.{}", r.act.name()))) } ": " span .said { (said(t, r)) }
                    " " span .soft { (t.with("case.said", &[("who", r.who.as_str().into()), ("when", moment((r.at / 1000) as i64).into())])) }
                }
            } }
        }
    }
}

/// A form for each thing that can be written.
fn forms(t: Text, content: &Content, report: Option<&str>, remarks: &[Remark]) -> Markup {
    let decided = remarks.iter().any(|r| r.act == Act::Decision);
    let one = |act: Act, field: Markup| {
        html! {
            form action={ "/cases/" (content) } method="post" {
                input type="hidden" name="act" value=(act.name());
                @if let Some(report) = report { input type="hidden" name="report" value=(report); }
                label for={ "said-" (act.name()) } { (t.say(&format!("case.{}", act.name()))) }
                div .row { (field) button { (t.say("case.add")) } }
            }
        }
    };
    let choice = |act: Act, words: &[&str]| {
        html! { select id={ "said-" (act.name()) } name="said" required { option value="" { (t.say("case.choose")) } @for word in words { option value=(word) { (t.say(&format!("case.{word}"))) } } } }
    };
    html! {
        details .screen .writing {
            summary { (t.say("case.write")) }
            p .soft { (t.say("case.about")) }
            (one(Act::Decision, choice(Act::Decision, &Act::DECISIONS)))
            @if decided { (one(Act::Review, choice(Act::Review, &Act::REVIEWS))) }
            (one(Act::Note, html! { textarea #said-note name="said" rows="3" required placeholder=(t.say("case.note-hint")) {} }))
            (one(Act::Label, html! { input #said-label name="said" required maxlength="100"; }))
        }
    }
}

fn entries(t: Text, all: &[Entry]) -> Markup {
    let none = t.say("entry.no-title");
    html! {
        ul .list { @for e in all {
            li {
                @if e.media_type.starts_with("video/") || e.media_type.starts_with("image/") { img loading="lazy" src={ "/registered/" (e.id) "/stills/0" } alt=""; }
                span { strong { (e.title.as_deref().unwrap_or(&none)) } " " span .soft { (moment(e.stamped as i64)) ", " (e.media_type) }
                    @if !e.labels.is_empty() { " " span .soft { (e.labels.iter().cloned().collect::<Vec<_>>().join(", ")) } }
                    br; code { (e.payload.map_or_else(|| e.id.clone(), |p| p.to_string())) }
                }
            }
        } }
    }
}

/// What is known under some words.
pub(in super::super) fn search(
    visitor: &Visitor,
    words: &str,
    found: &[Entry],
    cases: &[Remark],
) -> Markup {
    let t = visitor.text;
    frame(
        visitor,
        &t.say("search.title"),
        &html! {},
        &html! {
            h1 { (t.say("search.title")) }
            form .address action="/search" method="get" role="search" {
                label for="words" { (t.say("search.words")) }
                div .row { input #words type="search" name="words" value=(words); button { (t.say("search.go")) } }
                p .soft { (t.say("search.about")) }
            }
            @if !words.is_empty() && found.is_empty() && cases.is_empty() { p role="status" { (t.say("search.nothing")) } }
            @if !found.is_empty() { section { h2 { (t.say("search.entries")) } (entries(t, found)) } }
            @if !cases.is_empty() {
                section {
                    h2 { (t.say(if words.is_empty() { "search.latest" } else { "search.cases" })) }
                    ul .list { @for r in cases {
                        li { span { a href={ "/cases/" (r.content) } { code { (r.content) } } br; strong { (t.say(&format!("case.{}", r.act.name()))) } ": " (said(t, r)) " "
                            span .soft { (t.with("case.said", &[("who", r.who.as_str().into()), ("when", moment((r.at / 1000) as i64).into())])) } } }
                    } }
                }
            }
        },
    )
}

/// All that was written about a clip.
pub(in super::super) fn case(
    visitor: &Visitor,
    content: &Content,
    remarks: &[Remark],
    found: &[Entry],
) -> Markup {
    let t = visitor.text;
    frame(
        visitor,
        &t.say("case.title"),
        &html! {},
        &html! {
            h1 { (t.say("case.title")) small { code { (content) } } }
            section .case { (written(t, remarks)) (forms(t, content, None, remarks)) }
            @if !found.is_empty() { section { h2 { (t.say("search.entries")) } (entries(t, found)) } }
        },
    )
}
