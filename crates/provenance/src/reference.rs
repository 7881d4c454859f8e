//! Where a file says that its manifest is kept, if that is somewhere else: XMP's
//! `dcterms:provenance` (C2PA 2.2, section 11.4).

use std::fs::File;
use std::io::Seek;
use std::path::Path;

use c2pa::Ingredient;

use super::read::format_of;
use super::{ProvenanceError, open, tiff, xmp};

/// Bytes of an address that are told: longer ones lead nowhere that anybody would follow.
pub const LONGEST: usize = 2048;

/// Where the file at `path` says that its manifest is, if it says so. Nothing is fetched.
///
/// # Errors
/// [`ProvenanceError::Open`] if the file cannot be opened.
pub fn reference(path: &Path) -> Result<Option<String>, ProvenanceError> {
    let mut file = open(path)?;
    let format = format_of(path, &mut file);
    Ok(of_file(&format, &mut file))
}

/// The same of an open file of such a media type.
pub(super) fn of_file(format: &str, file: &mut File) -> Option<String> {
    file.rewind().ok()?;
    if tiff::is_endless(file) {
        return None;
    }
    let found = Ingredient::from_stream_info(file, format, "").provenance().map(str::to_string);
    let told = found.or_else(|| xmp::provenance(file)).map(|raw| unescaped(&raw))?;
    leads_elsewhere(&told).then(|| told[..told.floor_char_boundary(LONGEST)].to_string())
}

/// The text of an attribute in XML, which the reader hands over as it stands.
pub(super) fn unescaped(raw: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(raw.trim().to_string(), |text, (from, to)| text.replace(from, to))
}

/// Whether it is an address outside the file: `self#jumbf` is none, and neither are words about how
/// a work changed hands, for which the field was made.
fn leads_elsewhere(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.len() > 1
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    named && !rest.is_empty() && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_words() {
        for there in [
            "https://example.com/1.c2pa",
            "HTTP://localhost:5000/x?a=1&b=2",
            "ipfs://bafy/manifest",
            "file:///a.c2pa",
        ] {
            assert!(leads_elsewhere(there), "{there}");
        }
        for none in [
            "",
            "self#jumbf=c2pa/x",
            "Gift: of the estate",
            "from Paris",
            "https:",
            "https://a b",
            "C:\\x",
        ] {
            assert!(!leads_elsewhere(none), "{none}");
        }
        assert_eq!(
            unescaped(" https://a/?b=1&amp;c=&quot;2&quot;&amp;lt; "),
            "https://a/?b=1&c=\"2\"&lt;"
        );
    }
}
