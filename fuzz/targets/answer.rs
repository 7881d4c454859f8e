//! See [`proofmark_fuzz::answer`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::answer(bytes));
