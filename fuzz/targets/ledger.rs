//! See [`proofmark_fuzz::ledger`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::ledger(bytes));
