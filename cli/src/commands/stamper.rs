//! Stamping one file after the other: what was asked and configured becomes options, what was done
//! an answer.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proofmark::audio::Outlook as AudioOutlook;
use proofmark::media::{Cancel, Progress, VideoCodec};
use proofmark::registry::mend;
use proofmark::stamp::{Remember, StampOptions, targets};
use proofmark::video::Outlook;
use proofmark::{Control, KeyRing, Stamped};
use serde_json::{Value, json};

use super::{Answer, Inspectors};
use crate::args::{Global, Register, RememberArgs, StampArgs};
use crate::batch::{Files, Input, Work};
use crate::exit::Exit;
use crate::home::{Config, Home, named, now};
use crate::output;
use crate::target::of_kind;

/// Stamps clips as the command line and the configuration want it.
pub(crate) struct StampWork<'a> {
    args: &'a StampArgs,
    pub(super) ring: KeyRing,
    pub(super) options: StampOptions,
    lookers: Inspectors,
    quiet: bool,
}

impl<'a> StampWork<'a> {
    pub(crate) fn new(args: &'a StampArgs, lookers: Inspectors, global: &Global) -> Result<Self> {
        let home = Home::locate(global)?;
        let mut options = options(args, &home, &home.config()?)?;
        options.press = lookers.presses();
        options.inspector = lookers.inspector();
        Ok(Self { args, ring: home.key_ring()?, options, lookers, quiet: global.quiet })
    }

    /// How it stamps.
    pub(crate) fn options(&self) -> &StampOptions {
        &self.options
    }

    /// Stamps one file; with `again` over a target that an earlier attempt left.
    pub(crate) fn stamp(
        &self,
        file: &Path,
        target: &Path,
        again: bool,
        control: Control<'_>,
    ) -> Result<Answer> {
        let mut options = self.options.clone();
        options.overwrite |= again;
        self.stamp_as(file, target, options, control)
    }

    /// The same, in another way.
    pub(crate) fn stamp_as(
        &self,
        file: &Path,
        target: &Path,
        options: StampOptions,
        control: Control<'_>,
    ) -> Result<Answer> {
        let stamped = proofmark::Stamper::new(self.ring.newest().clone())
            .options(options)
            .stamp_with(file, target, control)?;
        let json = output::json::stamp(file, target, &stamped);
        let text = output::human::stamp(file, target, &stamped, self.quiet);
        let held = self.lookers.remark(stamped.isolation).filter(|_| !self.quiet);
        Ok(Answer {
            exit: Exit::Success,
            json,
            text,
            remarks: held.into_iter().chain(remarks(file, target, &stamped)).collect(),
        })
    }

    /// Refuses, before anything is written, files that would be written twice and files that are
    /// read as well.
    pub(crate) fn expect(&self, files: &Files) -> Result<()> {
        if let Some(base) = &self.args.base
            && let Some(other) = files.inputs.iter().find(|i| i.path.strip_prefix(base).is_err())
        {
            bail!(
                "{}: does not lie below {}; give another --base, or name the file by its way from \
                there",
                other.path.display(),
                base.display()
            );
        }
        if files.single {
            return Ok(());
        }
        let mut writers: HashMap<PathBuf, &Path> = HashMap::new();
        let mut inputs: Option<HashSet<PathBuf>> = None;
        for input in files.inputs.iter().filter(|i| i.unread.is_none()) {
            for target in targets(&self.place(input), &self.options) {
                if let Ok(real) = target.canonicalize()
                    && inputs
                        .get_or_insert_with(|| {
                            files.inputs.iter().filter_map(|i| i.path.canonicalize().ok()).collect()
                        })
                        .contains(&real)
                {
                    bail!(
                        "{}: is an input itself, and the target of {}; choose another target \
                        folder",
                        target.display(),
                        input.path.display()
                    );
                }
                if let Some(other) = writers.insert(target.clone(), &input.path) {
                    let advice = if self.args.to.is_some() {
                        "rename one of them"
                    } else {
                        "stamp them one by one"
                    };
                    let (target, other, input) =
                        (target.display(), other.display(), input.path.display());
                    bail!(
                        "{target}: both {other} and {input} would be stamped to it; {advice}, or \
                        keep their folders with --base"
                    );
                }
            }
        }
        Ok(())
    }

    /// Where a file goes: into the target folder under its own name and that of its folders, or to
    /// the target itself.
    fn place(&self, input: &Input) -> PathBuf {
        let within = self
            .args
            .base
            .as_ref()
            .and_then(|base| input.path.strip_prefix(base).ok())
            .unwrap_or(&input.within);
        match &self.args.to {
            _ if !self.args.output.is_dir() => self.args.output.clone(),
            Some(kind) => self.args.output.join(of_kind(within, kind)),
            None => self.args.output.join(within),
        }
    }
}

impl Work for StampWork<'_> {
    fn verb(&self) -> &'static str {
        "stamp"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("stamping", "stamped")
    }

    fn options(&self) -> Value {
        let o = &self.options;
        json!({
            "output": self.args.output.to_string_lossy(),
            "base": self.args.base.as_ref().map(|b| b.to_string_lossy()),
            "to": self.args.to,
            "key": self.ring.newest().id(),
            "strength": o.strength.to_string(),
            "mark_sound": o.mark_sound,
            "check": o.check,
            "encode": format!("{:?}", o.encode),
            "manifest": o.identity.as_ref().map(|_| format!("{:?}", o.manifest)),
            "registry": match &o.remember {
                Remember::Nowhere => "never",
                Remember::Registry(registry) => registry.location(),
                Remember::File => "later",
            },
            "labels": o.labels,
        })
    }

    fn target(&self, input: &Input) -> Option<PathBuf> {
        Some(self.place(input))
    }

    fn answer(
        &self,
        input: &Input,
        again: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        let target = self.place(input);
        if let Some(folder) =
            target.parent().filter(|f| self.args.output.is_dir() && !f.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).with_context(|| {
                format!(
                    "{}: cannot be made; check its permissions and the free space",
                    folder.display()
                )
            })?;
        }
        self.stamp(&input.path, &target, again, Control::new(cancel, progress))
    }
}

/// What is worth knowing of a stamped clip, quiet or not: it may want another copy or another
/// target.
pub(super) fn remarks(file: &Path, target: &Path, stamped: &Stamped) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(reason) = &stamped.unconfirmed {
        out.push(format!(
            "{}: is there, and the registry, which was told that it would be, could \
            not be told that it is: {reason}",
            target.display()
        ));
    }
    out.extend(stamped.summary.left_out.iter().map(|line| format!("{}: {line}", file.display())));
    if let Some(capacity) = stamped.capacity.filter(|c| c.outlook != Outlook::Ordinary) {
        out.push(format!("{}: {}", file.display(), capacity.outlook.sentence()));
    }
    for track in &stamped.sound {
        match track {
            Ok(c) if c.outlook == AudioOutlook::Ordinary => {}
            Ok(c) => out.push(format!("{}: sound: {}", file.display(), c.outlook.sentence())),
            Err(reason) => {
                out.push(format!("{}: sound copied without a mark: {reason}", file.display()))
            }
        }
    }
    out
}

/// Options, with the configuration where the command line (and the environment behind it) says
/// nothing.
fn options(args: &StampArgs, home: &Home, config: &Config) -> Result<StampOptions> {
    let mut o = StampOptions::default();
    o.payload = args.payload;
    o.overwrite = args.force;
    o.labels = args.remember.labels.iter().cloned().collect();
    o.stills = config.registry.stills.unwrap_or(true);
    o.remember = remember(&args.remember, home, config)?;
    o.check = args.check;
    o.mark_sound = !args.no_audio_mark;
    o.limits = config.limits;
    o.strength = args.strength.or(config.stamp.strength).unwrap_or_default();
    let codec = args.encode.video_codec.as_ref().or(config.stamp.video_codec.as_ref());
    o.encode.codec = codec
        .map(|n| {
            VideoCodec::parse(n).with_context(|| {
                format!("'{n}' is no codec that can be written; use h264, h265, vp9, av1 or ffv1")
            })
        })
        .transpose()?;
    o.encode.bitrate = args.encode.bitrate;
    o.encode.crf = args.encode.crf.or(config.stamp.crf.filter(|_| args.encode.bitrate.is_none()));
    if let Some(crf) = o.encode.crf.filter(|c| !(0.0..=63.0).contains(c)) {
        bail!("a constant quality of {crf} is outside 0 to 63");
    }
    o.encode.preset = args.encode.preset.clone().or_else(|| config.stamp.preset.clone());

    let m = &args.manifest;
    o.manifest.title.clone_from(&m.title);
    o.manifest.definition.clone_from(&m.manifest);
    let agent = m.agent.clone().map(|a| (a, m.agent_version.clone()));
    o.manifest.software_agent = agent.or_else(|| {
        config.manifest.agent.clone().map(|a| (a, config.manifest.agent_version.clone()))
    });
    let c = &config.manifest;
    for (to, given, configured) in [
        (&mut o.manifest.digital_source_type, &m.digital_source_type, &c.digital_source_type),
        (&mut o.manifest.algorithm, &m.algorithm, &c.algorithm),
        (&mut o.manifest.picture_algorithm, &m.picture_algorithm, &c.picture_algorithm),
        (&mut o.manifest.sound_algorithm, &m.sound_algorithm, &c.sound_algorithm),
    ] {
        if let Some(name) = named(given.as_ref(), configured.as_ref()) {
            to.clone_from(name);
        }
    }
    if !m.no_c2pa {
        let certificate = m.sign_cert.as_deref().or(config.signing.certificate.as_deref());
        let key = m.sign_key.as_deref().or(config.signing.key.as_deref());
        let url = m.time_stamp_url.clone().or_else(|| config.signing.time_stamp_url.clone());
        o.identity = Some(home.identity(certificate, key, url)?);
    }
    Ok(o)
}

/// Where the clip is remembered. What an earlier run left open there is settled first.
fn remember(args: &RememberArgs, home: &Home, config: &Config) -> Result<Remember> {
    match args.register {
        Register::Never => Ok(Remember::Nowhere),
        Register::Later => Ok(Remember::File),
        Register::Now => {
            let Some(registry) = home.registry(&args.registry, config)? else {
                return Ok(Remember::Nowhere);
            };
            // Older ones wait for 'registry check': looking through all of them each time would
            // cost more than it is worth.
            mend(registry.as_ref(), now().saturating_sub(24 * 60 * 60))?;
            Ok(Remember::Registry(registry))
        }
    }
}
