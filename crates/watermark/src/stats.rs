//! Probabilities that may be far too small for a floating-point number.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A p-value: how likely evidence at least this strong is where there is no mark, after correction
/// for everything that was tried. Kept as a natural logarithm, at most 0.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct PValue {
    ln: f64,
}

impl PValue {
    /// No evidence.
    pub const ONE: Self = Self { ln: 0.0 };

    /// From a natural logarithm; values over 0, and what is no number, count as 0.
    #[must_use]
    pub fn from_ln(ln: f64) -> Self {
        Self { ln: if ln.is_nan() { 0.0 } else { ln.min(0.0) } }
    }

    /// For a score that was the best of `trials`, over positive and negative scores alike, of sums
    /// whose signs or phases are those of another key: twice `trials` times the smaller of
    /// Hoeffding's bound, exp(−z²/2), and of Pinelis', 2e³/9 of the tail of a Gaussian
    /// (doi:10.1214/aos/1176325373), which here is bounded by its density over z.
    #[must_use]
    pub fn of_score(z: f64, trials: f64) -> Self {
        let pinelis = 2.0 * 3f64.exp() / 9.0 / (z.abs() * std::f64::consts::TAU.sqrt());
        Self::from_ln(
            std::f64::consts::LN_2 + pinelis.min(1.0).ln() + trials.max(1.0).ln() - z * z / 2.0,
        )
    }

    /// The same evidence when it had only the share `1 / factor` of the false-alarm budget
    /// (Bonferroni).
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::from_ln(self.ln + factor.max(1.0).ln())
    }

    /// The natural logarithm.
    #[must_use]
    pub fn ln(self) -> f64 {
        self.ln
    }

    /// The probability; 1e-300 stands for everything below.
    #[must_use]
    pub fn value(self) -> f64 {
        self.ln.exp().max(1e-300)
    }

    /// The smaller of two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.ln < self.ln { other } else { self }
    }
}

impl fmt::Display for PValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ln > -7.0 {
            write!(f, "{:.3}", self.value())
        } else {
            write!(f, "1e{:.0}", (self.ln / std::f64::consts::LN_10).ceil())
        }
    }
}

impl fmt::Debug for PValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PValue({self})")
    }
}

/// The probability where people read it, else the logarithm, which is exact.
impl Serialize for PValue {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let number = if s.is_human_readable() { self.value() } else { self.ln };
        s.serialize_f64(number)
    }
}

impl<'de> Deserialize<'de> for PValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let read = d.is_human_readable();
        let number = f64::deserialize(d)?;
        Ok(Self::from_ln(if read { number.ln() } else { number }))
    }
}

/// Evidence z² of a score whose square cannot pass `most`, the number of independent readings,
/// without that saturation.
pub(crate) fn unsaturated(z: f32, most: f32) -> f32 {
    let square = (z * z).min(0.999 * most);
    square / (1.0 - square / most)
}

/// The middle one, or the upper of the two; 0 if there are none.
pub(crate) fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_corrected_and_capped() {
        assert_eq!(PValue::of_score(1.0, 100.0), PValue::ONE);
        assert!(
            (PValue::of_score(1.5, 0.01).ln() - (2f64.ln() - 1.125)).abs() < 1e-9,
            "Hoeffding's"
        );
        // The tail of a Gaussian from 10 on is 7.62e-24.
        let tight =
            PValue::of_score(10.0, 1000.0).value() / (2000.0 * 2.0 * 3f64.exp() / 9.0 * 7.62e-24);
        assert!((1.0..1.02).contains(&tight), "Pinelis': {tight}");
        assert_eq!(PValue::from_ln(f64::NAN), PValue::ONE);
        assert_eq!(PValue::of_score(40.0, 1.0).to_string(), "1e-348");
        assert_eq!(PValue::of_score(40.0, 1.0).value(), 1e-300);
    }
}
