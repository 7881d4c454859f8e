//! `proofmark verify`: where does a clip come from?

use anyhow::Result;
use proofmark::verdict::Verdict;
use proofmark::verify::{VerifyOptions, verify};

use crate::args::{Global, VerifyArgs};
use crate::exit::Exit;
use crate::home::{Config, Home};
use crate::progress::{Bar, cancel};
use crate::{inputs, output};

pub(crate) fn run(args: &VerifyArgs, global: &Global) -> Result<Exit> {
    let lookers = super::Lookers::new(&args.sandbox);
    let home = Home::locate(global)?;
    let ring = home.key_ring_if_any()?;
    let config = home.config()?;
    let mut options = options(args, &config)?;
    options.registry = home.registry_if_any(&args.registry, &config)?;
    let files = inputs::expand(&args.inputs)?;
    options.eyes = lookers.eyes();
    super::each(&files, "verify", global, |file| {
        let bar = Bar::new(global, "verifying", file);
        let verified = verify(file, ring.as_ref(), &options, &cancel(), &mut |p| bar.update(p))?;
        drop(bar);
        lookers.remark(verified.isolation, global);
        if global.json {
            output::json::verify(file, &verified)?
        } else {
            output::human::verify(file, &verified)?
        }
        let judgement = &verified.judgement;
        Ok(match judgement.verdict {
            Verdict::Altered | Verdict::Contradictory => Exit::Doubtful,
            _ if judgement.manifest_invalid => Exit::Doubtful,
            Verdict::NothingFound => Exit::Nothing,
            _ => Exit::Success,
        })
    })
}

fn options(args: &VerifyArgs, config: &Config) -> Result<VerifyOptions> {
    let mut o = VerifyOptions::default();
    o.limits = config.limits.limits();
    o.detect = super::detect_options(&args.question)?;
    if let Some(a) = args.algorithm.as_ref().or(config.manifest.algorithm.as_ref()) {
        o.algorithm.clone_from(a);
    }
    o.trust = super::trust(&args.trust, config)?;
    Ok(o)
}
