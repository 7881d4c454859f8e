//! `proofmark stamp`: mark and sign.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proofmark::media::VideoCodec;
use proofmark::picture::Outlook;
use proofmark::registry::mend;
use proofmark::sound::Outlook as SoundOutlook;
use proofmark::stamp::{Remember, StampOptions, stamp};

use crate::args::{Global, Register, RememberArgs, StampArgs};
use crate::exit::Exit;
use crate::home::{Config, Home, now};
use crate::progress::{Bar, cancel};
use crate::{inputs, output};

pub(crate) fn run(args: &StampArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let options = options(args, &home, &home.config()?)?;
    let ring = home.key_ring()?;
    let files = inputs::expand(&args.inputs)?;
    let many = files.len() > 1 || args.inputs.iter().any(|i| i.is_dir());
    if many && !args.output.is_dir() {
        bail!("{}: is no folder; give one as the target for several inputs", args.output.display());
    }
    if many && args.payload.is_some() {
        bail!("--payload names one clip; leave it out for several, and each gets its own number");
    }
    super::each(&files, "stamp", global, |file| {
        let target = target(args, file);
        let bar = Bar::new(global, "stamping", file);
        let stamped = stamp(file, &target, ring.newest(), &options, &cancel(), &mut |p| bar.update(p))?;
        drop(bar);
        if let Some(reason) = &stamped.unconfirmed {
            output::remark(&format!("{}: is there, and the registry, which was told that it would be, could not be told that it is: {reason}", target.display()));
        }
        for line in &stamped.summary.left_out {
            output::remark(&format!("{}: {line}", file.display()));
        }
        if let Some(capacity) = stamped.capacity.filter(|c| c.outlook != Outlook::Ordinary) {
            output::remark(&format!("{}: {}", file.display(), capacity.outlook.sentence()));
        }
        for track in &stamped.sound {
            match track {
                Ok(c) if c.outlook == SoundOutlook::Ordinary => {}
                Ok(c) => output::remark(&format!("{}: sound: {}", file.display(), c.outlook.sentence())),
                Err(reason) => output::remark(&format!("{}: sound copied without a mark: {reason}", file.display())),
            }
        }
        if global.json {
            output::json::stamp(file, &target, &stamped)?
        } else {
            output::human::stamp(file, &target, &stamped, global)?
        }
        Ok(Exit::Success)
    })
}

/// Where a file goes: into the target folder under its own name, or to the target itself.
fn target(args: &StampArgs, file: &Path) -> PathBuf {
    match file.file_name() {
        Some(name) if args.output.is_dir() => args.output.join(name),
        _ => args.output.clone(),
    }
}

/// Options, with the configuration where the command line (and the environment behind it) says nothing.
fn options(args: &StampArgs, home: &Home, config: &Config) -> Result<StampOptions> {
    let mut o = StampOptions::default();
    o.payload = args.payload;
    o.overwrite = args.force;
    o.labels = args.remember.labels.iter().cloned().collect();
    o.remember = remember(&args.remember, home, config)?;
    o.check = args.check;
    o.mark_sound = !args.no_audio_mark;
    o.limits = config.limits.limits();
    o.strength = args.strength.or(config.stamp.strength).unwrap_or_default();
    let codec = args.encode.video_codec.as_ref().or(config.stamp.video_codec.as_ref());
    o.encode.codec = codec.map(|n| VideoCodec::parse(n).with_context(|| format!("'{n}' is no codec that can be written; use h264, h265, vp9, av1 or ffv1"))).transpose()?;
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
    o.manifest.software_agent = agent.or_else(|| config.manifest.agent.clone().map(|a| (a, config.manifest.agent_version.clone())));
    let c = &config.manifest;
    for (to, given, configured) in [
        (&mut o.manifest.digital_source_type, &m.digital_source_type, &c.digital_source_type),
        (&mut o.manifest.algorithm, &m.algorithm, &c.algorithm),
        (&mut o.manifest.picture_algorithm, &m.picture_algorithm, &c.picture_algorithm),
        (&mut o.manifest.sound_algorithm, &m.sound_algorithm, &c.sound_algorithm),
    ] {
        if let Some(name) = given.as_ref().or(configured.as_ref()) {
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
            let Some(registry) = home.registry(&args.registry, config)? else { return Ok(Remember::Nowhere) };
            // Older ones wait for 'registry check': looking through all of them each time would cost more than it is worth.
            mend(registry.as_ref(), now().saturating_sub(24 * 60 * 60))?;
            Ok(Remember::Registry(registry))
        }
    }
}
