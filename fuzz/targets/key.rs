//! See [`proofmark_fuzz::key`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::key(bytes));
