//! Network abstraction layer units of H.264 and H.265 (7.3.1 in both standards): what a packet says
//! of its frame before it is decoded.

use ffmpeg_next::codec::Id;

/// How the units of a stream are told apart and what their headers say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Units {
    /// Bytes of the length before each unit; `None` where start codes part them.
    length: Option<usize>,
    header: Header,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Header {
    H264,
    H265,
}

impl Units {
    /// Those of a codec, from its configuration record (ISO/IEC 14496-15) if it has one; `None`
    /// where the codec has no such units.
    pub(super) fn new(codec: Id, configuration: &[u8]) -> Option<Self> {
        let (header, place) = match codec {
            Id::H264 => (Header::H264, 4),
            Id::HEVC => (Header::H265, 21),
            _ => return None,
        };
        let record = configuration.first() == Some(&1);
        let length = configuration.get(place).filter(|_| record).map(|b| 1 + usize::from(b & 3));
        Some(Self { length, header })
    }

    /// Whether no other frame refers to the one in `packet`, as its first slice has it: the decoder
    /// passes such frames over where it is told to, but only once they have taken the place of one
    /// that is decoded meanwhile.
    pub(super) fn is_disposable(self, packet: &[u8]) -> bool {
        let mut rest = packet;
        while let Some(unit) = self.next(&mut rest) {
            let Some(&first) = unit.first() else { return false };
            // The kinds of slices, and those among them to which nothing refers.
            let (kind, slices, disposable) = match self.header {
                Header::H264 => (first & 0x1f, 1..=5, first & 0x60 == 0),
                Header::H265 => (first >> 1 & 0x3f, 0..=31, first & 0x22 == 0),
            };
            if slices.contains(&kind) {
                return disposable;
            }
        }
        false
    }

    /// The next unit, to its end or, where start codes part units, to that of the packet.
    fn next<'a>(self, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        match self.length {
            Some(length) => {
                let (size, after) = rest.split_at_checked(length)?;
                let size = size.iter().fold(0, |n, &b| n << 8 | usize::from(b));
                let (unit, after) = after.split_at_checked(size)?;
                *rest = after;
                Some(unit)
            }
            None => {
                let code = rest.windows(3).position(|w| w == [0, 0, 1])?;
                *rest = &rest[code + 3..];
                Some(rest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The part of a configuration record that is looked at.
    fn record(place: usize, length: u8) -> Vec<u8> {
        let mut record = vec![0; place + 1];
        record[0] = 1;
        record[place] = 0xfc | (length - 1);
        record
    }

    #[test]
    fn the_first_slice_says_whether_a_frame_is_referred_to() {
        let h264 = Units::new(Id::H264, &record(4, 4)).unwrap();
        // A delimiter, then a slice: nal_ref_idc 2, and 0.
        assert!(!h264.is_disposable(&[0, 0, 0, 2, 9, 0x30, 0, 0, 0, 2, 0x41, 0x9a]));
        assert!(h264.is_disposable(&[0, 0, 0, 2, 9, 0x30, 0, 0, 0, 2, 0x01, 0x9e]));
        let h265 = Units::new(Id::HEVC, &record(21, 2)).unwrap();
        // A trailing picture that others refer to, and one that none does; an IDR picture.
        assert!(!h265.is_disposable(&[0, 3, 0x02, 1, 0xd0]));
        assert!(h265.is_disposable(&[0, 3, 0x00, 1, 0xd0]));
        assert!(!h265.is_disposable(&[0, 3, 0x26, 1, 0xaf]));
    }

    #[test]
    fn start_codes_part_units_too() {
        let units = Units::new(Id::H264, &[0, 0, 0, 1, 0x67]).unwrap();
        assert!(units.is_disposable(&[0, 0, 0, 1, 9, 0x30, 0, 0, 1, 0x01, 0x9e]));
        assert!(!units.is_disposable(&[0, 0, 0, 1, 9, 0x30, 0, 0, 1, 0x65, 0x88]));
        assert_eq!(Units::new(Id::VP9, &[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_for(
            packet in proptest::collection::vec(any::<u8>(), 0..64),
            configuration in proptest::collection::vec(any::<u8>(), 0..24),
        ) {
            for codec in [Id::H264, Id::HEVC] {
                let _ = Units::new(codec, &configuration).unwrap().is_disposable(&packet);
            }
        }
    }
}
