//! An evaluation as a page: self-contained, without scripts, light or dark as the reader has it.

use std::f64::consts::LN_10;
use std::fmt::Write as _;

use proofmark::attacks::Group;
use proofmark::evaluate::{AttackReport, Outcome, Tally, Trial};
use proofmark::evidence::{IDENTITY, PRESENCE};
use proofmark::{PValue, Report};

const STYLE: &str = "\
    :root{color-scheme:light dark;--paper:#fff;--ink:#1d2125;--soft:#5d6670;--line:#d5dae0;\
    --exact:#1c8a5f;--present:#c98a10;--wrong:#c5362b;--missed:#b9c0c8}\
    @media(prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e4e7ea;--soft:#9aa3ad;\
    --line:#353b42;--exact:#3fbf8b;--present:#e0ad45;--wrong:#ef6a5e;--missed:#4b535c}}\
    body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;\
    max-width:62rem;margin:2rem auto;padding:0 1rem}\
    h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .3rem}p{margin:.3rem 0}\
    .soft{color:var(--soft)}\
    .wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
    th,td{text-align:right;padding:.15rem .8rem .15rem 0;border-bottom:1px solid var(--line)}\
    th:first-child,td:first-child{text-align:left}svg{display:block;width:100%;min-width:44rem}\
    svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}\
    .end{text-anchor:end}.middle{text-anchor:middle}.rule{stroke:var(--line)}\
    .limit{stroke:var(--soft);stroke-dasharray:3 3}circle{fill-opacity:.75}\
    .exact{fill:var(--exact);background:var(--exact)}\
    .present{fill:var(--present);background:var(--present)}\
    .wrong{fill:var(--wrong);background:var(--wrong)}\
    .missed{fill:var(--missed);background:var(--missed)}\
    .key i{display:inline-block;width:.8em;height:.8em;border-radius:.2em;margin:0 .35em 0 1em}\
    summary{cursor:pointer;margin-top:2rem}";

/// Layout of a plot, in its own units: names, bars, counts, the strip of p-values.
const WIDTH: f64 = 960.0;
const BAR: (f64, f64) = (160.0, 260.0);
const STRIP: (f64, f64) = (500.0, 420.0);
const ROW: f64 = 22.0;
/// The smallest p-value that the strip shows apart, as a power of ten; the detector's can be
/// smaller.
const LEAST: f64 = 300.0;

/// The page.
pub(crate) fn page(report: &Report) -> String {
    let all = Tally::of(report.evaluated().flat_map(|(_, e)| &e.trials));
    let clips = report.evaluated().count();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
        content=\"width=device-width\">\n<title>Proofmark evaluation</title>\n\
        <style>{STYLE}</style>\n<h1>Proofmark evaluation</h1>\n<p>{clips} {}, up to {} s each, \
        marked at strength {}; {} attacks. The payload came back exactly in {} of {} trials, wrong \
        in {}.\n",
        if clips == 1 { "clip" } else { "clips" },
        report.seconds,
        report.strength,
        report.attacks.len(),
        all.exact,
        all.run,
        all.wrong,
    );
    distortion(&mut out, report);
    out.push_str(
        "<h2>Survival</h2>\n<p class=\"key\">Left, how many clips: <i class=\"exact\"></i>payload \
        exact<i class=\"present\"></i>mark found, no payload<i class=\"wrong\"></i>payload wrong<i \
        class=\"missed\"></i>nothing found\n<p class=\"soft\">Right, a dot per clip at its \
        p-value, how likely evidence this strong is without a mark; further right is stronger. \
        Dashed: a mark counts as found at 1e-6, a payload is told at 1e-9.\n",
    );
    for group in &report.groups {
        let _ = write!(
            out,
            "<h2>{} <span class=\"soft\">{} of {} exact</span></h2>\n<div class=\"wide\">",
            title(group.group),
            group.tally.exact,
            group.tally.run
        );
        plot(&mut out, report, group.group);
        out.push_str("</div>\n");
    }
    figures(&mut out, report);
    out.push_str("</html>\n");
    out
}

fn title(group: Group) -> String {
    let name = group.name();
    name[..1].to_uppercase() + &name[1..]
}

fn distortion(out: &mut String, report: &Report) {
    out.push_str(
        "<h2>Distortion</h2>\n<p class=\"soft\">Of luma, marked against original, before \
        encoding.\n<div class=\"wide\"><table>\n<tr><th>clip<th>size<th>frames<th>PSNR, \
        dB<th>SSIM<th>exact\n",
    );
    for (file, e) in report.evaluated() {
        let tally = Tally::of(e.trials.iter());
        let name = escape(&file.display().to_string());
        let _ = writeln!(
            out,
            "<tr><td>{name}<td>{}×{}<td>{}<td>{:.2}<td>{:.4}<td>{} of {}",
            e.width, e.height, e.frames, e.psnr, e.ssim, tally.exact, tally.run
        );
    }
    out.push_str("</table></div>\n");
}

/// One row an attack: a bar of outcomes and a strip of p-values.
fn plot(out: &mut String, report: &Report, group: Group) {
    let attacks: Vec<&AttackReport> =
        report.attacks.iter().filter(|a| a.attack.group == group).collect();
    let bottom = ROW * attacks.len() as f64;
    let height = bottom + ROW;
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Survival and p-values, \
        {}\">",
        group.name()
    );
    for power in [0.0, 25.0, 100.0, 200.0, LEAST] {
        let (x, label) =
            (strip(power), if power == 0.0 { "1".to_string() } else { format!("1e-{power}") });
        let _ = writeln!(
            out,
            "<line class=\"rule\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom}\"/><text \
            class=\"soft middle\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
            bottom + 15.0
        );
    }
    for limit in [PRESENCE, IDENTITY] {
        let x = strip(-limit.log10());
        let _ = writeln!(
            out,
            "<line class=\"limit\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom}\"/>"
        );
    }
    for (i, a) in attacks.iter().enumerate() {
        let middle = ROW * (i as f64 + 0.5);
        let _ = writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}<title>{}</title></text>",
            BAR.0 - 8.0,
            middle + 4.0,
            escape(a.attack.name),
            escape(a.attack.about)
        );
        bar(out, &a.tally, middle);
        for (clip, (file, e)) in report.evaluated().enumerate() {
            for trial in e.trials.iter().filter(|t| t.attack == a.attack.name) {
                // Spread over the row, so that equal values stay apart.
                let y = middle + ((clip as f64 * 0.618 + 0.5).fract() - 0.5) * ROW * 0.5;
                dot(out, trial, y, &escape(&file.display().to_string()));
            }
        }
    }
    out.push_str("</svg>\n");
}

fn bar(out: &mut String, t: &Tally, middle: f64) {
    let y = middle - ROW * 0.3;
    let label =
        if t.run == 0 { "not run".to_string() } else { format!("{} of {}", t.exact, t.run) };
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{:.1}\">{label}</text>",
        BAR.0 + BAR.1 + 8.0,
        middle + 4.0
    );
    let mut x = BAR.0;
    let parts = [
        ("exact", t.exact),
        ("present", t.present - t.exact - t.wrong),
        ("wrong", t.wrong),
        ("missed", t.run - t.present),
    ];
    for (class, count) in parts.into_iter().filter(|p| p.1 > 0) {
        let width = BAR.1 * count as f64 / t.run as f64;
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
            height=\"{:.1}\"/>",
            ROW * 0.6
        );
        x += width;
    }
}

fn dot(out: &mut String, trial: &Trial, y: f64, file: &str) {
    let Some(p) = trial.p_value else { return };
    let (class, words) = match trial.outcome {
        Outcome::Exact => ("exact", "payload exact"),
        Outcome::Wrong => ("wrong", "payload wrong"),
        Outcome::Present => ("present", "mark found, no payload"),
        _ => ("missed", "nothing found"),
    };
    let x = strip(-p.ln() / LN_10);
    let _ = writeln!(
        out,
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{file}: {words}, p \
        ≤ {p}</title></circle>"
    );
}

/// Where the power of ten of a p-value lies: by its root, which grows like the detector's score.
fn strip(power: f64) -> f64 {
    STRIP.0 + STRIP.1 * (power / LEAST).clamp(0.0, 1.0).sqrt()
}

/// The figures behind the plots.
fn figures(out: &mut String, report: &Report) {
    out.push_str(
        "<details><summary>All figures</summary>\n<div \
        class=\"wide\"><table>\n<tr><th>attack<th>what it \
        does<th>clips<th>exact<th>present<th>wrong<th>median p\n",
    );
    for a in &report.attacks {
        let (name, about) = (escape(a.attack.name), escape(a.attack.about));
        let t = &a.tally;
        let p = t.median_p_value.unwrap_or(PValue::ONE);
        let _ = match t.run {
            0 => writeln!(out, "<tr><td>{name}<td>{about}<td colspan=\"5\">not run"),
            run => writeln!(
                out,
                "<tr><td>{name}<td>{about}<td>{run}<td>{}<td>{}<td>{}<td>{p}",
                t.exact, t.present, t.wrong
            ),
        };
    }
    out.push_str("</table></div>\n</details>\n");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(super::escape("a<b>&\"c'.mp4"), "a&lt;b&gt;&amp;&quot;c&#39;.mp4");
    }

    #[test]
    fn the_strip_ends_where_its_scale_does() {
        assert_eq!(
            (super::strip(0.0), super::strip(75.0), super::strip(1e4)),
            (500.0, 710.0, 920.0)
        );
    }
}
