//! The registry in SQL, the same for every database.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use super::{
    Announced, Binding, Change, Content, Entry, Event, Filter, Put, Registry, RegistryError,
    Remark, cases, owners, seal,
};
use proofmark_core::Payload;
use proofmark_core::Stills;
use proofmark_fingerprint::{AudioFingerprint, VideoFingerprint};

/// Each step from one version of the tables to the next: that of version n makes version n + 1.
const MIGRATIONS: [&str; 7] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
];

/// The version of the tables from which on each entry has a digest.
const SEALED: usize = 7;

/// The latest version of the tables that is known here.
pub(super) fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// One row of an answer, in the order of the columns.
pub type Row = Vec<Value>;

/// A connection inside a transaction. Statements have parameters `$1`, `$2`, …
pub trait Session {
    /// Runs a statement; the number of rows that it changed.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, String>;
    /// Runs a query.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, String>;
    /// Runs several statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), String>;
}

/// What runs in a transaction.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn Session) -> Result<(), RegistryError>;

/// A database.
pub trait Database: Debug + Send + Sync {
    /// Its type of byte strings.
    const BYTES: &'static str;
    /// Keeps others from migrating at the same time.
    const LOCK: &'static str;
    /// Where it is, without a password.
    fn location(&self) -> &str;
    /// Runs one query by itself.
    fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, RegistryError>;
    /// Runs `work` in a transaction, which is undone if it fails. A connection that broke while
    /// nobody used it is made anew.
    fn transact(&self, writes: bool, work: Work<'_>) -> Result<(), RegistryError>;
    /// Copies all of it to a new file, as it is at one moment, whoever else is at work.
    fn backup(&self, to: &Path) -> Result<(), RegistryError>;
    /// Puts such a copy in the place of all that there is.
    fn restore(&self, from: &Path) -> Result<(), RegistryError>;
    /// What the database itself says is wrong with it.
    fn integrity(&self, session: &mut dyn Session) -> Result<Vec<String>, String>;
}

/// The registry over a database.
#[derive(Debug)]
pub(super) struct SqlRegistry<D> {
    database: D,
}

impl<D: Database> SqlRegistry<D> {
    /// Brings the tables up to date.
    pub(super) fn new(database: D) -> Result<Self, RegistryError> {
        let this = Self { database };
        this.migrate(MIGRATIONS.len())?;
        Ok(this)
    }

    fn migrate(&self, to: usize) -> Result<(), RegistryError> {
        // Most openings find everything in place, and need no lock.
        let mut found = None;
        let look = self.run(false, |s| {
            let version = s.query("SELECT max(version) FROM proofmark_version", &[])?;
            found = version.first().and_then(|r| integer(r, 0));
            Ok(())
        });
        if look.is_err() || found.is_none_or(|v| (v as usize) < to) {
            self.run(true, |s| {
                s.batch(D::LOCK)?;
                s.batch("CREATE TABLE IF NOT EXISTS proofmark_version (version BIGINT NOT NULL)")?;
                let version = s
                    .query("SELECT max(version) FROM proofmark_version", &[])?
                    .first()
                    .and_then(|r| integer(r, 0))
                    .unwrap_or(0);
                found = Some(version);
                for (i, step) in MIGRATIONS[..to].iter().enumerate().skip(version.max(0) as usize) {
                    s.batch(&step.replace("BYTES", D::BYTES))?;
                    if i + 1 == SEALED {
                        seal::seal_all(s)?;
                    }
                    s.execute(
                        "INSERT INTO proofmark_version (version) VALUES ($1)",
                        &[Value::Integer(i as i64 + 1)],
                    )?;
                }
                Ok(())
            })?;
        }
        match found {
            Some(found) if found > newest() => Err(RegistryError::Newer {
                location: self.database.location().into(),
                found,
                known: newest(),
            }),
            _ => Ok(()),
        }
    }

    fn failed(&self, reason: String) -> RegistryError {
        RegistryError::Failed { location: self.database.location().into(), reason }
    }

    /// Runs `work`, whose failures are the database's.
    fn run<T: Default>(
        &self,
        writes: bool,
        mut work: impl FnMut(&mut dyn Session) -> Result<T, String>,
    ) -> Result<T, RegistryError> {
        let mut out = T::default();
        self.database.transact(writes, &mut |session| {
            out = work(session).map_err(|reason| self.failed(reason))?;
            Ok(())
        })?;
        Ok(out)
    }

    fn one(&self, condition: &str, value: &Value) -> Result<Option<Entry>, RegistryError> {
        self.run(false, |s| {
            let parts = "LEFT JOIN manifests ON manifests.id = entries.id LEFT JOIN fingerprints ON fingerprints.id = entries.id \
                         LEFT JOIN fingerprint_pictures ON fingerprint_pictures.id = entries.id \
                         LEFT JOIN sound_fingerprints ON sound_fingerprints.id = entries.id LEFT JOIN stills ON stills.id = entries.id";
            let rows = s.query(
                &format!(
                    "SELECT {COLUMNS}, store, fingerprints.hashes, fingerprint_pictures.pictures, sound_fingerprints.hashes, stills.pictures FROM entries {parts} WHERE {condition}"
                ),
                std::slice::from_ref(value),
            )?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let manifest = bytes(&row, 7).map(<[u8]>::to_vec);
            let mut entry = entry(&row)?;
            entry.manifest = manifest;
            entry.picture = bytes(&row, 8).and_then(|hashes| VideoFingerprint::from_parts(hashes, bytes(&row, 9)?.to_vec()));
            entry.sound = bytes(&row, 10).and_then(AudioFingerprint::from_bytes);
            entry.stills = bytes(&row, 11).and_then(Stills::from_bytes);
            complete(s, &mut entry)?;
            Ok(Some(entry))
        })
    }

    /// The hashes of a table, with the ids of their entries: those behind `after`, at most `most`.
    fn page<T>(
        &self,
        table: &str,
        after: Option<&str>,
        most: usize,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<(String, T)>, RegistryError> {
        let values = [Value::Text(after.unwrap_or_default().into()), signed(most as u64)];
        let rows = self.database.read(
            &format!("SELECT id, hashes FROM {table} WHERE id > $1 ORDER BY id LIMIT $2"),
            &values,
        )?;
        let one = |r: &Row| {
            text(r, 0)
                .zip(bytes(r, 1))
                .and_then(|(id, hashes)| Some((id.to_string(), read(hashes)?)))
        };
        rows.iter()
            .map(|r| one(r).ok_or_else(|| self.failed("a fingerprint is damaged".into())))
            .collect()
    }
}

/// The tables whose rows belong to an entry.
const PARTS: [&str; 7] = [
    "manifests",
    "bindings",
    "labels",
    "fingerprints",
    "fingerprint_pictures",
    "sound_fingerprints",
    "stills",
];

const COLUMNS: &str = "entries.id, payload, content, media_type, title, stamped, target";

/// An entry from the columns of [`COLUMNS`].
fn entry(row: &Row) -> Result<Entry, String> {
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
fn complete(s: &mut dyn Session, entry: &mut Entry) -> Result<(), String> {
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

pub(super) fn integer(row: &Row, i: usize) -> Option<i64> {
    match row.get(i) {
        Some(Value::Integer(v)) => Some(*v),
        _ => None,
    }
}

pub(super) fn text(row: &Row, i: usize) -> Option<&str> {
    match row.get(i) {
        Some(Value::Text(v)) => Some(v),
        _ => None,
    }
}

pub(super) fn bytes(row: &Row, i: usize) -> Option<&[u8]> {
    match row.get(i) {
        Some(Value::Bytes(v)) => Some(v),
        _ => None,
    }
}

fn payload(bytes: &[u8]) -> Option<Payload> {
    Payload::try_from(uuid::Uuid::from_slice(bytes).ok()?).ok()
}

pub(super) fn optional(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

/// Seconds, or a number of rows, as the databases count.
pub(super) fn signed(n: u64) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

const NUL: &str = "there is a NUL character in its texts";

/// Why no database can hold an entry; `None` if they can.
fn unfit(e: &Entry) -> Option<&'static str> {
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
fn columns(e: &Entry) -> [Value; 7] {
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

fn target(e: &Entry) -> Value {
    optional(e.target.as_ref().map(|t| t.to_string_lossy().into_owned()))
}

/// What belongs to an entry, in the other tables.
fn insert_parts(s: &mut dyn Session, e: &Entry) -> Result<(), String> {
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
fn put(s: &mut dyn Session, e: &Entry, replace: bool, by: Option<&str>) -> Result<Put, String> {
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

fn put_in(s: &mut dyn Session, e: &Entry, replace: bool, by: Option<&str>) -> Result<Put, String> {
    let columns = columns(e);
    // Whoever else puts the same entry in is waited for here.
    let new = s.execute("INSERT INTO entries (id, payload, content, media_type, title, stamped, target) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING", &columns)?;
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
            s.execute("UPDATE entries SET payload = $2, content = $3, media_type = $4, title = $5, stamped = $6, target = $7 WHERE id = $1", &columns)?;
            for table in PARTS {
                s.execute(&format!("DELETE FROM {table} WHERE id = $1"), id)?;
            }
            insert_parts(s, e).map(|()| Put::Replaced)
        }
        Some(false) | None => Ok(Put::Taken),
    }
}

fn refuse_nul(id: &str, binding: &Binding) -> Result<(), RegistryError> {
    if binding.alg.contains('\0') {
        return Err(RegistryError::Unfit { id: id.into(), reason: NUL });
    }
    Ok(())
}

/// Adds a binding, unless it is there already; whether there is such an entry.
fn bind(s: &mut dyn Session, id: &str, b: &Binding) -> Result<bool, String> {
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

impl<D: Database> Registry for SqlRegistry<D> {
    fn location(&self) -> &str {
        self.database.location()
    }

    fn put_all_by(
        &self,
        entries: &[Entry],
        replace: bool,
        by: Option<&str>,
    ) -> Result<Vec<Put>, RegistryError> {
        if let Some((e, reason)) = entries.iter().find_map(|e| Some((e, unfit(e)?))) {
            return Err(RegistryError::Unfit { id: e.id.clone(), reason });
        }
        self.run(true, |s| entries.iter().map(|e| put(s, e, replace, by)).collect())
    }

    fn confirm(&self, id: &str) -> Result<(), RegistryError> {
        self.run(true, |s| {
            s.execute("UPDATE entries SET target = NULL WHERE id = $1", &[Value::Text(id.into())])?;
            seal::seal(s, id)
        })
    }

    fn announced(&self) -> Result<Vec<Announced>, RegistryError> {
        self.run(false, |s| {
            let rows = s.query(&format!("SELECT {COLUMNS} FROM entries WHERE target IS NOT NULL ORDER BY stamped, entries.id"), &[])?;
            let entries = rows.iter().map(entry).collect::<Result<Vec<Entry>, String>>()?;
            Ok(entries.into_iter().filter_map(|e| Some(Announced { target: e.target?, id: e.id, content: e.content, stamped: e.stamped })).collect())
        })
    }

    fn by_id(&self, id: &str) -> Result<Option<Entry>, RegistryError> {
        self.one("entries.id = $1", &Value::Text(id.into()))
    }

    fn by_payload(&self, payload: Payload) -> Result<Option<Entry>, RegistryError> {
        self.one("payload = $1", &Value::Bytes(payload.as_bytes().to_vec()))
    }

    fn by_binding(
        &self,
        alg: Option<&str>,
        value: &[u8],
        most: usize,
    ) -> Result<Vec<String>, RegistryError> {
        let value = Value::Bytes(value.to_vec());
        let most = signed(most as u64);
        let rows = match alg {
            Some(alg) => self.database.read(
                "SELECT id FROM bindings WHERE alg = $1 AND value = $2 ORDER BY id LIMIT $3",
                &[Value::Text(alg.into()), value, most],
            )?,
            None => self.database.read(
                "SELECT DISTINCT id FROM bindings WHERE value = $1 ORDER BY id LIMIT $2",
                &[value, most],
            )?,
        };
        Ok(rows.iter().filter_map(|r| text(r, 0).map(str::to_string)).collect())
    }

    fn bind_by(
        &self,
        id: &str,
        binding: &Binding,
        by: Option<&str>,
    ) -> Result<Change, RegistryError> {
        refuse_nul(id, binding)?;
        self.run(true, |s| {
            if !bind(s, id, binding)? {
                return Ok(Change::Absent);
            }
            seal::seal(s, id)?;
            owners::note(s, by, "bind", id).map(|()| Change::Done)
        })
    }

    fn rebind_by(
        &self,
        id: &str,
        binding: &Binding,
        by: Option<&str>,
    ) -> Result<Change, RegistryError> {
        refuse_nul(id, binding)?;
        let of = [Value::Text(binding.alg.clone()), Value::Bytes(binding.value.clone())];
        self.run(true, |s| {
            let led = s.query("SELECT id FROM bindings WHERE alg = $1 AND value = $2", &of)?;
            if led.is_empty()
                || s.query("SELECT id FROM entries WHERE id = $1", &[Value::Text(id.into())])?
                    .is_empty()
            {
                return Ok(Change::Absent);
            }
            for other in led.iter().filter_map(|r| text(r, 0)).filter(|other| *other != id) {
                if !owners::may_change(s, other, by)? {
                    owners::note(s, by, "rebind-refused", other)?;
                    return Ok(Change::Refused);
                }
            }
            s.execute("DELETE FROM bindings WHERE alg = $1 AND value = $2", &of)?;
            bind(s, id, binding)?;
            led.iter()
                .filter_map(|r| text(r, 0))
                .chain([id])
                .try_for_each(|changed| seal::seal(s, changed))?;
            owners::note(s, by, "rebind", id).map(|()| Change::Done)
        })
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Entry>, RegistryError> {
        let mut values = Vec::new();
        let mut conditions = Vec::new();
        let mut parameter = |value| {
            values.push(value);
            format!("${}", values.len())
        };
        if let Some(label) = &filter.label {
            conditions.push(format!(
                "entries.id IN (SELECT id FROM labels WHERE label = {})",
                parameter(Value::Text(label.clone()))
            ));
        }
        if let Some(since) = filter.since {
            conditions.push(format!("stamped >= {}", parameter(signed(since))));
        }
        if let Some((stamped, id)) = &filter.after {
            conditions.push(format!(
                "(stamped, entries.id) < ({}, {})",
                parameter(signed(*stamped)),
                parameter(Value::Text(id.clone()))
            ));
        }
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", conditions.join(" AND "))
        };
        let most = parameter(signed(filter.most as u64));
        let sql = format!(
            "SELECT {COLUMNS} FROM entries {condition} ORDER BY stamped DESC, entries.id DESC LIMIT {most}"
        );
        self.run(false, |s| {
            let mut entries = s
                .query(&sql, &values)?
                .iter()
                .map(entry)
                .collect::<Result<Vec<Entry>, String>>()?;
            entries.iter_mut().try_for_each(|e| complete(s, e))?;
            Ok(entries)
        })
    }

    fn payloads(&self, most: usize) -> Result<Vec<Payload>, RegistryError> {
        let rows = self.database.read("SELECT payload FROM entries WHERE payload IS NOT NULL ORDER BY stamped DESC, id DESC LIMIT $1", &[signed(most as u64)])?;
        Ok(rows.iter().filter_map(|r| payload(bytes(r, 0)?)).collect())
    }

    fn looks(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, VideoFingerprint)>, RegistryError> {
        self.page("fingerprints", after, most, |hashes| {
            VideoFingerprint::from_parts(hashes, Vec::new())
        })
    }

    fn sounds(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, AudioFingerprint)>, RegistryError> {
        self.page("sound_fingerprints", after, most, AudioFingerprint::from_bytes)
    }

    fn count(&self) -> Result<u64, RegistryError> {
        Ok(self
            .database
            .read("SELECT count(*) FROM entries", &[])?
            .first()
            .and_then(|r| integer(r, 0))
            .unwrap_or(0) as u64)
    }

    fn delete_by(&self, id: &str, by: Option<&str>) -> Result<Change, RegistryError> {
        self.run(true, |s| {
            if s.query("SELECT id FROM entries WHERE id = $1", &[Value::Text(id.into())])?
                .is_empty()
            {
                return Ok(Change::Absent);
            }
            if !owners::may_change(s, id, by)? {
                return owners::note(s, by, "delete-refused", id).map(|()| Change::Refused);
            }
            s.execute("DELETE FROM entries WHERE id = $1", &[Value::Text(id.into())])?;
            owners::bury(s, id)?;
            owners::note(s, by, "delete", id).map(|()| Change::Done)
        })
    }

    fn find(&self, words: &str, most: usize) -> Result<Vec<Entry>, RegistryError> {
        let words = words.trim();
        let payload = words
            .strip_prefix("urn:c2pa:")
            .unwrap_or(words)
            .parse::<Payload>()
            .ok()
            .map(|p| p.as_bytes().to_vec());
        let content = words.parse::<Content>().ok().map(|c| c.as_bytes().to_vec());
        let (column, value) = match (payload, content) {
            (Some(payload), _) => ("payload = $1", Value::Bytes(payload)),
            (_, Some(content)) => ("content = $1", Value::Bytes(content)),
            // Signs that stand for others stand for themselves here.
            _ => {
                let plain: String = words
                    .to_lowercase()
                    .chars()
                    .flat_map(|c| "%_\\".contains(c).then_some('\\').into_iter().chain([c]))
                    .collect();
                let labelled = "EXISTS (SELECT 1 FROM labels WHERE labels.id = entries.id AND lower(label) LIKE $1 ESCAPE '\\')";
                (
                    &*format!("lower(title) LIKE $1 ESCAPE '\\' OR {labelled}"),
                    Value::Text(format!("%{plain}%")),
                )
            }
        };
        if words.is_empty() || words.contains('\0') {
            return Ok(Vec::new());
        }
        self.run(false, |s| {
            let rows = s.query(&format!("SELECT {COLUMNS} FROM entries WHERE {column} ORDER BY stamped DESC, entries.id LIMIT $2"), &[value.clone(), signed(most as u64)])?;
            let mut entries = rows.iter().map(entry).collect::<Result<Vec<Entry>, String>>()?;
            entries.iter_mut().try_for_each(|e| complete(s, e))?;
            Ok(entries)
        })
    }

    fn remark(&self, remark: &Remark) -> Result<(), RegistryError> {
        match self.run(true, |s| cases::add(s, remark))? {
            None => Ok(()),
            Some(reason) => Err(RegistryError::Unfit { id: remark.content.to_string(), reason }),
        }
    }

    fn remarks(&self, content: &Content) -> Result<Vec<Remark>, RegistryError> {
        self.run(false, |s| cases::of(s, content))
    }

    fn cases(&self, label: Option<&str>, most: usize) -> Result<Vec<Remark>, RegistryError> {
        self.run(false, |s| cases::latest(s, label, most))
    }

    fn log(&self, id: Option<&str>, most: usize) -> Result<Vec<Event>, RegistryError> {
        self.run(false, |s| owners::log(s, id, most))
    }

    fn integrity(&self) -> Result<Vec<String>, RegistryError> {
        self.run(false, |s| {
            let mut wrong = self.database.integrity(s)?;
            // Where pages are damaged, the database has said so by now.
            wrong.extend(seal::broken(s).unwrap_or_else(|e| vec![e]));
            Ok(wrong)
        })
    }

    fn backup(&self, to: &Path) -> Result<(), RegistryError> {
        self.database.backup(to)
    }

    fn restore(&self, from: &Path) -> Result<(), RegistryError> {
        self.database.restore(from)?;
        // It may be of an older version.
        self.migrate(MIGRATIONS.len())
    }
}
