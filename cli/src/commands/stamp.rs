//! `proofmark stamp`: mark and sign.

use std::path::Path;

use anyhow::{Result, bail};
use proofmark::sandbox::PreparedZygote;
use proofmark::stamp::targets;

use super::Inspectors;
use super::stamper::StampWork;
use crate::args::{Global, StampArgs};
use crate::batch::{self};
use crate::exit::Exit;
use crate::target::refuse_other_kind;

pub(crate) fn run(
    args: &StampArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<Exit> {
    if super::stream::is_meant(args)? {
        return super::stream::run(args, global);
    }
    let mut stamper = StampWork::new(args, Inspectors::new(&args.sandbox, early), global)?;
    let named = args.output.extension().is_some_and(|e| !e.is_empty());
    if !args.package.package.is_empty() && named && !args.output.is_dir() {
        bail!(
            "{}: is the name of a file, and a package is a folder of files; name one such as \
            'stream'",
            args.output.display()
        );
    }
    let files = stamper.places.files(&args.inputs, &args.batch)?;
    stamper.expect(files.single);
    if !args.output.is_dir() && args.package.package.is_empty() {
        refuse_other_kind(&args.output, args.to.as_ref())?;
    }
    if !files.single && args.payload.is_some() {
        bail!("--payload names one clip; leave it out for several, and each gets its own number");
    }
    let written = |target: &Path| targets(target, &stamper.options);
    stamper.places.expect(&files, "stamped", written)?;
    batch::run(&stamper, &files, &args.batch, global)
}
