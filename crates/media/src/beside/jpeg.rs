//! JPEG (ITU-T T.81): a row of segments up to the end of the image, whatever lies behind that.

use std::io::{self, BufRead, Seek};
use std::ops::Range;

use super::{Density, Own, Profile, Record, TIED, Unit, What, behind, gone, xmp};

/// Markers that are looked for.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const COM: u8 = 0xfe;
const APP0: u8 = 0xe0;
const APP15: u8 = 0xef;

/// What the payloads of application segments begin with.
const JFIF: &[u8] = b"JFIF\0";
const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const MORE_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
/// Where other pictures lie behind the first one, and that one of them is a gain map (ISO 21496-1).
const PICTURES: &[u8] = b"MPF\0";
const GAIN_MAP: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";

/// Bytes of a segment's payload at most.
const PAYLOAD: usize = 65533;
/// Segments of one picture at most; a profile of 16 MB takes 255.
const SEGMENTS: usize = 1 << 14;

/// A segment, from its marker on; for a scan with the coded data behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    marker: u8,
    at: Range<u64>,
}

impl Segment {
    /// Whether it is needed for decoding: everything that is no application's, and how it is coded.
    /// Decoders ask JFIF for the shape of pixels, Adobe's segment for the colours, and SPIFF's
    /// place holds the transform of JPEG-LS.
    fn is_coding(&self) -> bool {
        !(APP0..=APP15).contains(&self.marker) || matches!(self.marker, APP0 | 0xe8 | 0xee)
    }

    /// Its payload, in the first bytes of a file or in all of it.
    fn payload<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        file.get(at(self.at.start.saturating_add(4))..at(self.at.end)).unwrap_or_default()
    }
}

/// The first picture of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) segments: Vec<Segment>,
    /// Where it ends.
    pub(super) end: u64,
    /// Height, width and number of components, as they are stored.
    frame: [u8; 5],
}

/// Reads bytes and knows where it is.
struct Cursor<'a, R> {
    from: &'a mut R,
    at: u64,
    most: u64,
}

impl<R: BufRead + Seek> Cursor<'_, R> {
    /// The next byte; `None` at the end, or where enough was read.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at >= self.most {
            return Ok(None);
        }
        let byte = self.from.fill_buf()?.first().copied();
        if byte.is_some() {
            self.from.consume(1);
            self.at += 1;
        }
        Ok(byte)
    }

    /// Goes on to the next 0xFF, which is the next byte then.
    fn skip_to_marker(&mut self) -> io::Result<()> {
        while self.at < self.most {
            let buffer = self.from.fill_buf()?;
            let found = buffer.iter().position(|&b| b == 0xff);
            let skipped = found.unwrap_or(buffer.len());
            let ended = buffer.is_empty();
            self.from.consume(skipped);
            self.at += skipped as u64;
            if found.is_some() || ended {
                break;
            }
        }
        Ok(())
    }

    /// The next marker and where it begins, whatever lies before it; where `scan` is set, not those
    /// that belong to a scan.
    fn marker(&mut self, scan: bool) -> io::Result<Option<(u8, u64)>> {
        loop {
            self.skip_to_marker()?;
            let mut begin = self.at;
            let mut byte = self.byte()?;
            while byte == Some(0xff) {
                begin = self.at - 1;
                byte = self.byte()?;
            }
            match byte {
                Some(0x00) => {}
                Some(0xd0..=0xd7 | 0x01) if scan => {}
                Some(marker) => return Ok(Some((marker, begin))),
                None => return Ok(None),
            }
        }
    }

    /// The payload of the segment whose marker was read last, or `None` if it does not end within
    /// the file. Only its first bytes are kept: what a frame is, is in them.
    fn payload(&mut self) -> io::Result<Option<[u8; 6]>> {
        let (Some(high), Some(low)) = (self.byte()?, self.byte()?) else { return Ok(None) };
        let Some(mut left) = u16::from_be_bytes([high, low]).checked_sub(2) else {
            return Ok(None);
        };
        let mut first = [0; 6];
        for slot in first.iter_mut().take(usize::from(left)) {
            let Some(byte) = self.byte()? else { return Ok(None) };
            *slot = byte;
            left -= 1;
        }
        self.from.seek_relative(i64::from(left))?;
        self.at += u64::from(left);
        // Seeking goes beyond any end; the next look tells.
        if left > 0 && self.from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(first))
    }
}

impl Picture {
    /// The picture that begins where `from` stands, `at` bytes into the file; `None` if there is
    /// none, or none whose structure can be followed within `most` bytes.
    pub(super) fn walk<R: BufRead + Seek>(
        from: &mut R,
        at: u64,
        most: u64,
    ) -> io::Result<Option<Self>> {
        let mut cursor = Cursor { from, at, most: at.saturating_add(most) };
        if (cursor.byte()?, cursor.byte()?) != (Some(0xff), Some(SOI)) {
            return Ok(None);
        }
        let (mut segments, mut frame, mut scans) = (Vec::new(), None, false);
        let mut next = cursor.marker(false)?;
        loop {
            let Some((marker, begin)) = next else {
                // Cut short: what there is of it can be decoded.
                return Ok(frame.filter(|_| scans && cursor.at < cursor.most).map(|frame| Self {
                    segments,
                    end: cursor.at,
                    frame,
                }));
            };
            match marker {
                EOI => return Ok(frame.map(|frame| Self { segments, end: cursor.at, frame })),
                // The next picture begins before this one has ended.
                SOI => {
                    return Ok(frame.filter(|_| scans).map(|frame| Self {
                        segments,
                        end: begin,
                        frame,
                    }));
                }
                0x01 | 0xd0..=0xd7 => next = cursor.marker(false)?,
                _ => {
                    let Some(first) = cursor.payload()? else {
                        return Ok(frame.filter(|_| scans).map(|frame| Self {
                            segments,
                            end: begin,
                            frame,
                        }));
                    };
                    if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
                        || marker == 0xf7
                    {
                        let [_, rest @ ..] = first;
                        frame = frame.or(Some(rest));
                    }
                    scans |= marker == SOS;
                    let mut end = cursor.at;
                    next = cursor.marker(marker == SOS)?;
                    if marker == SOS {
                        end = next.map_or(cursor.at, |n| n.1);
                    }
                    segments.push(Segment { marker, at: begin..end });
                    if segments.len() > SEGMENTS {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What decoders need of it, and no more: where it lies in the file that begins at 0.
    pub(super) fn coding(&self) -> Vec<Range<u64>> {
        let mut pieces: Vec<Range<u64>> = std::iter::once(0..2).collect();
        for segment in self.segments.iter().filter(|s| s.is_coding()) {
            match pieces.last_mut() {
                Some(last) if last.end == segment.at.start => last.end = segment.at.end,
                _ => pieces.push(segment.at.clone()),
            }
        }
        let last = self.segments.last().map_or(2, |s| s.at.end);
        // The end of the image, if it is there.
        if last < self.end {
            pieces.push(last..self.end);
        }
        pieces
    }

    /// Whether `other`, right behind this one, is the next frame of a clip: of the same size, where
    /// nothing announces it as something else.
    pub(super) fn is_frame_before(&self, other: &Self, heads: &[Vec<u8>]) -> bool {
        self.frame == other.frame
            && !heads.iter().any(|head| head.starts_with(PICTURES) || head.starts_with(GAIN_MAP))
    }

    /// Where the payloads lie of the segments that are no part of the coding.
    pub(super) fn applications(&self) -> impl Iterator<Item = (u8, Range<u64>)> {
        let applications =
            self.segments.iter().filter(|s| (APP0..=APP15).contains(&s.marker) || s.marker == COM);
        applications.map(|s| (s.marker, s.at.start.saturating_add(4).min(s.at.end)..s.at.end))
    }

    fn components(&self) -> u8 {
        self.frame[4]
    }
}

/// What the application segments of a picture say; `applications` has their markers and payloads.
pub(super) fn record(picture: &Picture, applications: Vec<(u8, Vec<u8>)>) -> Record {
    let mut record = Record { cmyk: picture.components() == 4, ..Record::default() };
    let mut profile: Vec<(u8, u8, Vec<u8>)> = Vec::new();
    for (marker, payload) in applications {
        let own = |what| Own { what, name: [marker, 0, 0, 0], bytes: payload.clone() };
        match (marker, payload.as_slice()) {
            (APP0, p) if p.starts_with(JFIF) => record.density = record.density.or(density(p)),
            (APP0, p) if p.starts_with(b"AVI1") => {}
            (0xe1, p) if p.starts_with(EXIF) && record.exif.is_none() => {
                record.exif = Some(p[EXIF.len()..].to_vec())
            }
            (0xe1, p) if p.starts_with(XMP) && record.xmp.is_none() => {
                record.xmp = Some(p[XMP.len()..].to_vec())
            }
            (0xe1, p) if p.starts_with(MORE_XMP) => {
                record.own.push(own(What::Other("extended XMP".into())))
            }
            (0xe2, p) if p.starts_with(ICC) && p.len() > ICC.len() + 2 => {
                profile.push((p[ICC.len()], p[ICC.len() + 1], p[ICC.len() + 2..].to_vec()))
            }
            // They tell of what lies behind the picture.
            (0xe2, p) if p.starts_with(PICTURES) => {}
            (0xe2, p) if p.starts_with(GAIN_MAP) => record.gain_map = true,
            (0xeb, p) => record.lost.extend(boxes(p)),
            (0xed, p) if p.starts_with(b"Photoshop 3.0\0") => {
                record.own.push(own(What::Other("IPTC and Photoshop data".into())))
            }
            // How it was coded: it is coded anew.
            (0xe8, p) if p.starts_with(b"SPIFF") || p.starts_with(b"mrfx") => {}
            (0xec, p) if p.starts_with(b"Ducky") => {}
            (0xee, p) if p.starts_with(b"Adobe") => {}
            (COM, _) => record.own.push(own(What::Comment)),
            (marker, p) => record.own.push(own(What::Other(label(marker, p)))),
        }
    }
    record.icc = assemble(profile, &mut record.lost);
    record
}

/// The name of an application's segment.
fn label(marker: u8, payload: &[u8]) -> String {
    let name: String = payload
        .iter()
        .take(16)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'/' | b'.'))
        .map(|&b| char::from(b))
        .collect();
    let number = marker - APP0;
    if name.is_empty() {
        format!("segment APP{number}")
    } else {
        format!("segment APP{number} ({name})")
    }
}

/// Boxes of JUMBF (ISO 19566-5) are tied to the picture as it was. Those of C2PA go on as the
/// parent of the new manifest.
fn boxes(payload: &[u8]) -> Option<String> {
    // Identifier, instance and number, then length and kind of the whole box, and of its
    // description, which begins with what it is.
    let is_manifest = payload.starts_with(b"JP") && payload.get(24..28) == Some(b"c2pa");
    // Only the first part of a box has a description.
    let goes_on =
        payload.starts_with(b"JP") && payload.get(4..8).is_some_and(|n| n != [0, 0, 0, 1]);
    (!is_manifest && !goes_on).then(|| {
        gone(
            &if payload.starts_with(b"JP") {
                "JUMBF data".into()
            } else {
                format!("JPEG {}", label(0xeb, payload))
            },
            TIED,
        )
    })
}

fn density(jfif: &[u8]) -> Option<Density> {
    let &[unit, a, b, c, d] = jfif.get(7..12)? else { return None };
    let (x, y) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let unit = match unit {
        0 => Unit::Ratio,
        1 => Unit::Inch,
        2 => Unit::Centimetre,
        _ => return None,
    };
    (x > 0 && y > 0).then_some(Density { x: x.into(), y: y.into(), unit })
}

/// A profile from its parts, each with its number from 1 and how many there are.
fn assemble(mut parts: Vec<(u8, u8, Vec<u8>)>, lost: &mut Vec<String>) -> Option<Profile> {
    if parts.is_empty() {
        return None;
    }
    parts.sort_by_key(|p| p.0);
    let whole = parts
        .iter()
        .enumerate()
        .all(|(i, p)| usize::from(p.0) == i + 1 && usize::from(p.1) == parts.len());
    if !whole {
        lost.push(gone("an ICC profile", "parts of it are missing"));
    }
    whole.then(|| Profile(parts.into_iter().flat_map(|p| p.2).collect()))
}

/// Writes `record` into a whole JPEG, in place of what its encoder wrote beside the picture. What
/// does not fit is named in `lost`. `None` if it is none.
pub(super) fn write(file: &[u8], record: &Record, lost: &mut Vec<String>) -> Option<Vec<u8>> {
    let picture = Picture::walk(&mut io::Cursor::new(file), 0, file.len() as u64).ok()??;
    let mut out = vec![0xff, SOI];
    let jfif =
        picture.segments.iter().find(|s| s.marker == APP0).map_or(&[][..], |s| s.payload(file));
    put(&mut out, APP0, &[&head(jfif, record.density)]);
    let mut fits = |name: &str, length: usize, most: usize| {
        if length > most {
            lost.push(gone(&format!("{name} of {length} bytes"), &format!("JPEG holds {most}")));
        }
        length <= most
    };
    if let Some(exif) = record.exif.as_ref().filter(|e| fits("EXIF", e.len(), PAYLOAD - EXIF.len()))
    {
        put(&mut out, 0xe1, &[EXIF, exif]);
    }
    if let Some(packet) = record.xmp.as_ref().filter(|x| fits("XMP", x.len(), PAYLOAD - XMP.len()))
    {
        put(&mut out, 0xe1, &[XMP, packet]);
    }
    let part = PAYLOAD - ICC.len() - 2;
    if let Some(Profile(icc)) =
        record.icc.as_ref().filter(|p| fits("an ICC profile", p.0.len(), part * 255))
    {
        let count = icc.len().div_ceil(part);
        for (number, bytes) in (1..=255u8).zip(icc.chunks(part)) {
            put(&mut out, 0xe2, &[ICC, &[number, u8::try_from(count).unwrap_or(255)], bytes]);
        }
    }
    for own in &record.own {
        put(&mut out, own.name[0], &[&own.bytes]);
    }
    for segment in picture
        .segments
        .iter()
        .filter(|s| !(APP0..=0xed).contains(&s.marker) && s.marker != APP15 && s.marker != COM)
    {
        out.extend_from_slice(
            file.get(
                usize::try_from(segment.at.start).ok()?..usize::try_from(segment.at.end).ok()?,
            )?,
        );
    }
    out.extend_from_slice(&[0xff, EOI]);
    Some(out)
}

/// JFIF's segment with `density`; without one, with that of `written`.
fn head(written: &[u8], density: Option<Density>) -> Vec<u8> {
    let mut head = if written.starts_with(JFIF) && written.len() >= 14 {
        written[..12].to_vec()
    } else {
        b"JFIF\0\x01\x02\0\0\x01\0\x01".to_vec()
    };
    if let Some(Density { x, y, unit }) = density.and_then(Density::in_jfif) {
        head[7] = match unit {
            Unit::Inch => 1,
            Unit::Centimetre => 2,
            _ => 0,
        };
        head[8..10].copy_from_slice(&u16::try_from(x).unwrap_or(1).to_be_bytes());
        head[10..12].copy_from_slice(&u16::try_from(y).unwrap_or(1).to_be_bytes());
    }
    // No thumbnail.
    head.extend_from_slice(&[0, 0]);
    head
}

/// Appends a segment; one that is too long is cut by nobody: callers ask before.
fn put(out: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) {
    let length = parts.iter().map(|p| p.len()).sum::<usize>();
    let Some(length) = u16::try_from(length + 2).ok() else { return };
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Names what lies behind a picture, from how it begins and what was said of it.
pub(super) fn behind_of(first: &[u8], record: &Record) -> String {
    let said = xmp::announced(record.xmp.as_deref().unwrap_or_default());
    behind(first, record.gain_map || said.gain_map, said.video)
}
