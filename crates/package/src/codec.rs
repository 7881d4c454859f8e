//! What is in a track, as playlists and MPDs name it (RFC 6381; ISO/IEC 14496-15, annex E).

use proofmark_core::child_boxes;

use super::boxes::{find, number_at};

/// What players are told of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Codec, profile and level.
    pub codecs: String,
    /// Width and height in pixels; `None` of sound.
    pub size: Option<(u32, u32)>,
    /// Channels of sound, and its samples a second; `None` of a picture.
    pub sound: Option<(u32, u32)>,
}

impl Medium {
    /// That of the first track of a clip whose `moov` this is; `None` of one that has no name here.
    pub(super) fn of(moov: &[u8]) -> Option<Self> {
        let described = find(moov, &[b"trak", b"mdia", b"minf", b"stbl", b"stsd"])?;
        let (kind, entry) = child_boxes(described.get(8..)?).next()?;
        let number = |at, length| number_at(entry, at, length).and_then(|n| u32::try_from(n).ok());
        let size = || Some((number(24, 2)?, number(26, 2)?));
        let sound = || Some((number(16, 2)?, number(24, 4)? >> 16));
        let picture = |codecs| Some(Self { codecs, size: size(), sound: None });
        let heard = |codecs| Some(Self { codecs, size: None, sound: sound() });
        match &kind {
            b"avc1" | b"avc3" => picture(avc(&kind, find(entry.get(78..)?, &[b"avcC"])?)?),
            b"hvc1" | b"hev1" => picture(hevc(&kind, find(entry.get(78..)?, &[b"hvcC"])?)?),
            b"mp4a" => heard(aac(find(entry.get(28..)?, &[b"esds"])?)?),
            b"Opus" => heard("opus".into()),
            b"fLaC" => heard("fLaC".into()),
            b"ac-3" => heard("ac-3".into()),
            _ => None,
        }
    }
}

fn name(kind: &[u8; 4]) -> String {
    kind.iter().map(|&b| char::from(b)).collect()
}

fn avc(kind: &[u8; 4], config: &[u8]) -> Option<String> {
    let told = config.get(1..4)?;
    Some(format!("{}.{:02x}{:02x}{:02x}", name(kind), told[0], told[1], told[2]))
}

fn hevc(kind: &[u8; 4], config: &[u8]) -> Option<String> {
    let (profile, level) = (*config.get(1)?, *config.get(12)?);
    let space = ["", "A", "B", "C"][usize::from(profile >> 6)];
    let tier = if profile >> 5 & 1 == 1 { 'H' } else { 'L' };
    let compatible = u32::from_be_bytes(*config.get(2..6)?.first_chunk()?).reverse_bits();
    let constraints = config.get(6..12)?;
    let kept = constraints.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let constraints: String = constraints[..kept].iter().map(|b| format!(".{b:X}")).collect();
    let (name, profile) = (name(kind), profile & 0x1f);
    Some(format!("{name}.{space}{profile}.{compatible:X}.{tier}{level}{constraints}"))
}

/// The kind of AAC, from the description of its stream (ISO/IEC 14496-1, section 7.2.6).
fn aac(esds: &[u8]) -> Option<String> {
    let stream = described(esds.get(4..)?, 3)?;
    let decoder = described(stream.get(3..)?, 4)?;
    let kind = described(decoder.get(13..)?, 5)?.first()? >> 3;
    Some(format!("mp4a.{:x}.{kind}", decoder.first()?))
}

/// What is in a description that begins with such a tag, behind its length in up to four bytes.
fn described(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, after) = bytes.split_first()?;
    let long = after.iter().take(3).take_while(|b| **b & 0x80 != 0).count();
    after.get(long + 1..).filter(|_| *found == tag)
}
