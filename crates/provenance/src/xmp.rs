//! XMP in places where the `c2pa` crate does not look for it: chunks `_PMX` of WAV and AVI, and
//! `moov/udta/XMP_` of QuickTime (XMP specification, part 3).

use std::io::{Read, Seek, SeekFrom};

use super::size::number;

/// Bytes of XMP that are taken in.
const LONGEST: u64 = 1 << 20;
/// Parts of a file, or of one of its parts, that are looked at.
const PARTS: usize = 10_000;

/// What the XMP of a file says of its provenance, as it stands there.
pub(super) fn provenance(file: &mut (impl Read + Seek)) -> Option<String> {
    let length = file.seek(SeekFrom::End(0)).ok()?;
    let mut head = [0; 4];
    file.rewind().ok()?;
    file.read_exact(&mut head).ok()?;
    let (from, to) = if head == *b"RIFF" {
        part(file, b"_PMX", (12, length), riff)?
    } else {
        [b"moov", b"udta", b"XMP_"]
            .iter()
            .try_fold((0, length), |within, name| part(file, name, within, mp4))?
    };
    let mut xmp = Vec::new();
    file.seek(SeekFrom::Start(from)).ok()?;
    file.take((to - from).min(LONGEST)).read_to_end(&mut xmp).ok()?;
    property(&String::from_utf8_lossy(&xmp), "dcterms:provenance").map(str::to_string)
}

/// Name and size of a part, of which its head is so much, from its first eight bytes.
type Head = fn(&[u8; 8]) -> ([u8; 4], u64);

fn riff(head: &[u8; 8]) -> ([u8; 4], u64) {
    let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    ([head[0], head[1], head[2], head[3]], 8 + size + size % 2)
}

fn mp4(head: &[u8; 8]) -> ([u8; 4], u64) {
    ([head[4], head[5], head[6], head[7]], number(&head[..4]))
}

/// From where to where what is called `name` goes, without its head, in a stretch of a file.
fn part(
    file: &mut (impl Read + Seek),
    name: &[u8; 4],
    (mut at, end): (u64, u64),
    head_of: Head,
) -> Option<(u64, u64)> {
    for _ in 0..PARTS {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut head).ok()?;
        let (found, mut size) = head_of(&head);
        let mut body = 8;
        if size == 1 {
            let mut large = [0; 8];
            file.read_exact(&mut large).ok()?;
            (size, body) = (number(&large), 16);
        }
        let next = if size == 0 { end } else { at.checked_add(size.max(body))?.min(end) };
        if found == *name {
            return (at + body <= next).then_some((at + body, next));
        }
        at = next;
        if at + 8 > end {
            break;
        }
    }
    None
}

/// The value of a property, which may be an attribute or an element.
pub(super) fn property<'a>(xmp: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = xmp;
    while let Some((_, after)) = rest.split_once(name) {
        let value = after.trim_start();
        let told = match (value.strip_prefix('>'), value.strip_prefix('=').map(str::trim_start)) {
            (Some(text), _) => text.split_once('<').map(|t| t.0),
            (_, Some(quoted)) => quoted
                .chars()
                .next()
                .filter(|q| "\"'".contains(*q))
                .and_then(|q| quoted[1..].split_once(q))
                .map(|t| t.0),
            _ => None,
        };
        if told.is_some() {
            return told;
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn properties_are_attributes_or_elements() {
        let of = |xmp| property(xmp, "dcterms:provenance");
        assert_eq!(of("<a dcterms:provenance = 'x' />"), Some("x"));
        assert_eq!(
            of("<!-- dcterms:provenance --><dcterms:provenance>x</dcterms:provenance>"),
            Some("x")
        );
        assert_eq!(
            (of("<a dcterms:provenance=\"x"), of("dcterms:provenance"), of("dcterms:provenance=")),
            (None, None, None)
        );
    }

    #[test]
    fn files_that_lie_about_their_parts_end() {
        let wrap = |name: &[u8; 4], body: &[u8]| {
            [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], name, body].concat()
        };
        let xmp = wrap(b"XMP_", b"<a dcterms:provenance=\"x\"/>");
        let mov = [
            wrap(b"ftyp", b"qt  "),
            wrap(b"moov", &[wrap(b"mvhd", &[0; 9]), wrap(b"udta", &xmp)].concat()),
        ]
        .concat();
        assert_eq!(provenance(&mut Cursor::new(&mov)).as_deref(), Some("x"));
        for at in 0..mov.len() {
            for value in [0, 1, 0xff] {
                let mut bytes = mov.clone();
                bytes[at] = value;
                let _ = provenance(&mut Cursor::new(&bytes[..bytes.len() - at % 7]));
            }
        }
        let riff = [
            b"RIFF\xff\xff\xff\xffWAVE",
            &b"fmt \x01\0\0\0a\0"[..],
            b"_PMX\xff\xff\xff\xffdcterms:provenance='x'",
        ]
        .concat();
        assert_eq!(provenance(&mut Cursor::new(&riff)).as_deref(), Some("x"));
        assert_eq!(provenance(&mut Cursor::new([0; 4])), None);
    }
}
