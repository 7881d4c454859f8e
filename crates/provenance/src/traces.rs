//! Whether a stream that goes by once carries provenance of its own, which is not taken apart
//! there.

/// What a manifest store begins with in whatever kind of file: its type (C2PA 2.2, section 11.1.4).
pub(super) const STORE: [u8; 16] = *b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";
/// XMP's word for where a manifest is kept.
const REFERENCE: &[u8] = b"dcterms:provenance";
/// What raw video begins with, in which all that follows is picture.
const RAW: &[u8] = b"YUV4MPEG2";

/// Looks through a stream, piece by piece.
#[derive(Debug, Default)]
pub struct Traces {
    /// The end of what went by, in which a trace may begin.
    end: Vec<u8>,
    raw: Option<bool>,
}

impl Traces {
    /// Looks at the next piece; whether there is a trace in it.
    pub fn in_piece(&mut self, piece: &[u8]) -> bool {
        self.end.extend_from_slice(piece);
        if self.raw.is_none() && self.end.len() >= RAW.len() {
            self.raw = Some(self.end.starts_with(RAW));
        }
        let found = self.raw != Some(true)
            && [&STORE[..], REFERENCE]
                .into_iter()
                .any(|trace| self.end.windows(trace.len()).any(|w| w == trace));
        let kept = (REFERENCE.len() - 1).min(self.end.len());
        self.end.drain(..self.end.len() - kept);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_seen_however_they_are_cut() {
        let stream = |trace: &[u8]| [&[7; 100][..], trace, &[7; 100]].concat();
        for step in [1, 3, 17, 300] {
            let seen = |bytes: &[u8]| {
                let mut traces = Traces::default();
                bytes.chunks(step).any(|piece| traces.in_piece(piece))
            };
            assert!(seen(&stream(&STORE)) && seen(&stream(REFERENCE)), "{step}");
            assert!(!seen(&stream(&STORE[..15])) && !seen(&stream(b"")), "{step}");
            assert!(!seen(&[RAW, &stream(REFERENCE)].concat()), "{step}");
        }
    }
}
