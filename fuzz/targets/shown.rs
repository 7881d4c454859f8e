//! See [`proofmark_fuzz::shown`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::shown(bytes));
