//! `proofmark stamp`: mark and sign.

use anyhow::{Result, bail};

use proofmark::sandbox::PreparedZygote;

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
    let stamper = StampWork::new(args, Inspectors::new(&args.sandbox, early), global)?;
    // Where targets lie among the inputs, those of an earlier run are none.
    let real = args.output.canonicalize().ok().filter(|p| p.is_dir());
    let files = batch::files(&args.inputs, &args.batch, real.as_deref())?;
    let folder_meant = !files.single || args.output.as_os_str().as_encoded_bytes().ends_with(b"/");
    if folder_meant && !args.output.exists() {
        bail!("{}: there is no folder of that name; make it first", args.output.display());
    }
    if !files.single && !args.output.is_dir() {
        bail!("{}: is no folder; give one as the target for several inputs", args.output.display());
    }
    if !args.output.is_dir() {
        refuse_other_kind(&args.output, args.to.as_ref())?;
    }
    if !files.single && args.payload.is_some() {
        bail!("--payload names one clip; leave it out for several, and each gets its own number");
    }
    stamper.expect(&files)?;
    batch::run(&stamper, &files, &args.batch, global)
}
