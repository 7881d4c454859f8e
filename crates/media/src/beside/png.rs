//! PNG (ISO 15948): a row of chunks up to `IEND`.

use std::io::{self, BufRead, Read, Seek};

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::{BROKEN, Budget, Density, Own, Profile, Record, TIED, TOO_MUCH, Unit, What, gone};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const XMP: &[u8] = b"XML:com.adobe.xmp";
/// The keyword of a comment.
const COMMENT: &str = "Comment";
/// Bytes of what was compressed.
const INFLATED: usize = 16 << 20;
/// Chunks that are carried over.
const CHUNKS: usize = 1 << 16;
/// The gamma of sRGB, as PNG writes it.
const SRGB_GAMMA: &[u8] = &45455u32.to_be_bytes();
/// sRGB's primaries and white point, as PNG writes them.
const SRGB_PRIMARIES: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];

/// Chunks that say what colours mean, and come before a palette.
const COLOURS: [&[u8; 4]; 8] =
    [b"cICP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"mDCv", b"cLLI", b"cLLi"];
/// Chunks that hold for pixels of the same kind only.
const OF_PIXELS: [&[u8; 4]; 2] = [b"bKGD", b"sBIT"];
/// Chunks of the coding, which is new, and a manifest, which goes on as the parent of the new one.
const NOT_CARRIED: [&[u8; 4]; 10] =
    [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"caBX", b"iDOT"];
/// Chunks that belong to the picture however it is coded, though their names say that they do not.
const CARRIED: [&[u8; 4]; 6] = [b"tIME", b"sPLT", b"oFFs", b"pCAL", b"sCAL", b"sTER"];

/// What a PNG carries, and where it ends.
pub(super) fn read<R: BufRead + Seek>(
    from: &mut R,
    budget: &mut Budget,
) -> io::Result<Option<(Record, u64)>> {
    let mut signature = [0; 8];
    if from.read_exact(&mut signature).is_err() || signature != SIGNATURE {
        return Ok(None);
    }
    let (mut record, mut at) = (Record::default(), 8u64);
    let mut taken = 0;
    loop {
        let mut head = [0; 8];
        if from.read_exact(&mut head).is_err() {
            break;
        }
        let [a, b, c, d, name @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        at = at.saturating_add(u64::from(length) + 12);
        if &name == b"IEND" {
            return Ok(Some((record, at)));
        }
        let carried = &name == b"IHDR" || !NOT_CARRIED.contains(&&name);
        taken += usize::from(carried);
        if carried && taken <= CHUNKS && budget.take(length.into()) {
            let mut data = Vec::new();
            from.take(length.into()).read_to_end(&mut data)?;
            if data.len() < length as usize {
                break;
            }
            take(&mut record, name, data);
            from.seek_relative(4)?;
        } else {
            if carried && taken <= CHUNKS {
                record.lost.push(gone(
                    &format!("PNG chunk '{}' of {length} bytes", text(&name)),
                    TOO_MUCH,
                ));
            } else if taken == CHUNKS + 1 && carried {
                record.lost.push(gone(&format!("what follows {CHUNKS} chunks of PNG"), TOO_MUCH));
            }
            from.seek_relative(i64::from(length) + 4)?;
        }
    }
    // Cut short: nothing lies behind it.
    Ok(Some((record, u64::MAX)))
}

/// Takes in one chunk.
fn take(record: &mut Record, name: [u8; 4], data: Vec<u8>) {
    let first = |record: &Record| !record.own.iter().any(|o| o.name == name);
    match &name {
        b"IHDR" => record.pixels = data.get(8..10).and_then(|p| p.try_into().ok()),
        b"eXIf" if record.exif.is_none() => record.exif = Some(data),
        b"iCCP" if record.icc.is_none() => match profile(&data) {
            Some(icc) => record.icc = Some(icc),
            None => record.lost.push(gone("an ICC profile", BROKEN)),
        },
        b"pHYs" => record.density = record.density.or(density(&data)),
        b"iTXt" if data.starts_with(XMP) && record.xmp.is_none() => {
            match packet(&data, XMP.len()) {
                Some(xmp) => record.xmp = Some(xmp),
                None => record.lost.push(gone("XMP", BROKEN)),
            }
        }
        b"tEXt" | b"zTXt" | b"iTXt" => {
            let keyword: String =
                data.iter().take(79).take_while(|&&b| b != 0).map(|&b| char::from(b)).collect();
            let what = if keyword == COMMENT && &name == b"tEXt" {
                What::Comment
            } else {
                What::Text(keyword)
            };
            record.own.push(Own { what, name, bytes: data });
        }
        _ if COLOURS.contains(&&name) && first(record) => record.own.push(Own {
            what: What::Colour { plain: is_plain(&name, &data) },
            name,
            bytes: data,
        }),
        _ if OF_PIXELS.contains(&&name) && first(record) => {
            record.own.push(Own { what: What::OfPixels, name, bytes: data })
        }
        _ if CARRIED.contains(&&name)
            || name[3].is_ascii_lowercase()
                && !COLOURS.contains(&&name)
                && !matches!(&name, b"eXIf") =>
        {
            record.own.push(Own {
                what: What::Other(format!("chunk '{}'", text(&name))),
                name,
                bytes: data,
            });
        }
        _ => record.lost.push(gone(&format!("PNG chunk '{}'", text(&name)), TIED)),
    }
}

fn text(name: &[u8; 4]) -> String {
    name.iter().map(|b| if b.is_ascii_alphabetic() { char::from(*b) } else { '?' }).collect()
}

fn profile(data: &[u8]) -> Option<Profile> {
    let name = data.iter().take(80).position(|&b| b == 0)?;
    let (&0, packed) = data.get(name + 1..)?.split_first()? else { return None };
    decompress_to_vec_zlib_with_limit(packed, INFLATED).ok().map(Profile)
}

/// What a chunk of text says, behind its keyword; `None` if it is none.
pub(super) fn text_of(name: [u8; 4], data: &[u8]) -> Option<String> {
    let keyword = data.iter().take(80).position(|&b| b == 0)?;
    let text = match &name {
        b"tEXt" => data[keyword + 1..].iter().map(|&b| char::from(b)).collect(),
        b"zTXt" => {
            let packed = data.get(keyword + 2..)?;
            let text = decompress_to_vec_zlib_with_limit(packed, INFLATED).ok()?;
            text.into_iter().map(char::from).collect()
        }
        b"iTXt" => String::from_utf8_lossy(&packet(data, keyword)?).into(),
        _ => return None,
    };
    Some(text)
}

/// The text of an `iTXt` chunk behind a keyword of so many bytes, unpacked.
fn packet(data: &[u8], keyword: usize) -> Option<Vec<u8>> {
    let rest = data.get(keyword..)?;
    let (&[0, packed, _], rest) = rest.split_first_chunk::<3>()? else { return None };
    // Language and translated keyword.
    let mut rest = rest.splitn(3, |&b| b == 0).skip(2);
    let text = rest.next()?;
    if packed == 0 {
        Some(text.to_vec())
    } else {
        decompress_to_vec_zlib_with_limit(text, INFLATED).ok()
    }
}

fn density(data: &[u8]) -> Option<Density> {
    let &[a, b, c, d, e, f, g, h, unit] = data else { return None };
    let (x, y) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    (x > 0 && y > 0).then_some(Density {
        x,
        y,
        unit: if unit == 1 { Unit::Metre } else { Unit::Ratio },
    })
}

/// Whether a chunk says that colours are those of sRGB, as they are where nothing is said.
fn is_plain(name: &[u8; 4], data: &[u8]) -> bool {
    match name {
        b"sRGB" => true,
        b"gAMA" => data == SRGB_GAMMA,
        b"cHRM" => {
            data.as_chunks::<4>().0.iter().map(|&n| u32::from_be_bytes(n)).eq(SRGB_PRIMARIES)
        }
        b"cICP" => data == [1, 13, 0, 1],
        _ => false,
    }
}

/// Writes `record` into a whole PNG, in place of what its encoder wrote beside the picture. `None`
/// if it is none.
pub(super) fn write(file: &[u8], record: &Record, lost: &mut Vec<String>) -> Option<Vec<u8>> {
    let chunks: Vec<([u8; 4], &[u8])> = chunks(file.strip_prefix(SIGNATURE)?).collect();
    let header = chunks.first().filter(|c| &c.0 == b"IHDR")?.1;
    let same = record.pixels.is_some()
        && header.get(8..10).map(<[u8]>::to_vec) == record.pixels.map(|p| p.to_vec());
    let mut out = SIGNATURE.to_vec();
    put(&mut out, b"IHDR", &[header]);
    if let Some(Profile(icc)) = &record.icc {
        put(&mut out, b"iCCP", &[b"ICC Profile\0\0", &compress_to_vec_zlib(icc, 6)]);
    }
    let colours = |own: &&Own| COLOURS.contains(&&own.name) || &own.name == b"sBIT";
    for own in record.own.iter().filter(|o| same || o.what != What::OfPixels).filter(colours) {
        put(&mut out, &own.name, &[&own.bytes]);
    }
    for (name, data) in chunks.iter().filter(|c| matches!(&c.0, b"PLTE" | b"tRNS")) {
        put(&mut out, name, &[data]);
    }
    if let Some(Density { x, y, unit }) = record.density.map(Density::in_png) {
        put(
            &mut out,
            b"pHYs",
            &[&x.to_be_bytes(), &y.to_be_bytes(), &[u8::from(unit == Unit::Metre)]],
        );
    }
    if let Some(exif) = &record.exif {
        put(&mut out, b"eXIf", &[exif]);
    }
    if let Some(packet) = &record.xmp {
        put(&mut out, b"iTXt", &[XMP, &[0; 5], packet]);
    }
    for own in record.own.iter().filter(|o| !colours(o)) {
        match own.what {
            What::OfPixels if !same => {}
            // From JPEG, where a comment is bytes and no more.
            What::Comment if &own.name != b"tEXt" => comment(&mut out, &own.bytes),
            _ => put(&mut out, &own.name, &[&own.bytes]),
        }
    }
    lost.extend(
        record
            .own
            .iter()
            .filter(|o| !same && o.what == What::OfPixels)
            .map(|o| gone(&format!("PNG chunk '{}'", text(&o.name)), TIED)),
    );
    for (_, data) in chunks.iter().filter(|c| &c.0 == b"IDAT") {
        put(&mut out, b"IDAT", &[data]);
    }
    put(&mut out, b"IEND", &[]);
    Some(out)
}

fn comment(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_ascii() => put(out, b"iTXt", &[COMMENT.as_bytes(), &[0; 5], bytes]),
        _ => {
            let bytes: Vec<u8> = bytes.iter().copied().filter(|&b| b != 0).collect();
            put(out, b"tEXt", &[COMMENT.as_bytes(), &[0], &bytes]);
        }
    }
}

/// The text of a comment's chunk.
pub(super) fn comment_of(chunk: &[u8]) -> &[u8] {
    chunk.get(COMMENT.len() + 1..).unwrap_or_default()
}

/// Whether the chunks are those of a grey picture.
pub(super) fn is_grey(file: &[u8]) -> bool {
    matches!(file.get(25), Some(0 | 4))
}

/// Chunks by name and data, as far as they are whole.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        let [a, b, c, d, name @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let data = tail.get(..length)?;
        rest = tail.get(length.checked_add(4)?..)?;
        Some((name, data))
    })
}

fn put(out: &mut Vec<u8>, name: &[u8; 4], parts: &[&[u8]]) {
    let length = parts.iter().map(|p| p.len()).sum::<usize>();
    let Ok(length) = u32::try_from(length) else { return };
    out.extend_from_slice(&length.to_be_bytes());
    let begin = out.len();
    out.extend_from_slice(name);
    for part in parts {
        out.extend_from_slice(part);
    }
    let sum = crc32fast::hash(out.get(begin..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}
