//! See [`proofmark_fuzz::stream`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::stream(bytes));
