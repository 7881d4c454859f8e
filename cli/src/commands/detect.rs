//! `proofmark detect`: is there a mark, and which? And when and where, as pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use proofmark::KeyRing;
use proofmark::evidence::Question;
use proofmark::inspect::{Inspection, Inspector, Showing, look};
use proofmark::media::{Cancel, Limits, Progress};
use proofmark::report;
use proofmark::sandbox::PreparedZygote;
use proofmark::video::{DetectOptions, VideoEvidence};
use serde_json::{Value, json};

use super::{Answer, Inspectors};
use crate::args::{DetectArgs, Global};
use crate::batch::{self, Files, Input, Work};
use crate::exit::Exit;
use crate::home::Home;
use crate::inputs::Search;
use crate::output;
use crate::target::Target;

pub(crate) fn run(
    args: &DetectArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<Exit> {
    let mut finder = Finder::new(args, Inspectors::new(&args.sandbox, early), global)?;
    let files =
        batch::files(&args.inputs, &args.batch, Search { packages: true, ..Search::default() })?;
    finder.expect(args, &files)?;
    batch::run(&finder, &files, &args.batch, global)
}

/// Looks for marks as the command line and the configuration want it.
pub(crate) struct Finder<'a> {
    ring: KeyRing,
    limits: Limits,
    options: DetectOptions,
    drawings: Drawings<'a>,
    lookers: Inspectors,
    inspector: Arc<dyn Inspector>,
    quiet: bool,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(args: &DetectArgs, lookers: Inspectors, global: &Global) -> Result<Self> {
        let home = Home::locate(global)?;
        let ring = home.key_ring()?;
        let limits = home.config()?.limits;
        let options = super::detect_options(&args.question)?;
        let inspector = lookers.inspector();
        Ok(Self {
            ring,
            limits,
            options,
            drawings: Drawings::default(),
            lookers,
            inspector,
            quiet: global.quiet,
        })
    }

    /// Tells which files there are: what could not be drawn of them is refused.
    pub(crate) fn expect(&mut self, args: &'a DetectArgs, files: &Files) -> Result<()> {
        self.drawings = Drawings::new(args, &files.paths(), files.inputs.len() + files.twice)?;
        Ok(())
    }

    pub(crate) fn detect(
        &self,
        file: &Path,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        let mut look = look(self.inspector.as_ref(), file, &self.limits, cancel)?;
        let detected = look.marks(&self.ring, &self.options, Showing::ALL, progress)?;
        let mut remarks: Vec<String> = self.lookers.remark(look.isolation()).into_iter().collect();
        match &detected.picture {
            Some(picture) => remarks.extend(self.drawings.draw(look.as_mut(), picture)?),
            None => remarks.extend(self.drawings.without_picture()),
        }
        if let Question::Expected(payload) = &self.options.question
            && detected.any()
            && !detected.payloads().contains(payload)
        {
            remarks.push(format!(
                "{}: {payload}, which was expected, was not confirmed: the mark \
                is another, or too weak for that",
                file.display()
            ));
        }
        if self.quiet {
            remarks.clear();
        }
        let exit = if detected.any() { Exit::Success } else { Exit::Nothing };
        Ok(Answer {
            seconds: None,
            exit,
            json: report::detect(file, &detected, look.isolation())?,
            text: output::human::detect(file, &detected),
            remarks,
        })
    }
}

impl Work for Finder<'_> {
    fn verb(&self) -> &'static str {
        "detect"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("reading", "with a mark")
    }

    fn options(&self) -> Value {
        json!({"keys": super::key_ids(Some(&self.ring)), "question": super::question(&self.options)})
    }

    fn answer(
        &self,
        input: &Input,
        _again: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        self.detect(&input.path, cancel, progress)
    }
}

/// The pictures that are asked for.
#[derive(Default)]
struct Drawings<'a> {
    overlay: Option<Target<'a>>,
    timeline: Option<Target<'a>>,
}

impl<'a> Drawings<'a> {
    /// Refuses before the work what could not be drawn or written after it.
    fn new(args: &'a DetectArgs, files: &[PathBuf], named: usize) -> Result<Self> {
        let asked: Vec<&PathBuf> = args.overlay.iter().chain(&args.timeline).collect();
        if !asked.is_empty() && named > 1 {
            bail!(
                "--overlay and --timeline draw one clip, and {named} were given; run detect once \
                for each"
            );
        }
        if let Some(other) =
            asked.iter().find(|p| !p.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")))
        {
            bail!(
                "{}: pictures are written as PNG; give a name that ends in .png",
                other.display()
            );
        }
        if let [overlay, timeline] = asked[..]
            && overlay == timeline
        {
            bail!("{}: is the name of both pictures; give each its own", overlay.display());
        }
        let target = |path: &'a Option<PathBuf>| {
            path.as_ref().map(|p| Target::new(p, args.force, files)).transpose()
        };
        Ok(Self { overlay: target(&args.overlay)?, timeline: target(&args.timeline)? })
    }

    /// Says of each that a file of sound alone has none.
    fn without_picture(&self) -> impl Iterator<Item = String> {
        self.overlay.iter().chain(&self.timeline).map(|target| {
            format!("{}: not written: there is no picture in the file", target.path().display())
        })
    }

    /// Draws what can be drawn, and says what cannot. That is no failure: the answer to what was
    /// asked of the clip is the same.
    fn draw(&self, look: &mut dyn Inspection, picture: &VideoEvidence) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        let mut miss = |target: &Target<'_>, weak| {
            let reason = if picture.detected { weak } else { "no mark was found" };
            missing.push(format!("{}: not written: {reason}", target.path().display()));
        };
        if let Some(target) = &self.overlay {
            match output::overlay::time(picture) {
                Some(time) => {
                    target.write(&output::overlay::draw(look.frame(time)?, picture, time).png()?)?
                }
                None => miss(
                    target,
                    "the mark is too weak to be mapped cell by cell; a longer clip or a better \
                    copy would help",
                ),
            }
        }
        if let Some(target) = &self.timeline {
            match output::timeline::draw(picture) {
                Some(plot) => target.write(&plot.png()?)?,
                None => miss(target, "nothing was measured over time"),
            }
        }
        Ok(missing)
    }
}
