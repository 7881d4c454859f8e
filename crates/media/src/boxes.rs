//! Metadata by name in MP4 and MOV, beside the tags that libav's muxer writes: it writes one or the
//! other, and a generated clip has both (a title, and a workflow).
//!
//! The box is `moov/meta` with the handler `mdta`: names in `keys`, values in `ilst` (QuickTime
//! File Format, "Metadata").

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::Container;

/// Bytes that are moved at a time.
const BLOCK: u64 = 1 << 20;

/// Adds metadata by name to a finished file, in place. What follows the index moves back by as
/// much, and the index with it.
///
/// # Errors
/// Of the file, and [`io::ErrorKind::InvalidData`] where it has no index that is understood, or one
/// whose places do not go as far; nothing is changed then.
pub(super) fn add_keys(
    path: &Path,
    container: Container,
    keys: &[(String, String)],
) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let end = file.metadata()?.len();
    let (start, length) = find_index(&mut file, end)?;
    let mut index = vec![0; usize::try_from(length).map_err(|_| odd("its index is too large"))?];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut index)?;

    let added = meta(container, keys)?;
    let by = added.len() as u64;
    move_places(&mut index[8..], start + length, by)?;
    index.extend(added);
    let size = u32::try_from(index.len()).map_err(|_| odd("its index is too large"))?;
    index[..4].copy_from_slice(&size.to_be_bytes());

    // From the end, so that nothing is written over before it was moved.
    let mut block = Vec::new();
    let mut to = end;
    while to > start + length {
        let from = to.saturating_sub(BLOCK).max(start + length);
        block.resize((to - from) as usize, 0);
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block)?;
        file.seek(SeekFrom::Start(from + by))?;
        file.write_all(&block)?;
        to = from;
    }
    file.seek(SeekFrom::Start(start))?;
    file.write_all(&index)
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Where the box `moov` lies, and how long it is, with its head of eight bytes.
fn find_index(file: &mut File, end: u64) -> io::Result<(u64, u64)> {
    let mut at = 0;
    while at + 8 <= end {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head[..8])?;
        let short = size_of(&head);
        let size = match short {
            0 => end - at,
            1 => {
                file.read_exact(&mut head[8..])?;
                u64::from_be_bytes(head[8..].try_into().unwrap_or_default())
            }
            size => u64::from(size),
        };
        if size < 8 || size > end - at {
            return Err(odd("its boxes are damaged"));
        }
        if head[4..8] == *b"moov" && short != 1 {
            return Ok((at, size));
        }
        at += size;
    }
    Err(odd("it has no index"))
}

fn size_of(head: &[u8]) -> u32 {
    head.first_chunk().map_or(0, |size| u32::from_be_bytes(*size))
}

/// Adds `by` to each place in the file, of those that are said in these boxes, that lies at `from`
/// or behind it (`stco` and `co64`, ISO/IEC 14496-12, 8.7.5).
fn move_places(mut boxes: &mut [u8], from: u64, by: u64) -> io::Result<()> {
    while !boxes.is_empty() {
        let size = size_of(boxes) as usize;
        let Some((this, rest)) = boxes.split_at_mut_checked(size).filter(|_| size >= 8) else {
            return Err(odd("its index is damaged"));
        };
        let (head, body) = this.split_at_mut(8);
        match &head[4..] {
            b"trak" | b"mdia" | b"minf" | b"stbl" => move_places(body, from, by)?,
            b"stco" => move_each(body, |place: [u8; 4]| {
                Some(
                    u32::try_from(moved(u32::from_be_bytes(place).into(), from, by)?)
                        .ok()?
                        .to_be_bytes(),
                )
            })?,
            b"co64" => move_each(body, |place: [u8; 8]| {
                Some(moved(u64::from_be_bytes(place), from, by)?.to_be_bytes())
            })?,
            _ => {}
        }
        boxes = rest;
    }
    Ok(())
}

fn moved(place: u64, from: u64, by: u64) -> Option<u64> {
    if place < from { Some(place) } else { place.checked_add(by) }
}

/// Replaces each place of a table that begins with a version and a count.
fn move_each<const N: usize>(
    table: &mut [u8],
    moved: impl Fn([u8; N]) -> Option<[u8; N]>,
) -> io::Result<()> {
    let (places, _) = table.get_mut(8..).unwrap_or_default().as_chunks_mut::<N>();
    for place in places {
        *place = moved(*place).ok_or_else(|| odd("it is too large for its index"))?;
    }
    Ok(())
}

/// The box that holds names and values. ISO's `meta` has a version, QuickTime's has none.
fn meta(container: Container, keys: &[(String, String)]) -> io::Result<Vec<u8>> {
    let version: &[u8] = if container == Container::Mov { &[] } else { &[0; 4] };
    let handler = boxed(b"hdlr", &[&[0; 8], b"mdta", &[0; 13]])?;
    let count = u32::try_from(keys.len()).map_err(|_| odd("it has too much metadata"))?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (number, (key, value)) in (1u32..).zip(keys) {
        names.extend(boxed(b"mdta", &[key.as_bytes()])?);
        // 1: UTF-8, of no language in particular.
        let data = boxed(b"data", &[&1u32.to_be_bytes(), &[0; 4], value.as_bytes()])?;
        values.extend(boxed(&number.to_be_bytes(), &[&data])?);
    }
    boxed(
        b"meta",
        &[
            version,
            &handler,
            &boxed(b"keys", &[&[0; 4], &count.to_be_bytes(), &names])?,
            &boxed(b"ilst", &[&values])?,
        ],
    )
}

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let body = parts.concat();
    let size = u32::try_from(body.len() + 8).map_err(|_| odd("it has too much metadata"))?;
    Ok([&size.to_be_bytes(), &name[..], &body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(of: &[u8], name: &[u8; 4]) -> Vec<u8> {
        let at = of.windows(4).position(|w| w == name).unwrap();
        of[at + 12..at + 12 + 8].to_vec()
    }

    fn file(parts: &[&[u8]]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("f.mp4");
        std::fs::write(&path, parts.concat()).unwrap();
        (folder, path)
    }

    fn index(name: &[u8; 4], place: &[u8]) -> Vec<u8> {
        let table =
            boxed(name, &[&[0; 4], &1u32.to_be_bytes(), place, &[0; 8][place.len()..]]).unwrap();
        [b"stbl", b"minf", b"mdia", b"trak", b"moov"]
            .iter()
            .fold(table, |inner, name| boxed(name, &[&inner]).unwrap())
    }

    const KEYS: [(&str, &str); 2] = [("workflow", "{}"), ("AIGC", "1")];

    fn keys() -> Vec<(String, String)> {
        KEYS.map(|(k, v)| (k.to_string(), v.to_string())).to_vec()
    }

    #[test]
    fn what_lies_behind_the_index_is_moved_with_its_places() {
        let media: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let (brand, data) =
            (boxed(b"ftyp", &[b"isom"]).unwrap(), boxed(b"mdat", &[&media]).unwrap());
        let place = 1_000u32.to_be_bytes();
        for (name, place) in [(b"stco", &place[..]), (b"co64", &1_000u64.to_be_bytes())] {
            let (_folder, path) = file(&[&brand, &index(name, place), &data]);
            let before = std::fs::read(&path).unwrap();
            add_keys(&path, Container::Mp4, &keys()).unwrap();
            let after = std::fs::read(&path).unwrap();
            let by = after.len() - before.len();
            assert!(after.ends_with(&data));
            assert_eq!(
                u64::from_be_bytes(places(&after, name).try_into().unwrap())
                    >> if name == b"stco" { 32 } else { 0 },
                1_000 + by as u64
            );
            let (mut opened, end) = (File::open(&path).unwrap(), after.len() as u64);
            assert_eq!(
                find_index(&mut opened, end).unwrap().1 as usize,
                before.len() - brand.len() - data.len() + by
            );
        }
        // Behind the media, nothing moves.
        let (_folder, path) = file(&[&brand, &data, &index(b"stco", &place)]);
        add_keys(&path, Container::Mp4, &keys()).unwrap();
        assert_eq!(places(&std::fs::read(&path).unwrap(), b"stco")[..4], place);
    }

    #[test]
    fn a_file_that_cannot_have_them_stays_as_it_was() {
        let data = boxed(b"mdat", &[&[0; 9]]).unwrap();
        for odd in [
            data.clone(),
            [index(b"stco", &u32::MAX.to_be_bytes()), data.clone()].concat(),
            [&data[..], &[0, 0, 1, 0], b"moov"].concat(),
            vec![],
            vec![0; 40],
        ] {
            let (_folder, path) = file(&[&odd]);
            assert!(add_keys(&path, Container::Mp4, &keys()).is_err());
            assert_eq!(std::fs::read(&path).unwrap(), odd);
        }
    }
}
