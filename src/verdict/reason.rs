//! Reasons: a code that scripts can ask for, how grave it is, and what it is about.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::payload::Payload;

/// How good or bad something is for whoever must decide about a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Confirmed: provenance that somebody known here vouches for.
    Good,
    /// Worth knowing, for or against nobody.
    Note,
    /// It could not be confirmed, or it could not be told.
    Doubt,
    /// It speaks against the clip, or what is said of it.
    Alert,
}

impl Severity {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Doubt => "doubt",
            Self::Alert => "alert",
        }
    }
}

/// What a reason is about: named values, which its sentence has in it.
pub type Params = BTreeMap<&'static str, Param>;

/// A value in a reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Param {
    /// Anything that somebody wrote, or a word that chooses between sentences.
    Text(String),
    /// The number in a mark.
    Payload(Payload),
    /// Numbers in marks.
    Payloads(Vec<Payload>),
    /// Seconds from the beginning.
    Seconds(f64),
    /// A share, 0 to 1.
    Share(f64),
    /// How many.
    Count(usize),
    /// A code that each language has words for.
    Word(Word),
    /// Several of them.
    Words(Vec<Word>),
}

/// A code within a group of codes, told in the words of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct Word {
    /// What kind of thing it says, such as `fault`.
    #[serde(skip)]
    pub group: &'static str,
    /// Which of them.
    pub code: &'static str,
}

impl Word {
    pub(super) const fn new(group: &'static str, code: &'static str) -> Self {
        Self { group, code }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Payload(payload) => payload.fmt(f),
            Self::Payloads(all) => {
                for (i, payload) in all.iter().enumerate() {
                    write!(f, "{}{payload}", if i > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Self::Seconds(s) => write!(f, "{s:.1}"),
            Self::Share(s) => write!(f, "{:.0}", 100.0 * s),
            Self::Count(n) => n.fmt(f),
            Self::Word(word) => f.write_str(word.code),
            Self::Words(all) => {
                for (i, word) in all.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { "; " } else { "" }, word.code)?;
                }
                Ok(())
            }
        }
    }
}

impl From<Payload> for Param {
    fn from(payload: Payload) -> Self {
        Self::Payload(payload)
    }
}

impl From<Word> for Param {
    fn from(word: Word) -> Self {
        Self::Word(word)
    }
}

impl From<Vec<Payload>> for Param {
    fn from(all: Vec<Payload>) -> Self {
        Self::Payloads(all)
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Named values, for a rule.
pub(super) fn params<const N: usize>(values: [(&'static str, Param); N]) -> Option<Params> {
    Some(values.into_iter().collect())
}

/// One reason for a verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// Its code, such as `video.payload-mismatch`: stable, and explained in
    /// `docs/reference/verdicts.md`.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What it is about.
    pub params: Params,
}
