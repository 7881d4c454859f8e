//! What a worker gives up before it touches a file: more memory and time than it may take, other
//! files, the network, programs, everything that writes.
//!
//! The order matters: limits first, then the root, files, and system calls, as each may need what
//! the next one takes. No thread may run yet, since all of it holds for the calling thread and
//! those that it starts.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

use super::room::{self, regular};
use super::{Isolation, calls};
use crate::media::Limits;
use crate::provenance::sidecar_path;

/// The kernel's interface whose rights are refused where it has them; an older kernel refuses those
/// that it knows.
const ABI_KNOWN: ABI = ABI::V7;

/// Files that are open at once: the media by three readers, the manifest, the socket.
const FILES: u64 = 64;

/// What a worker touches.
#[derive(Default)]
pub(super) struct Reach {
    /// What it reads.
    pub(super) read: Vec<PathBuf>,
    /// What it writes, which is there already.
    pub(super) written: Option<PathBuf>,
}

impl Reach {
    /// Of what looks at a file, and at what lies beside it.
    pub(super) fn of(file: &Path) -> Self {
        Self { read: vec![file.into(), sidecar_path(file)], written: None }
    }
}

/// Confines this process to looking at a file, or making it anew, and talking through `streams`,
/// and says what holds.
///
/// # Errors
/// If the limits cannot be set. What the kernel lacks is no error, and is not said to hold.
pub(super) fn confine(
    reach: &Reach,
    limits: &Limits,
    streams: &[BorrowedFd<'_>],
) -> io::Result<Isolation> {
    let seconds = limits.processor_seconds.max(1);
    // At the softer limit the process is told what it ends of.
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    limit(Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    let largest = if reach.written.is_some() { limits.bytes } else { 0 };
    limit(Resource::Nofile, FILES, FILES)?;
    limit(Resource::Fsize, largest, largest)?;
    limit(Resource::Core, 0, 0)?;
    let Reach { read, written } = reach;
    let namespace = room::enter(&read.iter().chain(written).cloned().collect::<Vec<_>>());
    // Keys may be in its memory: no debugger of the same user reads it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    let landlock = close_files(read, written.as_deref());
    Ok(Isolation {
        process: true,
        files: landlock > 0,
        landlock,
        namespace,
        calls: calls::refuse(streams, written.is_some()),
    })
}

/// Never more than what this process may have anyway.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Ok(setrlimit(
        resource,
        Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) },
    )?)
}

/// Lets nothing be opened but files to read, for reading, and one to write, and no connection be
/// made; which version of Landlock holds to it, 0 if none does.
fn close_files(read: &[PathBuf], written: Option<&Path>) -> u8 {
    let close = || -> Result<u8, landlock::RulesetError> {
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI_KNOWN))?
            .handle_access(AccessNet::from_all(ABI_KNOWN))?
            .scope(Scope::from_all(ABI_KNOWN))?
            .create()?;
        // A rule on a folder would hold for all that is in it.
        for file in read.iter().filter_map(|p| regular(p)) {
            rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
        }
        if let Some(file) = written.and_then(regular) {
            rules = rules.add_rule(PathBeneath::new(
                file,
                AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
            ))?;
        }
        let status = rules.restrict_self()?;
        let version = match status.landlock {
            LandlockStatus::Available { effective_abi, .. }
                if status.ruleset != RulesetStatus::NotEnforced =>
            {
                effective_abi as u8
            }
            _ => 0,
        };
        Ok(version)
    };
    close().unwrap_or(0)
}
