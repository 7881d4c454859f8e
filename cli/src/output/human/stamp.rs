//! A stamped clip: what it carries, and where that is kept.

use std::path::Path;

use proofmark::Stamped;
use proofmark::stamp::{Earlier, Packaged, SignedClip};

use super::marks::generation;
use super::{line, lines};
use crate::output::{GOOD, name};

pub(crate) fn stamp(file: &Path, target: &Path, stamped: &Stamped, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", stamped.payload);
    }
    let mut out = format!("{GOOD}stamped{GOOD:#}: {} → {}\n", name(file), name(target));
    line(&mut out, "payload", &format!("{}{}", stamped.payload, generation(stamped.generation)));
    let s = &stamped.summary;
    if let (Some(codec), Some(p)) = (s.codec, &s.info.picture) {
        line(
            &mut out,
            "picture",
            &format!(
                "{codec}, {}×{}, {} frames, marked with key {}",
                p.width, p.height, s.frames, stamped.key
            ),
        );
    }
    if let Some(capacity) = &stamped.capacity {
        line(
            &mut out,
            "evidence",
            &format!("{:.0}: {}", capacity.evidence, capacity.outlook.sentence()),
        );
    }
    for track in &stamped.sound {
        let told = match track {
            Ok(c) if !c.is_marked() => c.outlook.sentence().to_string(),
            Ok(c) => format!("marked, evidence {:.0}: {}", c.evidence, c.outlook.sentence()),
            Err(reason) => format!("not marked: {reason}"),
        };
        line(&mut out, "sound", &told);
    }
    let manifest = match &stamped.manifest {
        Some(path) if path == target => "embedded and signed".to_string(),
        Some(path) => format!("signed, in {}: keep it beside the clip", path.display()),
        None if stamped.label.is_some() => "signed; the registry keeps it".to_string(),
        None => "none, as asked".to_string(),
    };
    line(&mut out, "manifest", &manifest);
    if let Some(parent) = &stamped.parent {
        line(&mut out, "made from", &format!("{parent}, whose manifest is in the new one"));
    }
    let marked =
        stamped.capacity.is_some() || stamped.sound.iter().flatten().any(|c| c.is_marked());
    let forgotten = if marked {
        "none: a stripped copy will be 'marked', not 'recovered'"
    } else {
        "none: a stripped copy will carry nothing"
    };
    line(&mut out, "registry", stamped.remembered.as_deref().unwrap_or(forgotten));
    out
}

/// A clip that was packaged.
pub(crate) fn package(file: &Path, target: &Path, packaged: &Packaged, quiet: bool) -> String {
    // It is in the init segments, which are in the target.
    let mut stamped = packaged.stamped.clone();
    stamped.manifest = stamped.manifest.map(|_| target.into());
    let mut out = stamp(file, target, &stamped, quiet);
    if quiet {
        return out;
    }
    let renditions = packaged.renditions.iter().map(|r| {
        let size = r.size.map(|(w, h)| format!("{w}×{h}, ")).unwrap_or_default();
        format!("{}: {size}{}, {} segments", r.name, r.codecs, r.segments)
    });
    lines(&mut out, "package", packaged.indexes.iter().map(|i| i.display().to_string()));
    lines(&mut out, "streams", renditions);
    out
}

/// What an earlier run of the job made.
pub(crate) fn earlier(file: &Path, target: &Path, earlier: &Earlier, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", earlier.payload);
    }
    let (file, target) = (name(file), name(target));
    let mut out =
        format!("{GOOD}there already{GOOD:#}: {file} → {target}, made by an earlier run\n");
    line(&mut out, "payload", &earlier.payload.to_string());
    out
}

pub(crate) fn sign(file: &Path, target: &Path, signed: &SignedClip, quiet: bool) -> String {
    if quiet {
        return format!("{}\n", signed.payload);
    }
    let mut out = format!("{GOOD}signed{GOOD:#}: {} → {}\n", name(file), name(target));
    line(&mut out, "payload", &signed.payload.to_string());
    let marked = match (signed.video, signed.audio) {
        (true, true) => "picture and sound carry it",
        (true, false) => "the picture carries it",
        (false, true) => "the sound carries it",
        (false, false) => "none was found, and none is claimed",
    };
    line(&mut out, "mark", marked);
    let manifest = if signed.manifest == target {
        "embedded and signed".to_string()
    } else {
        format!("signed, in {}: keep it beside the clip", signed.manifest.display())
    };
    line(&mut out, "manifest", &manifest);
    if let Some(parent) = &signed.parent {
        line(&mut out, "made from", &format!("{parent}, whose manifest is in the new one"));
    }
    let registry = match &signed.remembered {
        Some(place) if signed.replaced => {
            format!("{place}, in place of what was known of the clip")
        }
        Some(place) => place.clone(),
        None => "none: nothing leads from a stripped copy to this manifest".into(),
    };
    line(&mut out, "registry", &registry);
    out
}
