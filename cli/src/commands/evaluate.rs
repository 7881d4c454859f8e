//! `proofmark evaluate`: what survives, on one's own clips.

use anyhow::{Error, Result};
use proofmark::evaluate::{ClipOutcome, ClipReport, Outcome, evaluate};
use proofmark::sandbox::PreparedZygote;
use proofmark::{EvaluateOptions, Report, WatermarkKey, attacks};

use crate::args::{EvaluateArgs, Global};
use crate::commands::Inspectors;
use crate::exit::Exit;
use crate::home::{self, Home};
use crate::progress::{Bar, cancel};
use crate::target::Target;
use crate::{inputs, output};

pub(crate) fn run(
    args: &EvaluateArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<Exit> {
    let options = options(args, early, global)?;
    if args.list {
        if global.json {
            output::json::attacks(&options.attacks)?
        } else {
            output::human::attacks(&options.attacks)?
        }
        return Ok(Exit::Success);
    }
    let files = inputs::expand(&args.inputs)?;
    let page = args.html.as_ref().map(|page| Target::new(page, args.force, &files)).transpose()?;
    let (mut clips, mut exits) = (Vec::new(), Vec::new());
    for file in files {
        let bar = Bar::new(global, "evaluating", &file);
        let key = WatermarkKey::generate(home::now())?;
        let evaluated = evaluate(&file, &key, &options, &cancel(), &mut |step| bar.step(step))
            .map_err(Error::from);
        drop(bar);
        let outcome = match evaluated {
            Ok(evaluated) => {
                exits.push(Exit::Success);
                ClipOutcome::Evaluated(evaluated)
            }
            Err(e) => {
                output::error(&e);
                if super::is_cancelled(&e) {
                    return Ok(Exit::Interrupted);
                }
                exits.push(Exit::Error);
                ClipOutcome::Failed { error: format!("{e:#}") }
            }
        };
        clips.push(ClipReport { file, outcome });
    }
    let report = Report::new(&options, clips);
    if !global.quiet {
        remark_on_what_was_not_run(&report);
    }
    if let Some(page) = page.filter(|_| report.evaluated().next().is_some()) {
        page.write(output::html::page(&report).as_bytes())?;
    }
    if global.json {
        output::json::evaluate(&report)?
    } else {
        output::human::evaluate(&report)?
    }
    Ok(Exit::of_batch(&exits))
}

/// Options; there may be a home, whose configuration then counts, but there need not.
fn options(
    args: &EvaluateArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<EvaluateOptions> {
    let config = Home::locate(global)
        .map_or_else(|_| home::without_home(&global.limit), |home| home.config())?;
    let mut o = EvaluateOptions::default();
    o.limits = config.limits;
    let lookers = Inspectors::new(&args.sandbox, early);
    (o.press, o.inspector) = (lookers.presses(), lookers.inspector());
    o.seconds = args.seconds;
    o.strength = args.strength.or(config.stamp.strength).unwrap_or_default();
    if !args.attacks.is_empty() {
        o.attacks = attacks::select(&args.attacks)?;
    }
    Ok(o)
}

/// One line for each attack that libav could not run, with the first reason.
fn remark_on_what_was_not_run(report: &Report) {
    for a in report.attacks.iter().filter(|a| a.tally.not_run > 0) {
        let mut trials = report.evaluated().flat_map(|(_, e)| &e.trials);
        let reason = trials
            .find(|t| t.attack == a.attack.name && t.outcome == Outcome::NotRun)
            .and_then(|t| t.reason.as_deref());
        output::remark(&format!(
            "{}: not run on {} of {} clips ({})",
            a.attack.name,
            a.tally.not_run,
            a.tally.not_run + a.tally.run,
            reason.unwrap_or("no reason is known")
        ));
    }
}
