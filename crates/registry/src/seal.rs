//! A digest of all that is stored of an entry: what a disk, or a hand in the database, changed
//! since is noticed by `registry check`.

use ring::digest::{Context, SHA256};

use super::database::{Session, Value, bytes, text};

/// What is stored of an entry, in all tables: every row, in an order of its own.
const STORED: [&str; 8] = [
    "SELECT id, payload, content, media_type, title, stamped, target FROM entries WHERE id = $1",
    "SELECT store FROM manifests WHERE id = $1",
    "SELECT alg, value FROM bindings WHERE id = $1 ORDER BY alg, value",
    "SELECT label FROM labels WHERE id = $1 ORDER BY label",
    "SELECT hashes FROM fingerprints WHERE id = $1",
    "SELECT pictures FROM fingerprint_pictures WHERE id = $1",
    "SELECT hashes FROM sound_fingerprints WHERE id = $1",
    "SELECT pictures FROM stills WHERE id = $1",
];

fn digest(s: &mut dyn Session, id: &Value) -> Result<Vec<u8>, String> {
    let mut context = Context::new(&SHA256);
    let mut add = |kind: u8, bytes: &[u8]| {
        context.update(&[kind]);
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    for (table, query) in STORED.iter().enumerate() {
        let mut rows = s.query(query, std::slice::from_ref(id))?;
        // Databases need not agree on what comes first.
        rows.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
        for row in rows {
            add(b'r', &[table as u8]);
            for value in row {
                match value {
                    Value::Null => add(b'n', &[]),
                    Value::Integer(n) => add(b'i', &n.to_be_bytes()),
                    Value::Text(text) => add(b't', text.as_bytes()),
                    Value::Bytes(bytes) => add(b'b', &bytes),
                }
            }
        }
    }
    Ok(context.finish().as_ref().to_vec())
}

/// Takes down what is stored of an entry now, if it is there.
pub(super) fn seal(s: &mut dyn Session, id: &str) -> Result<(), String> {
    let id = Value::Text(id.into());
    s.execute("DELETE FROM digests WHERE id = $1", std::slice::from_ref(&id))?;
    let digest = Value::Bytes(digest(s, &id)?);
    s.execute(
        "INSERT INTO digests (id, digest) SELECT id, $2 FROM entries WHERE id = $1",
        &[id, digest],
    )
    .map(|_| ())
}

/// Takes down what is stored of all entries: of those that were put in before there were digests.
pub(super) fn seal_all(s: &mut dyn Session) -> Result<(), String> {
    for row in s.query("SELECT id FROM entries", &[])? {
        text(&row, 0).map_or(Ok(()), |id| seal(s, id))?;
    }
    Ok(())
}

/// What is not stored as it was put in, in a sentence each.
pub(super) fn broken(s: &mut dyn Session) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    for row in s.query(
        "SELECT entries.id, digest FROM entries LEFT JOIN digests ON digests.id = \
        entries.id ORDER BY entries.id",
        &[],
    )? {
        let Some(id) = text(&row, 0) else {
            wrong.push("there is an entry without an id".into());
            continue;
        };
        match bytes(&row, 1) {
            None => wrong.push(format!("of {id} there is no digest")),
            Some(kept) if kept != digest(s, &Value::Text(id.into()))? => wrong.push(format!(
                "what \
                is stored of {id} is not what was put in"
            )),
            Some(_) => {}
        }
    }
    Ok(wrong)
}
