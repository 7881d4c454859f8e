//! Files that appear whole or not at all, with the permissions that their user wants them to have:
//! those of a new file, or those of the file that they replace.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};

/// How drafts are called.
const PREFIX: &str = ".proofmark-";
/// Age from which a draft that nobody holds was left by a run that is dead: between a file's making
/// and its lock there is a moment.
const ABANDONED: Duration = Duration::from_secs(60);

/// A file in the making: hidden beside its target, and gone if it is dropped before it is
/// published.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    target: PathBuf,
}

impl Draft {
    /// Begins a file that is to become `target`.
    ///
    /// # Errors
    /// If the folder of the target is not there, cannot be written, or is full.
    pub fn beside(target: &Path) -> io::Result<Self> {
        // What the user masks, and what a folder says of new files in it, the kernel knows. What
        // replaces a file nobody reads who might not read that one.
        Self::with_mode(target, if target.exists() { 0o600 } else { 0o666 })
    }

    /// Begins a file that is to become nothing: it is in the folder for temporary files, for its
    /// owner alone, and gone once it is dropped. A run that dies leaves it to the next to sweep.
    ///
    /// # Errors
    /// If that folder cannot be written, or is full.
    pub fn scratch(extension: &str) -> io::Result<Self> {
        Self::with_mode(&std::env::temp_dir().join("scratch").with_extension(extension), 0o600)
    }

    fn with_mode(target: &Path, mode: u32) -> io::Result<Self> {
        let folder =
            target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let extension =
            target.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
        let mut builder = tempfile::Builder::new();
        let file = builder
            .prefix(PREFIX)
            .suffix(&extension)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        sweep(folder, file.as_file().metadata()?.uid());
        // Held until it is published or dropped, or this process dies. Where a file system knows no
        // locks, nothing is swept either.
        let _ = file.as_file().try_lock();
        Ok(Self { file, target: target.into() })
    }

    /// Where it is for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// What is to become of it.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives it its name. With `replace` it takes the place of a file that has the name, with the
    /// mode, owner and group of that file as far as the user may give them away; a link is replaced
    /// itself, and what it leads to stays as it is, but for what it says of the mode.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] without `replace` if there is something of that name; or
    /// what the file system says.
    pub fn publish(self, replace: bool) -> io::Result<()> {
        if replace {
            take_after(self.file.as_file(), &self.target)?;
        }
        self.name(replace)
    }

    fn name(self, replace: bool) -> io::Result<()> {
        let Self { file, target } = self;
        file.as_file().sync_all()?;
        let named = if replace { file.persist(target) } else { file.persist_noclobber(target) };
        named.map(|_| ()).map_err(|e| e.error)
    }
}

/// A folder in the making: hidden beside its target, and gone with all that is in it if it is
/// dropped before it is published.
#[derive(Debug)]
pub struct DraftFolder {
    folder: TempDir,
    /// Held as long as it is in the making.
    held: File,
    target: PathBuf,
}

impl DraftFolder {
    /// Begins a folder that is to become `target`.
    ///
    /// # Errors
    /// As those of [`Draft::beside`].
    pub fn beside(target: &Path) -> io::Result<Self> {
        let parent =
            target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let held = File::open(folder.path())?;
        sweep(parent, held.metadata()?.uid());
        let _ = held.try_lock();
        Ok(Self { folder, held, target: target.into() })
    }

    /// Where it is for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder `part` in it the name of the target, and removes the rest. With `replace`
    /// it takes the place of a folder that has the name; an empty one is replaced in any case.
    ///
    /// # Errors
    /// As those of [`Draft::publish`].
    pub fn publish(self, part: &Path, replace: bool) -> io::Result<()> {
        let Self { folder, held, target } = self;
        std::fs::set_permissions(part, Permissions::from_mode(0o777 & !umask(folder.path())?))?;
        let old = folder.path().join("old");
        if replace && target.is_dir() {
            std::fs::rename(&target, &old)?;
        }
        // An empty folder gives way to another, and nothing else does.
        let named = std::fs::rename(part, &target).map_err(|e| match e.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                io::ErrorKind::AlreadyExists.into()
            }
            _ => e,
        });
        if named.is_err() && old.is_dir() {
            std::fs::rename(&old, &target)?;
        }
        drop(held);
        named
    }
}

/// What the user masks of the modes of new files.
fn umask(folder: &Path) -> io::Result<u32> {
    let probe = folder.join("mode");
    std::fs::create_dir(&probe)?;
    let mode = probe.metadata()?.mode();
    std::fs::remove_dir(probe)?;
    Ok(0o777 & !mode)
}

/// Writes a secret: for its owner alone from the start, whole or not at all. With `replace` it
/// takes the place of a file that has the name, whoever could read that.
///
/// # Errors
/// As those of [`Draft::beside`] and [`Draft::publish`].
pub fn write_private(target: &Path, secret: &[u8], replace: bool) -> io::Result<()> {
    let mut draft = Draft::with_mode(target, 0o600)?;
    draft.file().write_all(secret)?;
    draft.name(replace)
}

/// Removes drafts, files and folders, that a dead run of this user left in a folder, once in the
/// life of this process.
fn sweep(folder: &Path, user: u32) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let Ok(folder) = folder.canonicalize() else { return };
    if !SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.clone()) {
        return;
    }
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(PREFIX)) {
        let old = |m: std::fs::Metadata| {
            (m.is_file() || m.is_dir())
                && m.uid() == user
                && m.modified().is_ok_and(|t| t.elapsed().is_ok_and(|age| age > ABANDONED))
        };
        // A link of that name is none of ours, and neither is what somebody holds.
        let abandoned = entry.path().symlink_metadata().is_ok_and(old)
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if abandoned {
            let path = entry.path();
            let _ = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
        }
    }
}

/// Gives a file that is about to replace `old` the mode, owner and group of that one. Whoever
/// replaces it need not be allowed to give files away: then it is their own, and what was meant for
/// a group that it no longer has is left to nobody who could not read it before.
pub(crate) fn take_after(file: &File, old: &Path) -> io::Result<()> {
    let Ok(old) = old.metadata() else { return Ok(()) };
    let new = file.metadata()?;
    let mut mode = old.mode() & 0o777;
    let same_group = || old.gid() == new.gid() || fchown(file, None, Some(old.gid())).is_ok();
    if (old.uid(), old.gid()) != (new.uid(), new.gid())
        && fchown(file, Some(old.uid()), Some(old.gid())).is_err()
        && !same_group()
    {
        mode &= 0o707 | (mode & 0o007) << 3;
    }
    // Some file systems know no modes; what was made for its owner alone stays so.
    let _ = file.set_permissions(Permissions::from_mode(mode));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    fn publish(target: &Path, text: &str, replace: bool) -> io::Result<()> {
        let draft = Draft::beside(target)?;
        std::fs::write(draft.path(), text)?;
        draft.publish(replace)
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours.txt"), folder.path().join("plain.txt"));
        std::fs::write(&plain, "").unwrap();
        publish(&ours, "ours", false).unwrap();
        assert_eq!(mode(&ours), mode(&plain));
        assert_eq!(
            publish(&ours, "again", false).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read_to_string(&ours).unwrap(), "ours");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_is_replaced_leaves_its_mode_and_is_private_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.txt");
        std::fs::write(&target, "old").unwrap();
        for wanted in [0o600, 0o640, 0o664, 0o444, 0o777] {
            std::fs::set_permissions(&target, Permissions::from_mode(wanted)).unwrap();
            let draft = Draft::beside(&target).unwrap();
            assert_eq!(mode(draft.path()), 0o600);
            draft.publish(true).unwrap();
            assert_eq!(mode(&target), wanted);
        }
    }

    #[test]
    fn a_secret_is_for_its_owner_alone_whatever_it_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("secret.json");
        write_private(&target, b"one", false).unwrap();
        assert_eq!(mode(&target), 0o600);
        let again = write_private(&target, b"two", false).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        std::fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        write_private(&target, b"two", true).unwrap();
        assert_eq!(
            (mode(&target), std::fs::read_to_string(&target).unwrap().as_str()),
            (0o600, "two")
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_folder_appears_whole_and_takes_no_others_place() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        let publish = |text: &str, replace: bool| {
            let draft = DraftFolder::beside(&target)?;
            let part = draft.path().join("part");
            std::fs::create_dir(&part)?;
            std::fs::write(part.join("f"), text)?;
            draft.publish(&part, replace)
        };
        let there = || std::fs::read_to_string(target.join("f")).unwrap();
        std::fs::create_dir(&target).unwrap();
        publish("one", false).unwrap();
        assert_eq!(there(), "one");
        assert_eq!(publish("two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(there(), "one");
        publish("two", true).unwrap();
        assert_eq!(there(), "two");
        assert_eq!(parent.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_a_dead_run_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        drop((
            made(".proofmark-dead.mp4", 100),
            made(".proofmark-young.mp4", 1),
            made("plain.mp4", 100),
        ));
        let held = made(".proofmark-held.mp4", 100);
        held.try_lock().unwrap();
        drop(Draft::beside(&folder.path().join("new.mp4")).unwrap());
        let mut left: Vec<_> = folder
            .path()
            .read_dir()
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".proofmark-held.mp4", ".proofmark-young.mp4", "plain.mp4"]);
    }

    #[test]
    fn a_link_is_replaced_and_not_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (link, behind) = (folder.path().join("link"), folder.path().join("behind"));
        std::fs::write(&behind, "precious").unwrap();
        std::fs::set_permissions(&behind, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("behind", &link).unwrap();
        publish(&link, "new", true).unwrap();
        assert!(!link.is_symlink());
        assert_eq!(
            (
                std::fs::read_to_string(&behind).unwrap().as_str(),
                std::fs::read_to_string(&link).unwrap().as_str()
            ),
            ("precious", "new")
        );
        assert_eq!(mode(&link), 0o600);
        // One that leads nowhere has no mode to leave.
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert_eq!(publish(&link, "new", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        publish(&link, "new", true).unwrap();
        assert!(
            !link.is_symlink()
                && mode(&link) & 0o600 == 0o600
                && !folder.path().join("nowhere").exists()
        );
    }

    #[test]
    fn the_owner_stays_where_the_user_may_give_files_away() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.txt");
        std::fs::write(&target, "old").unwrap();
        std::fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        if std::os::unix::fs::chown(&target, Some(4321), Some(4322)).is_err() {
            return;
        }
        publish(&target, "new", true).unwrap();
        let now = target.metadata().unwrap();
        assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (4321, 4322, 0o640));
    }
}
