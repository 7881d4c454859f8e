//! The system calls that a worker may make: those that reading, computing and answering take. All
//! others fail with `EPERM`.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use libc::{
    SYS_brk, SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_clone, SYS_clone3,
    SYS_close, SYS_exit, SYS_exit_group, SYS_fcntl, SYS_fstat, SYS_futex, SYS_get_robust_list,
    SYS_getcpu, SYS_getpid, SYS_getrandom, SYS_getrusage, SYS_gettid, SYS_gettimeofday, SYS_lseek,
    SYS_madvise, SYS_membarrier, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep,
    SYS_newfstatat, SYS_openat, SYS_ppoll, SYS_prctl, SYS_pread64, SYS_preadv, SYS_prlimit64,
    SYS_read, SYS_readv, SYS_recvfrom, SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_getaffinity, SYS_sched_yield, SYS_sendto,
    SYS_set_robust_list, SYS_shutdown, SYS_sigaltstack, SYS_statx, SYS_sysinfo, SYS_tgkill,
    SYS_uname, SYS_write, SYS_writev,
};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// Calls that are allowed whatever their arguments.
const ALLOWED: [i64; 44] = [
    SYS_brk,
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
    SYS_fstat,
    SYS_futex,
    SYS_get_robust_list,
    SYS_getcpu,
    SYS_getpid,
    SYS_getrandom,
    SYS_getrusage,
    SYS_gettid,
    SYS_gettimeofday,
    SYS_lseek,
    SYS_madvise,
    SYS_membarrier,
    SYS_mremap,
    SYS_munmap,
    SYS_nanosleep,
    SYS_newfstatat,
    SYS_ppoll,
    SYS_pread64,
    SYS_preadv,
    SYS_read,
    SYS_readv,
    SYS_recvfrom,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_shutdown,
    SYS_sigaltstack,
    SYS_statx,
    SYS_sysinfo,
    SYS_uname,
    // What it is asked lies out of a filter's sight: see `refuse`.
    SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_clock_getres,
];

/// Standard input, which is the socket too, and standard error, for last words.
const STANDARD: [RawFd; 2] = [0, 2];

/// Refuses all other calls from here on, in this thread and those that it starts; whether the
/// kernel holds to it. Written to are `streams` alone, and standard error: what else this process
/// was left open by whoever started its parent is none of its own. One that `writes` a file opens
/// it itself: Landlock, or a root of its own, says which that is.
pub(super) fn refuse(streams: &[BorrowedFd<'_>], writes: bool) -> bool {
    let error = |number: i32| SeccompAction::Errno(number as u32);
    let refuse = || {
        // Told that there is no `clone3`, glibc takes `clone`, whose flags can be seen. This comes
        // first: after the rest no more can be refused.
        install([(SYS_clone3, Vec::new())].into(), SeccompAction::Allow, error(libc::ENOSYS))?;
        install(allowed(streams, writes)?, error(libc::EPERM), SeccompAction::Allow)
    };
    refuse().is_ok()
}

/// Has calls without a rule in `rules` end one way, and those with one the other.
fn install(rules: Rules, others: SeccompAction, those: SeccompAction) -> Result<(), Error> {
    let filter = SeccompFilter::new(rules, others, those, std::env::consts::ARCH.try_into()?)?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// A call whose argument, as far as the mask goes, has that value.
fn has(argument: u8, mask: i32, value: i32) -> Result<Vec<SeccompRule>, Error> {
    let condition = SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask as u32 as u64),
        value as u32 as u64,
    )?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}

/// What may be asked of a handle: what it is and whether it waits, and another handle on the same;
/// not whom the kernel sends which signal when something comes.
fn handles() -> Result<Vec<SeccompRule>, Error> {
    let about = |command: i32| has(1, -1, command);
    let quiet = SeccompCondition::new(
        2,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(libc::O_ASYNC as u64),
        0,
    )?;
    let set =
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::F_SETFL as u64)?;
    let told = [
        about(libc::F_GETFD)?,
        about(libc::F_SETFD)?,
        about(libc::F_GETFL)?,
        about(libc::F_DUPFD_CLOEXEC)?,
    ]
    .concat();
    Ok([told, vec![SeccompRule::new(vec![set, quiet])?]].concat())
}

fn allowed(streams: &[BorrowedFd<'_>], writes: bool) -> Result<Rules, Error> {
    let mut rules: Rules = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    let to = streams
        .iter()
        .map(AsRawFd::as_raw_fd)
        .chain(STANDARD)
        .map(|stream| has(0, -1, stream))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    rules.extend([SYS_write, SYS_writev, SYS_sendto].map(|call| (call, to.clone())));
    rules.insert(SYS_fcntl, handles()?);
    if writes {
        // The rules are for whoever may not: a call without any is allowed.
        rules.extend(
            [SYS_write, SYS_writev, libc::SYS_pwrite64, libc::SYS_ftruncate, libc::SYS_fsync]
                .map(|call| (call, Vec::new())),
        );
    }
    // For reading alone.
    let altering = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    rules.insert(SYS_openat, if writes { Vec::new() } else { has(2, altering, libc::O_RDONLY)? });
    #[cfg(target_arch = "x86_64")]
    rules.insert(
        libc::SYS_open,
        if writes { Vec::new() } else { has(1, altering, libc::O_RDONLY)? },
    );
    // Threads, and no processes.
    rules.insert(SYS_clone, has(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?);
    // Nothing that was written becomes code.
    rules.insert(SYS_mmap, has(2, libc::PROT_EXEC, 0)?);
    rules.insert(SYS_mprotect, has(2, libc::PROT_EXEC, 0)?);
    // Names of threads.
    rules.insert(SYS_prctl, has(0, -1, libc::PR_SET_NAME)?);
    // A limit may be read and not be set: its new value lies at address 0. The two halves are
    // compared each on its own.
    let nowhere = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    rules.insert(SYS_prlimit64, vec![SeccompRule::new(vec![nowhere])?]);
    // Ending itself with a signal, as `abort` does, is its own affair.
    let own = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        u64::from(std::process::id()),
    )?;
    rules.insert(SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
    Ok(rules)
}
