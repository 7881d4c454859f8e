//! Kinds of files that are told by how they begin and that cannot be looked at here, so that none
//! is taken for damaged, or for something in it.

use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

/// A kind of file of which neither picture nor sound can be looked at here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Kind {
    /// A web form that was kept as it was sent (RFC 7578): a file lies within, and would pass for
    /// the whole, as libav finds a picture or sound behind anything.
    Form,
    /// A WebP of several frames, which libav does not read.
    AnimatedWebP,
    /// A photo of HEVC (ISO/IEC 23008-12). Telephones code it in tiles, which libav knows as so
    /// many pictures, if at all.
    Heif,
    /// A picture of AV1 (AVIF), where libav is too old for it.
    Avif,
    /// A drawing (SVG), in which there are no pixels.
    Svg,
    /// A document.
    Pdf,
    /// A segment of a clip that was packaged (ISO/IEC 23009-1), whose head is in another file.
    Segment,
    /// The head of a clip that was packaged, whose segments are in other files.
    Init,
    /// Files that were packed into one.
    Archive,
    /// Text, whatever is in it.
    Markup,
    /// The names of media that lie elsewhere, which are not fetched.
    Playlist,
    /// What Git keeps in place of a large file.
    Pointer,
}

/// What tells a kind, what it is called, and what to do about it.
struct Known {
    kind: Kind,
    begins: fn(&[u8]) -> bool,
    name: &'static str,
    advice: &'static str,
}

const KNOWN: [Known; 12] = [
    Known {
        kind: Kind::Form,
        begins: is_form,
        name: "an upload form as a browser sends it, not the media in it",
        advice: "take the file out of the form; a server wants the file's own bytes as the body",
    },
    Known {
        kind: Kind::AnimatedWebP,
        begins: is_animated_webp,
        name: "an animated WebP, which cannot be read here",
        advice: "convert it to GIF, APNG or a clip such as .mp4 first",
    },
    Known {
        kind: Kind::Heif,
        begins: is_heif,
        name: "a HEIC photo, whose picture cannot be read here",
        advice: "convert it to JPEG or PNG first",
    },
    Known {
        kind: Kind::Avif,
        // libav is asked first.
        begins: |_| false,
        name: "an AVIF picture, which cannot be read here",
        advice: "convert it to JPEG or PNG first",
    },
    Known {
        kind: Kind::Svg,
        begins: is_svg,
        name: "a drawing in XML, in which there are no pixels",
        advice: "give a picture of it such as .png",
    },
    Known {
        kind: Kind::Pdf,
        begins: |head| head.starts_with(b"%PDF-"),
        name: "a PDF document",
        advice: "give the picture or clip that is in it",
    },
    Known {
        kind: Kind::Segment,
        begins: |head| matches!(head.get(4..8), Some(b"styp" | b"moof" | b"sidx")),
        name: "a segment of a packaged clip, whose manifest and head are in the init segment",
        advice: JOIN,
    },
    Known {
        kind: Kind::Init,
        // Of the boxes behind its head there are none.
        begins: |_| false,
        name: "the init segment of a packaged clip, without its segments",
        advice: JOIN,
    },
    Known {
        kind: Kind::Archive,
        begins: is_archive,
        name: "an archive",
        advice: "unpack it, and give the files in it",
    },
    Known {
        kind: Kind::Markup,
        begins: is_markup,
        name: "a web page or a drawing in XML",
        advice: "give the media that it shows, or a picture of it such as .png",
    },
    Known {
        kind: Kind::Playlist,
        begins: |head| head.starts_with(b"#EXTM3U"),
        name: "a playlist",
        advice: "give the media that it names, or have 'verify' or 'sign' follow it",
    },
    Known {
        kind: Kind::Pointer,
        begins: |head| head.starts_with(b"version https://git-lfs.github.com/spec/"),
        name: "what Git LFS keeps in place of a file",
        advice: "fetch the file itself with 'git lfs pull'",
    },
];

/// What to do about a clip in pieces.
const JOIN: &str = "join them in order, as with 'cat INIT SEGMENT... > clip.mp4', and give that";
/// Boxes of a file that are looked at.
const BOXES: usize = 64;
/// Bytes that are looked at: the head of a form's first part takes less.
const HEAD: u64 = 4096;
/// Characters of a boundary at most (RFC 2046, section 5.1.1).
const BOUNDARY: usize = 70;

impl Kind {
    /// The kind of what comes from `file`, if it is one of these.
    pub fn of(file: impl Read) -> Option<Self> {
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head).ok()?;
        KNOWN.iter().find(|known| (known.begins)(&head)).map(|known| known.kind)
    }

    /// The same of a file that can be looked at further on.
    pub fn of_file(mut file: impl Read + Seek) -> Option<Self> {
        let found = Self::of(&mut file);
        if found.is_none() && is_init(&mut file) { Some(Self::Init) } else { found }
    }

    /// The kind of a file that libav could not read.
    pub fn of_unread(mut file: impl Read) -> Option<Self> {
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head).ok()?;
        is_avif(&head).then_some(Self::Avif)
    }

    fn known(self) -> &'static Known {
        KNOWN.iter().find(|known| known.kind == self).unwrap_or(&KNOWN[0])
    }

    /// What it is, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.known().advice
    }

    /// Whether it may have a manifest all the same, which can be read.
    #[must_use]
    pub fn may_have_manifest(self) -> bool {
        matches!(self, Self::AnimatedWebP | Self::Heif | Self::Avif | Self::Svg | Self::Pdf)
    }
}

/// Whether the brands of an ISO file are those of stills in HEVC. AVIF has one of them, too.
fn is_heif(head: &[u8]) -> bool {
    const PHOTOS: [&[u8; 4]; 8] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"];
    brands(head).first().is_some_and(|brand| PHOTOS.contains(&brand)) && !is_avif(head)
}

fn is_avif(head: &[u8]) -> bool {
    brands(head).iter().any(|brand| brand == b"avif" || brand == b"avis")
}

/// The brands of an ISO file (ISO/IEC 14496-12, 4.3), the main one and its version first.
fn brands(head: &[u8]) -> &[[u8; 4]] {
    let size = head
        .first_chunk()
        .map(|size| u32::from_be_bytes(*size) as usize)
        .filter(|_| head.get(4..8) == Some(b"ftyp"));
    let brands = size.and_then(|size| head.get(8..size.min(head.len()))).unwrap_or_default();
    brands.as_chunks::<4>().0
}

/// Whether a file has the index of a clip, and nothing that it is the index of.
fn is_init(file: &mut (impl Read + Seek)) -> bool {
    let mut at = 0;
    let mut index = false;
    for _ in 0..BOXES {
        let mut head = [0; 16];
        if file.seek(SeekFrom::Start(at)).is_err() || file.read(&mut head).is_ok_and(|n| n < 8) {
            return index;
        }
        let size = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            1 => u64::from_be_bytes(*head.last_chunk().unwrap_or(&[0; 8])),
            size => u64::from(size),
        };
        match &head[4..8] {
            b"ftyp" | b"uuid" | b"free" | b"skip" | b"sidx" | b"emsg" | b"prft" | b"mfra" => {}
            b"moov" => index = true,
            _ => return false,
        }
        let Some(next) = at.checked_add(size).filter(|_| size >= 8) else { return false };
        at = next;
    }
    false
}

/// Whether it is a drawing, perhaps behind a declaration and comments.
fn is_svg(head: &[u8]) -> bool {
    is_markup(head) && head.windows(4).any(|w| w.eq_ignore_ascii_case(b"<svg"))
}

/// Whether a WebP has several frames, as its extended head says.
fn is_animated_webp(head: &[u8]) -> bool {
    const ANIMATION: u8 = 2;
    head.starts_with(b"RIFF")
        && head.get(8..16) == Some(b"WEBPVP8X")
        && head.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

fn is_archive(head: &[u8]) -> bool {
    [&b"PK\x03\x04"[..], b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"\xfd7zXZ\0"]
        .iter()
        .any(|magic| head.starts_with(magic))
}

fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |word: &str| {
        head.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    ["<?xml", "<!doctype", "<html", "<svg"].iter().any(|word| begins(word))
}

/// Whether it begins as a form does.
fn is_form(head: &[u8]) -> bool {
    // Most files are told by their first byte.
    let Some(at) = head.iter().position(|b| !b"\r\n".contains(b)) else { return false };
    let mut lines =
        head[at..].split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let boundary = lines.next().and_then(|line| line.strip_prefix(b"--"));
    if !boundary.is_some_and(|b| {
        (1..=BOUNDARY).contains(&b.len()) && b.iter().all(|c| (b' '..=b'~').contains(c))
    }) {
        return false;
    }
    let disposition = |line: &[u8]| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix(b"content-disposition:")
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"form-data"))
    };
    lines.take_while(|line| !line.is_empty()).any(disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_from_everything_else() {
        let forms = [
            "--b\r\nContent-Disposition: form-data; name=\"file\"; \
            filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\u{ff}",
            "\r\n------WebKitFormBoundaryABC\r\nContent-Type: \
            video/mp4\r\ncontent-disposition:form-data; name=x\r\n\r\n",
            "--b with spaces\nCONTENT-DISPOSITION: Form-Data; name=x\n\n",
        ];
        assert!(forms.iter().all(|f| Kind::of(f.as_bytes()) == Some(Kind::Form)));
        let others = [
            "",
            "--",
            "--b\r\n\r\nContent-Disposition: form-data\r\n",
            "Content-Disposition: form-data\r\n\r\n",
            "--b\r\nContent-Disposition: attachment\r\n\r\n",
        ];
        assert!(others.iter().all(|f| Kind::of(f.as_bytes()).is_none()));
        assert_eq!(
            Kind::of(format!("--{}\r\ncontent-disposition: form-data", "b".repeat(71)).as_bytes()),
            None
        );
        assert_eq!(Kind::of(&b"--\xff\r\ncontent-disposition: form-data\r\n\r\n"[..]), None);
    }

    #[test]
    fn kinds_are_told_by_how_they_begin() {
        let kinds: [(&[u8], Option<Kind>); 19] = [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(Kind::Heif)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some(Kind::Heif)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1", None),
            (b"\0\0\0\x18ftypisom\0\0\0\0mif1heic", None),
            (b"\0\0\0\x04ftypheic", None),
            (b"ftypheic", None),
            (b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02", Some(Kind::AnimatedWebP)),
            (b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x10", None),
            (b"%PDF-1.7", Some(Kind::Pdf)),
            (b"PK\x03\x04\x14", Some(Kind::Archive)),
            (b"\xef\xbb\xbf\n <!DOCTYPE html>", Some(Kind::Markup)),
            (b"<SVG xmlns=''/>", Some(Kind::Svg)),
            (b"<?xml version='1.0'?><!-- x --><svg/>", Some(Kind::Svg)),
            (b"\0\0\0\x18stypmsdh", Some(Kind::Segment)),
            (b"\0\0\0\x18moof\0\0\0\0", Some(Kind::Segment)),
            (b"#EXTM3U\n", Some(Kind::Playlist)),
            (b"version https://git-lfs.github.com/spec/v1\noid", Some(Kind::Pointer)),
            (b"", None),
            (b"\x89PNG\r\n\x1a\n", None),
        ];
        for (head, kind) in kinds {
            assert_eq!(Kind::of(head), kind, "{}", head.escape_ascii());
        }
        for kind in KNOWN {
            assert_eq!(kind.kind.name(), kind.name);
        }
    }

    #[test]
    fn a_head_without_its_segments_is_told() {
        let part = |kind: &[u8; 4], size: u32| {
            [&size.to_be_bytes()[..], kind, &vec![0; size as usize - 8]].concat()
        };
        let of = |parts: &[(&[u8; 4], u32)]| {
            let file: Vec<u8> = parts.iter().flat_map(|(kind, size)| part(kind, *size)).collect();
            Kind::of_file(std::io::Cursor::new(file))
        };
        let init = [(b"ftyp", 24), (b"free", 8), (b"moov", 100)];
        assert_eq!(of(&init), Some(Kind::Init));
        assert_eq!(of(&init[..2]), None);
        for more in [b"mdat", b"moof"] {
            assert_eq!(of(&[&init[..], &[(more, 8)]].concat()), None);
        }
        assert_eq!(of(&[(b"ftyp", 24), (b"mdat", 8), (b"moov", 100)]), None);
        assert_eq!(Kind::of_unread(&b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1"[..]), Some(Kind::Avif));
    }
}
