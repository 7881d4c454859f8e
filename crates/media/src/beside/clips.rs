//! What clips and sounds hold where libav does not look: XMP in a box of MP4, and the label of GB
//! 45438 in a part of a WAVE. Both are put behind the finished file, where nothing moves.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use proofmark_core::Text;

use super::{gone, xmp};
use crate::Container;
use crate::label::{THERE, unwritten};
use crate::texts::{label, packets};

/// The type of the box with XMP in files of the MP4 family (XMP specification, part 3, 1.2.7.1).
const XMP: [u8; 16] = [
    0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac,
];
/// What stands before and behind a packet.
const WRAP: [&str; 2] =
    ["<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>", "<?xpacket end=\"w\"?>"];

/// Carries it over from `input` into `clip`, and tells what cannot be.
///
/// # Errors
/// What reading or writing says.
pub(super) fn carry_over(
    input: &Path,
    clip: &Path,
    container: Container,
    asked: Option<&str>,
) -> io::Result<Vec<String>> {
    let mut from = File::open(input)?;
    let mut told = Vec::new();
    if let Some(packet) = packets(&mut from)?.into_iter().next() {
        told.extend(carry_xmp(packet, clip, container)?);
    }
    let found = label(&mut from).ok().flatten();
    if let Some(label) = &found {
        told.extend(carry_label(&label.value, clip, container)?);
    }
    if let Some(asked) = asked.filter(|_| container == Container::Wav) {
        match found {
            Some(_) => told.push(unwritten(THERE)),
            None => told.extend(carry_label(asked, clip, container)?),
        }
    }
    Ok(told)
}

fn carry_xmp(packet: Text, clip: &Path, container: Container) -> io::Result<Option<String>> {
    if !matches!(container, Container::Mp4 | Container::Mov | Container::M4a) {
        return Ok(Some(gone("XMP", &format!("{} has no place for it here", container.name()))));
    }
    let Ok((packet, taken)) = xmp::mend(packet.value.into_bytes(), false) else {
        return Ok(Some(gone("XMP", "it tells of what does not go with it, and cannot be mended")));
    };
    let body = [&XMP[..], WRAP[0].as_bytes(), &packet, WRAP[1].as_bytes()].concat();
    let size = u32::try_from(body.len() + 8).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().append(true).open(clip)?;
    file.write_all(&[&size.to_be_bytes()[..], b"uuid", &body].concat())?;
    Ok(taken
        .provenance
        .then(|| gone("XMP's reference to a manifest elsewhere", "that is of the file as it was")))
}

fn carry_label(label: &str, clip: &Path, container: Container) -> io::Result<Option<String>> {
    if container != Container::Wav {
        return Ok(Some(gone("the AIGC label", "it was a part of a WAVE")));
    }
    let mut file = OpenOptions::new().read(true).write(true).open(clip)?;
    let mut part = label.as_bytes().to_vec();
    let size = u32::try_from(part.len()).map_err(io::Error::other)?;
    part.resize(part.len().next_multiple_of(2), 0);
    file.seek(SeekFrom::End(0))?;
    file.write_all(&[&b"AIGC"[..], &size.to_le_bytes(), &part].concat())?;
    // A file that is too long for its head says so there (RF64), and stays as it is.
    let length = u32::try_from(file.stream_position()? - 8);
    let mut head = [0; 4];
    file.rewind()?;
    io::Read::read_exact(&mut file, &mut head)?;
    if let (b"RIFF", Ok(length)) = (&head, length) {
        file.write_all(&length.to_le_bytes())?;
    }
    Ok(None)
}
