//! What a run has done, in a file that outlives it: a JSON object a line, the first of which says
//! whose ledger it is.
//!
//! A line is written in one go, when the file that it tells of is finished and its answer printed,
//! and is on the disk before the next: that costs milliseconds where a file costs tenths of a
//! second, and no crash takes more than the last line, which is then dropped. So a file is done
//! again at worst, and never left out.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proofmark::report;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exit::Exit;
use crate::home::now;

const SCHEMA: &str = "proofmark.ledger/1";
/// How every ledger begins.
const BEGINNING: &str = "{\"schema\":\"proofmark.ledger/";

#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    verb: String,
    options: Value,
    version: String,
    started: u64,
}

/// A name, and in base64 beside it where it is no text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Name {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<String>,
}

impl From<&Path> for Name {
    fn from(path: &Path) -> Self {
        let (file, file_bytes) = report::name(path);
        Self { file, file_bytes }
    }
}

impl Name {
    fn path(self) -> Option<PathBuf> {
        match self.file_bytes {
            Some(bytes) => {
                BASE64.decode(bytes).ok().map(|b| std::ffi::OsString::from_vec(b).into())
            }
            None => Some(self.file.into()),
        }
    }
}

/// How a file was when work on it began: another size or time, and it is another file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stand {
    bytes: Option<u64>,
    /// When it was last modified, in nanoseconds since 1970.
    modified: Option<i64>,
}

impl Stand {
    pub(crate) fn of(path: &Path) -> Self {
        let meta = std::fs::metadata(path).ok();
        let nanoseconds = |m: &std::fs::Metadata| {
            m.mtime().checked_mul(1_000_000_000)?.checked_add(m.mtime_nsec())
        };
        Self {
            bytes: meta.as_ref().map(std::fs::Metadata::len),
            modified: meta.as_ref().and_then(nanoseconds),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    /// Its target was not there, and may be from now on.
    Begun {
        #[serde(flatten)]
        name: Name,
    },
    Finished {
        #[serde(flatten)]
        name: Name,
        #[serde(flatten)]
        stand: Stand,
        exit: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// What is known of a file from earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    Begun,
    Finished(Stand, Exit),
}

/// The file, which no other run has open, and what was in it.
pub(crate) struct Ledger {
    path: PathBuf,
    file: File,
    past: HashMap<PathBuf, Past>,
}

impl Ledger {
    /// Starts one where there is none.
    pub(crate) fn start(path: &Path, verb: &str, options: Value) -> Result<Self> {
        let made = OpenOptions::new().append(true).create_new(true).open(path);
        let file = made.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => anyhow!(
                "{0}: exists already; go on with it by --resume {0}, or choose another name",
                path.display()
            ),
            _ => anyhow!(
                "{}: cannot be written ({e}); check the folder, its permissions and the free space",
                path.display()
            ),
        })?;
        let mut ledger = Self { path: path.into(), file, past: HashMap::new() };
        ledger.lock()?;
        ledger.head(verb, options)?;
        Ok(ledger)
    }

    /// Goes on with one that the same verb was started with, with the same options; starts it if
    /// that never came to pass.
    pub(crate) fn resume(path: &Path, verb: &str, options: Value) -> Result<Self> {
        let shown = path.display();
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Self::start(path, verb, options),
            Err(e) => bail!("{shown}: cannot be opened ({e}); check the name and its permissions"),
        };
        let mut ledger = Self { path: path.into(), file, past: HashMap::new() };
        if !ledger.file.metadata().is_ok_and(|m| m.is_file()) {
            bail!("{shown}: is no ordinary file; give the file that --ledger wrote");
        }
        ledger.lock()?;
        let whole = ledger.take_in(verb, &options)?;
        // What a crash cut short never was.
        ledger
            .file
            .set_len(whole)
            .and_then(|()| ledger.file.seek(SeekFrom::End(0)).map(|_| ()))
            .with_context(|| unwritten(path))?;
        if whole == 0 {
            ledger.head(verb, options)?;
        }
        Ok(ledger)
    }

    /// Reads what is finished, and tells how many bytes of it are whole.
    fn take_in(&mut self, verb: &str, options: &Value) -> Result<u64> {
        let shown = self.path.display();
        let foreign = || anyhow!("{shown}: is no ledger; give the file that --ledger wrote");
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut whole = 0;
        for number in 1.. {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .with_context(|| format!("{shown}: cannot be read"))?;
            let torn = line.last() != Some(&b'\n');
            if number == 1 {
                let beginning = BEGINNING.as_bytes();
                if !(line.starts_with(beginning) || torn && beginning.starts_with(&line)) {
                    return Err(foreign());
                }
                if !torn {
                    let head = serde_json::from_slice(&line).map_err(|_| foreign())?;
                    check(head, &self.path, verb, options)?;
                }
            } else if !torn {
                match serde_json::from_slice(&line) {
                    Ok(Line::Begun { name }) => {
                        name.path().map(|p| self.past.insert(p, Past::Begun))
                    }
                    Ok(Line::Finished { name, stand, exit, .. }) => name
                        .path()
                        .zip(Exit::of_code(exit))
                        .map(|(p, exit)| self.past.insert(p, Past::Finished(stand, exit))),
                    Err(_) => bail!(
                        "{shown}: line {number}: is damaged; take the line out to have its file \
                        done again, or start another with --ledger"
                    ),
                };
            }
            if torn {
                break;
            }
            whole += read as u64;
        }
        Ok(whole)
    }

    /// Two runs in one would do the same files.
    fn lock(&self) -> Result<()> {
        match self.file.try_lock() {
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another run is at work with this ledger; wait for it, or stop it",
                self.path.display()
            ),
            // Where locks are not to be had, care must do.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    fn head(&mut self, verb: &str, options: Value) -> Result<()> {
        self.write(&Header {
            schema: SCHEMA.into(),
            verb: verb.into(),
            options,
            version: env!("CARGO_PKG_VERSION").into(),
            started: now(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How a file that is finished ended, if it is still the file that it was. One that failed is
    /// not finished.
    pub(crate) fn finished(&self, path: &Path) -> Option<Exit> {
        match self.past.get(path) {
            Some(&Past::Finished(stand, exit))
                if exit != Exit::Error && stand == Stand::of(path) =>
            {
                Some(exit)
            }
            _ => None,
        }
    }

    /// Whether a file was begun, and no more: what lies at its target is ours.
    pub(crate) fn begun(&self, path: &Path) -> bool {
        self.past.get(path) == Some(&Past::Begun)
    }

    /// Notes that work on a file begins whose target is not there.
    pub(crate) fn begin(&mut self, path: &Path) -> Result<()> {
        self.write(&Line::Begun { name: path.into() })
    }

    /// Notes how a file ended.
    pub(crate) fn finish(
        &mut self,
        path: &Path,
        stand: Stand,
        exit: Exit,
        error: Option<String>,
    ) -> Result<()> {
        self.write(&Line::Finished { name: path.into(), stand, exit: exit.code(), error })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let end = self.file.metadata().map(|m| m.len());
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let (Err(_), Ok(end)) = (&written, end) {
            // A full disk may have taken a part; if that cannot be taken back either, the next run
            // drops it.
            let _ = self.file.set_len(end);
        }
        written.with_context(|| unwritten(&self.path))
    }
}

fn unwritten(path: &Path) -> String {
    format!(
        "{}: this ledger cannot be written; see to the free space and go on with --resume",
        path.display()
    )
}

/// Refuses a ledger of another run.
fn check(header: Header, path: &Path, verb: &str, options: &Value) -> Result<()> {
    let shown = path.display();
    if header.schema != SCHEMA {
        bail!(
            "{shown}: is a ledger of another version of this program ({}); finish its run with \
            that, or start another with --ledger",
            header.schema
        );
    }
    if header.verb != verb {
        bail!(
            "{shown}: is the ledger of '{}', not of '{verb}'; start another with --ledger",
            header.verb
        );
    }
    let none = serde_json::Map::new();
    let (then, now) =
        (header.options.as_object().unwrap_or(&none), options.as_object().unwrap_or(&none));
    let mut other: Vec<&str> = then
        .keys()
        .chain(now.keys())
        .filter(|k| then.get(*k) != now.get(*k))
        .map(String::as_str)
        .collect();
    other.sort_unstable();
    other.dedup();
    if !other.is_empty() {
        bail!(
            "{shown}: its run was started with other options ({}); give the same again, or start \
            another with --ledger",
            other.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(path: &Path, verb: &str, options: Value) -> String {
        let e = format!("{:#}", Ledger::resume(path, verb, options).err().unwrap());
        assert!(e.contains(&path.display().to_string()) && !e.contains('\n'), "{e}");
        e
    }

    #[test]
    fn what_is_finished_is_known_again_and_a_torn_line_is_dropped() {
        let folder = tempfile::TempDir::new().unwrap();
        let (path, clip) = (
            folder.path().join("run"),
            folder.path().join(std::ffi::OsString::from_vec(b"\xffclip\n.mp4".to_vec())),
        );
        std::fs::write(&clip, "clip").unwrap();
        let stand = Stand::of(&clip);
        let mut ledger = Ledger::start(&path, "detect", json!({"search": true})).unwrap();
        ledger.finish(&clip, stand, Exit::Nothing, None).unwrap();
        ledger
            .finish(Path::new("failed"), Stand::default(), Exit::Error, Some("why".into()))
            .unwrap();
        ledger.begin(Path::new("begun")).unwrap();
        assert!(refusal(&path, "detect", json!({"search": true})).contains("another run"));
        drop(ledger);

        let good = std::fs::read(&path).unwrap();
        // Cut anywhere in its last line it is what it was before that line; cut in its first it
        // begins anew.
        let last = good[..good.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
        let first = good.iter().position(|&b| b == b'\n').unwrap();
        for cut in [0, 1, 40, first, last, last + 1, good.len() - 1, good.len()] {
            std::fs::write(&path, &good[..cut]).unwrap();
            let mut ledger = Ledger::resume(&path, "detect", json!({"search": true})).unwrap();
            assert_eq!(
                ledger.finished(&clip),
                (cut >= last).then_some(Exit::Nothing),
                "cut at {cut}"
            );
            assert_eq!(
                (ledger.finished(Path::new("failed")), ledger.begun(Path::new("begun"))),
                (None, cut == good.len())
            );
            ledger.finish(Path::new("more"), Stand::default(), Exit::Success, None).unwrap();
            drop(ledger);
            assert_eq!(
                Ledger::resume(&path, "detect", json!({"search": true}))
                    .unwrap()
                    .finished(Path::new("more")),
                Some(Exit::Success),
                "cut at {cut}"
            );
        }
        // A file that changed is another.
        std::fs::write(&path, &good).unwrap();
        std::fs::write(&clip, "another").unwrap();
        assert_eq!(
            Ledger::resume(&path, "detect", json!({"search": true})).unwrap().finished(&clip),
            None
        );
    }

    #[test]
    fn what_is_no_ledger_of_this_run_is_refused_and_left_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("run");
        drop(Ledger::start(&path, "stamp", json!({"strength": "1", "check": false})).unwrap());
        assert!(
            Ledger::start(&path, "stamp", json!({}))
                .err()
                .unwrap()
                .to_string()
                .contains("--resume")
        );
        assert!(refusal(&path, "detect", json!({})).contains("ledger of 'stamp'"));
        assert!(
            refusal(&path, "stamp", json!({"strength": "2", "check": false}))
                .contains("other options (strength)")
        );
        assert!(
            refusal(&path, "stamp", json!({"strength": "1", "base": "x"}))
                .contains("(base, check)")
        );
        let good = std::fs::read_to_string(&path).unwrap();
        for (text, says) in [
            (good.clone() + "nonsense\n", "line 2: is damaged"),
            (good.replace("ledger/1", "ledger/10"), "another version"),
            ("precious".into(), "no ledger"),
            ("{}\n".into(), "no ledger"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let e = refusal(&path, "stamp", json!({"strength": "1", "check": false}));
            assert!(e.contains(says), "{e}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
