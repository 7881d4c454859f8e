//! See [`proofmark_fuzz::package`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::package(bytes));
