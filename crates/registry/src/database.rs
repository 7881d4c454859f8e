//! A database, as the statements of the registry see it: values, rows, transactions.

use std::fmt::Debug;
use std::path::Path;

use super::RegistryError;

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// One row of an answer, in the order of the columns.
pub(super) type Row = Vec<Value>;

/// A connection inside a transaction. Statements have parameters `$1`, `$2`, …
pub(super) trait Session {
    /// Runs a statement; the number of rows that it changed.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, String>;
    /// Runs a query.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, String>;
    /// Runs several statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), String>;
}

/// What runs in a transaction.
pub(super) type Work<'a> =
    &'a mut (dyn FnMut(&mut dyn Session) -> Result<(), RegistryError> + Send);

/// A database.
pub(super) trait Database: Debug + Send + Sync {
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

pub(super) fn optional(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

/// Seconds, or a number of rows, as the databases count.
pub(super) fn signed(n: u64) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}
