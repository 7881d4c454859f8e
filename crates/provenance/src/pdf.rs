//! The manifest store in a PDF: an embedded file, stored as it is (C2PA 2.4, section A.4).

use std::fs::File;
use std::io::{self, Read, Seek};

use super::size::number;
use super::traces::STORE;

/// Bytes from the beginning of a store to its type: the heads of two boxes.
const BEFORE: usize = 16;

/// The store in a PDF, the last if it was changed and signed again; `None` if there is none of at
/// most so many bytes.
pub(super) fn store(file: &mut File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    file.rewind()?;
    Ok(last(&bytes, most).map(<[u8]>::to_vec))
}

fn last(bytes: &[u8], most: u64) -> Option<&[u8]> {
    let mut end = bytes.len();
    while let Some(at) = bytes[..end].windows(STORE.len()).rposition(|w| w == STORE) {
        let begin = at.checked_sub(BEFORE)?;
        let length = number(&bytes[begin..begin + 4]);
        let whole =
            usize::try_from(length).ok().and_then(|n| bytes.get(begin..begin.checked_add(n)?));
        let head = (&bytes[begin + 4..begin + 8], &bytes[begin + 12..begin + 16]);
        if let (Some(store), (b"jumb", b"jumd")) = (whole.filter(|_| length <= most), head) {
            return Some(store);
        }
        end = at + STORE.len() - 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_store_is_found() {
        let store = |body: &[u8]| {
            let length = u32::try_from(32 + body.len()).unwrap().to_be_bytes();
            [&length[..], b"jumb", &[0, 0, 0, 24], b"jumd", &STORE, body].concat()
        };
        let [first, second] = [store(b"one"), store(b"second")];
        let pdf = [&b"%PDF-1.7 "[..], &first, b" endstream ", &second, b" %%EOF"].concat();
        assert_eq!(last(&pdf, 1000), Some(&second[..]));
        assert_eq!(last(&pdf, 35), Some(&first[..]), "within the limit");
        assert_eq!(last(&pdf[..60], 1000), Some(&first[..]), "the second is cut off");
        assert_eq!(last(&STORE, 1000), None);
        assert_eq!(last(b"", 1000), None);
    }
}
