//! The pages themselves.

mod beside;
mod manifest;
mod report;
mod review;
mod timeline;

use std::path::Path;

use maud::{DOCTYPE, Markup, html};
use proofmark::{Payload, Stage};
use serde_json::Value;
use time::OffsetDateTime;

use super::super::Settings;
use super::Progress;
use super::reports::About;
use super::session::Visitor;
use super::text::Text;

pub(super) use report::{Finished, report};
pub(super) use review::{case, search};

/// Files that are taken at once.
const SEVERAL: usize = 10;

/// Every page has the same frame.
fn frame(visitor: &Visitor, title: &str, head: &Markup, main: &Markup) -> Markup {
    let t = visitor.text;
    html! {
        (DOCTYPE)
        html lang=(t.0.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · " (t.say("name")) }
                link rel="stylesheet" href="/assets/page.css";
                link rel="icon" href="/assets/icon.svg";
                script src="/assets/page.js" defer {}
                (head)
            }
            body {
                a .skip href="#main" { (t.say("skip")) }
                header {
                    a href="/" { (t.say("name")) } span .soft { (t.say("tagline")) }
                    nav {
                        @if visitor.reviews() { a href="/search" { (t.say("search.title")) } }
                        @match &visitor.token {
                            Some(token) => form action="/logout" method="post" { span .soft { (t.with("login.as", &[("name", token.name.as_str().into())])) } " " button { (t.say("login.out")) } },
                            None => a href="/login" { (t.say("login.title")) },
                        }
                    }
                }
                main #main { (main) }
                footer {
                    p { (t.say("limit")) }
                    p .languages { span { (t.say("language")) ":" } @for (language, name) in Text::LANGUAGES {
                        " " @if language == t.0 { span aria-current="true" { (name) } } @else { a href={ (visitor.here) "lang=" (language.code()) } lang=(language.code()) hreflang=(language.code()) { (name) } }
                    } }
                }
            }
        }
    }
}

/// The page that asks for clips.
pub(super) fn start(visitor: &Visitor, settings: &Settings) -> Markup {
    let t = visitor.text;
    let (size, hours) = (settings.upload_bytes >> 20, settings.keep.as_secs().div_ceil(3600));
    let several = t.with("start.too-many", &[("count", SEVERAL.into())]);
    frame(
        visitor,
        &t.say("start.title"),
        &html! {},
        &html! {
            h1 { (t.say("start.title")) }
            p { (t.say("start.about")) }
            form .drop action="/reports" method="post" enctype="multipart/form-data" data-several=(SEVERAL) data-too-many=(several)
                data-unreachable=(t.say("start.unreachable")) data-sending=(t.say("start.sending")) data-refused=(t.say("start.refused")) {
                label for="clip" { (t.say("start.choose")) }
                input #clip type="file" name="clip" accept="video/*,audio/*,image/*" required;
                p { button { (t.say("start.go")) } }
                progress max="1" value="0" aria-label=(t.say("start.sent")) hidden {}
                p role="status" {}
                p .soft { span .several hidden { (t.with("start.several", &[("count", SEVERAL.into())])) " " } (t.with("start.keep", &[("size", size.into()), ("hours", hours.into())])) }
            }
            @if !settings.reference_hosts.is_empty() {
                form .address action="/reports/by-address" method="post" {
                    label for="address" { (t.say("start.address")) }
                    div .row { input #address type="url" name="address" required placeholder="https://"; button { (t.say("start.address-go")) } }
                    p .soft { (t.with("start.hosts", &[("hosts", settings.reference_hosts.join(", ").into())])) }
                }
            }
            section #checked hidden data-keep=(settings.keep.as_secs()) {
                h2 { (t.say("start.checked")) }
                ul .list {}
                p .soft { (t.say("start.checked-note")) }
                p { button .forget type="button" { (t.say("start.forget")) } }
            }
        },
    )
}

/// The page that asks who it is.
pub(super) fn login(visitor: &Visitor, wrong: bool) -> Markup {
    let t = visitor.text;
    frame(
        visitor,
        &t.say("login.title"),
        &html! {},
        &html! {
            h1 { (t.say("login.title")) }
            p { (t.say("login.about")) }
            @if wrong { p #wrong .wrong role="alert" { (t.say("login.wrong")) } }
            form .address action="/login" method="post" {
                label for="token" { (t.say("login.token")) }
                div .row { input #token type="password" name="token" required autocomplete="current-password" aria-describedby=[wrong.then_some("wrong")]; button { (t.say("login.go")) } }
            }
        },
    )
}

/// Why a request was not answered.
pub(super) fn refused(visitor: &Visitor, message: &str) -> Markup {
    let t = visitor.text;
    frame(
        visitor,
        &t.say("failed.impossible"),
        &html! {},
        &html! { h1 { (t.say("failed.heading")) } p { (sentence(message)) } p { a .button href="/" { (t.say("again")) } } },
    )
}

/// A report that is being made.
pub(super) fn working(visitor: &Visitor, about: &About, standing: &Progress) -> Markup {
    let t = visitor.text;
    let here = format!("/reports/{}", about.id);
    frame(
        visitor,
        &t.with("working.title", &[("name", about.name.as_str().into())]),
        &html! { noscript { meta http-equiv="refresh" content="2"; } },
        &html! {
            section data-progress={ (here) "/progress" } data-silent=(t.say("working.silent")) data-done=(t.say("working.done-title")) {
                h1 { (about.name) small .soft { " " (t.say("working.about")) } }
                progress max="1" value=[standing.share] aria-label=(t.say("working.seen")) {}
                p .stage role="status" { (standing.stage) }
                p .glimpse role="status" { (standing.glimpse.as_deref().unwrap_or_default()) }
                form action={ (here) "/cancel" } method="post" { button { (t.say("working.cancel")) } }
            }
        },
    )
}

/// A stage in words, and the share of the clip that was looked at, if that is the stage. `before`
/// is how many wait before it, if it waits.
pub(super) fn stage(
    t: Text,
    before: Option<usize>,
    stage: Option<&Stage>,
) -> (String, Option<f64>) {
    if let Some(ahead) = before {
        return (t.with("working.waiting", &[("ahead", ahead.into())]), None);
    }
    let code = match stage {
        Some(Stage::Whole(p)) => {
            let share = p.total.filter(|t| *t > 0.0).map(|t| (p.seconds / t).clamp(0.0, 1.0));
            let said = share.map_or_else(
                || t.say("working.whole-open"),
                |s| t.with("working.whole", &[("share", ((100.0 * s) as u32).into())]),
            );
            return (said, share);
        }
        Some(Stage::Beginning) => "working.beginning",
        Some(Stage::Search) => "working.search",
        Some(Stage::Closer) => "working.closer",
        Some(Stage::Compare) => "working.compare",
        _ => "working.manifest",
    };
    (t.say(code), None)
}

/// What the beginning of a clip carries.
pub(super) fn glimpse(t: Text, (payload, title): &(Payload, Option<String>)) -> String {
    match title {
        Some(title) => t.with("working.glimpse", &[("title", title.as_str().into())]),
        None => t.with("working.glimpse-unknown", &[("payload", payload.to_string().into())]),
    }
}

/// A clip that nothing could be found out about.
pub(super) fn failed(visitor: &Visitor, about: &About, message: &str) -> Markup {
    let t = visitor.text;
    frame(
        visitor,
        &about.name,
        &html! {},
        &html! { section .verdict { h1 { (about.name) small { (t.say("failed.title")) } } p { (sentence(message)) } p { a .button href="/" { (t.say("again")) } } } },
    )
}

fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '。']) { "" } else { "." };
    let mut letters = text.chars();
    match letters.next() {
        // A file's name is written as it is.
        Some(_) if text.split_whitespace().next().is_some_and(|word| word.ends_with(':')) => {
            format!("{text}{end}")
        }
        Some(first) => first.to_uppercase().chain(letters).collect::<String>() + end,
        None => String::new(),
    }
}

/// A verdict in a word.
pub(super) fn verdict_word(t: Text, name: &str) -> String {
    t.say(&format!("verdict.{name}"))
}

/// How a severity is shown: its colours, and a sign for whoever sees none.
struct Tone {
    class: &'static str,
    sign: &'static str,
}

fn tone(severity: &str) -> Tone {
    match severity {
        "good" => Tone { class: "good", sign: "✓" },
        "alert" => Tone { class: "bad", sign: "✕" },
        "doubt" => Tone { class: "doubt", sign: "?" },
        _ => Tone { class: "none", sign: "–" },
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

fn percent(share: f64) -> String {
    format!("{:.0}", 100.0 * share)
}

/// Minutes, seconds and thousandths.
fn clock(seconds: f64) -> String {
    let all = (seconds.max(0.0) * 1000.0).round() as u64;
    format!("{}:{:02}.{:03}", all / 60_000, all / 1000 % 60, all % 1000)
}

/// A moment, as so many seconds since 1970.
fn moment(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(
        |_| String::new(),
        |t| format!("{} {:02}:{:02} UTC", t.date(), t.hour(), t.minute()),
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

#[cfg(test)]
mod tests {
    use proofmark::Language;

    use super::*;

    #[test]
    fn only_media_is_served_as_media() {
        assert_eq!(media_type(Path::new("upload.html")), "application/octet-stream");
        assert_eq!(media_type(Path::new("upload.svg")), "application/octet-stream");
        assert_eq!(media_type(Path::new("upload.mp4")), "video/mp4");
    }

    #[test]
    fn times_are_told_to_the_millisecond() {
        assert_eq!((clock(0.0).as_str(), clock(65.25).as_str()), ("0:00.000", "1:05.250"));
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
    }

    #[test]
    fn each_stage_is_told_in_words() {
        let t = Text(Language::English);
        let whole =
            |seconds, total| Stage::Whole(proofmark::media::Progress { frames: 1, seconds, total });
        assert_eq!(stage(t, Some(0), None).0, "Waiting: next in line.");
        assert_eq!(stage(t, Some(3), None).0, "Waiting: 3 clips are before this one.");
        assert_eq!(
            stage(t, None, Some(&whole(2.5, Some(10.0)))),
            ("Looking through the picture and the sound: 25 % seen.".into(), Some(0.25))
        );
        assert_eq!(stage(t, None, Some(&whole(2.5, None))).1, None);
        let payload = Payload::random();
        assert!(
            glimpse(t, &(payload, None)).contains(&payload.to_string())
                && glimpse(t, &(payload, Some("A".into()))).contains(": A.")
        );
    }
}
