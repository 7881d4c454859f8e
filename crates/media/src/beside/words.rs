//! The words in a still, for those who read them.

use std::io;
use std::path::Path;

use proofmark_core::Text;

use super::{Own, What, png, read};
use crate::Limits;

/// The words in a still.
#[derive(Default)]
pub(in super::super) struct Words {
    /// EXIF, from its TIFF header on.
    pub(in super::super) exif: Option<Vec<u8>>,
    pub(in super::super) texts: Vec<Text>,
}

/// Those of the still at `path`; none if it is no still of a kind that is known here.
pub(in super::super) fn words(path: &Path, limits: &Limits) -> io::Result<Words> {
    let Some((_, record)) = read(path, limits)? else { return Ok(Words::default()) };
    let of_chunks = record.own.iter().filter_map(of);
    let xmp = record.xmp.as_ref().map(|packet| Text {
        place: "XMP".into(),
        name: String::new(),
        value: String::from_utf8_lossy(packet).into(),
    });
    let texts = of_chunks.chain(xmp).filter(|t| t.value.len() <= Text::LONGEST).collect();
    Ok(Words { exif: record.exif, texts })
}

fn of(own: &Own) -> Option<Text> {
    let name = match &own.what {
        What::Text(name) => name.clone(),
        What::Comment => "comment".into(),
        _ => return None,
    };
    let value = png::text_of(own.name, &own.bytes)
        .unwrap_or_else(|| String::from_utf8_lossy(&own.bytes).into());
    Some(Text { place: "text".into(), name, value })
}
