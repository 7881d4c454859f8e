//! Prints what a worker answers that looked at a file for marks of the fuzzing key: a seed for the
//! target `answer`. With a folder behind the file, writes there what one worker shows the other of
//! it: `picture` and `sound`, seeds for the target `shown`.

use std::io::Write as _;
use std::path::Path;

use proofmark::KeyRing;
use proofmark::inspect::{InProcess, Inspector as _, Showing};
use proofmark::media::Cancel;
use proofmark::video::DetectOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("name a file")?;
    let (file, limits) = (Path::new(&file), proofmark_fuzz::limits());
    let ring = KeyRing::from(proofmark_fuzz::watermark_key());
    if let Some(folder) = std::env::args_os().nth(2) {
        let streams = proofmark::fuzzing::shown_of(file, &ring, &limits)?;
        return Ok(["picture", "sound"].iter().zip(streams).try_for_each(|(name, stream)| {
            std::fs::write(Path::new(&folder).join(name), stream)
        })?);
    }
    let mut look = InProcess.open(file, &limits, &Cancel::default())?;
    let found = look.marks(&ring, &DetectOptions::default(), Showing::SKETCHED, &mut |_| {})?;
    Ok(std::io::stdout().write_all(&proofmark::fuzzing::answer_of(found))?)
}
