//! What a process of ours asks of glibc's allocator; any other is left as it is.

/// Bytes from which on a block is mapped by itself: more than a frame of 1080p.
#[cfg(target_env = "gnu")]
const APART: i32 = 4 << 20;
/// The largest block that glibc hands out of its pools, and what it keeps there for the next ones.
#[cfg(all(target_env = "gnu", feature = "sandbox"))]
const TOGETHER: i32 = 32 << 20;
#[cfg(all(target_env = "gnu", feature = "sandbox"))]
const KEPT: i32 = 256 << 20;
/// Pools that threads may be spread over. Each reserves 64 MiB of address space, and by default
/// there are eight for every core.
#[cfg(feature = "sandbox")]
pub(crate) const POOLS: i32 = 4;

/// Maps blocks of 4 MiB and more by themselves, always. glibc gives that up as soon as the first is
/// freed; where it does, a table that grows with the clip, as a writer's does, leaves behind what
/// it was each time. For a program that stamps, at its beginning.
pub fn map_large_blocks() {
    #[cfg(target_env = "gnu")]
    set(libc::M_MMAP_THRESHOLD, APART);
}

/// Keeps what is freed for what comes next. For a process that looks at one file: a search makes
/// and drops pictures all the time, and pages that were given back come cleared, which takes the
/// system longer than it takes to fill them.
#[cfg(feature = "sandbox")]
pub(crate) fn keep_freed_blocks() {
    #[cfg(target_env = "gnu")]
    {
        set(libc::M_MMAP_THRESHOLD, TOGETHER);
        set(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Spreads threads over [`POOLS`] and no more.
#[cfg(feature = "sandbox")]
pub(crate) fn limit_pools() {
    #[cfg(target_env = "gnu")]
    set(libc::M_ARENA_MAX, POOLS);
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "no safe call sets it")]
fn set(parameter: i32, value: i32) {
    // SAFETY: sets a number. One that glibc does not know it leaves.
    unsafe { libc::mallopt(parameter, value) };
}
