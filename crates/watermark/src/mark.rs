//! What a mark says: which payload, and in which generation.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use proofmark_core::Payload;

/// How often a clip has been stamped, this time included: a remix of a stamped clip, stamped again,
/// carries both marks.
///
/// Each generation has a layer of its own, so that the newer mark adds to the older one instead of
/// replacing it, and the order can be told. From the [last](Generation::LAST) on all share one
/// layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u8);

/// Generations that have a layer of their own.
pub(crate) const GENERATIONS: usize = 4;

impl Generation {
    /// Stamped on a clip without a mark.
    pub const FIRST: Self = Self(0);
    /// The last that is told apart.
    pub const LAST: Self = Self(GENERATIONS as u8 - 1);

    /// Every generation, the first first.
    pub(crate) fn all() -> impl Iterator<Item = Self> + Clone {
        (0..GENERATIONS as u8).map(Self)
    }

    /// Its layer, from 0.
    pub(crate) fn layer(self) -> usize {
        usize::from(self.0)
    }

    /// The generation of a mark over one of this generation.
    #[must_use]
    pub fn next(self) -> Self {
        self.max(Self(self.0.saturating_add(1).min(Self::LAST.0)))
    }

    /// One over its share of a false-alarm budget: most marks are of the first generation.
    pub(crate) fn share(self) -> f64 {
        if self == Self::FIRST { 10.0 / 9.0 } else { 10.0 * (GENERATIONS - 1) as f64 }
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0 + 1
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl Serialize for Generation {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Generation {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(d)?;
        Self::all().find(|g| g.number() == number).ok_or_else(|| D::Error::custom("no generation"))
    }
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number that leads to the manifest.
    pub payload: Payload,
    /// How often the clip has been stamped.
    pub generation: Generation,
}

impl From<Payload> for Mark {
    /// A mark on a clip that had none.
    fn from(payload: Payload) -> Self {
        Self { payload, generation: Generation::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_make_a_whole() {
        assert!((Generation::all().map(|g| 1.0 / g.share()).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn generations_rise_to_the_last() {
        let chain: Vec<u8> = std::iter::successors(Some(Generation::FIRST), |g| Some(g.next()))
            .take(GENERATIONS + 1)
            .map(Generation::number)
            .collect();
        assert_eq!(chain, [1, 2, 3, 4, 4]);
    }
}
