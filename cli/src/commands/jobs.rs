//! `proofmark jobs`: what is in the queue, and what became of it.

use anyhow::{Result, bail};
use proofmark::Queue;

use crate::args::Global;
use crate::exit::Exit;
use crate::home::Home;
use crate::output;
use crate::queue::{JobsAction, JobsArgs};

/// Stuck and parked jobs that are listed without being asked for.
const SHOWN: usize = 20;

pub(crate) fn run(args: &JobsArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let queue = home.queue(&args.queue, &home.config()?)?;
    let tell = |json, text: String| {
        if global.json { output::json::print(&json) } else { output::human::print(&text) }
    };
    match &args.action {
        None if args.state.is_some() => {
            let jobs = queue.list(args.state, args.most)?;
            tell(output::json::jobs(&jobs), output::human::queue::jobs(&jobs))?;
        }
        None => {
            let (overview, stuck) = (queue.overview()?, queue.stuck(SHOWN)?);
            let parked = queue.list(Some(proofmark::queue::State::Parked), SHOWN)?;
            tell(
                output::json::queue(queue.location(), &overview, &stuck, &parked),
                output::human::queue::overview(queue.location(), &overview, &stuck, &parked),
            )?;
        }
        Some(JobsAction::Show { id }) => {
            let Some(job) = queue.job(*id)? else {
                bail!("there is no job {id}; 'proofmark jobs' lists them")
            };
            let result = queue.result(*id)?;
            tell(
                output::json::job(&job, result.as_ref()),
                output::human::queue::job(&job, result.as_ref()),
            )?;
        }
        Some(JobsAction::Retry { ids }) => {
            return change(
                &queue,
                ids,
                ("retried", "failed, parked or cancelled jobs can be retried"),
                Queue::retry,
                global,
            );
        }
        Some(JobsAction::Cancel { ids }) => {
            return change(
                &queue,
                ids,
                ("cancelled", "jobs that have not ended can be cancelled"),
                Queue::cancel,
                global,
            );
        }
    }
    Ok(Exit::Success)
}

fn change(
    queue: &Queue,
    ids: &[i64],
    (what, rule): (&str, &str),
    change: impl Fn(&Queue, i64) -> Result<bool, proofmark::queue::QueueError>,
    global: &Global,
) -> Result<Exit> {
    let mut exits = Vec::with_capacity(ids.len());
    for &id in ids {
        if change(queue, id)? {
            if global.json {
                output::json::print(&output::json::changed(what, id))?;
            } else {
                output::human::print(&format!("job {id} {what}\n"))?;
            }
            exits.push(Exit::Success);
        } else {
            let is = queue.job(id)?.map_or("not there".into(), |j| j.state.to_string());
            output::error(&anyhow::anyhow!("job {id} is {is}; only {rule}"));
            exits.push(Exit::Error);
        }
    }
    Ok(Exit::of_batch(&exits))
}
