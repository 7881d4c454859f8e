//! A root of a worker's own, in which there is nothing but the file: where the kernel lets it have
//! one, it cannot even ask what else there is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change,
    mount_remount, unmount,
};
use rustix::process::{chdir, getegid, geteuid, pivot_root};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// A folder that every machine has, in place of which the new root is built: only this process sees
/// that.
const PLACE: &str = "/tmp";

/// Moves this process, of one thread, to a root that holds `files` alone, each under its own path;
/// whether the kernel let it. What is no ordinary file is not in it.
pub(super) fn enter(files: &[PathBuf]) -> bool {
    if (!files.is_empty() && files.iter().all(|p| regular(p).is_none())) || separate().is_err() {
        return false;
    }
    // Each once, and of the mounts that this process now has to itself.
    let files: BTreeSet<&Path> = files.iter().map(PathBuf::as_path).collect();
    let handles: Vec<(&Path, OwnedFd)> =
        files.into_iter().filter_map(|p| Some((p, regular(p)?))).collect();
    furnish(&handles).is_ok()
}

/// A handle on a path, if a file is there.
pub(super) fn regular(path: &Path) -> Option<OwnedFd> {
    let handle = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&handle).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then_some(handle)
}

/// Mounts from here on are seen by this process alone. Whoever is not root may do that as root of a
/// namespace in which there is nobody else; for root it would be a loss, as files of others could
/// not be read any more.
fn separate() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        unshare(UnshareFlags::NEWNS)?;
    } else {
        unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    }
    Ok(mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?)
}

#[allow(unsafe_code, reason = "no safe call leaves a namespace")]
fn unshare(what: UnshareFlags) -> io::Result<()> {
    // SAFETY: no other thread runs, and the table of handles, whose parting would be unsafe, stays
    // as it is.
    Ok(unsafe { unshare_unsafe(what) }?)
}

fn furnish(files: &[(&Path, OwnedFd)]) -> io::Result<()> {
    let harmless = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("none", PLACE, "tmpfs", harmless, Some(c"size=64k,mode=0700"))?;
    let furnished = files.iter().try_for_each(|(path, handle)| -> io::Result<()> {
        let inside = Path::new(PLACE).join(path.strip_prefix("/").map_err(io::Error::other)?);
        inside.parent().map_or(Ok(()), fs::create_dir_all)?;
        // What is there already is a file of the user's, named twice: it would be emptied.
        fs::File::create_new(&inside)?;
        Ok(mount_bind(format!("/proc/self/fd/{}", handle.as_raw_fd()), &inside)?)
    });
    let entered = furnished.and_then(|()| {
        mount_remount(PLACE, harmless | MountFlags::RDONLY | MountFlags::BIND, "")?;
        chdir(PLACE)?;
        pivot_root(".", ".")?;
        // What was the root lies over the new one.
        unmount(".", UnmountFlags::DETACH)?;
        Ok(chdir("/")?)
    });
    if entered.is_err() {
        // Without a root of its own it needs what lies beneath.
        let _ = unmount(PLACE, UnmountFlags::DETACH);
    }
    entered
}
