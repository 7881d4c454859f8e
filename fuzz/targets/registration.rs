//! See [`proofmark_fuzz::registration`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::registration(bytes));
