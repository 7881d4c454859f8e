//! PostgreSQL: the registry of a fleet.

use std::collections::{HashMap, VecDeque};
use std::error::Error as _;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postgres::config::SslMode;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, GenericClient, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::RegistryError;
use super::database::{Database, Row, Session, Value, Work};

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may be dead before that is found out.
const SILENCE: Duration = Duration::from_secs(30);

/// Connections at once: a server has some hundred for everyone, and with eight on a machine of two
/// cores the slowest hundredth of the answers took 60 ms, not 2.
const CONNECTIONS: usize = 4;

/// Connections to a server, made when they are needed.
pub(super) struct Postgres {
    location: String,
    config: Config,
    pool: Mutex<Pool>,
}

/// Those that nobody uses now, how many there are in all, and who waits for one: each gets the next
/// that comes back, so that nobody waits for long.
#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
    waiting: VecDeque<SyncSender<Option<Connection>>>,
}

/// A connection, and the statements that it has prepared.
struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

/// A connection that goes back to the pool when it is dropped.
struct Lent<'a> {
    of: &'a Postgres,
    connection: Option<Connection>,
}

impl Lent<'_> {
    fn get(&mut self) -> Result<&mut Connection, RegistryError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                Ok(none
                    .insert(Connection { client: self.of.client()?, statements: HashMap::new() }))
            }
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.of.pool();
        if self.connection.is_none() {
            // What broke this one has broken the others.
            pool.open -= pool.idle.len();
            pool.idle.clear();
        }
        match (pool.waiting.pop_front(), self.connection.take()) {
            // Who waits has the place now.
            (Some(next), connection) => drop(next.send(connection)),
            (None, Some(connection)) => pool.idle.push(connection),
            (None, None) => pool.open -= 1,
        }
    }
}

/// Runs `work` where it may wait: on a thread of its own if this one belongs to a caller's
/// asynchronous runtime, in which a connection, which has a small one inside, can neither be used
/// nor dropped.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if tokio::runtime::Handle::try_current().is_err() {
        return work();
    }
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut self.pool().idle);
        apart(|| drop(idle));
    }
}

/// Without the password.
impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postgres({})", self.location)
    }
}

impl Postgres {
    pub(super) fn connect(url: &str) -> Result<Self, RegistryError> {
        let location = without_password(url);
        let mut config: Config = url.parse().map_err(|e: postgres::Error| RegistryError::Open {
            location: location.clone(),
            reason: format!(
                "{}; write it like postgres://user:password@host:5432/database",
                told(&e)
            ),
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            // A server that is gone without a word is not waited for.
            config
                .tcp_user_timeout(SILENCE)
                .keepalives_idle(SILENCE / 2)
                .keepalives_interval(SILENCE / 6);
        }
        let this = Self { location, config, pool: Mutex::default() };
        apart(|| this.lend().get().map(|_| ()))?;
        Ok(this)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` with a connection of its own. If it fails before it says that it has begun, and
    /// the connection is broken, it runs again with a new one: a server that was started anew has
    /// forgotten us.
    fn with<T: Send>(
        &self,
        mut work: impl FnMut(&mut Connection, &mut bool) -> Result<T, RegistryError> + Send,
    ) -> Result<T, RegistryError> {
        apart(|| {
            let mut lent = self.lend();
            let mut begun = false;
            let connection = lent.get()?;
            let first = work(connection, &mut begun);
            if first.is_ok() || connection.client.is_valid(PATIENCE).is_ok() {
                return first;
            }
            lent.connection = None;
            if begun { first } else { work(lent.get()?, &mut begun) }
        })
    }

    /// A place among the connections, with one in it if one is idle.
    fn lend(&self) -> Lent<'_> {
        let mut pool = self.pool();
        let connection = pool.idle.pop();
        if connection.is_none() && pool.open == CONNECTIONS {
            let (give, take) = sync_channel(1);
            pool.waiting.push_back(give);
            drop(pool);
            return Lent { of: self, connection: take.recv().unwrap_or_default() };
        }
        pool.open += usize::from(connection.is_none());
        Lent { of: self, connection }
    }

    fn failed(&self, reason: String) -> RegistryError {
        RegistryError::Failed { location: self.location.clone(), reason }
    }

    fn client(&self) -> Result<Client, RegistryError> {
        let open = |reason: String| RegistryError::Open { location: self.location.clone(), reason };
        let refused = |e: postgres::Error| {
            open(format!(
                "{}; check that the server runs, and the name, user and password",
                told(&e)
            ))
        };
        match self.config.get_ssl_mode() {
            SslMode::Disable => self.config.connect(NoTls).map_err(refused),
            mode => match MakeRustlsConnect::with_native_certs() {
                Ok((tls, _)) => self.config.connect(tls).map_err(refused),
                // Without any authority to trust, a connection that need not be encrypted is not.
                Err(_) if mode == SslMode::Prefer => self.config.connect(NoTls).map_err(refused),
                Err(_) => Err(open(
                    "an encrypted connection is asked for, and this machine has no \
                    certificates to check it with; install ca-certificates"
                        .into(),
                )),
            },
        }
    }
}

impl Database for Postgres {
    const BYTES: &'static str = "BYTEA";
    const LOCK: &'static str = "SELECT pg_advisory_xact_lock(8090338145920381)";

    fn location(&self) -> &str {
        &self.location
    }

    fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, RegistryError> {
        self.with(|c, _| {
            Prepared { client: &mut c.client, statements: &mut c.statements }
                .query(sql, values)
                .map_err(|reason| self.failed(reason))
        })
    }

    fn transact(&self, _writes: bool, work: Work<'_>) -> Result<(), RegistryError> {
        let failed = |e: postgres::Error| self.failed(told(&e));
        self.with(|c, begun| {
            let mut transaction = c.client.transaction().map_err(failed)?;
            *begun = true;
            work(&mut Prepared { client: &mut transaction, statements: &mut c.statements })?;
            transaction.commit().map_err(failed)
        })
    }

    fn backup(&self, _: &Path) -> Result<(), RegistryError> {
        Err(RegistryError::Elsewhere { location: self.location().into() })
    }

    fn restore(&self, from: &Path) -> Result<(), RegistryError> {
        self.backup(from)
    }

    fn integrity(&self, session: &mut dyn Session) -> Result<Vec<String>, String> {
        // The server checks its own pages and keys; what it cannot know is whether our tables are
        // all there.
        let tables = session.query(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = \
                current_schema() AND table_name IN ('entries', 'manifests', 'bindings', 'labels', \
                'fingerprints', 'fingerprint_pictures')",
            &[],
        )?;
        let count = tables
            .first()
            .and_then(|r| if let Some(Value::Integer(n)) = r.first() { Some(*n) } else { None })
            .unwrap_or(0);
        Ok((count != 6).then(|| format!("{count} of 6 tables are there")).into_iter().collect())
    }
}

/// An error with its cause: the outer one alone says "db error".
fn told(e: &postgres::Error) -> String {
    match (e.as_db_error(), e.source()) {
        (Some(db), _) => db.message().to_string(),
        (None, Some(source)) => format!("{e}: {source}"),
        (None, None) => e.to_string(),
    }
}

/// A URL without the password in it.
fn without_password(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return "postgres".into() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default())
        }
        None => url.to_string(),
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(v) => v.to_sql(ty, out),
            Self::Text(v) => v.to_sql(ty, out),
            Self::Bytes(v) => v.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Integer),
            Type::BYTEA => <&[u8]>::from_sql(ty, raw).map(|b| Self::Bytes(b.to_vec())),
            _ => String::from_sql(ty, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA | Type::VARCHAR | Type::NAME)
    }
}

/// Whether a value is asked for that no row can hold: the server takes no NUL in a text, and no
/// entry with one gets this far.
fn unheard_of(value: &Value) -> bool {
    matches!(value, Value::Text(t) if t.contains('\0'))
}

/// A client or a transaction, with the statements that its connection has prepared.
struct Prepared<'a, C> {
    client: &'a mut C,
    statements: &'a mut HashMap<String, Statement>,
}

impl<C: GenericClient> Prepared<'_, C> {
    fn run<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        work: impl FnOnce(&mut C, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, postgres::Error>,
    ) -> Result<T, String> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => self.client.prepare(sql).map_err(|e| told(&e))?,
        };
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        match work(self.client, &statement, &values) {
            Ok(out) => {
                self.statements.insert(sql.into(), statement);
                Ok(out)
            }
            Err(e) => {
                // Its plan may have been for tables that are others by now.
                self.statements.remove(sql);
                Err(told(&e))
            }
        }
    }
}

impl<C: GenericClient> Session for Prepared<'_, C> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, String> {
        if values.iter().any(unheard_of) {
            return Ok(0);
        }
        self.run(sql, values, |client, statement, values| client.execute(statement, values))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, String> {
        if values.iter().any(unheard_of) {
            return Ok(Vec::new());
        }
        let rows =
            self.run(sql, values, |client, statement, values| client.query(statement, values))?;
        rows.iter()
            .map(|row| (0..row.len()).map(|i| row.try_get(i).map_err(|e| told(&e))).collect())
            .collect()
    }

    fn batch(&mut self, sql: &str) -> Result<(), String> {
        self.client.batch_execute(sql).map_err(|e| told(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_stay_out_of_messages() {
        for (url, shown) in [
            (
                "postgres://me:secret@host:5432/db?sslmode=require&password=other",
                "postgres://me@host:5432/db",
            ),
            ("postgres://me:se@cret@host/db", "postgres://me@host/db"),
            ("postgres://host/db", "postgres://host/db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
