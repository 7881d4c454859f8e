//! The parts of JPEG, PNG and WebP files, taken out of them and put into them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A JPEG's segments before its first scan: marker and payload.
fn segments(file: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut at, mut out) = (2, Vec::new());
    while file[at + 1] != 0xda {
        assert_eq!(file[at], 0xff);
        let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        out.push((file[at + 1], file[at + 4..at + 2 + length].to_vec()));
        at += 2 + length;
    }
    out
}

/// The payloads of the segments of one marker that begin with `id`, without that.
pub(super) fn payloads(file: &Path, marker: u8, id: &[u8]) -> Vec<Vec<u8>> {
    let all = segments(&std::fs::read(file).unwrap());
    all.into_iter()
        .filter(|s| s.0 == marker && s.1.starts_with(id))
        .map(|s| s.1[id.len()..].to_vec())
        .collect()
}

/// Puts segments behind the first one, which is JFIF's.
pub(super) fn with_segments(jpeg: &[u8], added: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let first = 4 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
    let mut out = jpeg[..first].to_vec();
    for (marker, payload) in added {
        out.extend([0xff, *marker]);
        out.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
        out.extend(payload);
    }
    out.extend(&jpeg[first..]);
    out
}

/// Chunks of a PNG.
pub(super) fn chunks(file: &Path) -> Vec<([u8; 4], Vec<u8>)> {
    let file = std::fs::read(file).unwrap();
    let (mut rest, mut out) = (&file[8..], Vec::new());
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        out.push((rest[4..8].try_into().unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    out
}

pub(super) fn chunk(file: &Path, name: &[u8; 4]) -> Option<Vec<u8>> {
    chunks(file).into_iter().find(|c| &c.0 == name).map(|c| c.1)
}

/// PNG's sum, as its specification says it.
fn sum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

/// A PNG with chunks more: behind the first one, and before the last one.
pub(super) fn with_chunks(
    file: &Path,
    before: &[(&[u8; 4], &[u8])],
    after: &[(&[u8; 4], &[u8])],
) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut put = |name: &[u8; 4], data: &[u8]| {
        out.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(name);
        out.extend(data);
        out.extend(sum(&[name, data].concat()).to_be_bytes());
    };
    for (name, data) in
        chunks(file).into_iter().filter(|c| matches!(&c.0, b"IHDR" | b"IDAT" | b"IEND" | b"PLTE"))
    {
        if &name == b"IEND" {
            after.iter().for_each(|(name, data)| put(name, data));
        }
        put(&name, &data);
        if &name == b"IHDR" {
            before.iter().for_each(|(name, data)| put(name, data));
        }
    }
    out
}

/// Chunks of a WebP.
pub(super) fn riff(file: &Path) -> Vec<([u8; 4], Vec<u8>)> {
    let file = std::fs::read(file).unwrap();
    assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize + 8, file.len());
    let (mut rest, mut out) = (&file[12..], Vec::new());
    while rest.len() >= 8 {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        out.push((rest[..4].try_into().unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[8 + length + length % 2..];
    }
    out
}

pub(super) fn with_riff(chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, data) in chunks {
        body.extend(name);
        body.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        body.extend(data);
        body.extend(&[0][..data.len() % 2]);
    }
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

/// EXIF of one tag: how the picture is turned.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation], b"\0\0\0\0\0\0"]
        .concat()
}

/// Something with the head of a colour profile.
pub(super) fn profile(length: usize, space: &[u8; 4]) -> Vec<u8> {
    let mut out: Vec<u8> = (0..length).map(|i| ((i * i) >> 3) as u8).collect();
    out[16..20].copy_from_slice(space);
    out
}

/// A JPEG of one component or four in blocks of one value each: grey, or cyan, magenta, yellow and
/// black as Adobe stores them, the other way round.
pub(super) fn blocks(columns: u16, rows: u16, components: u8, adobe: bool) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let mut put = |marker: u8, payload: &[u8]| {
        out.extend([0xff, marker]);
        out.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
        out.extend(payload);
    };
    if adobe {
        put(0xee, b"Adobe\0\x64\0\0\0\0\0");
    }
    put(0xdb, &[&[0][..], &[8; 64]].concat());
    let size = [rows * 8, columns * 8].map(u16::to_be_bytes).concat();
    let each = |of: &[u8]| (1..=components).flat_map(|c| [&[c], of].concat()).collect::<Vec<u8>>();
    put(0xc0, &[&[8][..], &size, &[components], &each(&[0x11, 0])].concat());
    // Twelve codes of four bits for how many bits the first coefficient has, one of one bit for no
    // others.
    put(
        0xc4,
        &[&[0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &(0..12).collect::<Vec<u8>>()]
            .concat(),
    );
    put(0xc4, &[0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    put(0xda, &[&[components][..], &each(&[0]), &[0, 63, 0]].concat());
    let (mut bits, mut count, mut last) = (0u32, 0, [0i32; 4]);
    for block in 0..u32::from(columns) * u32::from(rows) {
        for (component, last) in last.iter_mut().enumerate().take(usize::from(components)) {
            let value = if component == 3 {
                255
            } else {
                (block * (7 + 4 * component as u32) % 200) as i32 + 40
            } - 128;
            let step = value - std::mem::replace(last, value);
            let size = 32 - step.unsigned_abs().leading_zeros();
            let low = if step < 0 { step - 1 } else { step } as u32 & ((1 << size) - 1);
            bits = bits << (5 + size) | size << (1 + size) | low << 1;
            count += 5 + size;
            while count >= 8 {
                count -= 8;
                let byte = (bits >> count) as u8;
                out.push(byte);
                out.extend(&[0][..usize::from(byte == 0xff)]);
            }
            bits &= (1 << count) - 1;
        }
    }
    out.push((bits << (8 - count)) as u8 | ((1 << (8 - count)) - 1));
    out.extend([0xff, 0xd9]);
    out
}

/// A JPEG of one component.
pub(super) fn grey_jpeg(work: &TempDir) -> PathBuf {
    let path = work.path().join("grey.jpg");
    std::fs::write(&path, blocks(60, 40, 1, false)).unwrap();
    path
}
