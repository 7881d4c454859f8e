//! The registry: where stamped clips are remembered, so that one that lost its manifest finds it
//! again.
//!
//! [`Registry`] is what a registry does; [`open`] opens one: an SQLite file by its path, a
//! PostgreSQL database by its `postgres://` URL. Both run the same statements (`sql`) over a thin
//! layer each (`sqlite`, `postgres`), and the same conformance suite, `tests/registry/main.rs`,
//! holds for both. [`Registration`] is how an entry travels in a file.
//!
//! An entry is *announced* before its file appears and *confirmed* after, so that no crash can
//! leave a clip in the world that the registry does not know; [`mend`] settles what a crash left
//! open.

#![forbid(unsafe_code)]

mod cases;
mod database;
mod entry;
mod exchange;
mod owners;
#[cfg(feature = "postgres")]
mod postgres;
mod seal;
mod sql;
mod sqlite;
mod statements;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use cases::{Act, Remark};
pub use entry::{Binding, Content, Entry, Filter};
pub use exchange::Registration;
pub use owners::{Change, Event};

use proofmark_core::{ErrorKind, Payload};
use proofmark_fingerprint::{AudioFingerprint, VideoFingerprint};

/// Why the registry could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The registry cannot be opened or reached.
    #[error("{location}: the registry cannot be opened: {reason}")]
    Open {
        /// Which registry, without its password.
        location: String,
        /// Why.
        reason: String,
    },
    /// It was made by a newer version of Proofmark.
    #[error(
        "{location}: the registry is of version {found}, and this program knows those up to \
        {known}; update the program"
    )]
    Newer {
        /// Which registry, without its password.
        location: String,
        /// Its version.
        found: i64,
        /// The latest one known here.
        known: i64,
    },
    /// A statement failed.
    #[error(
        "{location}: the registry failed: {reason}; check its disk and its connection, and run \
        'proofmark registry check'"
    )]
    Failed {
        /// Which registry, without its password.
        location: String,
        /// Why.
        reason: String,
    },
    /// The entry is there already, for another file.
    #[error(
        "{id} is registered already, for another file; choose another payload, or replace the \
        entry with --force"
    )]
    Conflict {
        /// Which entry.
        id: String,
    },
    /// An entry that no database can hold.
    #[error("{id:?} cannot be registered: {reason}")]
    Unfit {
        /// Which entry.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A database that is backed up with tools of its own.
    #[error(
        "{location}: is backed up and restored with the database's own tools, pg_dump and \
        pg_restore; 'proofmark registry export' writes the entries alone"
    )]
    Elsewhere {
        /// Which registry, without its password.
        location: String,
    },
    /// A file that is to be restored, and is no whole registry.
    #[error(
        "{}: is no whole backup of a registry ({reason}); nothing was restored",
        path.display()
    )]
    NoBackup {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl RegistryError {
    /// What is wrong, in a word that scripts can ask for.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } | Self::Newer { .. } => "registry.unopened",
            Self::Failed { .. } => "registry.failed",
            Self::Conflict { .. } => "registry.conflict",
            Self::Unfit { .. } => "registry.unfit",
            Self::Elsewhere { .. } => "registry.elsewhere",
            Self::NoBackup { .. } => "registry.no-backup",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { .. } | Self::Failed { .. } => ErrorKind::Retryable,
            Self::Conflict { .. } | Self::Unfit { .. } => ErrorKind::Input,
            Self::Newer { .. } | Self::Elsewhere { .. } | Self::NoBackup { .. } => ErrorKind::Usage,
        }
    }
}

/// What became of an entry that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Added,
    /// It took the place of another one.
    Replaced,
    /// It was there already.
    Unchanged,
    /// Its place is taken: by another file under the same id, or by another id for the same
    /// payload.
    Taken,
    /// Its place is another's, whether there is something in it or not.
    Owned,
}

/// An entry whose file was about to appear when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The manifest's label.
    pub id: String,
    /// Where the file was to appear.
    pub target: PathBuf,
    /// What is in it.
    pub content: Content,
    /// When it was stamped, in seconds since 1970.
    pub stamped: u64,
}

/// What a registry does. Every call is whole or has no effect; calls from several threads and
/// processes are safe.
///
/// # Errors
/// [`RegistryError::Failed`] from every method if the database fails.
pub trait Registry: Debug + Send + Sync {
    /// Where it is, for messages: never with a password.
    fn location(&self) -> &str;

    /// Puts entries in, all of them together, and tells what became of each. The same one again
    /// changes nothing but its announcement; one with the same id and other content replaces it
    /// with `replace`, and is [`Put::Taken`] without.
    ///
    /// # Errors
    /// [`RegistryError::Unfit`] if one holds what no database can; none is put in then.
    fn put_all(&self, entries: &[Entry], replace: bool) -> Result<Vec<Put>, RegistryError> {
        self.put_all_by(entries, replace, None)
    }

    /// The same for whoever holds the token of that name: what they store is theirs, and what is
    /// another's, or was, is [`Put::Owned`].
    ///
    /// # Errors
    /// As of [`Self::put_all`].
    fn put_all_by(
        &self,
        entries: &[Entry],
        replace: bool,
        by: Option<&str>,
    ) -> Result<Vec<Put>, RegistryError>;

    /// Puts one entry in.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] if its place is taken, [`RegistryError::Unfit`] if it holds what
    /// no database can.
    fn put(&self, entry: &Entry, replace: bool) -> Result<Put, RegistryError> {
        match self.put_all(std::slice::from_ref(entry), replace)?.pop() {
            Some(put) if put != Put::Taken => Ok(put),
            _ => Err(RegistryError::Conflict { id: entry.id.clone() }),
        }
    }

    /// Puts an entry in, if what is under its id is still what was `seen` there: the same content,
    /// announced or confirmed as it was then, or nothing. Whether it was; several may be at the
    /// same work, of whom one is first.
    ///
    /// # Errors
    /// [`RegistryError::Unfit`] if it holds what no database can.
    fn put_if(&self, entry: &Entry, seen: Option<&Entry>) -> Result<bool, RegistryError>;

    /// Says that the announced file of an entry is there.
    fn confirm(&self, id: &str) -> Result<(), RegistryError>;

    /// Entries whose file was never confirmed.
    fn announced(&self) -> Result<Vec<Announced>, RegistryError>;

    /// The entry of a manifest label.
    fn by_id(&self, id: &str) -> Result<Option<Entry>, RegistryError>;

    /// The entry of a payload.
    fn by_payload(&self, payload: Payload) -> Result<Option<Entry>, RegistryError>;

    /// The ids of the entries with a soft binding, of any algorithm if none is named; at most
    /// `most`.
    fn by_binding(
        &self,
        alg: Option<&str>,
        value: &[u8],
        most: usize,
    ) -> Result<Vec<String>, RegistryError>;

    /// Adds a soft binding to an entry; whether the entry is there.
    ///
    /// # Errors
    /// [`RegistryError::Unfit`] if no database can hold it.
    fn bind(&self, id: &str, binding: &Binding) -> Result<bool, RegistryError> {
        Ok(self.bind_by(id, binding, None)? == Change::Done)
    }

    /// The same for whoever holds the token of that name.
    ///
    /// # Errors
    /// As of [`Self::bind`].
    fn bind_by(
        &self,
        id: &str,
        binding: &Binding,
        by: Option<&str>,
    ) -> Result<Change, RegistryError>;

    /// Makes a soft binding that leads to any entry lead to this one alone; whether both were
    /// there.
    ///
    /// # Errors
    /// [`RegistryError::Unfit`] if no database can hold it.
    fn rebind(&self, id: &str, binding: &Binding) -> Result<bool, RegistryError> {
        Ok(self.rebind_by(id, binding, None)? == Change::Done)
    }

    /// The same for whoever holds the token of that name, who takes it from no entry of another's.
    ///
    /// # Errors
    /// As of [`Self::rebind`].
    fn rebind_by(
        &self,
        id: &str,
        binding: &Binding,
        by: Option<&str>,
    ) -> Result<Change, RegistryError>;

    /// Entries without their manifests, newest first.
    fn list(&self, filter: &Filter) -> Result<Vec<Entry>, RegistryError>;

    /// The newest payloads, at most `most`.
    fn payloads(&self, most: usize) -> Result<Vec<Payload>, RegistryError>;

    /// What registered pictures look like, hashes alone, with the ids of their entries in ascending
    /// order: those behind `after`, at most `most`.
    fn looks(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, VideoFingerprint)>, RegistryError>;

    /// What registered sounds are like, in the same way.
    fn sounds(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, AudioFingerprint)>, RegistryError>;

    /// Number of entries.
    fn count(&self) -> Result<u64, RegistryError>;

    /// Forgets an entry with all that belongs to it; whether it was there.
    fn delete(&self, id: &str) -> Result<bool, RegistryError> {
        Ok(self.delete_by(id, None)? == Change::Done)
    }

    /// The same for whoever holds the token of that name. The place stays theirs.
    fn delete_by(&self, id: &str, by: Option<&str>) -> Result<Change, RegistryError>;

    /// Entries without their manifests, newest first, at most `most`: of a payload, of a file's
    /// SHA-256, or with these words in their title or a label.
    fn find(&self, words: &str, most: usize) -> Result<Vec<Entry>, RegistryError>;

    /// Adds what somebody said of a clip, which need not be registered.
    ///
    /// # Errors
    /// [`RegistryError::Unfit`] if it says nothing, or cannot follow what was said before: a review
    /// is somebody else's than the decision.
    fn remark(&self, remark: &Remark) -> Result<(), RegistryError>;

    /// What was said of the clip with this SHA-256, the earliest first.
    fn remarks(&self, content: &Content) -> Result<Vec<Remark>, RegistryError>;

    /// The last that was said of each clip, the latest first, at most `most`: of those with a
    /// label, if one is given.
    fn cases(&self, label: Option<&str>, most: usize) -> Result<Vec<Remark>, RegistryError>;

    /// Who did what, the latest first, at most `most`: to one entry, or to all.
    fn log(&self, id: Option<&str>, most: usize) -> Result<Vec<Event>, RegistryError>;

    /// What is wrong with the database itself, and what is not stored as it was put in, in a
    /// sentence each; empty if it is whole.
    fn integrity(&self) -> Result<Vec<String>, RegistryError>;

    /// Copies all of it, owners, log and cases included, to a new file at `to`, as it is at one
    /// moment, whoever else is at work.
    ///
    /// # Errors
    /// [`RegistryError::Elsewhere`] of a database that has tools of its own for that.
    fn backup(&self, to: &Path) -> Result<(), RegistryError>;

    /// Puts what [`Self::backup`] wrote in the place of all that there is, at one moment.
    ///
    /// # Errors
    /// As for [`Self::backup`], and [`RegistryError::Unfit`] if the file is no whole registry.
    fn restore(&self, from: &Path) -> Result<(), RegistryError>;
}

/// Whether a location names a PostgreSQL database rather than a file.
#[must_use]
pub fn is_server(location: &str) -> bool {
    location.starts_with("postgres://") || location.starts_with("postgresql://")
}

/// Opens the registry at `location`: a `postgres://` URL, or the path of an SQLite file, which is
/// made if it is not there. Older ones are brought up to date.
///
/// # Errors
/// [`RegistryError::Open`] or [`RegistryError::Newer`].
pub fn open(location: &str) -> Result<Arc<dyn Registry>, RegistryError> {
    #[cfg(feature = "postgres")]
    if is_server(location) {
        return Ok(Arc::new(sql::SqlRegistry::new(postgres::Postgres::connect(location)?)?));
    }
    #[cfg(not(feature = "postgres"))]
    if is_server(location) {
        return Err(RegistryError::Open {
            // A URL may hold a password.
            location: "postgres://…".into(),
            reason: "this program was built without PostgreSQL; build it with the feature \
                \"postgres\", or give a file"
                .into(),
        });
    }
    Ok(Arc::new(sql::SqlRegistry::new(sqlite::Sqlite::open(Path::new(location))?)?))
}

/// What [`mend`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Entries whose file is there, and which are confirmed now.
    pub confirmed: usize,
    /// Entries whose file is not there, or not as announced: still at work, never finished, or
    /// moved since.
    pub open: usize,
}

/// Settles what a crash between announcing an entry and confirming it left open, among the entries
/// stamped at `since` (in seconds since 1970) or later: where the file is there as announced, the
/// entry is confirmed. None is ever forgotten here: its file may lie on another machine, and an
/// entry of a clip that never appeared accuses nobody.
///
/// # Errors
/// [`RegistryError::Failed`].
pub fn mend(registry: &dyn Registry, since: u64) -> Result<Mended, RegistryError> {
    let mut mended = Mended::default();
    for a in registry.announced()?.iter().filter(|a| a.stamped >= since) {
        if Content::of_file(&a.target).is_ok_and(|c| c == a.content) {
            registry.confirm(&a.id)?;
            mended.confirmed += 1;
        } else {
            mended.open += 1;
        }
    }
    Ok(mended)
}
