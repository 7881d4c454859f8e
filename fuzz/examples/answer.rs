//! Prints what a worker answers that looked at a file for marks of the fuzzing key: a seed for the target `answer`.

use std::io::Write as _;
use std::path::Path;

use proofmark::KeyRing;
use proofmark::eyes::{Eyes as _, Own};
use proofmark::media::Cancel;
use proofmark::picture::DetectOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).ok_or("name a file")?;
    let mut look = Own.open(Path::new(&file), &proofmark_fuzz::limits(), &Cancel::default())?;
    let found = look.marks(&KeyRing::from(proofmark_fuzz::watermark_key()), &DetectOptions::default(), true, &mut |_| {})?;
    Ok(std::io::stdout().write_all(&proofmark::fuzzing::answer_of(found))?)
}
