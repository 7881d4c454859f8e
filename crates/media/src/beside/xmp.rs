//! XMP (ISO 16684-1): goes on as it is, but for what it says of things that do not.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, QName, ResolveResult};
use quick_xml::{NsReader, Writer};

/// Where it is said that a gain map lies behind the picture (Adobe, Apple), all of it gone with
/// that.
const GAIN_MAP: [&str; 3] = [
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
];
/// Lists of what lies behind the picture, and where.
const LISTS: [&str; 3] = [
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
    "http://ns.google.com/photos/dd/1.0/",
];
/// Where a camera says that a video lies behind the picture, among other things.
const CAMERA: &str = "http://ns.google.com/photos/1.0/camera/";
/// Beginnings of the names of that.
const VIDEO: [&str; 2] = ["MotionPhoto", "MicroVideo"];
/// Where a manifest elsewhere is named, by one property.
const TERMS: &str = "http://purl.org/dc/terms/";
const PROVENANCE: &str = "provenance";
/// Where it is said that more of it lies in other segments, by one property, as JPEG has it.
const NOTE: &str = "http://ns.adobe.com/xmp/note/";
const MORE: &str = "HasExtendedXMP";
/// Elements within each other, at most.
const DEPTH: usize = 256;

/// What a packet says that lies behind the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) gain_map: bool,
    pub(super) video: bool,
}

/// What was taken out of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TakenOut {
    /// What it says of things behind the picture.
    pub(super) behind: bool,
    /// Where it says that a manifest is.
    pub(super) provenance: bool,
    /// That more of it lies elsewhere.
    pub(super) parts: bool,
}

pub(super) fn holds(packet: &[u8], word: &str) -> bool {
    packet.windows(word.len()).any(|w| w == word.as_bytes())
}

/// A packet with the label of GB 45438-2025 in it, added to what `packet` says; `None` if that
/// cannot be followed.
pub(super) fn with_label(packet: Option<&[u8]>, label: &str) -> Option<Vec<u8>> {
    const END: &str = "</rdf:RDF>";
    let text = match packet {
        Some(packet) => std::str::from_utf8(packet).ok()?,
        None => concat!(
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
            xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">",
            "</rdf:RDF></x:xmpmeta>"
        ),
    };
    let (before, after) = text.split_at(text.rfind(END)?);
    let label = quick_xml::escape::escape(label);
    let said = format!(
        "<rdf:Description rdf:about=\"\" xmlns:TC260=\"http://www.tc260.org.cn/ns/AIGC/1.0/\">\
        <TC260:AIGC>{label}</TC260:AIGC></rdf:Description>"
    );
    Some([before, &said, after].concat().into_bytes())
}

/// What `packet` says of things behind the picture.
pub(super) fn announced(packet: &[u8]) -> Announced {
    let video = holds(packet, CAMERA) && VIDEO.iter().any(|v| holds(packet, v))
        || holds(packet, "\"MotionPhoto\"");
    Announced {
        gain_map: GAIN_MAP.iter().any(|n| holds(packet, n)) || holds(packet, "\"GainMap\""),
        video,
    }
}

/// Takes out of a packet what will not be so, also of what goes with it `in_parts`. One that says
/// nothing of the kind stays as it is, byte for byte; `Err` if it does and cannot be followed.
pub(super) fn mend(packet: Vec<u8>, in_parts: bool) -> Result<(Vec<u8>, TakenOut), ()> {
    let suspects = GAIN_MAP.iter().chain(&LISTS).any(|n| holds(&packet, n));
    let camera = holds(&packet, CAMERA) && VIDEO.iter().any(|v| holds(&packet, v));
    let terms = holds(&packet, TERMS) && holds(&packet, PROVENANCE);
    let more = !in_parts && holds(&packet, NOTE) && holds(&packet, MORE);
    if !suspects && !camera && !terms && !more {
        return Ok((packet, TakenOut::default()));
    }
    let text = std::str::from_utf8(&packet).map_err(|_| ())?;
    let (mended, taken) = without(text, in_parts).ok_or(())?;
    Ok(if taken == TakenOut::default() { (packet, taken) } else { (mended, taken) })
}

/// `text` without what is not carried; `None` if it is no XML.
fn without(text: &str, in_parts: bool) -> Option<(Vec<u8>, TakenOut)> {
    let mut reader = NsReader::from_str(text);
    let mut writer = Writer::new(Vec::with_capacity(text.len()));
    let mut taken = TakenOut::default();
    // How deep it is, and where the element begins that is left out.
    let (mut depth, mut left_out) = (0usize, None);
    loop {
        let event = reader.read_event().ok()?;
        let mut goes = |name: QName<'_>, element: bool| {
            is_left_out(reader.resolver(), name, element, in_parts, &mut taken)
        };
        match event {
            Event::Eof => return (depth == 0).then(|| (writer.into_inner(), taken)),
            Event::Start(start) => {
                depth += 1;
                if depth > DEPTH {
                    return None;
                }
                if left_out.is_none() && goes(start.name(), true) {
                    left_out = Some(depth);
                }
                if left_out.is_none() {
                    writer.write_event(Event::Start(kept(&start, goes)?)).ok()?;
                }
            }
            Event::Empty(start) => {
                if left_out.is_none() && !goes(start.name(), true) {
                    writer.write_event(Event::Empty(kept(&start, goes)?)).ok()?;
                }
            }
            Event::End(end) => {
                if left_out.is_none() {
                    writer.write_event(Event::End(end)).ok()?;
                }
                left_out = left_out.filter(|&at| at != depth);
                depth = depth.checked_sub(1)?;
            }
            other => {
                if left_out.is_none() {
                    writer.write_event(other).ok()?;
                }
            }
        }
    }
}

/// The element without the attributes that go.
fn kept<'a>(
    start: &BytesStart<'a>,
    mut goes: impl FnMut(QName<'_>, bool) -> bool,
) -> Option<BytesStart<'a>> {
    let mut out = start.clone();
    out.clear_attributes();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let gone = match attribute.key.as_namespace_binding() {
            // Names that nothing is called by any more.
            Some(PrefixDeclaration::Named(_)) => {
                GAIN_MAP.iter().chain(&LISTS).any(|n| n.as_bytes() == &*attribute.value)
            }
            Some(PrefixDeclaration::Default) => false,
            None => goes(attribute.key, false),
        };
        if !gone {
            out.push_attribute(attribute);
        }
    }
    Some(out)
}

/// Whether an element or attribute is left out, which is then told.
fn is_left_out(
    names: &NamespaceResolver,
    name: QName<'_>,
    element: bool,
    in_parts: bool,
    taken: &mut TakenOut,
) -> bool {
    let (namespace, local) =
        if element { names.resolve_element(name) } else { names.resolve_attribute(name) };
    let ResolveResult::Bound(namespace) = namespace else { return false };
    let (namespace, local) = (namespace.into_inner(), local.into_inner());
    let is = |n: &str| n.as_bytes() == namespace;
    let behind = GAIN_MAP.iter().chain(&LISTS).any(|n| is(n))
        || is(CAMERA) && VIDEO.iter().any(|v| local.starts_with(v.as_bytes()));
    let provenance = is(TERMS) && local == PROVENANCE.as_bytes();
    taken.behind |= behind;
    taken.provenance |= provenance;
    let more = !in_parts && is(NOTE) && local == MORE.as_bytes();
    taken.parts |= more;
    behind || provenance || more
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: &str = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
        <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
        <rdf:Description rdf:about=\"\" xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\" \
        xmlns:C=\"http://ns.google.com/photos/1.0/container/\" \
        xmlns:Item=\"http://ns.google.com/photos/1.0/container/item/\"\n \
        xmlns:G=\"http://ns.google.com/photos/1.0/camera/\" xmlns:t=\"http://purl.org/dc/terms/\" \
        xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\" hdrgm:Version=\"1.0\" G:MotionPhoto=\"1\" \
        G:Kept=\"&lt;yes&gt;\" tiff:Make='A \"b\"' t:provenance=\"http://example.com/a.c2pa\">\n\
        <C:Directory><rdf:Seq><rdf:li rdf:parseType=\"Resource\">\
        <C:Item Item:Semantic=\"GainMap\" Item:Length=\"5\"/></rdf:li></rdf:Seq></C:Directory>\
        <t:created>2026</t:created>\n\
        <tiff:Model>C &amp; D</tiff:Model></rdf:Description></rdf:RDF></x:xmpmeta>";

    #[test]
    fn what_is_said_of_things_that_are_gone_goes_too_and_nothing_else() {
        assert_eq!(announced(PHOTO.as_bytes()), Announced { gain_map: true, video: true });
        let (mended, taken) = mend(PHOTO.into(), true).unwrap();
        assert_eq!(taken, TakenOut { behind: true, provenance: true, parts: false });
        let mended = String::from_utf8(mended).unwrap();
        for gone in ["hdrgm", "GainMap", "MotionPhoto", "Directory", "Item:", "c2pa"] {
            assert!(!mended.contains(gone), "{gone} in {mended}");
        }
        for stays in [
            "G:Kept=\"&lt;yes&gt;\"",
            "A \"b\"",
            "<tiff:Model>C &amp; D</tiff:Model>",
            "<t:created>2026</t:created>",
        ] {
            assert!(mended.contains(stays), "{stays} not in {mended}");
        }
        assert_eq!(
            mend(mended.clone().into(), true).unwrap(),
            (mended.into(), TakenOut::default())
        );
    }

    #[test]
    fn other_packets_stay_byte_for_byte_and_what_cannot_be_followed_is_told() {
        for packet in [
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>S",
            "not < xml & all",
            "<a xmlns:t='http://purl.org/dc/terms/' t:created='provenance'/>",
        ] {
            assert_eq!(mend(packet.into(), true).unwrap(), (packet.into(), TakenOut::default()));
        }
        assert_eq!(mend(format!("<a xmlns:h='{}'><b>", GAIN_MAP[0]).into(), true), Err(()));
        assert_eq!(mend([GAIN_MAP[0].as_bytes(), &[0xff]].concat(), true), Err(()));
    }

    #[test]
    fn more_of_it_is_announced_where_it_goes_with_it_alone() {
        let packet = format!("<a xmlns:n='{NOTE}' n:{MORE}='0' b='1'/>");
        assert_eq!(
            mend(packet.clone().into(), true).unwrap(),
            (packet.clone().into(), TakenOut::default())
        );
        assert_eq!(
            mend(packet.into(), false).unwrap().0,
            format!("<a xmlns:n=\"{NOTE}\" b=\"1\"/>").into_bytes()
        );
    }
}
