//! `proofmark detect`: is there a mark, and which?

use anyhow::Result;
use proofmark::detect::detect;

use crate::args::{DetectArgs, Global};
use crate::exit::Exit;
use crate::home::Home;
use crate::progress::{Bar, cancel};
use crate::{inputs, output};

pub(crate) fn run(args: &DetectArgs, global: &Global) -> Result<Exit> {
    let home = Home::locate(global)?;
    let ring = home.key_ring()?;
    let limits = home.config()?.limits.limits();
    let options = super::detect_options(&args.question)?;
    super::each(&inputs::expand(&args.inputs)?, "detect", global, |file| {
        let bar = Bar::new(global, "reading", file);
        let detected = detect(file, &ring, &options, &limits, &cancel(), &mut |p| bar.update(p))?;
        drop(bar);
        if global.json {
            output::json::detect(file, &detected)?
        } else {
            output::human::detect(file, &detected)?
        }
        Ok(if detected.picture.detected { Exit::Success } else { Exit::Nothing })
    })
}
