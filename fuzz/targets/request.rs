//! See [`proofmark_fuzz::request`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::request(bytes));
