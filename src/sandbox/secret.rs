//! A secret in the environment of this process.

use std::ffi::CString;

use zeroize::Zeroizing;

/// Takes a variable out of the environment, and out of the memory where the kernel put it, which
/// whoever this process starts would get and anybody of this user could read in `/proc`. `None` if
/// it is not there, or holds nothing that is text. Called before a thread runs.
#[must_use]
#[allow(unsafe_code, reason = "no safe call wipes it")]
pub fn take_variable(name: &str) -> Option<Zeroizing<String>> {
    let value = Zeroizing::new(std::env::var(name).ok().filter(|value| !value.is_empty())?);
    let name = CString::new(name).ok()?;
    // SAFETY: no other thread runs that could read or set a variable. The value ends with a zero,
    // and lies in memory of this process that may be written: the environment is its own to change.
    unsafe {
        let there = libc::getenv(name.as_ptr());
        if !there.is_null() {
            std::ptr::write_bytes(there, 0, libc::strlen(there));
        }
        libc::unsetenv(name.as_ptr());
    }
    Some(value)
}
