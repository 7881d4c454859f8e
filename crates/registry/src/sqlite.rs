//! SQLite: the registry of one machine, a file in the home.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, TransactionBehavior, params_from_iter};

use super::RegistryError;
use super::database::{Database, Row, Session, Value, Work};
use super::sql::newest;

/// How long a statement waits for another process to finish its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between attempts at what SQLite does not wait for by itself.
const PAUSE: Duration = Duration::from_millis(5);

/// An open file.
#[derive(Debug)]
pub(super) struct Sqlite {
    location: String,
    connection: Mutex<Connection>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, RegistryError> {
        let location = path.display().to_string();
        // A new one is as open as the user's umask says; SQLite would let nobody else write.
        let _ = File::options().write(true).create_new(true).open(path);
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(PATIENCE)?;
            // Readers and a writer at once; an entry that was confirmed is on the disk. Of others
            // who open a new file at the same moment this takes the word "busy" at once, whatever
            // the time-out.
            let begun = Instant::now();
            while let Err(e) = connection.pragma_update(None, "journal_mode", "WAL") {
                if e.sqlite_error_code() != Some(ErrorCode::DatabaseBusy)
                    || begun.elapsed() > PATIENCE
                {
                    return Err(e);
                }
                std::thread::sleep(PAUSE);
            }
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            lower_everything(&connection)?;
            Ok(connection)
        };
        // Who may only read can still verify.
        let connection = open().or_else(|e| reading(path).map_err(|_| e));
        let connection = connection.map_err(|e| RegistryError::Open {
            location: location.clone(),
            reason: format!("{e}; check the path, its permissions and the free space"),
        })?;
        Ok(Self { location, connection: Mutex::new(connection) })
    }
}

/// SQLite's own `lower` knows the letters of ASCII alone.
fn lower_everything(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("lower", 1, flags, |all| {
        Ok(all.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })
}

/// Opens a file that is there, to be read and no more.
fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let log = path.with_extension(
        path.extension().map_or_else(|| "-wal".into(), |e| format!("{}-wal", e.to_string_lossy())),
    );
    let connection = if log.exists() {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    } else {
        // Nobody writes, and what readers and writers share cannot be made here: SQLite reads such
        // a file if it is promised to stay as it is.
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(b);
        let name: String = path
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02x}") })
            .collect();
        Connection::open_with_flags(
            format!("file:{name}?immutable=1"),
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        )?
    };
    connection.busy_timeout(PATIENCE)?;
    lower_everything(&connection)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

impl Database for Sqlite {
    const BYTES: &'static str = "BLOB";
    // A transaction that writes holds the only lock there is.
    const LOCK: &'static str = "";

    fn location(&self) -> &str {
        &self.location
    }

    fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, RegistryError> {
        let mut rows = Vec::new();
        self.transact(false, &mut |session| {
            rows = session.query(sql, values).map_err(|reason| RegistryError::Failed {
                location: self.location.clone(),
                reason,
            })?;
            Ok(())
        })?;
        Ok(rows)
    }

    fn transact(&self, writes: bool, work: Work<'_>) -> Result<(), RegistryError> {
        let failed = |e: rusqlite::Error| RegistryError::Failed {
            location: self.location.clone(),
            reason: e.to_string(),
        };
        // What panicked has undone its transaction.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let behaviour =
            if writes { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        let mut transaction = connection.transaction_with_behavior(behaviour).map_err(failed)?;
        work(&mut transaction)?;
        transaction.commit().map_err(failed)
    }

    fn backup(&self, to: &Path) -> Result<(), RegistryError> {
        let copy = || -> rusqlite::Result<()> {
            // Of its own, so that this process goes on meanwhile: a reader holds up nobody.
            let from =
                Connection::open_with_flags(&self.location, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            from.busy_timeout(PATIENCE)?;
            let mut to = Connection::open(to)?;
            // In one step, which sees one moment.
            Backup::new(&from, &mut to)?.step(-1)?;
            // One file, without a log beside it.
            to.pragma_update(None, "journal_mode", "DELETE")
        };
        copy().map_err(|e| RegistryError::Failed {
            location: self.location.clone(),
            reason: format!("it cannot be copied to {}: {e}", to.display()),
        })
    }

    fn restore(&self, from: &Path) -> Result<(), RegistryError> {
        let unfit = |reason: String| RegistryError::NoBackup { path: from.into(), reason };
        let source = reading(from).map_err(|e| unfit(e.to_string()))?;
        let told = |sql: &str| {
            source
                .query_row(sql, [], |r| r.get::<_, rusqlite::types::Value>(0))
                .map_err(|e| unfit(e.to_string()))
        };
        match (told("PRAGMA integrity_check")?, told("SELECT max(version) FROM proofmark_version")?)
        {
            (rusqlite::types::Value::Text(ok), _) if ok != "ok" => return Err(unfit(ok)),
            (_, rusqlite::types::Value::Integer(version)) if version <= newest() => {}
            (_, rusqlite::types::Value::Integer(version)) => {
                return Err(unfit(format!(
                    "it is of version {version}, and this program knows those up to {}; update it",
                    newest()
                )));
            }
            _ => return Err(unfit("it holds no entries of ours".into())),
        }
        let mut own = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        let failed = |e: rusqlite::Error| RegistryError::Failed {
            location: self.location.clone(),
            reason: e.to_string(),
        };
        let backup = Backup::new(&source, &mut own).map_err(failed)?;
        loop {
            match backup.step(-1).map_err(failed)? {
                StepResult::Done => return Ok(()),
                // Somebody reads or writes: it takes the whole file for a moment.
                _ if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                _ => {
                    return Err(RegistryError::Failed {
                        location: self.location.clone(),
                        reason: "others are at work in it all the time; stop them, and try again"
                            .into(),
                    });
                }
            }
        }
    }

    fn integrity(&self, session: &mut dyn Session) -> Result<Vec<String>, String> {
        let mut wrong: Vec<String> = session
            .query("PRAGMA integrity_check", &[])?
            .into_iter()
            .flatten()
            .filter_map(|v| if let Value::Text(t) = v { Some(t) } else { None })
            .collect();
        wrong.retain(|line| line != "ok");
        let orphans = session.query("PRAGMA foreign_key_check", &[])?.len();
        wrong.extend(
            (orphans > 0).then(|| format!("{orphans} rows belong to entries that are not there")),
        );
        Ok(wrong)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Null => Null.to_sql().map(|_| ToSqlOutput::Borrowed(ValueRef::Null)),
            Self::Integer(v) => v.to_sql(),
            Self::Text(v) => v.to_sql(),
            Self::Bytes(v) => v.to_sql(),
        }
    }
}

/// A statement whose parameters are numbered as SQLite writes it.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

impl Session for rusqlite::Transaction<'_> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, String> {
        let run = || -> rusqlite::Result<usize> {
            self.prepare_cached(&numbered(sql))?.execute(params_from_iter(values))
        };
        run().map(|n| n as u64).map_err(|e| e.to_string())
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, String> {
        let run = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.prepare_cached(&numbered(sql))?;
            let columns = statement.column_count();
            let mut rows = statement.query(params_from_iter(values))?;
            let mut out = Vec::new();
            while let Some(row) = rows.next()? {
                let value = |i| -> rusqlite::Result<Value> {
                    Ok(match row.get_ref(i)? {
                        ValueRef::Integer(v) => Value::Integer(v),
                        ValueRef::Text(v) => Value::Text(String::from_utf8_lossy(v).into_owned()),
                        ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
                        ValueRef::Null | ValueRef::Real(_) => Value::Null,
                    })
                };
                out.push((0..columns).map(value).collect::<rusqlite::Result<Row>>()?);
            }
            Ok(out)
        };
        run().map_err(|e| e.to_string())
    }

    fn batch(&mut self, sql: &str) -> Result<(), String> {
        self.execute_batch(sql).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_only_read_reads() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a registry, 100 % ours?.db");
        assert!(reading(&path).is_err(), "it makes none");
        let writer = Sqlite::open(&path).unwrap();
        writer
            .transact(true, &mut |s| {
                s.batch("CREATE TABLE t (v BIGINT); INSERT INTO t VALUES (7)")
                    .map_err(|reason| RegistryError::Failed { location: String::new(), reason })
            })
            .unwrap();
        let seven =
            |c: &Connection| c.query_row("SELECT v FROM t", [], |r| r.get::<_, i64>(0)).unwrap();
        // Beside one who writes, and alone.
        assert_eq!(seven(&reading(&path).unwrap()), 7);
        drop(writer);
        let alone = reading(&path).unwrap();
        assert_eq!(seven(&alone), 7);
        assert!(alone.execute("INSERT INTO t VALUES (8)", []).is_err());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
