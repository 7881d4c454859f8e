//! Small pictures of a clip.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Bytes that one may have when it is read from where it was stored: several times what is made.
const LARGEST: usize = 1 << 17;

/// Small pictures of a clip along time, as JPEG.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "ByteBuf", try_from = "ByteBuf")]
pub struct Stills(Vec<(f32, Vec<u8>)>);

impl Stills {
    /// Stills that are kept at most; a longer clip has them further apart.
    pub const MOST: usize = 24;

    /// From the time of each, in seconds and ascending, and its JPEG; `None` without any.
    #[must_use]
    pub fn new(made: Vec<(f32, Vec<u8>)>) -> Option<Self> {
        (!made.is_empty()).then_some(Self(made))
    }

    /// When each was shown, in seconds from the beginning of the clip, ascending.
    pub fn times(&self) -> impl Iterator<Item = f32> {
        self.0.iter().map(|s| s.0)
    }

    /// The JPEG of one of them.
    #[must_use]
    pub fn jpeg(&self, index: usize) -> Option<&[u8]> {
        self.0.get(index).map(|s| s.1.as_slice())
    }

    /// The places of a few of them, at most so many, spread over the clip.
    pub fn spread(&self, most: usize) -> impl Iterator<Item = usize> + use<> {
        let (count, all) = (most.min(self.0.len()), self.0.len());
        (0..count).map(move |i| (2 * i + 1) * all / (2 * count))
    }

    /// As they are stored: the time of each in a 32-bit float, the number of its bytes in 32 bits,
    /// and those; the most significant byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(time, jpeg)| {
                [&time.to_be_bytes()[..], &(jpeg.len() as u32).to_be_bytes(), jpeg].concat()
            })
            .collect()
    }

    /// From [`Self::to_bytes`]; `None` if they are none.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut all: Vec<(f32, Vec<u8>)> = Vec::new();
        while let Some((time, rest)) = bytes.split_first_chunk() {
            let (length, rest) = rest.split_first_chunk()?;
            let (jpeg, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            let time = f32::from_be_bytes(*time);
            let follows = time.is_finite() && all.last().is_none_or(|last| last.0 < time);
            if !follows
                || all.len() == Self::MOST
                || jpeg.len() > LARGEST
                || !jpeg.starts_with(&[0xff, 0xd8])
            {
                return None;
            }
            all.push((time, jpeg.to_vec()));
            bytes = rest;
        }
        (bytes.is_empty() && !all.is_empty()).then_some(Self(all))
    }
}

impl From<Stills> for ByteBuf {
    fn from(stills: Stills) -> Self {
        Self::from(stills.to_bytes())
    }
}

impl TryFrom<ByteBuf> for Stills {
    type Error = &'static str;

    fn try_from(bytes: ByteBuf) -> Result<Self, Self::Error> {
        Self::from_bytes(&bytes).ok_or("no stills")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_none_is_not_taken_for_stills() {
        let one = |time: f32, jpeg: &[u8]| Stills(vec![(time, jpeg.to_vec())]).to_bytes();
        let good = one(1.0, &[0xff, 0xd8, 0]);
        assert!(Stills::from_bytes(&good).is_some());
        assert!(Stills::from_bytes(&[good.clone(), one(2.0, &[0xff, 0xd8])].concat()).is_some());
        let wrong = [
            Vec::new(),
            good[..good.len() - 1].to_vec(),
            one(f32::NAN, &[0xff, 0xd8]),
            one(0.0, b"<svg/>"),
            [good.clone(), good.clone()].concat(),
            vec![0; 7],
        ];
        for (i, bytes) in wrong.iter().enumerate() {
            assert_eq!(Stills::from_bytes(bytes), None, "{i}");
        }
        let many: Vec<u8> = (0..=Stills::MOST).flat_map(|t| one(t as f32, &[0xff, 0xd8])).collect();
        assert_eq!(Stills::from_bytes(&many), None);
    }
}
