//! Where a stream comes from: standard input, or numbered images that are read like one; and what
//! is said of it that it does not say itself.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proofmark::media::{Frames, Inlet, Limits, Sequence};

use crate::args::{PipeArgs, StampArgs};
use crate::progress::cancel;

/// What stands for a stream.
pub(super) const PIPE: &str = "-";
/// What it is called.
const INPUT: &str = "standard input";

/// Whether a stream comes in: one, and nothing beside it.
pub(super) fn is_meant(args: &StampArgs) -> Result<bool> {
    let is_stream = |i: &&PathBuf| *i == Path::new(PIPE) || Sequence::is_pattern(i);
    let Some(stream) = args.inputs.iter().find(is_stream) else { return Ok(false) };
    match args.inputs.iter().find(|i| *i != stream) {
        Some(other) => bail!(
            "{} is one stream, and {} would be another input; stamp them apart",
            stream.display(),
            other.display()
        ),
        None if args.inputs.len() > 1 => bail!("{} is one stream; name it once", stream.display()),
        None => Ok(true),
    }
}

/// What comes in.
pub(super) fn inlet(args: &StampArgs, limits: &Limits) -> Result<Inlet> {
    let PipeArgs { input_pix_fmt, size, rate, audio_input, .. } = &args.pipe;
    let input = &args.inputs[0];
    let picture = if input == Path::new(PIPE) {
        let pipe = standard(limits)?;
        match (*input_pix_fmt, *size, *rate) {
            (Some(format), Some(size), Some(rate)) => {
                pipe.of_frames(Frames::Raw { format, size, rate })
            }
            (None, None, Some(rate)) => pipe.of_frames(Frames::Images { rate }),
            (None, None, None) => pipe,
            _ => bail!(
                "raw frames say nothing of themselves: give --input-pix-fmt, --size and -r, all \
                three, as in --input-pix-fmt rgb24 --size 1280x720 -r 24 (--pix-fmt is what is \
                written)"
            ),
        }
    } else if input_pix_fmt.is_some() || size.is_some() {
        bail!(
            "{}: stands for numbered images, and --input-pix-fmt and --size say what raw frames \
            are, which come through -; leave them out",
            input.display()
        );
    } else {
        let Some(rate) = *rate else {
            bail!(
                "{}: stands for numbered images, which say no rate; give it, as with -r 24",
                input.display()
            );
        };
        Inlet::of_sequence(Sequence::find(input, limits)?, input, rate, limits, &cancel())
    };
    match audio_input {
        Some(sound) if sound == Path::new(PIPE) => bail!(
            "--audio-input {PIPE}: standard input has the picture; name a FIFO, a file, or a \
            descriptor such as /dev/fd/3"
        ),
        Some(sound) => Ok(picture.with_sound(Inlet::open(sound, limits, &cancel())?)),
        None => Ok(picture),
    }
}

/// Standard input, ours to read without what the standard library keeps in between.
fn standard(limits: &Limits) -> Result<Inlet> {
    if std::io::stdin().is_terminal() {
        bail!(
            "standard input is a terminal; send a stream there, as in 'generator | proofmark \
            stamp - -o -'"
        );
    }
    let from = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("standard input cannot be read; open it")?;
    Ok(Inlet::new(from, Path::new(INPUT), limits, &cancel()))
}
