//! Stamping one file after the other: what was asked and configured becomes options, what was done
//! an answer.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow, bail};
use proofmark::audio::Outlook as AudioOutlook;
use proofmark::media::{Cancel, EncodeOptions, Progress};
use proofmark::package::IndexKind;
use proofmark::provenance::{BoxHash, ManifestOptions, Model};
use proofmark::registry::mend;
use proofmark::report;
use proofmark::stamp::{Once, PackageOptions, Remember, StampOptions};
use proofmark::video::Outlook;
use proofmark::{Control, KeyRing, Stamped, Stamper};
use serde_json::{Value, json};

use super::places::{Folders, Places};
use super::{Answer, Inspectors};
use crate::args::{
    DisclosureArgs, EncodeArgs, Global, ManifestArgs, PackageArgs, PackageKind, Register,
    RememberArgs, StampArgs,
};
use crate::batch::{Input, Work};
use crate::exit::Exit;
use crate::home::{Config, Home, ManifestConfig, named, now};
use crate::metrics::Metrics;
use crate::output;

/// Stamps clips as the command line and the configuration want it.
pub(crate) struct StampWork<'a> {
    pub(super) places: Places<'a>,
    pub(super) ring: KeyRing,
    pub(super) options: StampOptions,
    /// How clips are packaged, if they are.
    package: Option<PackageOptions>,
    pub(super) metrics: Option<Metrics>,
    lookers: Inspectors,
    pub(super) several: bool,
    quiet: bool,
}

impl<'a> StampWork<'a> {
    pub(crate) fn new(args: &'a StampArgs, lookers: Inspectors, global: &Global) -> Result<Self> {
        let home = Home::locate(global)?;
        let config = home.config()?;
        let mut options = options(args, &home, &config)?;
        if options.identity.is_some() && !global.quiet {
            let untimed = Home::untimed(Some(&args.manifest.signing), &config.signing);
            untimed.into_iter().for_each(output::remark);
        }
        let metrics = args.metrics.metrics.as_ref().or(config.stamp.metrics.as_ref());
        let metrics = Metrics::at(metrics.map(PathBuf::as_path))?;
        options.press = lookers.presses();
        options.inspector = lookers.inspector();
        let places = Places {
            output: &args.output,
            base: args.base.as_deref(),
            to: args.to.as_deref(),
            job: args.job.job.as_deref(),
            folders: if args.package.package.is_empty() { Folders::None } else { Folders::One },
        };
        let ring = home.key_ring_for(args.key.as_ref())?;
        let quiet = global.quiet;
        let package = packaging(&args.package);
        Ok(Self { places, ring, options, package, metrics, lookers, several: false, quiet })
    }

    /// Tells that there are several clips, or one.
    pub(crate) fn expect(&mut self, single: bool) {
        self.several = !single;
        if self.package.is_some() && !single {
            self.places.folders = Folders::Each;
        }
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
        let stamper = Stamper::of(self.ring.clone()).options(options);
        if let Some(how) = &self.package {
            let packaged = stamper.package(file, target, how, control)?;
            let json = report::package(file, target, &packaged);
            let text = output::human::package(file, target, &packaged, self.quiet);
            return Ok(self.told(file, target, &packaged.stamped, (json, text)));
        }
        let stamped = match self.places.job(target, self.several) {
            None => stamper.stamp_with(file, target, control)?,
            Some(job) => match stamper.job(&job)?.stamp(file, target, control)? {
                Once::Done(stamped) => stamped,
                Once::Before(earlier) => {
                    return Ok(Answer::earlier("stamp", file, target, &earlier, self.quiet));
                }
            },
        };
        let json = report::stamp(file, target, &stamped);
        let text = output::human::stamp(file, target, &stamped, self.quiet);
        Ok(self.told(file, target, &stamped, (json, text)))
    }

    /// What is told of a clip that was stamped.
    fn told(
        &self,
        file: &Path,
        target: &Path,
        stamped: &Stamped,
        (json, text): (Value, String),
    ) -> Answer {
        let held = self.lookers.remark(stamped.isolation).filter(|_| !self.quiet);
        Answer {
            seconds: Some(stamped.summary.seconds),
            exit: Exit::Success,
            json,
            text,
            remarks: held.into_iter().chain(remarks(file, target, stamped)).collect(),
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
            "output": self.places.output.to_string_lossy(),
            "base": self.places.base.map(|b| b.to_string_lossy()),
            "to": self.places.to,
            "package": self.package.as_ref().map(|p| format!("{p:?}")),
            "key": self.ring.stamping().id(),
            "job": self.places.job,
            "strength": o.strength.to_string(),
            "mark_sound": o.mark_sound,
            "aigc_producer": o.aigc_producer,
            "check": o.check,
            "encode": format!("{:?}", o.encode),
            "manifest": o.identity.as_ref().map(|_| format!("{:?}", o.manifest)),
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
        self.stamp(&input.path, &target, again, Control::new(cancel, progress))
    }
}

/// What is worth knowing of a stamped clip, quiet or not: it may want another copy or another
/// target.
pub(super) fn remarks(file: &Path, target: &Path, stamped: &Stamped) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(unconfirmed(target, stamped.unconfirmed.as_ref()));
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

/// That the registry does not know yet that a file is there, if it does not.
pub(super) fn unconfirmed(target: &Path, reason: Option<&String>) -> Option<String> {
    reason.map(|reason| {
        format!(
            "{}: is there, and the registry, which was told that it would be, could not be told \
            that it is: {reason}",
            target.display()
        )
    })
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
    o.aigc_producer = args.aigc_producer.clone().or_else(|| config.stamp.aigc_producer.clone());
    o.limits = config.limits;
    o.strength = args.strength.or(config.stamp.strength).unwrap_or_default();
    o.encode = encoding(&args.encode, config)?;
    say(&mut o, &args.manifest, &config.manifest)?;
    if !args.no_c2pa {
        o.identity = Some(home.identity(Some(&args.manifest.signing), &config.signing)?);
    }
    Ok(o)
}

/// How to package, if that is asked for.
fn packaging(args: &PackageArgs) -> Option<PackageOptions> {
    let usual = PackageOptions::default();
    let mut kinds: Vec<IndexKind> = Vec::new();
    for kind in &args.package {
        let kind = match kind {
            PackageKind::Hls => IndexKind::Hls,
            PackageKind::Dash => IndexKind::Dash,
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let segment = args.segment.unwrap_or(usual.segment);
    (!kinds.is_empty()).then(|| PackageOptions { kinds, ladder: args.ladder.clone(), segment })
}

/// How to encode.
fn encoding(args: &EncodeArgs, config: &Config) -> Result<EncodeOptions> {
    let mut o = EncodeOptions {
        bitrate: args.bitrate,
        crf: args.crf.or(config.stamp.crf.filter(|_| args.bitrate.is_none())),
        preset: args.preset.clone().or_else(|| config.stamp.preset.clone()),
        tune: args.tune.clone(),
        profile: args.profile.clone(),
        gop: args.gop,
        pixel_format: args.pix_fmt.clone(),
        options: args.encoder_options.clone().unwrap_or_default(),
        audio_bitrate: args.audio_bitrate,
        movflags: args.movflags.clone(),
        ..EncodeOptions::default()
    };
    if let Some(crf) = o.crf.filter(|c| !(0.0..=63.0).contains(c)) {
        bail!("a constant quality of {crf} is outside 0 to 63");
    }
    if let Some(name) = args.video_codec.as_ref().or(config.stamp.video_codec.as_ref()) {
        o.set_codec(name).map_err(Error::msg)?;
    }
    if let Some(name) = &args.audio_codec {
        o.set_audio_codec(name).map_err(Error::msg)?;
    }
    Ok(o)
}

/// What the manifest is to say.
pub(super) fn say(o: &mut StampOptions, m: &ManifestArgs, c: &ManifestConfig) -> Result<()> {
    o.manifest.title.clone_from(&m.title);
    o.manifest.definition.clone_from(&m.manifest);
    let agent = m.agent.clone().map(|a| (a, m.agent_version.clone()));
    o.manifest.software_agent =
        agent.or_else(|| c.agent.clone().map(|a| (a, c.agent_version.clone())));
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
    disclose(&mut o.manifest, &m.disclosure, c)
}

/// What it is to say of the model and of people.
fn disclose(o: &mut ManifestOptions, d: &DisclosureArgs, c: &ManifestConfig) -> Result<()> {
    let model = |name: &String, version: &Option<String>, id: &Option<String>| {
        let (name, version, id) = (name.clone(), version.clone(), id.clone());
        Model { name, version, id }
    };
    let given = d.model.as_ref().map(|name| model(name, &d.model_version, &d.model_id));
    let configured = || c.model.as_ref().map(|name| model(name, &c.model_version, &c.model_id));
    o.model = given.or_else(configured);
    o.prompt = match (&d.prompt, &d.prompt_file) {
        (Some(prompt), _) => Some(prompt.clone()),
        (None, Some(path)) => Some(read(path)?),
        (None, None) => None,
    };
    let wrong = |name: &str, e: String| {
        anyhow!("manifest.{name} of the configuration cannot be used: {e}; mend it in config.toml")
    };
    o.oversight = match (d.oversight, &c.oversight) {
        (None, Some(word)) => Some(word.parse().map_err(|e| wrong("oversight", e))?),
        (given, _) => given,
    };
    o.training_mining = match (&d.training_mining, &c.training_mining) {
        (None, Some(uses)) => Some(uses.parse().map_err(|e| wrong("training_mining", e))?),
        (given, _) => given.clone(),
    };
    if let Some(path) = &d.metadata {
        let metadata: Value = serde_json::from_str(&read(path)?)
            .map_err(|e| anyhow!("{}: is no JSON: {e}; give a JSON-LD object", path.display()))?;
        if metadata.get("@context").is_none() {
            bail!("{}: has no @context; give a JSON-LD object that has", path.display());
        }
        o.metadata = Some(metadata);
    }
    o.thumbnail = d.thumbnail || c.thumbnail.unwrap_or(false);
    o.box_hash = if d.merkle { BoxHash::Merkle } else { BoxHash::Flat };
    o.check = !d.no_check;
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        anyhow!("{}: cannot be read: {e}; check the name and its permissions", path.display())
    })
}

/// Where clips are remembered, in a word.
pub(super) fn place(remember: &Remember) -> &str {
    match remember {
        Remember::Nowhere => "never",
        Remember::Registry(registry) => registry.location(),
        Remember::File => "later",
    }
}

/// Where the clip is remembered. What an earlier run left open there is settled first.
pub(super) fn remember(args: &RememberArgs, home: &Home, config: &Config) -> Result<Remember> {
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
