//! The clip, with what was found drawn over it, and beside it the registered one.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::reports::About;
use super::super::text::Text;
use super::{clock, list, media_type, number, percent, text};

/// Pairs of pictures that are shown at once.
const PAIRS: usize = 8;
/// Seconds by which two pictures of a pair may be apart, and how much that is of the time from one
/// registered picture to the next.
const APART: (f64, f64) = (0.6, 0.6);

/// The registered clip that this one is held against, by its place in the report.
fn registered(report: &Value) -> Option<(usize, &Value)> {
    list(report, "/registered")
        .iter()
        .enumerate()
        .find(|(_, entry)| !list(entry, "/stills").is_empty())
}

/// When the pictures of an entry were shown.
fn times(entry: &Value) -> Vec<f64> {
    list(entry, "/stills").iter().filter_map(Value::as_f64).collect()
}

/// The registered clip's time at a time of this one.
fn there(entry: &Value, here: f64) -> f64 {
    number(entry, "/resemblance/offset").unwrap_or(0.0)
        + number(entry, "/resemblance/speed").unwrap_or(1.0) * here
}

/// The registered picture nearest to a time, if it is near enough to be the same moment.
fn nearest(times: &[f64], at: f64) -> Option<usize> {
    let step = times.windows(2).map(|two| two[1] - two[0]).fold(0.0, f64::max);
    let index = (0..times.len())
        .min_by(|&a, &b| (times[a] - at).abs().total_cmp(&(times[b] - at).abs()))?;
    ((times[index] - at).abs() <= APART.0.max(APART.1 * step)).then_some(index)
}

fn is_unmatched(entry: &Value, at: f64) -> bool {
    let inside = |r: &Value| {
        number(r, "/start")
            .zip(number(r, "/end"))
            .is_some_and(|(start, end)| (start..end).contains(&at))
    };
    list(entry, "/unmatched").iter().any(inside)
}

/// The player, and in step with it the registered picture.
pub(super) fn player(t: Text, here: &str, about: &About, report: &Value) -> Markup {
    let media = format!("{here}/media");
    let area = report.pointer("/video/area").filter(|a| !a.is_null());
    let difference =
        report.pointer("/registered/0/difference").filter(|d| !list(d, "/cells").is_empty());
    let over = html! {
        @if let Some(area) = area { (cells(area, "area", &|marked| if marked { "yes" } else { "no" })) }
        @if let Some(difference) = difference { (cells(difference, "difference", &|differs| if differs { "differs" } else { "same" })) }
    };
    let kind = media_type(&about.path).split('/').next().unwrap_or_default();
    // A picture that does not move has its pair below.
    let beside = registered(report).filter(|_| !matches!(kind, "image" | "audio"));
    html! {
        div .players {
            figure .player {
                @match kind {
                    "image" => img src=(media) alt=(t.say("report.picture"));,
                    "audio" => audio src=(media) controls preload="metadata" aria-label=(t.say("report.clip")) {},
                    _ => video src=(media) controls preload="metadata" playsinline muted aria-label=(t.say("report.clip")) {},
                }
                (over)
            }
            @if let Some((index, entry)) = beside {
                @let all: Vec<Value> = times(entry).iter().enumerate().map(|(i, time)| json!([time, format!("{here}/registered/{index}/stills/{i}")])).collect();
                figure .player .registered hidden data-stills=(Value::from(all)) data-offset=(there(entry, 0.0)) data-speed=(there(entry, 1.0) - there(entry, 0.0)) {
                    img alt=(t.say("report.registered"));
                    figcaption .soft { (t.say("report.registered")) " " span .at {} }
                }
            }
        }
        @if let Some(share) = area.and_then(|a| number(a, "/share")) {
            p .check { input #area .screen type="checkbox" data-toggles=".area"; label for="area" { (t.with("report.area", &[("share", percent(share).into())])) } }
        }
        @if let Some(share) = difference.and_then(|d| number(d, "/share")) {
            p .check { input #difference .screen type="checkbox" checked[share > 0.0] data-toggles=".difference"; label for="difference" {
                @if share > 0.0 { (t.with("report.differs", &[("share", percent(share).into())])) } @else { (t.say("report.same")) }
            } }
        }
    }
}

/// Pictures of this clip and of the registered one, moment by moment.
pub(super) fn pairs(t: Text, here: &str, about: &About, report: &Value) -> Markup {
    let Some(((index, entry), stills)) = registered(report).zip(about.stills()) else {
        return html! {};
    };
    let own: Vec<f64> = stills.times().map(f64::from).collect();
    let theirs = times(entry);
    let title = text(entry, "/title").unwrap_or_default();
    html! {
        section {
            h2 { (t.say("report.beside")) }
            ol .pairs {
                @for i in stills.spread(PAIRS) {
                    @let unmatched = is_unmatched(entry, own[i]);
                    @let pair = nearest(&theirs, there(entry, own[i])).filter(|_| !unmatched);
                    li class=[unmatched.then_some("unmatched")] {
                        figure { img loading="lazy" src={ (here) "/stills/" (i) } alt={ (t.say("report.this")) ", " (clock(own[i])) }; figcaption { (t.say("report.this")) " " (clock(own[i])) } }
                        @match pair {
                            Some(j) => figure { img loading="lazy" src={ (here) "/registered/" (index) "/stills/" (j) } alt={ (t.say("report.registered")) " " (title) ", " (clock(theirs[j])) }; figcaption { (t.say("report.registered")) " " (clock(theirs[j])) } },
                            None => p .soft { @if unmatched { "✕ " (t.say("report.unmatched")) } @else { "–" } },
                        }
                    }
                }
            }
            p .soft { (t.say("report.beside-note")) }
        }
    }
}

/// A grid over the frame; nothing where it cannot be told. What speaks against the clip is crossed,
/// for whoever tells no green from red.
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
                    @if matches!(class(is), "no" | "differs") { path .cross d=(format!("M{x} \
                        {y}l1 1m-1 0l1 -1")) {} }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_of_the_same_moment() {
        let times = [0.0, 1.0, 2.0, 4.0];
        assert_eq!(
            (nearest(&times, 1.4), nearest(&times, 3.1), nearest(&times, 9.0), nearest(&[], 0.0)),
            (Some(1), Some(3), None, None)
        );
        let entry = json!({"resemblance": {"offset": 2.0, "speed": 1.5}, "unmatched": [{"start": 1.0, "end": 2.0}]});
        assert_eq!((there(&entry, 2.0), there(&json!({}), 2.0)), (5.0, 2.0));
        assert!(is_unmatched(&entry, 1.0) && !is_unmatched(&entry, 2.0));
    }
}
