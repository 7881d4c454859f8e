//! TIFF 6.0, which is read and not written: a chain of directories, each of a page.

use std::collections::HashSet;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::{BROKEN, Budget, Density, Profile, Record, Unit, gone};

/// Tags of a directory.
const ORIENTATION: u16 = 274;
const X: u16 = 282;
const Y: u16 = 283;
const UNIT: u16 = 296;
const XMP: u16 = 700;
const ICC: u16 = 34675;
/// What stays behind, by name: it refers to places in the file.
const LOST: [(u16, &str); 5] = [
    (34665, "what EXIF says of the exposure"),
    (34853, "where it was taken"),
    (33723, "IPTC data"),
    (34377, "Photoshop data"),
    (330, "what lies below the first page"),
];
/// Bytes of an entry of a directory.
const ENTRY: usize = 12;
/// Pages that are counted.
const PAGES: usize = 10_000;
/// The kind of a text, and of a number of 16 bits.
const ASCII: u16 = 2;
const SHORT: u16 = 3;

/// The order of bytes.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u16(self, b: [u8; 2]) -> u16 {
        if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) }
    }

    fn u32(self, b: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    }
}

/// An entry of a directory.
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    /// The value, or where it lies.
    value: [u8; 4],
}

/// What a TIFF says in its first directory, and a line if there are more pages.
pub(super) fn read<R: BufRead + Seek>(
    from: &mut R,
    budget: &mut Budget,
) -> io::Result<Option<Record>> {
    let mut head = [0; 8];
    if from.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let [o, p, a, b, at @ ..] = head;
    let order = Order { big: [o, p] == *b"MM" };
    if !matches!(&[o, p], b"MM" | b"II") || order.u16([a, b]) != 42 {
        return Ok(None);
    }
    let Some((entries, mut next)) = directory(from, order, order.u32(at))? else { return Ok(None) };
    let mut record = Record::default();
    let (mut texts, mut ratio, mut unit) = (Vec::new(), [0; 2], 2);
    for entry in &entries {
        match entry.tag {
            ORIENTATION if entry.kind == SHORT => {
                texts.push((entry.tag, SHORT, entry.value[..2].to_vec()))
            }
            UNIT => unit = order.u16([entry.value[0], entry.value[1]]),
            X | Y => ratio[usize::from(entry.tag - X)] = rational(from, order, entry)?,
            XMP => record.xmp = bytes(from, order, entry, budget)?,
            ICC => record.icc = bytes(from, order, entry, budget)?.map(Profile),
            _ if entry.kind == ASCII => match bytes(from, order, entry, budget)? {
                Some(text) => texts.push((entry.tag, ASCII, text)),
                None => record.lost.push(gone(&format!("TIFF text {}", entry.tag), BROKEN)),
            },
            tag => record.lost.extend(
                LOST.iter()
                    .filter(|l| l.0 == tag)
                    .map(|l| gone(l.1, "it cannot be taken out of a TIFF here")),
            ),
        }
    }
    let unit = match unit {
        2 => Unit::Inch,
        3 => Unit::Centimetre,
        _ => Unit::Ratio,
    };
    record.density =
        Some(Density { x: ratio[0], y: ratio[1], unit }).filter(|d| d.x > 0 && d.y > 0);
    record.exif = (!texts.is_empty()).then(|| exif(order, &texts));
    let (mut pages, mut seen) = (0, HashSet::from([order.u32(at)]));
    while next != 0 && pages < PAGES && seen.insert(next) {
        let Some((_, after)) = directory(from, order, next)? else { break };
        (pages, next) = (pages + 1, after);
    }
    if pages > 0 {
        record.lost.push(gone(
            &format!("what follows the first page ({pages} more)"),
            "one picture is read of a TIFF",
        ));
    }
    Ok(Some(record))
}

/// A directory's entries, and where the next one lies.
fn directory<R: Read + Seek>(
    from: &mut R,
    order: Order,
    at: u32,
) -> io::Result<Option<(Vec<Entry>, u32)>> {
    from.seek(SeekFrom::Start(at.into()))?;
    let mut count = [0; 2];
    if from.read_exact(&mut count).is_err() {
        return Ok(None);
    }
    let mut raw = vec![0; usize::from(order.u16(count)) * ENTRY];
    let mut next = [0; 4];
    if from.read_exact(&mut raw).is_err() || from.read_exact(&mut next).is_err() {
        return Ok(None);
    }
    let entries =
        raw.as_chunks::<ENTRY>().0.iter().map(|&[a, b, c, d, e, f, g, h, value @ ..]| Entry {
            tag: order.u16([a, b]),
            kind: order.u16([c, d]),
            count: order.u32([e, f, g, h]),
            value,
        });
    Ok(Some((entries.collect(), order.u32(next))))
}

/// The value of an entry of single bytes.
fn bytes<R: Read + Seek>(
    from: &mut R,
    order: Order,
    entry: &Entry,
    budget: &mut Budget,
) -> io::Result<Option<Vec<u8>>> {
    let count = entry.count as usize;
    if count <= 4 {
        return Ok(Some(entry.value[..count].to_vec()));
    }
    if !matches!(entry.kind, 1 | ASCII | 7) || !budget.take(count as u64) {
        return Ok(None);
    }
    from.seek(SeekFrom::Start(order.u32(entry.value).into()))?;
    let mut out = Vec::new();
    from.take(count as u64).read_to_end(&mut out)?;
    Ok(Some(out).filter(|o| o.len() == count))
}

/// A fraction, rounded; 0 if there is none.
fn rational<R: Read + Seek>(from: &mut R, order: Order, entry: &Entry) -> io::Result<u32> {
    from.seek(SeekFrom::Start(order.u32(entry.value).into()))?;
    let mut raw = [0; 8];
    if entry.kind != 5 || from.read_exact(&mut raw).is_err() {
        return Ok(0);
    }
    let [a, b, c, d, e, f, g, h] = raw;
    let (above, below) = (order.u32([a, b, c, d]), order.u32([e, f, g, h]));
    Ok(if below == 0 { 0 } else { (f64::from(above) / f64::from(below)).round() as u32 })
}

/// Texts and the orientation as a directory of their own.
fn exif(order: Order, entries: &[(u16, u16, Vec<u8>)]) -> Vec<u8> {
    let put16 = |out: &mut Vec<u8>, n: u16| {
        out.extend(if order.big { n.to_be_bytes() } else { n.to_le_bytes() })
    };
    let put32 = |out: &mut Vec<u8>, n: usize| {
        let n = u32::try_from(n).unwrap_or(0);
        out.extend(if order.big { n.to_be_bytes() } else { n.to_le_bytes() });
    };
    let mut out = if order.big { b"MM".to_vec() } else { b"II".to_vec() };
    put16(&mut out, 42);
    put32(&mut out, 8);
    put16(&mut out, u16::try_from(entries.len()).unwrap_or(0));
    let mut rest = Vec::new();
    let begin = 8 + 2 + entries.len() * ENTRY + 4;
    for (tag, kind, value) in entries {
        put16(&mut out, *tag);
        put16(&mut out, *kind);
        put32(&mut out, if *kind == SHORT { 1 } else { value.len() });
        if value.len() <= 4 {
            out.extend(value.iter().copied().chain([0; 4]).take(4));
        } else {
            put32(&mut out, begin + rest.len());
            rest.extend(value);
            rest.resize(rest.len().next_multiple_of(2), 0);
        }
    }
    put32(&mut out, 0);
    out.extend(rest);
    out
}
