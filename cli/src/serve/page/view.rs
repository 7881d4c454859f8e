//! The pages themselves.

use std::path::Path;
use std::time::Duration;

use maud::{DOCTYPE, Markup, html};
use proofmark::fingerprint::{Resemblance, SoundResemblance};
use proofmark::registry::Entry;
use serde_json::Value;
use time::OffsetDateTime;

use super::super::Settings;
use super::reports::About;

/// Every page has the same frame.
fn frame(title: &str, head: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · Proofmark" }
                link rel="stylesheet" href="/assets/page.css";
                link rel="icon" href="/assets/icon.svg";
                script src="/assets/page.js" defer {}
                (head)
            }
            body {
                a .skip href="#main" { "To the content" }
                header { a href="/" { "Proofmark" } span .soft { "where does this clip come from?" } }
                main #main { (main) }
                footer { "Nothing found is no proof of a camera: most clips in the world were never stamped." }
            }
        }
    }
}

/// The page that asks for a clip.
pub(super) fn start(settings: &Settings) -> Markup {
    let (size, hours) = (settings.upload_bytes >> 20, settings.keep.as_secs().div_ceil(3600));
    frame(
        "Verify a clip",
        &html! {},
        &html! {
            h1 { "Verify a clip" }
            p { "Proofmark reads the signed manifest of a clip, looks for its invisible mark in picture and sound, and compares both with what is registered." }
            form .drop action="/reports" method="post" enctype="multipart/form-data" {
                label for="clip" { "Drop a clip, a sound file or a still image here, or choose one" }
                input #clip type="file" name="clip" accept="video/*,audio/*,image/*" required;
                p { button { "Verify" } }
                progress max="1" value="0" aria-label="Sent" hidden {}
                p role="status" {}
                p .soft { "Up to " (size) " MiB. The clip stays on this server for " (hours) " h, for whoever has the link to its report, and is then deleted." }
            }
        },
    )
}

/// Why a request was not answered.
pub(super) fn refused(message: &str) -> Markup {
    frame("Not possible", &html! {}, &html! { h1 { "That did not work" } p { (sentence(message)) } p { a .button href="/" { "Verify another clip" } } })
}

/// A report that is being made.
pub(super) fn working(about: &About, share: Option<f32>) -> Markup {
    let progress = format!("/reports/{}/progress", about.id);
    frame(
        &about.name,
        &html! { noscript { meta http-equiv="refresh" content="2"; } },
        &html! {
            section data-progress=(progress) {
                h1 { (about.name) small .soft { " is being looked at" } }
                progress max="1" value=[share] aria-label="Seen of the clip" {}
                p role="status" { "Reading the manifest, the picture and the sound. This takes about as long as playing a part of the clip." }
            }
        },
    )
}

/// A clip that nothing could be found out about.
pub(super) fn failed(about: &About, message: &str) -> Markup {
    frame(
        &about.name,
        &html! {},
        &html! { section .verdict { h1 { (about.name) small { "could not be verified" } } p { (sentence(message)) } p { a .button href="/" { "Verify another clip" } } } },
    )
}

fn sentence(text: &str) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    let mut letters = text.chars();
    match letters.next() {
        // A file's name is written as it is.
        Some(_) if text.split_whitespace().next().is_some_and(|word| word.ends_with(':')) => format!("{text}{end}"),
        Some(first) => first.to_uppercase().chain(letters).collect::<String>() + end,
        None => String::new(),
    }
}

/// A verdict in a word.
fn verdict(name: &str) -> &'static str {
    match name {
        "intact" => "Intact",
        "recovered" => "Recovered",
        "marked" => "Marked",
        "mixed" => "Mixed",
        "foreign" => "Signed by someone else",
        "altered" => "Altered",
        "contradictory" => "Contradictory",
        "lookalike" => "Looks like one of ours",
        _ => "Nothing found",
    }
}

/// How a severity is shown: its colours, and a sign and a word for whoever sees none.
struct Tone {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
}

fn tone(severity: &str) -> Tone {
    match severity {
        "good" => Tone { class: "good", sign: "✓", word: "confirmed" },
        "alert" => Tone { class: "bad", sign: "✕", word: "do not rely on it" },
        "doubt" => Tone { class: "doubt", sign: "?", word: "not confirmed" },
        _ => Tone { class: "none", sign: "–", word: "for your information" },
    }
}

/// Reasons that are shown at once; the weightiest come first.
const FIRST: usize = 3;

/// Why: the first few, the rest folded.
fn reasons(all: &[Value]) -> Markup {
    let (first, rest) = all.split_at(all.len().min(FIRST));
    let each = |reasons: &[Value]| html! { ul { @for reason in reasons { li { (text(reason, "/text").unwrap_or_default()) } } } };
    html! {
        (each(first))
        @match rest.len() {
            0 => {},
            n => details .rest { summary { (n) (if n == 1 { " more reason" } else { " more reasons" }) } (each(rest)) },
        }
    }
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(value: &Value, path: &str) -> Option<f64> {
    value.pointer(path).and_then(Value::as_f64)
}

/// A finished report.
pub(super) fn report(about: &About, report: &Value, keep: Duration) -> Markup {
    let title = verdict(text(report, "/verdict").unwrap_or_default());
    let tone = tone(text(report, "/severity").unwrap_or_default());
    let here = format!("/reports/{}", about.id);
    let registered = list(report, "/registered");
    let similar = list(report, "/similar");
    frame(
        &format!("{title}: {}", about.name),
        &html! {},
        &html! {
            section class={ "verdict " (tone.class) } aria-labelledby="verdict" {
                h1 #verdict { span .sign aria-hidden="true" { (tone.sign) } (title) span .word { (tone.word) } small { (about.name) } }
                p .summary { (text(report, "/summary").unwrap_or_default()) }
                (reasons(list(report, "/reasons")))
                @let steps = list(report, "/next");
                @if !steps.is_empty() {
                    h2 { "What to do" }
                    ul { @for next in steps { li { (text(next, "/text").unwrap_or_default()) } } }
                }
            }
            section {
                h2 { "When and where" }
                (player(&here, &about.path, report))
                (timeline(report))
                (ranges(report))
            }
            div .columns {
                section { h2 { "This clip" } (marks(report)) }
                @for (kind, entries) in [("The registered original", registered), ("A registered clip that is like it", similar)] {
                    @for entry in entries { section { h2 { (kind) } (original(entry)) } }
                }
                @if registered.is_empty() && similar.is_empty() {
                    section { h2 { "The registered original" } p .soft { "No registered clip belongs to this one." } }
                }
            }
            @match report.get("manifest").filter(|m| !m.is_null()) {
                Some(m) => section .tree { h2 { "The manifest in the file" } (manifest(m)) },
                None => section {
                    h2 { "The manifest in the file" }
                    @match text(report, "/elsewhere") {
                        Some(address) => p .soft { "There is none. The file says that it is kept at " code { (address) } ", from where nothing was fetched." },
                        None => p .soft { "There is none. Most places that take uploads remove it." },
                    }
                },
            }
            section .screen {
                h2 { "Keep and share" }
                div .row {
                    label for="link" { "Link" }
                    input #link readonly value=(here);
                    button .copy type="button" hidden { "Copy" }
                    a .button href={ (here) "/report.json" } download { "Download the report" }
                    button .print type="button" hidden { "Print" }
                }
                p .soft { "The link works for " (keep.as_secs().div_ceil(3600)) " h after the upload, for whoever has it." }
            }
        },
    )
}

/// The media type that a player is told, of those that are played.
pub(super) fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "mp4" | "m4v" | "mov" => "video/mp4",
        "webm" | "mkv" => "video/webm",
        "m4a" | "aac" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        _ => "application/octet-stream",
    }
}

fn player(here: &str, path: &Path, report: &Value) -> Markup {
    let media = format!("{here}/media");
    let area = report.pointer("/video/area").filter(|a| !a.is_null());
    let difference = report.pointer("/registered/0/difference").filter(|d| !d.is_null());
    html! {
        div .player {
            @match media_type(path).split('/').next() {
                Some("image") => img src=(media) alt="The uploaded picture";,
                Some("audio") => audio src=(media) controls preload="metadata" {},
                _ => video src=(media) controls preload="metadata" playsinline muted aria-label="The uploaded clip" {},
            }
            @if let Some(area) = area { (cells(area, "area", &|marked| if marked { "yes" } else { "no" })) }
            @if let Some(difference) = difference { (cells(difference, "difference", &|differs| if differs { "differs" } else { "same" })) }
        }
        @if let Some(share) = area.and_then(|a| number(a, "/share")) {
            p .check { input #area .screen type="checkbox" data-toggles=".area"; label for="area" {
                "Show where the mark is: in " (percent(share)) " of what can be told (outlined), and where it is missing (crossed)"
            } }
        }
        @if let Some(share) = difference.and_then(|d| number(d, "/share")) {
            p .check { input #difference .screen type="checkbox" checked[share > 0.0] data-toggles=".difference"; label for="difference" {
                @if share > 0.0 { "Show what differs from the registered picture: about " (percent(share)) " of it (crossed)" } @else { "No part of the picture differs from the registered one" }
            } }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A grid over the frame; nothing where it cannot be told. What speaks against the clip is crossed, for whoever tells no green from red.
fn cells(grid: &Value, name: &str, class: &dyn Fn(bool) -> &'static str) -> Markup {
    let columns = grid.get("columns").and_then(Value::as_u64).unwrap_or(1).max(1) as usize;
    let all = list(grid, "/cells");
    let rows = all.len().div_ceil(columns);
    html! {
        svg class={ "grid off " (name) } viewBox=(format!("0 0 {columns} {rows}")) preserveAspectRatio="none" aria-hidden="true" {
            @for (i, cell) in all.iter().enumerate() {
                @if let Some(is) = cell.as_bool() {
                    @let (x, y) = (i % columns, i / columns);
                    rect class=(class(is)) x=(x) y=(y) width="1" height="1" {}
                    @if matches!(class(is), "no" | "differs") { path .cross d=(format!("M{x} {y}l1 1m-1 0l1 -1")) {} }
                }
            }
        }
    }
}

/// Layout of the timeline, in its own units.
const LEFT: f64 = 90.0;
const WIDTH: f64 = 890.0;
const LANE: f64 = 44.0;

fn seconds(report: &Value) -> f64 {
    let last = |path: &str| list(report, path).last().and_then(|s| number(s, "/end")).unwrap_or(0.0);
    last("/video/spans").max(last("/audio/spans")).max(number(report, "/audio/seconds").unwrap_or(0.0))
}

/// Evidence over time: a lane each for picture, sound and manifest.
fn timeline(report: &Value) -> Markup {
    let length = seconds(report);
    if length <= 0.0 {
        return html! {};
    }
    let lanes = [("Picture", "picture", "/video/spans"), ("Sound", "sound", "/audio/spans")];
    let proof = text(report, "/manifest/state");
    let x = |t: f64| LEFT + WIDTH * t / length;
    html! {
        div .scroll role="slider" tabindex="0" aria-label="Timeline: arrow keys move the player" aria-valuemin="0" aria-valuemax=(format!("{length:.3}")) aria-valuenow="0" {
        svg .timeline viewBox=(format!("0 0 {} {}", LEFT + WIDTH + 20.0, 2.0 * LANE + 52.0)) data-seconds=(length) data-left=(LEFT) data-width=(WIDTH)
            role="img" aria-label="Evidence over time; the same in words below" {
            @for (i, (name, class, path)) in lanes.into_iter().enumerate() {
                @let base = (i as f64 + 1.0) * LANE - 4.0;
                text .end x=(LEFT - 10.0) y=(base - 12.0) { (name) }
                line .lane x1=(LEFT) x2=(LEFT + WIDTH) y1=(base) y2=(base) {}
                @for span in list(report, path) {
                    (bar(span, class, base, &x))
                }
            }
            @let base = 2.0 * LANE + 20.0;
            text .end x=(LEFT - 10.0) y=(base) { "Manifest" }
            rect class=(match proof { Some("valid" | "trusted") => "proof", Some(_) => "unmarked", None => "unknown" }) x=(LEFT) y=(base - 9.0) width=(WIDTH) height="8" rx="3" {}
            @for step in 0..=4 {
                @let t = length * f64::from(step) / 4.0;
                text .end[step == 4] x=(x(t)) y=(base + 22.0) { (clock(t)) }
            }
            line .head x1="0" x2="0" y1="0" y2=(base) hidden {}
        }
        }
        ul .legend aria-label="Legend" {
            @for (class, what) in [("picture", "mark in the picture"), ("sound", "mark in the sound"), ("proof", "manifest that holds"), ("unmarked", "nothing of the mark, or a manifest that fails"), ("unknown", "cannot be told")] {
                li { svg viewBox="0 0 14 14" aria-hidden="true" { rect class=(class) x="1" y="1" width="12" height="12" rx="2" {} } (what) }
            }
        }
    }
}

/// A span: as high as the mark is plain there.
fn bar(span: &Value, class: &str, base: f64, x: &dyn Fn(f64) -> f64) -> Markup {
    let (start, end) = (number(span, "/start").unwrap_or(0.0), number(span, "/end").unwrap_or(0.0));
    let state = text(span, "/state").unwrap_or_default();
    let height = match state {
        "marked" => (number(span, "/score").unwrap_or(0.0).max(0.0).sqrt() * 5.0).clamp(6.0, LANE - 12.0),
        _ => 5.0,
    };
    let class = if state == "marked" { class } else { state };
    html! { rect class=(class) x=(format!("{:.1}", x(start))) y=(format!("{:.1}", base - height)) width=(format!("{:.1}", (x(end) - x(start) - 1.0).max(1.0))) height=(format!("{height:.1}")) {} }
}

/// Minutes, seconds and thousandths.
fn clock(seconds: f64) -> String {
    let all = (seconds.max(0.0) * 1000.0).round() as u64;
    format!("{}:{:02}.{:03}", all / 60_000, all / 1000 % 60, all % 1000)
}

/// When marks are there, in words.
fn ranges(report: &Value) -> Markup {
    let told = |path: &str| {
        list(report, path).iter().map(|r| format!("{} to {}", clock(number(r, "/start").unwrap_or(0.0)), clock(number(r, "/end").unwrap_or(0.0)))).collect::<Vec<_>>().join(", ")
    };
    html! {
        dl {
            @for (name, path) in [("Mark in the picture", "/video/ranges"), ("Mark in the sound", "/audio/ranges")] {
                dt { (name) }
                @let when = told(path);
                dd { @if when.is_empty() { "none found" } @else { (when) } }
            }
        }
    }
}

/// What picture and sound carry.
fn marks(report: &Value) -> Markup {
    html! {
        @for (name, path) in [("Picture", "/video"), ("Sound", "/audio")] {
            @let part = report.pointer(path).filter(|p| !p.is_null());
            details open[part.is_some()] {
                summary { (name) @if part.is_none() { span .soft { ": there is none, or it was not looked at" } } }
                @if let Some(part) = part {
                    (mark(part))
                    @for (kind, inner) in [("Another mark", "/others"), ("An earlier mark beneath it", "/earlier")] {
                        @for other in list(part, inner) { details { summary { (kind) } (mark(other)) } }
                    }
                }
            }
        }
    }
}

fn mark(part: &Value) -> Markup {
    let found = part.get("detected").and_then(Value::as_bool).unwrap_or(false);
    html! {
        dl {
            dt { "Mark" } dd { (if found { "found" } else { "not found" }) }
            dt { "Number" } dd { @match text(part, "/payload") { Some(p) => code { (p) }, None => "not told" } }
            @if found {
                dt { "By chance" } dd { "at most 1 in " (odds(number(part, "/p_value").unwrap_or(1.0))) }
                @if let Some(method) = text(part, "/method") { dt { "Read" } dd { (method) } }
            }
            @if let Some(note) = text(part, "/note") { dt { "Note" } dd { (note) } }
        }
    }
}

/// One over a p-value.
fn odds(p: f64) -> Markup {
    let zeros = (-p.clamp(1e-300, 1.0).log10()).floor();
    html! { @if zeros < 6.0 { (format!("{:.0}", 1.0 / p)) } @else { "10" sup { (zeros) } } }
}

/// What the registry remembers.
fn original(entry: &Value) -> Markup {
    let stamped = entry.get("stamped").and_then(Value::as_i64).and_then(|t| OffsetDateTime::from_unix_timestamp(t).ok());
    html! {
        dl {
            dt { "Title" } dd { (text(entry, "/title").unwrap_or("none")) }
            @let alone = text(entry, "/media_type") == Some(Entry::MANIFEST_ALONE);
            @if let Some(t) = stamped { dt { (if alone { "Handed in" } else { "Stamped" }) } dd { (format!("{} {:02}:{:02} UTC", t.date(), t.hour(), t.minute())) } }
            dt { "Number" } dd { code { (text(entry, "/payload").unwrap_or("none")) } }
            dt { "Kind" } dd { (if alone { "a manifest without its clip" } else { text(entry, "/media_type").unwrap_or_default() }) }
            @let labels: Vec<&str> = list(entry, "/labels").iter().filter_map(Value::as_str).collect();
            @if !labels.is_empty() { dt { "Labels" } dd { (labels.join(", ")) } }
            dt { "Looks" } dd { (likeness(entry)) }
            dt { "Sound" } dd { (sound_likeness(entry)) }
            dt { "SHA-256" } dd { code { (text(entry, "/content").unwrap_or_default()) } }
        }
        @match entry.get("manifest").filter(|m| !m.is_null()) {
            Some(m) => div .tree { (manifest(m)) },
            None => p .soft { "It was stamped without a manifest." },
        }
    }
}

fn likeness(entry: &Value) -> String {
    let Some(distance) = number(entry, "/resemblance/distance") else { return "not compared".into() };
    let alike = distance <= f64::from(Resemblance::SAME);
    format!("{}: {distance:.0} of 256 bits apart, frame by frame", if alike { "the same" } else { "different, or changed beyond knowing" })
}

fn sound_likeness(entry: &Value) -> String {
    let Some(distance) = number(entry, "/sound_resemblance/distance") else { return "not compared".into() };
    let factor = |path| number(entry, path).unwrap_or(1.0);
    let (speed, pitch) = (factor("/sound_resemblance/speed"), factor("/sound_resemblance/pitch"));
    let stretched = speed != 1.0 || pitch != 1.0;
    let most = if stretched { SoundResemblance::SAME_STRETCHED } else { SoundResemblance::SAME };
    let how = if stretched { format!(", at speed {speed:.2} and pitch {pitch:.2}") } else { String::new() };
    let alike = distance <= f64::from(most) * number(entry, "/sound_resemblance/chance").unwrap_or(0.0);
    format!("{}: {} of the bits apart{how}", if alike { "the same" } else { "different, or changed beyond knowing" }, percent(distance))
}

/// Characters of a soft binding's value that are shown: a payload whole, of a fingerprint the beginning.
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
fn manifest(m: &Value) -> Markup {
    let state = match text(m, "/state") {
        Some("trusted") => "holds, and its signer is on a trust list",
        Some("valid") => "holds; no trust list here names its signer",
        _ => "does not hold",
    };
    html! {
        details open {
            summary { strong { (text(m, "/title").unwrap_or("Manifest")) } span .soft { ": " (state) } }
            dl {
                dt { "Label" } dd { code { (text(m, "/label").unwrap_or("unreadable")) } }
                dt { "Made by" } dd { (text(m, "/claim_generator").unwrap_or("unknown")) }
                dt { "Signer" } dd { (text(m, "/signer/common_name").unwrap_or("unknown")) @if let Some(o) = text(m, "/signer/organisation") { ", " (o) } }
                dt { "Signed" } dd { (text(m, "/signer/time").unwrap_or("no trusted time")) }
            }
            (branch("Actions", list(m, "/actions"), action))
            (branch("Ingredients", list(m, "/ingredients"), |i| html! { (i.as_str().unwrap_or_default()) }))
            (branch("Made from", list(m, "/lineage"), ancestor))
            (branch("Soft bindings", list(m, "/soft_bindings"), |b| html! { (text(b, "/alg").unwrap_or_default()) " " code { (shortened(text(b, "/value").unwrap_or_default())) } }))
            (branch("Checks that failed", list(m, "/failures"), |f| html! { code { (f.as_str().unwrap_or_default()) } }))
        }
    }
}

fn action(a: &Value) -> Markup {
    html! { (text(a, "/action").unwrap_or_default()) @if let Some(kind) = text(a, "/digital_source_type") { span .soft { ": " (kind.rsplit('/').next().unwrap_or(kind)) } } }
}

/// Another manifest that came with it.
fn ancestor(a: &Value) -> Markup {
    let signer = text(a, "/common_name").or(text(a, "/organisation")).unwrap_or("unknown");
    html! {
        (text(a, "/title").unwrap_or("untitled")) span .soft { ": signed by " (signer) @if let Some(how) = text(a, "/relationship") { ", " (how) } }
        " " code { (text(a, "/label").unwrap_or_default()) }
        (branch("Actions", list(a, "/actions"), action))
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
    fn what_others_wrote_is_text_and_nothing_else() {
        let about = About { id: "x".into(), name: "<script>alert(1)</script>.mp4".into(), path: "upload.mp4".into() };
        let hostile = "\"><img src=x onerror=alert(1)>";
        let value = serde_json::json!({
            "verdict": "intact", "severity": hostile, "summary": hostile, "reasons": [{"text": hostile}], "next": [{"text": hostile}], "similar": [], "registered": [{"title": hostile, "labels": [hostile], "stamped": 0}],
            "manifest": {"title": hostile, "label": hostile, "signer": {"common_name": hostile}, "actions": [{"action": hostile, "digital_source_type": hostile}], "ingredients": [hostile],
                "lineage": [{"label": hostile, "title": hostile, "common_name": hostile, "relationship": hostile, "actions": [{"action": hostile}]}]},
        });
        let page = report(&about, &value, Duration::from_secs(3600)).into_string();
        assert!(!page.contains("<img src=x") && !page.contains("<script>alert"));
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn only_media_is_served_as_media() {
        assert_eq!(media_type(Path::new("upload.html")), "application/octet-stream");
        assert_eq!(media_type(Path::new("upload.svg")), "application/octet-stream");
        assert_eq!(media_type(Path::new("upload.mp4")), "video/mp4");
    }

    #[test]
    fn times_and_odds() {
        assert_eq!((clock(0.0).as_str(), clock(65.25).as_str()), ("0:00.000", "1:05.250"));
        assert_eq!((odds(0.001).into_string().as_str(), odds(1e-9).into_string().as_str()), ("1000", "10<sup>9</sup>"));
    }
}
