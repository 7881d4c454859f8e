//! What an evaluation measured, and the attacks that it knows.

use anyhow::Result;
use proofmark::attacks::Attack;
use proofmark::evaluate::Tally;
use proofmark::{PValue, Report};

use super::{print, shown, table};

pub(crate) fn evaluate(report: &Report) -> Result<()> {
    let mut clips = vec![["clip", "size", "frames", "PSNR-Y", "SSIM-Y", "exact"].map(String::from)];
    for (file, e) in report.evaluated() {
        let name = shown(&file.file_name().unwrap_or_default().to_string_lossy());
        let tally = Tally::of(e.trials.iter());
        let exact = format!("{} of {}", tally.exact, tally.run);
        clips.push([
            name,
            format!("{}×{}", e.width, e.height),
            e.frames.to_string(),
            format!("{:.2} dB", e.psnr),
            format!("{:.4}", e.ssim),
            exact,
        ]);
    }
    if clips.len() == 1 {
        return Ok(());
    }
    let mut attacks = vec![
        ["attack", "group", "clips", "exact", "present", "wrong", "median p"].map(String::from),
    ];
    for a in &report.attacks {
        let [run, exact, present, wrong, p] = counts(&a.tally);
        attacks.push([
            a.attack.name.into(),
            a.attack.group.name().into(),
            run,
            exact,
            present,
            wrong,
            p,
        ]);
    }
    let mut groups =
        vec![["group", "trials", "exact", "present", "wrong", "median p"].map(String::from)];
    for g in &report.groups {
        let [run, exact, present, wrong, p] = counts(&g.tally);
        groups.push([g.group.name().into(), run, exact, present, wrong, p]);
    }
    print(&format!("{}\n{}\n{}", table(&clips, 1), table(&attacks, 2), table(&groups, 1)))
}

/// A tally as cells: trials, exact, present, wrong, median p-value.
fn counts(t: &Tally) -> [String; 5] {
    if t.run == 0 {
        return ["not run", "", "", "", ""].map(String::from);
    }
    [
        t.run.to_string(),
        t.exact.to_string(),
        t.present.to_string(),
        t.wrong.to_string(),
        t.median_p_value.unwrap_or(PValue::ONE).to_string(),
    ]
}

pub(crate) fn attacks(list: &[&Attack]) -> Result<()> {
    let rows: Vec<_> =
        list.iter().map(|a| [a.name, a.group.name(), a.about].map(String::from)).collect();
    print(&table(&rows, 3))
}
