//! How strong the mark is.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::VideoError;

/// How strong the mark is: a factor on the default amplitude, 0.25 to 4, or the name of a
/// [level](Strength::LEVELS).
///
/// Evidence grows with its square and a little more, distortion with its square.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Given")]
pub struct Strength(f32);

impl Strength {
    /// The named levels, with what each is for. `docs/results/log/strength.md` has what each costs
    /// and what survives.
    pub const LEVELS: [(&'static str, f32, &'static str); 4] = [
        ("subtle", 0.7, "masters and archives, which are hardly re-encoded"),
        ("standard", 1.0, "everything else"),
        ("strong", 1.5, "clips under five seconds or 500 lines, or that are reposted many times"),
        (
            "heavy",
            2.2,
            "where the mark matters more than the picture: fine grain can be seen on smooth areas",
        ),
    ];

    /// A strength from a factor.
    ///
    /// # Errors
    /// [`VideoError::Strength`] outside 0.25 to 4.
    pub fn new(factor: f32) -> Result<Self, VideoError> {
        if (0.25..=4.0).contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(VideoError::Strength { given: factor.to_string() })
        }
    }

    /// The factor.
    #[must_use]
    pub fn factor(self) -> f32 {
        self.0
    }
}

impl Default for Strength {
    fn default() -> Self {
        Self(1.0)
    }
}

impl FromStr for Strength {
    type Err = VideoError;

    /// A name or a factor.
    fn from_str(text: &str) -> Result<Self, VideoError> {
        if let Some((_, factor, _)) = Self::LEVELS.iter().find(|level| level.0 == text) {
            return Ok(Self(*factor));
        }
        text.parse()
            .ok()
            .and_then(|factor| Self::new(factor).ok())
            .ok_or_else(|| VideoError::Strength { given: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Strength {
    /// The name, or else the factor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::LEVELS.iter().find(|level| level.1 == self.0) {
            Some((name, ..)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// As configuration files have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Factor(f32),
    Name(String),
}

impl TryFrom<Given> for Strength {
    type Error = VideoError;

    fn try_from(given: Given) -> Result<Self, VideoError> {
        match given {
            Given::Factor(factor) => Self::new(factor),
            Given::Name(name) => name.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_factors_are_strengths() {
        for (name, factor, _) in Strength::LEVELS {
            assert_eq!(name.parse(), Strength::new(factor));
            assert_eq!(Strength(factor).to_string(), name);
        }
        assert_eq!("0.85".parse(), Strength::new(0.85));
        assert_eq!(Strength(0.85).to_string(), "0.85");
        for bad in ["", "loud", "0.1", "5", "nan", "-1"] {
            let told = bad.parse::<Strength>().unwrap_err().to_string();
            assert!(told.contains("standard") && told.contains(bad), "{told}");
        }
    }
}
