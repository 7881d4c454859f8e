//! Text that lies in a file beside picture and sound: tags, XMP, EXIF. It is read for what it says
//! of how the file came to be.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use exif::{In, Tag, Value};
use ffmpeg_next::DictionaryRef;
use proofmark_core::Text;

use super::source::Source;
use super::{Limits, MediaError, beside};

/// Bytes at the beginning and at the end of a file that packets of XMP are looked for in.
const SCANNED: u64 = 4 << 20;
/// What a packet begins and ends with.
const XMP: [&str; 2] = ["<x:xmpmeta", "</x:xmpmeta>"];
/// Parts of a WAVE that are looked at.
const PARTS: usize = 10_000;

/// Texts of the file at `path`: of what libav and the readers of stills know, and packets of XMP
/// wherever they lie (XMP specification, part 3, *Packet scanning*).
///
/// # Errors
/// [`MediaError`] if the file cannot be opened. What is damaged has no texts.
pub fn texts(path: &Path, limits: &Limits) -> Result<Vec<Text>, MediaError> {
    let fail = |reason| MediaError::Open { path: path.into(), reason };
    let mut out = Vec::new();
    let words = beside::words(path, limits).map_err(fail)?;
    out.extend(words.exif.into_iter().flat_map(|exif| of_exif(&exif)));
    out.extend(words.texts);
    if let Ok(source) = Source::open(path, limits) {
        let mut take = |tags: DictionaryRef<'_>| {
            out.extend(tags.iter().map(|(name, value)| told("tags", name, value)));
        };
        take(source.metadata());
        source.streams().for_each(|stream| take(stream.metadata()));
    }
    let mut file = File::open(path).map_err(fail)?;
    out.extend(packets(&mut file).map_err(fail)?);
    out.extend(label(&mut file).ok().flatten());
    let mut left = Text::ALL;
    out.retain(|text| {
        let bytes = text.place.len() + text.name.len() + text.value.len();
        let fits = bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    });
    out.truncate(Text::MOST);
    Ok(out)
}

/// A piece of text, cut off where it is too long.
fn told(place: &str, name: &str, value: &str) -> Text {
    let cut = |text: &str| text[..text.floor_char_boundary(Text::LONGEST)].to_string();
    Text { place: place.into(), name: cut(name), value: cut(value) }
}

/// Packets of XMP.
pub(super) fn packets(file: &mut File) -> io::Result<Vec<Text>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut out = Vec::new();
    let mut scan = |from: u64| -> io::Result<()> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(SCANNED).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut rest = &*text;
        while let Some(begin) = rest.find(XMP[0])
            && let Some(end) = rest[begin..].find(XMP[1])
            && out.len() < Text::MOST
        {
            let (packet, after) = rest[begin..].split_at(end + XMP[1].len());
            let packet = told("XMP", "", packet);
            if !out.contains(&packet) {
                out.push(packet);
            }
            rest = after;
        }
        Ok(())
    };
    scan(0)?;
    if length > SCANNED {
        scan(SCANNED.max(length - SCANNED))?;
    }
    Ok(out)
}

/// The label of a WAVE in a part of its own, which libav passes over (GB 45438).
pub(super) fn label(file: &mut File) -> io::Result<Option<Text>> {
    let mut head = [0; 12];
    file.rewind()?;
    file.read_exact(&mut head)?;
    if !(head.starts_with(b"RIFF") && head.ends_with(b"WAVE")) {
        return Ok(None);
    }
    for _ in 0..PARTS {
        let mut part = [0; 8];
        file.read_exact(&mut part)?;
        let size = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
        if part.starts_with(b"AIGC") {
            let mut bytes = Vec::new();
            file.take(u64::from(size).min(Text::LONGEST as u64)).read_to_end(&mut bytes)?;
            return Ok(Some(told("RIFF", "AIGC", &String::from_utf8_lossy(&bytes))));
        }
        file.seek(SeekFrom::Current(i64::from(size) + i64::from(size % 2)))?;
    }
    Ok(None)
}

/// The texts in EXIF that programs write into.
fn of_exif(bytes: &[u8]) -> Vec<Text> {
    let Ok(exif) = exif::Reader::new().read_raw(bytes.to_vec()) else { return Vec::new() };
    let tags = [
        (Tag::UserComment, "UserComment"),
        (Tag::ImageDescription, "ImageDescription"),
        (Tag::Software, "Software"),
        (Tag::Make, "Make"),
        (Tag::Model, "Model"),
    ];
    let mut out = Vec::new();
    for (tag, name) in tags {
        let Some(field) = exif.get_field(tag, In::PRIMARY) else { continue };
        let text = match &field.value {
            Value::Undefined(bytes, _) => comment(bytes),
            Value::Ascii(lines) => {
                lines.iter().map(|l| String::from_utf8_lossy(l)).collect::<Vec<_>>().join("\n")
            }
            _ => continue,
        };
        out.push(told("EXIF", name, &text));
    }
    out
}

/// A comment behind the eight characters that say how it is written (EXIF 3.0, 4.6.6).
fn comment(bytes: &[u8]) -> String {
    let Some((kind, text)) = bytes.split_first_chunk::<8>() else { return String::new() };
    if kind != b"UNICODE\0" {
        return String::from_utf8_lossy(text).trim_end_matches('\0').into();
    }
    // The order of its bytes is said by none of the programs that write it, and shows.
    let units = |order: fn([u8; 2]) -> u16| -> Vec<u16> {
        text.as_chunks().0.iter().map(|unit| order(*unit)).collect()
    };
    let plain = |units: &[u16]| units.iter().filter(|&&unit| unit < 0x80).count();
    let [large, little] = [units(u16::from_be_bytes), units(u16::from_le_bytes)];
    String::from_utf16_lossy(if plain(&large) >= plain(&little) { &large } else { &little })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_read_in_either_order() {
        for order in [u16::to_be_bytes, u16::to_le_bytes] {
            let text: Vec<u8> = "Steps: 20, é".encode_utf16().flat_map(order).collect();
            assert_eq!(comment(&[&b"UNICODE\0"[..], &text].concat()), "Steps: 20, é");
        }
        assert_eq!(comment(b"ASCII\0\0\0abc\0"), "abc");
        assert_eq!((comment(b"short").as_str(), comment(b"UNICODE\0a").as_str()), ("", ""));
    }

    #[test]
    fn packets_are_found_wherever_they_lie() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let packet = |n: usize| format!("<x:xmpmeta>{n}</x:xmpmeta>");
        let long = " ".repeat(SCANNED as usize + 100);
        for (text, expected) in [
            (packet(1) + &packet(2) + &packet(1), vec!["1", "2"]),
            (packet(1) + &long + &packet(2), vec!["1", "2"]),
            ("<x:xmpmeta>".into(), vec![]),
        ] {
            std::fs::write(file.path(), text).unwrap();
            let found = packets(&mut File::open(file.path()).unwrap()).unwrap();
            let told: Vec<_> = found.iter().map(|t| t.value.as_str()).collect();
            let expected = expected.iter().map(|n| format!("<x:xmpmeta>{n}</x:xmpmeta>"));
            assert_eq!(told, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_wave_has_its_label_in_a_part_of_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let wave = [&b"RIFF\0\0\0\0WAVE"[..], b"fmt \x01\0\0\0a\0", b"AIGC\x02\0\0\0{}"].concat();
        std::fs::write(file.path(), &wave).unwrap();
        let found = label(&mut File::open(file.path()).unwrap()).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.value.as_str()), ("AIGC", "{}"));
        std::fs::write(file.path(), &wave[..20]).unwrap();
        assert!(label(&mut File::open(file.path()).unwrap()).is_err());
    }
}
