//! `proofmark sign`: sign finished clips as they are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use proofmark::media::{Cancel, Progress};
use proofmark::package::Package;
use proofmark::sandbox::PreparedZygote;
use proofmark::stamp::{Once, SignedClip, StampOptions, targets};
use proofmark::{Control, KeyRing, Stamper, report};
use serde_json::{Value, json};

use super::places::{Folders, Places};
use super::stamper::{place, remember, say, unconfirmed};
use super::{Answer, Inspectors};
use crate::args::{Global, SignArgs};
use crate::batch::{self, Input, Work};
use crate::exit::Exit;
use crate::home::{Config, Home};
use crate::metrics::Metrics;
use crate::output;

pub(crate) fn run(args: &SignArgs, early: Option<PreparedZygote>, global: &Global) -> Result<Exit> {
    let mut work = SignWork::new(args, Inspectors::new(&args.sandbox, early), global)?;
    let files = work.places.files(&args.inputs, &args.batch)?;
    work.several = !files.single;
    if !files.single && args.payload.is_some() {
        bail!("--payload names one clip; leave it out for several, and each is told by its mark");
    }
    work.places.expect(&files, "signed", |target| targets(target, &work.options))?;
    batch::run(&work, &files, &args.batch, global)
}

/// Signs clips as the command line and the configuration want it.
struct SignWork<'a> {
    places: Places<'a>,
    ring: KeyRing,
    options: StampOptions,
    lookers: Inspectors,
    several: bool,
    metrics: Option<Metrics>,
    quiet: bool,
}

impl<'a> SignWork<'a> {
    fn new(args: &'a SignArgs, lookers: Inspectors, global: &Global) -> Result<Self> {
        let home = Home::locate(global)?;
        let config = home.config()?;
        let mut options = options(args, &home, &config)?;
        if !global.quiet {
            let untimed = Home::untimed(Some(&args.manifest.signing), &config.signing);
            untimed.into_iter().for_each(output::remark);
        }
        options.inspector = lookers.inspector();
        let metrics = args.metrics.metrics.as_ref().or(config.stamp.metrics.as_ref());
        let metrics = Metrics::at(metrics.map(PathBuf::as_path))?;
        let places = Places {
            output: &args.output,
            base: args.base.as_deref(),
            to: None,
            job: args.job.job.as_deref(),
            folders: if is_package(args) { Folders::One } else { Folders::None },
        };
        let (ring, quiet) = (home.key_ring()?, global.quiet);
        Ok(Self { places, ring, options, lookers, several: false, metrics, quiet })
    }
}

/// Whether the one input is the index of a clip in segments.
fn is_package(args: &SignArgs) -> bool {
    let [input] = args.inputs.as_slice() else { return false };
    args.batch.files_from.is_none() && Package::of(input).is_ok_and(|p| p.is_some())
}

fn options(args: &SignArgs, home: &Home, config: &Config) -> Result<StampOptions> {
    let mut o = StampOptions::default();
    o.payload = args.payload;
    o.overwrite = args.force;
    o.labels = args.remember.labels.iter().cloned().collect();
    o.stills = config.registry.stills.unwrap_or(true);
    o.limits = config.limits;
    o.remember = remember(&args.remember, home, config)?;
    say(&mut o, &args.manifest, &config.manifest)?;
    o.identity = Some(home.identity(Some(&args.manifest.signing), &config.signing)?);
    Ok(o)
}

impl Work for SignWork<'_> {
    fn verb(&self) -> &'static str {
        "sign"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("signing", "signed")
    }

    fn options(&self) -> Value {
        let o = &self.options;
        let keys: Vec<_> = self.ring.keys().iter().map(|k| k.id()).collect();
        json!({
            "output": self.places.output.to_string_lossy(),
            "base": self.places.base.map(|b| b.to_string_lossy()),
            "keys": keys,
            "job": self.places.job,
            "manifest": format!("{:?}", o.manifest),
            "registry": place(&o.remember),
            "labels": o.labels,
        })
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    fn target(&self, input: &Input) -> Option<PathBuf> {
        Some(self.places.of(input))
    }

    fn answer(
        &self,
        input: &Input,
        again: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        let target = self.places.of(input);
        self.places.make_folder(&target)?;
        let mut options = self.options.clone();
        options.overwrite |= again;
        let stamper = Stamper::of(self.ring.clone()).options(options);
        let control = Control::new(cancel, progress);
        let signed = match self.places.job(&target, self.several) {
            None => stamper.sign_with(&input.path, &target, control)?,
            Some(job) => match stamper.job(&job)?.sign(&input.path, &target, control)? {
                Once::Done(signed) => signed,
                Once::Before(earlier) => {
                    return Ok(Answer::earlier("sign", &input.path, &target, &earlier, self.quiet));
                }
            },
        };
        let held = self.lookers.remark(signed.isolation).filter(|_| !self.quiet);
        Ok(Answer {
            seconds: None,
            exit: Exit::Success,
            json: report::sign(&input.path, &target, &signed),
            text: output::human::sign(&input.path, &target, &signed, self.quiet),
            remarks: held.into_iter().chain(remarks(&target, &signed)).collect(),
        })
    }
}

/// What is worth knowing of a signed clip, quiet or not.
fn remarks(target: &Path, signed: &SignedClip) -> Vec<String> {
    let unmarked = (!signed.video && !signed.audio).then(|| {
        format!(
            "{}: no mark was found, so its manifest claims none: once that is stripped, the clip \
            is found by its likeness alone; 'proofmark stamp' marks",
            target.display()
        )
    });
    unmarked.into_iter().chain(unconfirmed(target, signed.unconfirmed.as_ref())).collect()
}
