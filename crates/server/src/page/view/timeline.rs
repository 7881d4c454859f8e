//! What was found when.

use maud::{Markup, html};
use serde_json::Value;

use super::super::text::Text;
use super::{clock, list, number, text};

/// Layout of the timeline, in its own units.
const LEFT: f64 = 90.0;
const WIDTH: f64 = 890.0;
const LANE: f64 = 44.0;

fn seconds(report: &Value) -> f64 {
    let last =
        |path: &str| list(report, path).last().and_then(|s| number(s, "/end")).unwrap_or(0.0);
    last("/video/spans")
        .max(last("/audio/spans"))
        .max(number(report, "/audio/seconds").unwrap_or(0.0))
}

/// Evidence over time: a lane each for picture, sound and manifest.
pub(super) fn timeline(t: Text, report: &Value) -> Markup {
    let length = seconds(report);
    if length <= 0.0 {
        return html! {};
    }
    let lanes = [
        ("time.lane-picture", "picture", "/video/spans"),
        ("time.lane-sound", "sound", "/audio/spans"),
    ];
    let proof = text(report, "/manifest/state");
    let x = |at: f64| LEFT + WIDTH * at / length;
    html! {
        div .scroll role="slider" tabindex="0" aria-label=(t.say("time.slider")) aria-valuemin="0" aria-valuemax=(format!("{length:.3}")) aria-valuenow="0" data-seconds=(t.say("time.seconds")) {
        svg .timeline viewBox=(format!("0 0 {} {}", LEFT + WIDTH + 20.0, 2.0 * LANE + 52.0)) data-seconds=(length) data-left=(LEFT) data-width=(WIDTH)
            role="img" aria-label=(t.say("time.image")) {
            @for (i, (name, class, path)) in lanes.into_iter().enumerate() {
                @let base = (i as f64 + 1.0) * LANE - 4.0;
                text .end x=(LEFT - 10.0) y=(base - 12.0) { (t.say(name)) }
                line .lane x1=(LEFT) x2=(LEFT + WIDTH) y1=(base) y2=(base) {}
                @for span in list(report, path) {
                    (bar(span, class, base, &x))
                }
            }
            @let base = 2.0 * LANE + 20.0;
            text .end x=(LEFT - 10.0) y=(base) { (t.say("time.lane-manifest")) }
            rect class=(match proof { Some("valid" | "trusted") => "proof", Some(_) => "unmarked", None => "unknown" }) x=(LEFT) y=(base - 9.0) width=(WIDTH) height="8" rx="3" {}
            @for step in 0..=4 {
                @let at = length * f64::from(step) / 4.0;
                text .end[step == 4] x=(x(at)) y=(base + 22.0) { (clock(at)) }
            }
            line .head x1="0" x2="0" y1="0" y2=(base) hidden {}
        }
        }
        ul .legend aria-label=(t.say("time.legend")) {
            @for class in ["picture", "sound", "proof", "unmarked", "unknown"] {
                li { svg viewBox="0 0 14 14" aria-hidden="true" { rect class=(class) x="1" y="1" width="12" height="12" rx="2" {} } (t.say(&format!("time.key-{class}"))) }
            }
        }
    }
}

/// A span: as high as the mark is plain there.
fn bar(span: &Value, class: &str, base: f64, x: &dyn Fn(f64) -> f64) -> Markup {
    let (start, end) = (number(span, "/start").unwrap_or(0.0), number(span, "/end").unwrap_or(0.0));
    let state = text(span, "/state").unwrap_or_default();
    let height = match state {
        "marked" => {
            (number(span, "/score").unwrap_or(0.0).max(0.0).sqrt() * 5.0).clamp(6.0, LANE - 12.0)
        }
        _ => 5.0,
    };
    let class = if state == "marked" { class } else { state };
    html! { rect class=(class) x=(format!("{:.1}", x(start))) y=(format!("{:.1}", base - height)) width=(format!("{:.1}", (x(end) - x(start) - 1.0).max(1.0))) height=(format!("{height:.1}")) {} }
}

/// When marks are there, in words.
pub(super) fn ranges(t: Text, report: &Value) -> Markup {
    let range = |r: &Value| {
        t.with(
            "time.range",
            &[
                ("start", clock(number(r, "/start").unwrap_or(0.0)).into()),
                ("end", clock(number(r, "/end").unwrap_or(0.0)).into()),
            ],
        )
    };
    let told = |path: &str| list(report, path).iter().map(range).collect::<Vec<_>>().join(", ");
    html! {
        dl {
            @for (name, path) in [("time.in-picture", "/video/ranges"), ("time.in-sound", "/audio/ranges")] {
                dt { (t.say(name)) }
                @let when = told(path);
                dd { @if when.is_empty() { (t.say("time.none")) } @else { (when) } }
            }
        }
    }
}
