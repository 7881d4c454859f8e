//! See [`proofmark_fuzz::word`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::word(bytes));
