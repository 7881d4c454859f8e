//! Every statement of the queue. The connection is the registry's way of speaking to PostgreSQL.

use std::fmt;

use ring::digest;

use super::rows::{
    COLUMNS, RESULT, ended, integer, job, json, millis, seconds, string, text, token,
};
use super::{
    Ended, Job, Lease, Outcome, Overview, Policy, QueueError, Report, Request, State, Submitted,
};
use crate::registry::database::{Database, Row, Session, Value};
use crate::registry::is_server;
use crate::registry::postgres::Postgres;

/// Each step from one version of the tables to the next: that of version n makes version n + 1.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];
/// Keeps others from migrating at the same time; another number than the registry's.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8090338145920382)";

/// How long a job is put off after `n` failures: twice as long each time, up to a bound, give or
/// take a quarter so that many do not come back at once.
const PUT_OFF: &str = "least(BASE::bigint * power(2, least(COUNT, 30)), MOST::bigint) * (0.75 + \
    random() / 2) * interval '1 millisecond'";

/// Of a lease: nobody but who holds it changes the row.
const HELD: &str = "id = $1 AND attempt = $2 AND worker = $3 AND state = 'running'";

/// The queue. Calls from several threads and processes are safe; a connection that broke is made
/// anew.
pub struct Queue {
    database: Postgres,
}

/// Without the password.
impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", self.location())
    }
}

impl Queue {
    /// Opens the queue in the database at a `postgres://` URL; its tables are made, or brought up
    /// to date.
    ///
    /// # Errors
    /// [`QueueError::NoServer`], [`QueueError::Open`] or [`QueueError::Newer`].
    pub fn open(url: &str) -> Result<Self, QueueError> {
        if !is_server(url) {
            return Err(QueueError::NoServer { location: url.into() });
        }
        let this = Self { database: Postgres::connect(url)? };
        this.migrate()?;
        Ok(this)
    }

    /// Where it is, for messages: never with a password.
    #[must_use]
    pub fn location(&self) -> &str {
        self.database.location()
    }

    fn migrate(&self) -> Result<(), QueueError> {
        let version = |s: &mut dyn Session| {
            Ok::<_, String>(
                s.query("SELECT max(version) FROM proofmark_queue_version", &[])?
                    .first()
                    .and_then(|r| integer(r, 0))
                    .unwrap_or(0),
            )
        };
        // Most openings find everything in place, and need no lock.
        let mut found = self.run(version).unwrap_or(0);
        if found < MIGRATIONS.len() as i64 {
            found = self.run(|s| {
                s.batch(LOCK)?;
                s.batch(
                    "CREATE TABLE IF NOT EXISTS proofmark_queue_version (version BIGINT NOT NULL)",
                )?;
                let found = version(s)?;
                for (i, step) in MIGRATIONS.iter().enumerate().skip(found.max(0) as usize) {
                    s.batch(step)?;
                    s.execute(
                        "INSERT INTO proofmark_queue_version (version) VALUES ($1)",
                        &[Value::Integer(i as i64 + 1)],
                    )?;
                }
                Ok(found)
            })?;
        }
        if found > MIGRATIONS.len() as i64 {
            return Err(QueueError::Newer {
                location: self.location().into(),
                found,
                known: MIGRATIONS.len() as i64,
            });
        }
        Ok(())
    }

    /// Runs `work` in a transaction.
    fn run<T: Default + Send>(
        &self,
        mut work: impl FnMut(&mut dyn Session) -> Result<T, String> + Send,
    ) -> Result<T, QueueError> {
        let mut out = T::default();
        self.database.transact(true, &mut |session| {
            out = work(session).map_err(|reason| crate::registry::RegistryError::Failed {
                location: self.location().into(),
                reason,
            })?;
            Ok(())
        })?;
        Ok(out)
    }

    /// One statement that may run twice, if the connection was broken.
    fn one(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, QueueError> {
        Ok(self.database.read(sql, values)?)
    }

    fn jobs(&self, sql: &str, values: &[Value]) -> Result<Vec<Job>, QueueError> {
        self.read(&self.one(&sql.replace("COLUMNS", COLUMNS), values)?)
    }

    fn read(&self, rows: &[Row]) -> Result<Vec<Job>, QueueError> {
        rows.iter().map(job).collect::<Option<_>>().ok_or_else(|| QueueError::Failed {
            location: self.location().into(),
            reason: "a job is damaged".into(),
        })
    }

    /// Puts jobs in, all of them or none. One whose key is there already is the job that has it.
    ///
    /// # Errors
    /// [`QueueError::Taken`] if the key names another task, [`QueueError::Unfit`] if a key cannot
    /// be kept, [`QueueError::Failed`] if the database fails.
    pub fn submit(&self, jobs: &[Request]) -> Result<Vec<Submitted>, QueueError> {
        if let Some(key) =
            jobs.iter().filter_map(|j| j.key.as_ref()).find(|k| k.is_empty() || k.contains('\0'))
        {
            return Err(QueueError::Unfit {
                what: key.clone(),
                reason: "a key is some text without NUL characters",
            });
        }
        let mut taken = None;
        let done = self.run(|s| {
            let all = jobs.iter().map(|new| {
                put(s, new)?.map_err(|error| {
                    taken = Some(error);
                    "taken".to_string()
                })
            });
            all.collect::<Result<Vec<_>, String>>()
        });
        match taken {
            Some(taken) => Err(taken),
            None => done,
        }
    }

    /// Claims the next job that is due: the highest priority first, then the longest due. No two
    /// workers get the same one.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn claim(&self, worker: &str, policy: &Policy) -> Result<Option<Job>, QueueError> {
        let sql = "UPDATE proofmark_jobs SET state = 'running', attempt = attempt + 1, worker = \
            $1, started = now(), lease = now() + $2::bigint * interval '1 millisecond' WHERE id = \
            (SELECT id FROM proofmark_jobs WHERE state = 'waiting' AND due <= now() ORDER BY \
            priority DESC, due, id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING COLUMNS";
        let rows = self.database.once(
            &sql.replace("COLUMNS", COLUMNS),
            &[Value::Text(worker.into()), millis(policy.lease)],
        )?;
        Ok(self.read(&rows)?.pop())
    }

    /// Lets go of what a worker is said to hold and knows nothing of: the answer to its claim was
    /// lost with the connection. Not its death.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn disown(&self, worker: &str, held: &[Lease]) -> Result<u64, QueueError> {
        let known: Vec<String> = held.iter().map(|l| l.id.to_string()).collect();
        let sql = "UPDATE proofmark_jobs SET state = 'waiting', worker = NULL, lease = NULL WHERE \
            state = 'running' AND worker = $1 AND NOT id::text = ANY(string_to_array($2, ','))";
        self.run(|s| s.execute(sql, &[Value::Text(worker.into()), Value::Text(known.join(","))]))
    }

    /// Keeps a lease for another while; whether it is still held.
    ///
    /// # Errors
    /// [`QueueError::Failed`]; the lease is then as it was.
    pub fn renew(&self, lease: &Lease, policy: &Policy) -> Result<bool, QueueError> {
        self.held(
            "lease = now() + $4::bigint * interval '1 millisecond'",
            lease,
            millis(policy.lease),
        )
    }

    /// Keeps with a job what is about to be put in place for it; whether the lease is still held.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn note(&self, lease: &Lease, note: &str) -> Result<bool, QueueError> {
        self.held("note = $4", lease, text(note))
    }

    fn held(&self, change: &str, lease: &Lease, value: Value) -> Result<bool, QueueError> {
        let [id, attempt, worker] = token(lease);
        let rows = self.one(
            &format!("UPDATE proofmark_jobs SET {change} WHERE {HELD} RETURNING id"),
            &[id, attempt, worker, value],
        )?;
        Ok(!rows.is_empty())
    }

    /// Ends an attempt. What the job becomes; `None` if the lease was lost, and nothing was
    /// written.
    ///
    /// # Errors
    /// [`QueueError::Failed`]: it may have been written or not, and to end it again is safe.
    pub fn finish(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        policy: &Policy,
    ) -> Result<Option<State>, QueueError> {
        match outcome {
            Outcome::Done(report) => self.end(lease, State::Done, report),
            Outcome::Failed(report) => self.end(lease, State::Failed, report),
            Outcome::Again(error) => self.again(lease, error, policy),
            Outcome::Stopped => {
                // Given back as it was taken: nobody died, nothing failed.
                Ok(self
                    .held("state = 'waiting', lease = NULL, worker = $4", lease, Value::Null)?
                    .then_some(State::Waiting))
            }
        }
    }

    /// The result and the end in one transaction.
    fn end(
        &self,
        lease: &Lease,
        state: State,
        report: &Report,
    ) -> Result<Option<State>, QueueError> {
        let [id, attempt, worker] = token(lease);
        let error = report.report.get("error").and_then(|e| e.as_str()).map_or(Value::Null, text);
        self.run(|s| {
            let change = format!(
                "UPDATE proofmark_jobs SET state = $4, error = coalesce($5, error), lease = NULL, \
                note = NULL, ended = now() WHERE {HELD}"
            );
            if s.execute(
                &change,
                &[id.clone(), attempt.clone(), worker.clone(), text(state.name()), error.clone()],
            )? == 0
            {
                // Ours already, if the answer to the first try was lost.
                let ours = s.query(
                    "SELECT job FROM proofmark_results WHERE job = $1 AND attempt = $2 AND worker \
                    = $3",
                    &[id.clone(), attempt.clone(), worker.clone()],
                )?;
                return Ok((!ours.is_empty()).then_some(state));
            }
            let values = [
                id.clone(),
                attempt.clone(),
                worker.clone(),
                Value::Integer(report.exit.into()),
                text(&report.report.to_string()),
                text(&report.told),
            ];
            s.execute(
                "INSERT INTO proofmark_results (job, attempt, worker, exit, report, told) VALUES \
                ($1, $2, $3, $4, $5::text::json, $6)",
                &values,
            )?;
            Ok(Some(state))
        })
    }

    fn again(
        &self,
        lease: &Lease,
        error: &str,
        policy: &Policy,
    ) -> Result<Option<State>, QueueError> {
        let [id, attempt, worker] = token(lease);
        let off = PUT_OFF.replace("BASE", "$5").replace("COUNT", "tries").replace("MOST", "$6");
        let sql = format!(
            "UPDATE proofmark_jobs SET state = CASE WHEN tries + 1 >= $7 THEN 'parked' ELSE \
            'waiting' END, tries = tries + 1, error = $4, lease = NULL, due = now() + {off}, ended \
            = CASE WHEN tries + 1 >= $7 THEN now() END WHERE {HELD} RETURNING state"
        );
        let values = [
            id,
            attempt,
            worker,
            text(error),
            millis(policy.back_off),
            millis(policy.longest),
            Value::Integer(policy.tries.into()),
        ];
        Ok(self
            .database
            .once(&sql, &values)?
            .first()
            .and_then(|r| string(r, 0))
            .and_then(|s| s.parse().ok()))
    }

    /// Takes jobs from workers whose leases ran out, which count as dead: they wait again, or are
    /// parked. Which ones. A server that has just started gives everyone the time to renew.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn reap(&self, policy: &Policy) -> Result<Vec<Job>, QueueError> {
        let off = PUT_OFF.replace("BASE", "$1").replace("COUNT", "deaths").replace("MOST", "$2");
        let sql = format!(
            "UPDATE proofmark_jobs SET state = CASE WHEN deaths + 1 >= $3 THEN 'parked' ELSE \
            'waiting' END, deaths = deaths + 1, lease = NULL, due = now() + {off}, ended = CASE \
            WHEN deaths + 1 >= $3 THEN now() END, error = 'its worker ' || worker || ' was killed \
            or hung: nothing was heard of it at attempt ' || attempt WHERE id IN (SELECT id FROM \
            proofmark_jobs WHERE state = 'running' AND lease < now() AND \
            pg_postmaster_start_time() + $4::bigint * interval '1 millisecond' < now() ORDER BY id \
            FOR UPDATE SKIP LOCKED LIMIT 100) RETURNING COLUMNS"
        );
        self.jobs(
            &sql,
            &[
                millis(policy.back_off),
                millis(policy.longest),
                Value::Integer(policy.deaths.into()),
                millis(policy.lease),
            ],
        )
    }

    /// Jobs that are waiting or running.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn unfinished(&self) -> Result<u64, QueueError> {
        Ok(self
            .one("SELECT count(*) FROM proofmark_jobs WHERE state IN ('waiting', 'running')", &[])?
            .first()
            .and_then(|r| integer(r, 0))
            .unwrap_or(0) as u64)
    }

    /// One job.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn job(&self, id: i64) -> Result<Option<Job>, QueueError> {
        Ok(self
            .jobs("SELECT COLUMNS FROM proofmark_jobs WHERE id = $1", &[Value::Integer(id)])?
            .pop())
    }

    /// The newest jobs, of any state if none is named; at most `most`.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn list(&self, state: Option<State>, most: usize) -> Result<Vec<Job>, QueueError> {
        let state = state.map_or(Value::Null, |s| text(s.name()));
        self.jobs(
            "SELECT COLUMNS FROM proofmark_jobs WHERE $1::text IS NULL OR state = $1 ORDER BY id \
            DESC LIMIT $2",
            &[state, Value::Integer(most as i64)],
        )
    }

    /// Running jobs whose lease has run out, and whom nobody has taken up.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn stuck(&self, most: usize) -> Result<Vec<Job>, QueueError> {
        self.jobs(
            "SELECT COLUMNS FROM proofmark_jobs WHERE state = 'running' AND lease < now() ORDER BY \
            lease LIMIT $1",
            &[Value::Integer(most as i64)],
        )
    }

    /// The result of a job, if it has ended with one.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn result(&self, id: i64) -> Result<Option<Ended>, QueueError> {
        let sql = format!("SELECT {RESULT} FROM proofmark_results WHERE job = $1");
        let rows = self.one(&sql, &[Value::Integer(id)])?;
        let Some(row) = rows.first() else { return Ok(None) };
        ended(row).map(Some).ok_or_else(|| QueueError::Failed {
            location: self.location().into(),
            reason: format!("the result of job {id} is damaged"),
        })
    }

    /// Has a job that has ended done again, with all its patience; whether it had ended. Its old
    /// result goes.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn retry(&self, id: i64) -> Result<bool, QueueError> {
        self.run(|s| {
            let id = [Value::Integer(id)];
            let sql = "UPDATE proofmark_jobs SET state = 'waiting', deaths = 0, tries = 0, due = \
                now(), ended = NULL WHERE id = $1 AND state IN ('failed', 'parked', 'cancelled')";
            let again = s.execute(sql, &id)? > 0;
            if again {
                s.execute("DELETE FROM proofmark_results WHERE job = $1", &id)?;
            }
            Ok(again)
        })
    }

    /// Gives a job up that has not ended; whether it was so. Its worker finds out when it next
    /// renews its lease, and stops.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn cancel(&self, id: i64) -> Result<bool, QueueError> {
        let sql = "UPDATE proofmark_jobs SET state = 'cancelled', lease = NULL, ended = now() \
            WHERE id = $1 AND state IN ('waiting', 'running', 'parked') RETURNING id";
        Ok(!self.one(sql, &[Value::Integer(id)])?.is_empty())
    }

    /// The queue at a glance.
    ///
    /// # Errors
    /// [`QueueError::Failed`].
    pub fn overview(&self) -> Result<Overview, QueueError> {
        let counts = self.one("SELECT state, count(*) FROM proofmark_jobs GROUP BY state", &[])?;
        let of = |state: State| {
            counts
                .iter()
                .find(|r| string(r, 0).as_deref() == Some(state.name()))
                .and_then(|r| integer(r, 1))
                .unwrap_or(0) as u64
        };
        let rates = "SELECT count(*) FILTER (WHERE ended > now() - interval '1 minute'), count(*) \
            FROM proofmark_jobs WHERE ended > now() - interval '1 hour' AND state IN ('done', \
            'failed')";
        let rates = self.one(rates, &[])?;
        let rate = |i| rates.first().and_then(|r| integer(r, i)).unwrap_or(0) as u64;
        let waits = "SELECT (extract(epoch FROM now() - min(due)) * 1000)::bigint, (SELECT \
            count(*) FROM proofmark_jobs WHERE state = 'running' AND lease < now()) FROM \
            proofmark_jobs WHERE state = 'waiting' AND due <= now()";
        let waits = self.one(waits, &[])?;
        Ok(Overview {
            states: State::ALL.into_iter().map(|s| (s, of(s))).collect(),
            last_minute: rate(0),
            last_hour: rate(1),
            longest_wait: waits.first().and_then(|r| seconds(r, 0)),
            stuck: waits.first().and_then(|r| integer(r, 1)).unwrap_or(0) as u64,
        })
    }
}

/// Puts a job in, unless its key is another's.
fn put(s: &mut dyn Session, new: &Request) -> Result<Result<Submitted, QueueError>, String> {
    let asked = Value::Bytes(digest::digest(&digest::SHA256, &json(&new.task)).as_ref().into());
    let mut task = new.task.clone();
    task.settle();
    let task = Value::Text(String::from_utf8_lossy(&json(&task)).into_owned());
    let key = new.key.clone().map_or(Value::Null, Value::Text);
    let insert = "INSERT INTO proofmark_jobs (key, asked, task, priority) VALUES ($1, $2, \
        $3::text::json, $4) ON CONFLICT (key) DO NOTHING RETURNING id";
    let values = [key.clone(), asked.clone(), task, Value::Integer(new.priority)];
    // Whoever else puts the same key in is waited for here.
    if let Some(id) = s.query(insert, &values)?.first().and_then(|r| integer(r, 0)) {
        return Ok(Ok(Submitted { id, new: true }));
    }
    let held = s.query("SELECT id, asked FROM proofmark_jobs WHERE key = $1", &[key])?;
    let held = held.first().and_then(|r| Some((integer(r, 0)?, r.get(1) == Some(&asked))));
    let (id, same) = held.ok_or("a job has gone while it was submitted again")?;
    if same {
        return Ok(Ok(Submitted { id, new: false }));
    }
    Ok(Err(QueueError::Taken { key: new.key.clone().unwrap_or_default(), id }))
}
