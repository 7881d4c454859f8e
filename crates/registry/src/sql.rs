//! The registry in SQL, the same for every database.

use std::fmt::Debug;
use std::path::Path;

use super::database::{Database, Row, Session, Value, bytes, integer, signed, text};
use super::statements::{COLUMNS, bind, complete, entry, payload, put, put_if, refuse_nul, unfit};
use super::{
    Announced, Binding, Change, Content, Entry, Event, Filter, Put, Registry, RegistryError,
    Remark, cases, owners, seal,
};
use proofmark_core::{Payload, Stills};
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
    fn run<T: Default + Send>(
        &self,
        writes: bool,
        mut work: impl FnMut(&mut dyn Session) -> Result<T, String> + Send,
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
            let parts = "LEFT JOIN manifests ON manifests.id = entries.id LEFT JOIN fingerprints \
                ON fingerprints.id = entries.id LEFT JOIN fingerprint_pictures ON \
                fingerprint_pictures.id = entries.id LEFT JOIN sound_fingerprints ON \
                sound_fingerprints.id = entries.id LEFT JOIN stills ON stills.id = entries.id";
            let rows = s.query(
                &format!(
                    "SELECT {COLUMNS}, store, fingerprints.hashes, fingerprint_pictures.pictures, \
                    sound_fingerprints.hashes, stills.pictures FROM entries {parts} WHERE \
                    {condition}"
                ),
                std::slice::from_ref(value),
            )?;
            let Some(row) = rows.into_iter().next() else { return Ok(None) };
            let manifest = bytes(&row, 7).map(<[u8]>::to_vec);
            let mut entry = entry(&row)?;
            entry.manifest = manifest;
            entry.picture = bytes(&row, 8)
                .and_then(|hashes| VideoFingerprint::from_parts(hashes, bytes(&row, 9)?.to_vec()));
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

    fn put_if(&self, entry: &Entry, seen: Option<&Entry>) -> Result<bool, RegistryError> {
        if let Some(reason) = unfit(entry) {
            return Err(RegistryError::Unfit { id: entry.id.clone(), reason });
        }
        self.run(true, |s| put_if(s, entry, seen))
    }

    fn confirm(&self, id: &str) -> Result<(), RegistryError> {
        self.run(true, |s| {
            s.execute("UPDATE entries SET target = NULL WHERE id = $1", &[Value::Text(id.into())])?;
            seal::seal(s, id)
        })
    }

    fn announced(&self) -> Result<Vec<Announced>, RegistryError> {
        self.run(false, |s| {
            let rows = s.query(
                &format!(
                    "SELECT {COLUMNS} FROM entries WHERE target IS NOT NULL \
                ORDER BY stamped, entries.id"
                ),
                &[],
            )?;
            let entries = rows.iter().map(entry).collect::<Result<Vec<Entry>, String>>()?;
            Ok(entries
                .into_iter()
                .filter_map(|e| {
                    Some(Announced {
                        target: e.target?,
                        id: e.id,
                        content: e.content,
                        stamped: e.stamped,
                    })
                })
                .collect())
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
            "SELECT {COLUMNS} FROM entries {condition} ORDER BY stamped DESC, entries.id DESC \
            LIMIT {most}"
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
        let rows = self.database.read(
            "SELECT payload FROM entries WHERE payload IS NOT NULL \
            ORDER BY stamped DESC, id DESC LIMIT $1",
            &[signed(most as u64)],
        )?;
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
        let payload = words.parse::<Payload>().ok().map(|p| p.as_bytes().to_vec());
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
                let labelled = "EXISTS (SELECT 1 FROM labels WHERE labels.id = entries.id AND \
                    lower(label) LIKE $1 ESCAPE '\\')";
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
            let rows = s.query(
                &format!(
                    "SELECT {COLUMNS} FROM entries WHERE {column} ORDER BY \
                stamped DESC, entries.id LIMIT $2"
                ),
                &[value.clone(), signed(most as u64)],
            )?;
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
