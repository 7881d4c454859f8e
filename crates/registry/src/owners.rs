//! Who may change what, and who did: each entry that was stored with a token is its owner's, and
//! stays so when it is gone.

use proofmark_core::since_1970;
use serde::Serialize;

use super::database::{Session, Value, integer, optional, signed, text};

/// What became of a change to what may be another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Done,
    /// There is nothing to change.
    #[default]
    Absent,
    /// It is another's.
    Refused,
}

/// Something that was done to the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Whose token did it; `None` for this deployment itself.
    pub who: Option<String>,
    /// What: `store`, `replace`, `delete`, `bind` or `rebind`, each with `-refused` behind it where
    /// it was not allowed; of a clip that was looked into `note`, `label`, `decision` or `review`.
    pub what: String,
    /// To which entry, or to the clip with which SHA-256.
    pub id: String,
}

fn now() -> Value {
    signed(now_in_milliseconds())
}

/// Since 1970.
pub(super) fn now_in_milliseconds() -> u64 {
    since_1970().as_millis() as u64
}

/// Whether an entry, or the place where one was, is free or belongs to whoever asks. This
/// deployment may change everything.
pub(super) fn may_change(s: &mut dyn Session, id: &str, by: Option<&str>) -> Result<bool, String> {
    let Some(by) = by else { return Ok(true) };
    let id = [Value::Text(id.into())];
    if let Some(row) = s.query("SELECT owner FROM owners WHERE id = $1", &id)?.first() {
        return Ok(text(row, 0) == Some(by));
    }
    Ok(s.query("SELECT id FROM entries WHERE id = $1", &id)?.is_empty())
}

/// Notes whose an entry is now.
pub(super) fn own(s: &mut dyn Session, id: &str, by: Option<&str>) -> Result<(), String> {
    let id = Value::Text(id.into());
    s.execute("DELETE FROM owners WHERE id = $1", std::slice::from_ref(&id))?;
    if let Some(by) = by {
        s.execute("INSERT INTO owners (id, owner) VALUES ($1, $2)", &[id, Value::Text(by.into())])?;
    }
    Ok(())
}

/// Keeps the place of an entry that is gone for whom it belonged to.
pub(super) fn bury(s: &mut dyn Session, id: &str) -> Result<(), String> {
    let values = [Value::Text(id.into()), now()];
    if s.execute("UPDATE owners SET forgotten = $2 WHERE id = $1", &values)? == 0 {
        s.execute("INSERT INTO owners (id, forgotten) VALUES ($1, $2)", &values)?;
    }
    Ok(())
}

/// Writes down who did what.
pub(super) fn note(
    s: &mut dyn Session,
    by: Option<&str>,
    what: &str,
    id: &str,
) -> Result<(), String> {
    let values =
        [now(), optional(by.map(str::to_string)), Value::Text(what.into()), Value::Text(id.into())];
    s.execute("INSERT INTO log (at, who, what, id) VALUES ($1, $2, $3, $4)", &values).map(|_| ())
}

/// What was done, the latest first: to one entry, or to all.
pub(super) fn log(
    s: &mut dyn Session,
    id: Option<&str>,
    most: usize,
) -> Result<Vec<Event>, String> {
    let most = signed(most as u64);
    let rows = match id {
        Some(id) => s.query(
            "SELECT at, who, what, id FROM log WHERE id = $1 ORDER BY at DESC LIMIT $2",
            &[Value::Text(id.into()), most],
        )?,
        None => s.query("SELECT at, who, what, id FROM log ORDER BY at DESC LIMIT $1", &[most])?,
    };
    let event = |r: &super::database::Row| {
        Some(Event {
            at: integer(r, 0)?.try_into().ok()?,
            who: text(r, 1).map(str::to_string),
            what: text(r, 2)?.into(),
            id: text(r, 3)?.into(),
        })
    };
    Ok(rows.iter().filter_map(event).collect())
}
