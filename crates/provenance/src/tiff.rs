//! Whether a TIFF says that it has more pictures than anybody would look at: the `c2pa` crate would
//! look at all of them.

use std::io::{Read, Seek, SeekFrom};

/// Directories that are looked at.
const MOST: usize = 1000;
/// Tags whose values are places of further directories (TIFF 6.0, supplement 1; EXIF 3.0).
const FURTHER: [u16; 3] = [330, 34_665, 34_853];

/// Whether a file is a TIFF with too many directories, or with directories that lead in a circle.
pub(super) fn is_endless(file: &mut (impl Read + Seek)) -> bool {
    let endless = walk(file) == Some(true);
    let _ = file.rewind();
    endless
}

/// `None` where the file ends, or is none.
fn walk(file: &mut (impl Read + Seek)) -> Option<bool> {
    let mut head = [0; 8];
    file.rewind().ok()?;
    file.read_exact(&mut head).ok()?;
    let order = match &head[..4] {
        b"II*\0" => Order { little: true },
        b"MM\0*" => Order { little: false },
        _ => return None,
    };
    let mut ahead = vec![order.long(&head[4..])];
    let mut seen = 0;
    while let Some(at) = ahead.pop() {
        // Nothing is at the beginning but the head: that is how the last one says so.
        if at == 0 {
            continue;
        }
        seen += 1;
        if seen > MOST {
            return Some(true);
        }
        let mut count = [0; 2];
        // What lies behind the end leads nowhere.
        if file.seek(SeekFrom::Start(at.into())).is_err() || file.read_exact(&mut count).is_err() {
            continue;
        }
        let mut entries = vec![0; usize::from(order.short(&count)) * 12 + 4];
        if file.read_exact(&mut entries).is_err() {
            continue;
        }
        let (entries, next) = entries.split_at(entries.len() - 4);
        ahead.push(order.long(next));
        for entry in entries.as_chunks::<12>().0 {
            if FURTHER.contains(&order.short(&entry[..2])) {
                let (count, value) = (order.long(&entry[4..8]), order.long(&entry[8..]));
                if count as usize > MOST {
                    return Some(true);
                }
                ahead.extend(places(file, order, count, value));
            }
        }
    }
    Some(false)
}

/// The places that an entry has: its value itself, or so many of them where that leads.
fn places(file: &mut (impl Read + Seek), order: Order, count: u32, value: u32) -> Vec<u32> {
    if count <= 1 {
        return vec![value];
    }
    let mut bytes = vec![0; count as usize * 4];
    let read = file.seek(SeekFrom::Start(value.into())).and_then(|_| file.read_exact(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    bytes.as_chunks::<4>().0.iter().map(|place| order.long(place)).collect()
}

#[derive(Clone, Copy)]
struct Order {
    little: bool,
}

impl Order {
    fn short(self, bytes: &[u8]) -> u16 {
        let bytes = [bytes[0], bytes[1]];
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    fn long(self, bytes: &[u8]) -> u32 {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file of directories, each with so many further ones at a place, and where the next is.
    fn tiff(directories: &[(u32, u32, u32)]) -> Vec<u8> {
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        for (count, place, next) in directories {
            out.extend(1u16.to_le_bytes());
            out.extend([330u16.to_le_bytes(), 4u16.to_le_bytes()].concat());
            out.extend([count.to_le_bytes(), place.to_le_bytes(), next.to_le_bytes()].concat());
        }
        out
    }

    #[test]
    fn circles_and_crowds_are_seen() {
        let of = |directories: &[(u32, u32, u32)]| is_endless(&mut Cursor::new(tiff(directories)));
        assert!(!of(&[(0, 0, 0)]) && !of(&[(1, 26, 0), (0, 0, 0)]));
        assert!(of(&[(0, 0, 8)]), "the next is itself");
        assert!(of(&[(1, 8, 0)]), "within itself");
        assert!(of(&[(5000, 14, 0)]), "a crowd");
        let long: Vec<_> = (1..=1200u32).map(|i| (0, 0, 8 + 18 * i)).collect();
        assert!(of(&long) && !of(&long[..900]));
        assert!(!is_endless(&mut Cursor::new(b"II*\0\xff\xff\xff\xff")), "beyond the end");
        assert!(!is_endless(&mut Cursor::new(b"\xff\xd8\xff\xe0 no TIFF")));
    }
}
