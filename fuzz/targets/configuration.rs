//! See [`proofmark_fuzz::configuration`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::configuration(bytes));
