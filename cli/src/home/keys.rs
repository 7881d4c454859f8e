//! The watermark keys: those of the home, and one that the environment has.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use proofmark::key::KeyError;
use proofmark::{KeyId, KeyRing, WatermarkKey};
use rustix::process::{getegid, geteuid, getgroups};

use super::{Home, make_private, write_private};

/// Names a file with a key, or a file descriptor as `/dev/fd/3`.
const KEY_FILE: &str = "PROOFMARK_KEY_FILE";
/// What the ends of key files say: whether it stamps.
const STAMPS: &str = "key";
const RETIRED: &str = "retired";

/// The key that was in the environment of this process, from where it was taken at its beginning.
static GIVEN: OnceLock<WatermarkKey> = OnceLock::new();

/// Takes over the key that the variable `PROOFMARK_KEY` held.
pub(crate) fn accept_key(text: &str) -> Result<()> {
    let key = WatermarkKey::from_text(text).context("PROOFMARK_KEY")?;
    GIVEN.set(key).map_err(|_| anyhow!("PROOFMARK_KEY: is there twice"))
}

/// A key of the home.
pub(crate) struct Kept {
    pub(crate) key: WatermarkKey,
    /// Whether it detects alone.
    pub(crate) retired: bool,
}

impl Home {
    pub(super) fn keys_folder(&self) -> PathBuf {
        self.path.join("keys")
    }

    fn key_file(&self, id: &KeyId, end: &str) -> PathBuf {
        self.keys_folder().join(format!("{id}.{end}"))
    }

    /// Which key stamps, in words that a person may have changed.
    fn choice(&self) -> PathBuf {
        self.keys_folder().join("stamping")
    }

    pub(crate) fn store_key(&self, key: &WatermarkKey) -> Result<()> {
        make_private(&self.keys_folder())?;
        write_private(&self.key_file(key.id(), STAMPS), &key.to_text())
    }

    pub(super) fn key_files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.keys_folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => {
                return Err(e).with_context(|| {
                    format!("{}: cannot be read; check its permissions", folder.display())
                });
            }
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.extension().is_some_and(|e| e == STAMPS || e == RETIRED))
            .collect();
        files.sort();
        Ok(files)
    }

    /// The keys of the home, in no order.
    pub(crate) fn kept_keys(&self) -> Result<Vec<Kept>> {
        let kept = |path: &PathBuf| {
            let retired = path.extension().is_some_and(|e| e == RETIRED);
            Ok(Kept { key: read_key(path)?, retired })
        };
        self.key_files()?.iter().map(kept).collect()
    }

    /// All keys; an error if there is none.
    pub(crate) fn key_ring(&self) -> Result<KeyRing> {
        self.key_ring_if_any()?.with_context(|| {
            format!(
                "{}: there is no watermark key here; make one with \
                'proofmark init', or restore one with 'proofmark keys import'",
                self.path.display()
            )
        })
    }

    /// All keys, or `None` where no home was made: a manifest can be read without. The one that
    /// the environment has stamps, else the one that was chosen, else the newest that is not
    /// retired.
    pub(crate) fn key_ring_if_any(&self) -> Result<Option<KeyRing>> {
        let kept = self.kept_keys()?;
        let given = given_key()?;
        let stamping = match (&given, self.chosen()?) {
            (Some(given), _) => Some(given.id().clone()),
            (None, Some(chosen)) => {
                if !kept.iter().any(|k| !k.retired && k.key.id().to_string() == chosen) {
                    bail!(
                        "{}: names key {chosen}, which is not here or is retired; choose another \
                        with 'proofmark keys use'",
                        self.choice().display()
                    );
                }
                kept.iter().map(|k| k.key.id()).find(|id| id.to_string() == chosen).cloned()
            }
            (None, None) => newest(&kept),
        };
        let keys = kept.into_iter().map(|k| k.key).chain(given).collect();
        match KeyRing::new(keys) {
            Ok(ring) => Ok(match stamping {
                Some(id) => ring.clone().stamping_with(&id).or(Some(ring)),
                None => Some(ring),
            }),
            Err(KeyError::Empty) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// All keys, of which the one with this id stamps, if one is asked for.
    pub(crate) fn key_ring_for(&self, id: Option<&String>) -> Result<KeyRing> {
        let ring = self.key_ring()?;
        let Some(id) = id else { return Ok(ring) };
        let found = ring.keys().iter().map(|k| k.id()).find(|k| k.to_string() == *id).cloned();
        let retired = self.kept_keys()?.iter().any(|k| k.retired && k.key.id().to_string() == *id);
        if retired {
            bail!("key {id} is retired; 'proofmark keys use {id}' has it stamp again");
        }
        found.and_then(|id| ring.stamping_with(&id)).with_context(|| no_key(id))
    }

    fn chosen(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.choice()) {
            Ok(text) => Ok(Some(text.trim().to_string()).filter(|id| !id.is_empty())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| {
                format!("{}: cannot be read; check its permissions", self.choice().display())
            }),
        }
    }

    /// Has a key of the home stamp from now on, retired or not.
    pub(crate) fn use_key(&self, id: &str) -> Result<()> {
        let kept = self.kept_keys()?;
        let key = kept.iter().find(|k| k.key.id().to_string() == id).with_context(|| no_key(id))?;
        if key.retired {
            let file = |end| self.key_file(key.key.id(), end);
            fs::rename(file(RETIRED), file(STAMPS)).with_context(|| unmoved(&file(RETIRED)))?;
        }
        proofmark::draft::write_private(&self.choice(), format!("{id}\n").as_bytes(), true)
            .with_context(|| unmoved(&self.choice()))
    }

    /// Has the key that stamps now do so until another is chosen, whatever keys come.
    pub(crate) fn hold_choice(&self) -> Result<()> {
        if self.chosen()?.is_some() {
            return Ok(());
        }
        newest(&self.kept_keys()?).map_or(Ok(()), |id| self.use_key(&id.to_string()))
    }

    /// Has a key of the home detect alone.
    pub(crate) fn retire_key(&self, id: &str) -> Result<()> {
        let kept = self.kept_keys()?;
        let key = kept.iter().find(|k| k.key.id().to_string() == id).with_context(|| no_key(id))?;
        if key.retired {
            bail!("key {id} is retired already");
        }
        if !kept.iter().any(|k| !k.retired && k.key.id() != key.key.id()) {
            bail!("key {id} is the only one that stamps; add another first, with 'keys add'");
        }
        let file = |end| self.key_file(key.key.id(), end);
        fs::rename(file(STAMPS), file(RETIRED)).with_context(|| unmoved(&file(STAMPS)))?;
        if self.chosen()?.as_deref() == Some(id) {
            fs::remove_file(self.choice()).with_context(|| unmoved(&self.choice()))?;
        }
        Ok(())
    }
}

/// The newest key that is not retired.
fn newest(kept: &[Kept]) -> Option<KeyId> {
    let keys = kept.iter().filter(|k| !k.retired).map(|k| k.key.clone()).collect();
    KeyRing::new(keys).ok().map(|ring| ring.stamping().id().clone())
}

fn no_key(id: &str) -> String {
    format!("there is no key {id}; 'proofmark keys list' shows those there are")
}

fn unmoved(path: &Path) -> String {
    format!("{}: cannot be changed; check its permissions", path.display())
}

/// The key that the environment has, as itself or in a file that it names.
fn given_key() -> Result<Option<WatermarkKey>> {
    if let Some(key) = GIVEN.get() {
        return Ok(Some(key.clone()));
    }
    match std::env::var_os(KEY_FILE).filter(|file| !file.is_empty()) {
        None => Ok(None),
        // A pipe gives it once.
        Some(file) => {
            let key = read_key(Path::new(&file)).context(KEY_FILE)?;
            Ok(Some(GIVEN.get_or_init(|| key).clone()))
        }
    }
}

/// Reads a key file that nobody else can read.
pub(crate) fn read_key(path: &Path) -> Result<WatermarkKey> {
    let text = fs::read_to_string(path).map_err(|e| match e.kind() {
        ErrorKind::InvalidData => anyhow!(
            "{}: this is not a Proofmark key: it is not text; restore it from a backup",
            path.display()
        ),
        _ => {
            anyhow!("{}: cannot be read ({e}); check the name and its permissions", path.display())
        }
    })?;
    refuse_readable(path)?;
    WatermarkKey::from_text(&text).with_context(|| path.display().to_string())
}

/// A secret that others on the machine can read is no secret.
pub(super) fn refuse_readable(path: &Path) -> Result<()> {
    if let Ok(meta) = fs::metadata(path)
        && meta.mode() & 0o077 != 0
        && !is_lent(&meta)
    {
        bail!(
            "{0}: others on this machine can read this secret; run 'chmod 600 {0}', and replace \
            it if it may have been read",
            path.display()
        );
    }
    Ok(())
}

/// Whether a file belongs to somebody else, who lets a group of this process read it and nobody
/// beside: a secret that is mounted for it, as Kubernetes does for `fsGroup`.
fn is_lent(meta: &Metadata) -> bool {
    let ours = || {
        getegid().as_raw() == meta.gid()
            || getgroups().is_ok_and(|all| all.iter().any(|g| g.as_raw() == meta.gid()))
    };
    meta.mode() & 0o037 == 0 && meta.uid() != geteuid().as_raw() && ours()
}
