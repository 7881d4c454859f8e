//! The statements by which entries are written and read.

use std::collections::BTreeSet;

use super::database::{Row, Session, Value, bytes, integer, optional, signed, text};
use super::{Binding, Entry, Put, RegistryError, owners, seal};
use proofmark_core::Payload;

/// The tables whose rows belong to an entry.
pub(super) const PARTS: [&str; 7] = [
    "manifests",
    "bindings",
    "labels",
    "fingerprints",
    "fingerprint_pictures",
    "sound_fingerprints",
    "stills",
];

pub(super) const COLUMNS: &str = "entries.id, payload, content, media_type, title, stamped, target";

/// An entry from the columns of [`COLUMNS`].
pub(super) fn entry(row: &Row) -> Result<Entry, String> {
    let id = text(row, 0).ok_or("an entry without an id")?.to_string();
    let wrong = |what: &str| format!("the {what} of {id} is damaged");
    Ok(Entry {
        payload: bytes(row, 1).map(|b| payload(b).ok_or_else(|| wrong("payload"))).transpose()?,
        manifest: None,
        content: bytes(row, 2)
            .and_then(|b| <[u8; 32]>::try_from(b).ok())
            .ok_or_else(|| wrong("digest"))?
            .into(),
        media_type: text(row, 3).unwrap_or_default().into(),
        title: text(row, 4).map(str::to_string),
        stamped: integer(row, 5)
            .and_then(|t| u64::try_from(t).ok())
            .ok_or_else(|| wrong("time"))?,
        labels: BTreeSet::new(),
        bindings: BTreeSet::new(),
        picture: None,
        sound: None,
        stills: None,
        target: text(row, 6).map(Into::into),
        id,
    })
}

/// Adds labels and bindings.
pub(super) fn complete(s: &mut dyn Session, entry: &mut Entry) -> Result<(), String> {
    let id = Value::Text(entry.id.clone());
    let labels = s.query("SELECT label FROM labels WHERE id = $1", std::slice::from_ref(&id))?;
    entry.labels = labels.iter().filter_map(|r| text(r, 0).map(str::to_string)).collect();
    let bindings =
        s.query("SELECT alg, value FROM bindings WHERE id = $1", std::slice::from_ref(&id))?;
    entry.bindings = bindings
        .iter()
        .filter_map(|r| Some(Binding { alg: text(r, 0)?.into(), value: bytes(r, 1)?.into() }))
        .collect();
    Ok(())
}

pub(super) fn payload(bytes: &[u8]) -> Option<Payload> {
    Payload::try_from(uuid::Uuid::from_slice(bytes).ok()?).ok()
}

pub(super) const NUL: &str = "there is a NUL character in its texts";

/// Why no database can hold an entry; `None` if they can.
pub(super) fn unfit(e: &Entry) -> Option<&'static str> {
    let target = e.target.as_ref().map(|t| t.to_string_lossy());
    let texts = [Some(e.id.as_str()), Some(&e.media_type), e.title.as_deref(), target.as_deref()];
    let mut texts = texts
        .into_iter()
        .flatten()
        .chain(e.labels.iter().map(String::as_str))
        .chain(e.bindings.iter().map(|b| b.alg.as_str()));
    if e.id.is_empty() {
        return Some("it has no id");
    }
    texts.any(|t| t.contains('\0')).then_some(NUL)
}

/// The columns of an entry, in the order of [`COLUMNS`].
pub(super) fn columns(e: &Entry) -> [Value; 7] {
    [
        Value::Text(e.id.clone()),
        e.payload.map_or(Value::Null, |p| Value::Bytes(p.as_bytes().to_vec())),
        Value::Bytes(e.content.as_bytes().to_vec()),
        Value::Text(e.media_type.clone()),
        optional(e.title.clone()),
        signed(e.stamped),
        target(e),
    ]
}

pub(super) fn target(e: &Entry) -> Value {
    optional(e.target.as_ref().map(|t| t.to_string_lossy().into_owned()))
}

/// What belongs to an entry, in the other tables.
pub(super) fn insert_parts(s: &mut dyn Session, e: &Entry) -> Result<(), String> {
    let id = || Value::Text(e.id.clone());
    if let Some(store) = &e.manifest {
        s.execute(
            "INSERT INTO manifests (id, store) VALUES ($1, $2)",
            &[id(), Value::Bytes(store.clone())],
        )?;
    }
    if let Some(picture) = &e.picture {
        s.execute(
            "INSERT INTO fingerprints (id, hashes) VALUES ($1, $2)",
            &[id(), Value::Bytes(picture.hashes())],
        )?;
        s.execute(
            "INSERT INTO fingerprint_pictures (id, pictures) VALUES ($1, $2)",
            &[id(), Value::Bytes(picture.pictures().to_vec())],
        )?;
    }
    if let Some(sound) = &e.sound {
        s.execute(
            "INSERT INTO sound_fingerprints (id, hashes) VALUES ($1, $2)",
            &[id(), Value::Bytes(sound.to_bytes())],
        )?;
    }
    if let Some(stills) = &e.stills {
        s.execute(
            "INSERT INTO stills (id, pictures) VALUES ($1, $2)",
            &[id(), Value::Bytes(stills.to_bytes())],
        )?;
    }
    for b in &e.bindings {
        bind(s, &e.id, b)?;
    }
    for label in &e.labels {
        s.execute(
            "INSERT INTO labels (id, label) VALUES ($1, $2)",
            &[id(), Value::Text(label.clone())],
        )?;
    }
    Ok(())
}

/// Puts an entry in, and notes who did.
pub(super) fn put(
    s: &mut dyn Session,
    e: &Entry,
    replace: bool,
    by: Option<&str>,
) -> Result<Put, String> {
    if !owners::may_change(s, &e.id, by)? {
        owners::note(s, by, "store-refused", &e.id)?;
        return Ok(Put::Owned);
    }
    let done = put_in(s, e, replace, by)?;
    match done {
        Put::Added | Put::Replaced => {
            owners::own(s, &e.id, by)?;
            seal::seal(s, &e.id)?;
            owners::note(s, by, if done == Put::Added { "store" } else { "replace" }, &e.id)?;
        }
        Put::Unchanged => seal::seal(s, &e.id)?,
        Put::Taken | Put::Owned => {}
    }
    Ok(done)
}

pub(super) fn put_in(
    s: &mut dyn Session,
    e: &Entry,
    replace: bool,
    by: Option<&str>,
) -> Result<Put, String> {
    let columns = columns(e);
    // Whoever else puts the same entry in is waited for here.
    let new = s.execute(
        "INSERT INTO entries (id, payload, content, media_type, title, stamped, \
        target) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &columns,
    )?;
    if new > 0 {
        return insert_parts(s, e).map(|()| Put::Added);
    }
    let id = std::slice::from_ref(&columns[0]);
    let held = s.query("SELECT content FROM entries WHERE id = $1", id)?;
    match held.first().map(|row| bytes(row, 0) == Some(e.content.as_bytes())) {
        Some(true) => {
            s.execute("UPDATE entries SET target = $1 WHERE id = $2", &[target(e), id[0].clone()])?;
            Ok(Put::Unchanged)
        }
        // Somebody else may have been first meanwhile.
        Some(false) if replace && !owners::may_change(s, &e.id, by)? => Ok(Put::Owned),
        Some(false) if replace => {
            s.execute(&format!("{RENEW} WHERE id = $1"), &columns)?;
            renew_parts(s, e).map(|()| Put::Replaced)
        }
        Some(false) | None => Ok(Put::Taken),
    }
}

/// Puts an entry in if what is under its id is still what was `seen`; whether it was.
pub(super) fn put_if(s: &mut dyn Session, e: &Entry, seen: Option<&Entry>) -> Result<bool, String> {
    let Some(seen) = seen else {
        return Ok(put(s, e, false, None)? == Put::Added);
    };
    let mut values = columns(e).to_vec();
    values.push(Value::Bytes(seen.content.as_bytes().to_vec()));
    let announced = if seen.target.is_some() { "IS NOT NULL" } else { "IS NULL" };
    // One statement, so that of several one alone finds it as it was.
    let changed = s.execute(
        &format!("{RENEW} WHERE id = $1 AND content = $8 AND target {announced}"),
        &values,
    )?;
    if changed == 0 {
        return Ok(false);
    }
    renew_parts(s, e)?;
    owners::own(s, &e.id, None)?;
    seal::seal(s, &e.id)?;
    owners::note(s, None, "replace", &e.id).map(|()| true)
}

/// Writes the columns of an entry over another's.
const RENEW: &str = "UPDATE entries SET payload = $2, content = $3, media_type = $4, title = $5, \
    stamped = $6, target = $7";

/// Puts what belongs to an entry in the place of what belonged to the one before.
fn renew_parts(s: &mut dyn Session, e: &Entry) -> Result<(), String> {
    for table in PARTS {
        s.execute(&format!("DELETE FROM {table} WHERE id = $1"), &[Value::Text(e.id.clone())])?;
    }
    insert_parts(s, e)
}

pub(super) fn refuse_nul(id: &str, binding: &Binding) -> Result<(), RegistryError> {
    if binding.alg.contains('\0') {
        return Err(RegistryError::Unfit { id: id.into(), reason: NUL });
    }
    Ok(())
}

/// Adds a binding, unless it is there already; whether there is such an entry.
pub(super) fn bind(s: &mut dyn Session, id: &str, b: &Binding) -> Result<bool, String> {
    let id = Value::Text(id.into());
    let there =
        !s.query("SELECT id FROM entries WHERE id = $1", std::slice::from_ref(&id))?.is_empty();
    if there {
        s.execute(
            "INSERT INTO bindings (alg, value, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[Value::Text(b.alg.clone()), Value::Bytes(b.value.clone()), id],
        )?;
    }
    Ok(there)
}
