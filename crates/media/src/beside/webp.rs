//! WebP (RFC 9649): chunks in a RIFF.

use std::io::{self, BufRead, Read, Seek};

use super::{Budget, Own, Profile, Record, TOO_MUCH, What, gone};

const XMP: u8 = 0x04;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;
const ICC: u8 = 0x20;
/// Chunks that are looked at.
const CHUNKS: usize = 1 << 16;
/// What EXIF begins with in JPEG, and with some writers here.
const FROM_JPEG: &[u8] = b"Exif\0\0";

fn is_webp(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
}

/// What a WebP carries, and where it ends.
pub(super) fn read<R: BufRead + Seek>(
    from: &mut R,
    budget: &mut Budget,
) -> io::Result<Option<(Record, u64)>> {
    let mut head = [0; 12];
    if from.read_exact(&mut head).is_err() || !is_webp(&head) {
        return Ok(None);
    }
    let [_, _, _, _, a, b, c, d, ..] = head;
    let end = u64::from(u32::from_le_bytes([a, b, c, d])) + 8;
    let (mut record, mut at) = (Record::default(), 12u64);
    for _ in 0..CHUNKS {
        let mut head = [0; 8];
        if at.saturating_add(8) > end || from.read_exact(&mut head).is_err() {
            break;
        }
        let [n, a, m, e, length @ ..] = head;
        let (name, length) = ([n, a, m, e], u32::from_le_bytes(length));
        let padded = u64::from(length) + u64::from(length % 2);
        at = at.saturating_add(padded + 8);
        // Of the coding, which is new; and a manifest, which goes on as the parent of the new one.
        let carried =
            !matches!(&name, b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" | b"C2PA");
        if carried && budget.take(length.into()) {
            let mut data = Vec::new();
            from.take(padded).read_to_end(&mut data)?;
            data.truncate(length as usize);
            take(&mut record, name, data);
        } else {
            if carried {
                record.lost.push(gone(
                    &format!("WebP chunk '{}' of {length} bytes", text(&name)),
                    TOO_MUCH,
                ));
            }
            from.seek_relative(i64::try_from(padded).unwrap_or(0))?;
        }
    }
    Ok(Some((record, end)))
}

fn take(record: &mut Record, name: [u8; 4], data: Vec<u8>) {
    match &name {
        b"EXIF" if record.exif.is_none() => {
            record.exif = Some(data.strip_prefix(FROM_JPEG).map_or(data.clone(), <[u8]>::to_vec))
        }
        b"XMP " if record.xmp.is_none() => record.xmp = Some(data),
        b"ICCP" if record.icc.is_none() => record.icc = Some(Profile(data)),
        b"EXIF" | b"XMP " | b"ICCP" => {}
        _ => record.own.push(Own {
            what: What::Other(format!("chunk '{}'", text(&name))),
            name,
            bytes: data,
        }),
    }
}

fn text(name: &[u8; 4]) -> String {
    name.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '?' }).collect()
}

/// Writes `record` into a whole WebP, in place of what its encoder wrote beside the picture. `None`
/// if it is none.
pub(super) fn write(file: &[u8], record: &Record) -> Option<Vec<u8>> {
    if !is_webp(file) {
        return None;
    }
    let coded: Vec<([u8; 4], &[u8])> = chunks(file.get(12..)?)
        .filter(|c| matches!(&c.0, b"VP8X" | b"ALPH" | b"VP8 " | b"VP8L"))
        .collect();
    let (width, height, alpha) = coded.iter().find_map(|(name, data)| canvas(name, data))?;
    let mut flags = if alpha || coded.iter().any(|c| &c.0 == b"ALPH") { ALPHA } else { 0 };
    let parts = [
        (&record.icc.as_ref().map(|p| &p.0), ICC),
        (&record.exif.as_ref(), EXIF),
        (&record.xmp.as_ref(), XMP),
    ];
    flags |= parts.iter().filter(|p| p.0.is_some()).fold(0, |all, p| all | p.1);
    let mut body = b"WEBP".to_vec();
    let [wide, high] = [width, height].map(u32::to_le_bytes);
    put(
        &mut body,
        b"VP8X",
        &[flags, 0, 0, 0, wide[0], wide[1], wide[2], high[0], high[1], high[2]],
    );
    if let Some(Profile(icc)) = &record.icc {
        put(&mut body, b"ICCP", icc);
    }
    for (name, data) in coded.iter().filter(|c| &c.0 != b"VP8X") {
        put(&mut body, name, data);
    }
    for (name, data) in [(b"EXIF", &record.exif), (b"XMP ", &record.xmp)] {
        if let Some(data) = data {
            put(&mut body, name, data);
        }
    }
    for own in &record.own {
        put(&mut body, &own.name, &own.bytes);
    }
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&body);
    Some(out)
}

/// Width and height, each less one, and whether it says that it has an alpha channel.
fn canvas(name: &[u8; 4], data: &[u8]) -> Option<(u32, u32, bool)> {
    match (name, data) {
        (b"VP8X", &[flags, _, _, _, a, b, c, d, e, f]) => Some((
            u32::from_le_bytes([a, b, c, 0]),
            u32::from_le_bytes([d, e, f, 0]),
            flags & ALPHA != 0,
        )),
        (b"VP8L", &[0x2f, a, b, c, d, ..]) => {
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some((bits & 0x3fff, bits >> 14 & 0x3fff, bits >> 28 & 1 != 0))
        }
        // A key frame of VP8: its tag, its start code, and fourteen bits of each size.
        (b"VP8 ", &[_, _, _, 0x9d, 0x01, 0x2a, a, b, c, d, ..]) => {
            let size =
                |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff).checked_sub(1);
            Some((size(a, b)?, size(c, d)?, false))
        }
        _ => None,
    }
}

/// Chunks by name and data, as far as they are whole.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        let [n, a, m, e, length @ ..] = *head;
        let length = u32::from_le_bytes(length) as usize;
        let data = tail.get(..length)?;
        rest = tail.get(length.checked_add(length % 2)?..).unwrap_or_default();
        Some(([n, a, m, e], data))
    })
}

fn put(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let Ok(length) = u32::try_from(data.len()) else { return };
    out.extend_from_slice(name);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(data);
    if length % 2 == 1 {
        out.push(0);
    }
}
