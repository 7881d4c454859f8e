//! What people decide about clips: remarks by name, in the order in which they were made. None is
//! changed or taken back.

use serde::{Deserialize, Serialize};

use super::database::{Row, Session, Value, bytes, integer, signed, text};
use super::{Content, owners};

/// What a remark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Says something.
    Note,
    /// Gives the clip a word to be found by.
    Label,
    /// Says what is done about the clip: one of [`Act::DECISIONS`].
    Decision,
    /// Says whether somebody else's decision is right: one of [`Act::REVIEWS`].
    Review,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Note, Self::Label, Self::Decision, Self::Review];
    /// What can be decided: to leave the clip as it is, to tell its viewers, to show it to fewer,
    /// or to take it down.
    pub const DECISIONS: [&'static str; 4] = ["keep", "tell", "limit", "remove"];
    /// What a second person can say of that.
    pub const REVIEWS: [&'static str; 2] = ["agree", "disagree"];

    /// What it is called in reports and on the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Label => "label",
            Self::Decision => "decision",
            Self::Review => "review",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }
}

/// What somebody said of a clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// SHA-256 of the clip.
    pub content: Content,
    /// When, in milliseconds since 1970; set by the registry.
    pub at: u64,
    /// Who, by the name of a token.
    pub who: String,
    /// What it does.
    pub act: Act,
    /// In these words.
    pub said: String,
}

/// Characters of a remark.
const LONGEST: usize = 4000;

impl Remark {
    /// Why it cannot follow `before`; `None` if it can.
    fn unfit(&self, before: &[Self]) -> Option<&'static str> {
        let said = self.said.trim();
        match self.act {
            _ if said.is_empty() => Some("it says nothing; write something"),
            _ if said.chars().count() > LONGEST => {
                Some("it is longer than 4000 characters; write less")
            }
            _ if said.contains('\0') || self.who.contains('\0') => {
                Some("there is a NUL character in it")
            }
            Act::Note => None,
            Act::Label if said.contains(['\n', '\r']) || said.chars().count() > 100 => {
                Some("a label is one line of up to 100 characters; write a note instead")
            }
            Act::Label => None,
            Act::Decision => (!Act::DECISIONS.contains(&said))
                .then_some("it is no decision; choose one of those that are offered"),
            Act::Review if !Act::REVIEWS.contains(&said) => {
                Some("it is no review; choose one of those that are offered")
            }
            Act::Review => match before.iter().rev().find(|r| r.act == Act::Decision) {
                None => Some("there is no decision to review yet"),
                Some(decided) if decided.who == self.who.trim() => {
                    Some("who decided cannot review that; ask somebody else")
                }
                Some(_) => None,
            },
        }
    }
}

/// Adds a remark, unless it does not fit.
pub(super) fn add(s: &mut dyn Session, remark: &Remark) -> Result<Option<&'static str>, String> {
    let before = of(s, &remark.content)?;
    if let Some(reason) = remark.unfit(&before) {
        return Ok(Some(reason));
    }
    // Each has a time of its own, so that their order is plain.
    let at = owners::now_in_milliseconds().max(before.last().map_or(0, |last| last.at + 1));
    let text = |t: &str| Value::Text(t.trim().into());
    let values = [
        Value::Bytes(remark.content.as_bytes().to_vec()),
        signed(at),
        text(&remark.who),
        text(remark.act.name()),
        text(&remark.said),
    ];
    s.execute(
        "INSERT INTO remarks (content, at, who, act, said) VALUES ($1, $2, $3, $4, $5)",
        &values,
    )?;
    owners::note(s, Some(&remark.who), remark.act.name(), &remark.content.to_string())?;
    Ok(None)
}

/// What was said of a clip, the earliest first.
pub(super) fn of(s: &mut dyn Session, content: &Content) -> Result<Vec<Remark>, String> {
    let rows = s.query(
        "SELECT content, at, who, act, said FROM remarks WHERE content = $1 ORDER BY at, said",
        &[Value::Bytes(content.as_bytes().to_vec())],
    )?;
    Ok(rows.iter().filter_map(remark).collect())
}

/// The last remark of each clip that something was said of, the latest first, at most `most`: of
/// those with a label, if one is asked for.
pub(super) fn latest(
    s: &mut dyn Session,
    label: Option<&str>,
    most: usize,
) -> Result<Vec<Remark>, String> {
    const LAST: &str = "SELECT content, at, who, act, said FROM remarks r WHERE NOT EXISTS \
        (SELECT 1 FROM remarks l WHERE l.content = r.content AND (l.at > r.at OR (l.at = r.at AND \
        l.said > r.said)))";
    let most = signed(most as u64);
    let rows = match label {
        None => s.query(&format!("{LAST} ORDER BY at DESC LIMIT $1"), &[most])?,
        Some(label) => {
            let labelled = "EXISTS (SELECT 1 FROM remarks l WHERE l.content = r.content AND l.act \
                = 'label' AND lower(l.said) = lower($1))";
            s.query(
                &format!("{LAST} AND {labelled} ORDER BY at DESC LIMIT $2"),
                &[Value::Text(label.trim().into()), most],
            )?
        }
    };
    Ok(rows.iter().filter_map(remark).collect())
}

fn remark(row: &Row) -> Option<Remark> {
    Some(Remark {
        content: <[u8; 32]>::try_from(bytes(row, 0)?).ok()?.into(),
        at: integer(row, 1)?.try_into().ok()?,
        who: text(row, 2)?.into(),
        act: Act::of(text(row, 3)?)?,
        said: text(row, 4)?.into(),
    })
}
