//! The elements of an MPD: what of XML says anything there.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements within elements that are looked into.
const DEPTH: usize = 12;

/// An element, by its name without a prefix.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        // Of other vocabularies there is one that leads elsewhere.
        let attributes = start
            .attributes()
            .flatten()
            .filter(|a| a.key.prefix().is_none() || a.key.local_name().as_ref() == b"href")
            .map(|a| {
                let key = String::from_utf8_lossy(a.key.local_name().as_ref()).into_owned();
                let raw = String::from_utf8_lossy(&a.value).into_owned();
                let value = quick_xml::escape::unescape(&raw).map_or(String::new(), Into::into);
                (key, value)
            })
            .collect();
        Self { name, attributes, ..Self::default() }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What in it leads where is not looked at, or is said twice.
    pub(super) fn unfollowed(&self) -> Option<&str> {
        let twice = self.all("BaseURL").nth(1).map(|_| "second BaseURL");
        let away = self.attribute("href").map(|_| "xlink:href");
        twice.or(away).or_else(|| self.children.iter().find_map(Self::unfollowed))
    }

    pub(super) fn first(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }
}

/// The root of an MPD; `None` of anything else.
pub(super) fn parse(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let done = match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(Element::of(&start));
                (open.len() <= DEPTH).then_some(())?;
                None
            }
            Event::Empty(start) => Some(Element::of(&start)),
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                if let Some(last) = open.last_mut() {
                    last.text += &String::from_utf8_lossy(&text);
                }
                None
            }
            Event::CData(text) => {
                if let Some(last) = open.last_mut() {
                    last.text += std::str::from_utf8(&text).ok()?;
                }
                None
            }
            Event::GeneralRef(named) => {
                let c = match &*named {
                    b"amp" => '&',
                    b"lt" => '<',
                    b"gt" => '>',
                    b"quot" => '"',
                    b"apos" => '\'',
                    _ => named.resolve_char_ref().ok()??,
                };
                if let Some(last) = open.last_mut() {
                    last.text.push(c);
                }
                None
            }
            // Names that a document gives to texts are nobody's need here.
            Event::DocType(_) | Event::Eof => return None,
            _ => None,
        };
        match (done, open.last_mut()) {
            (Some(done), Some(parent)) => parent.children.push(done),
            (Some(root), None) => return Some(root).filter(|r| r.name == "MPD"),
            (None, _) => {}
        }
    }
}
