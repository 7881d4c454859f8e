//! See [`proofmark_fuzz::stamp`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::stamp(bytes));
