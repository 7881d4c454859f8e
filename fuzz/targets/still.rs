//! See [`proofmark_fuzz::still`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofmark_fuzz::still(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    proofmark_fuzz::mutate::mutate(data, size, most, seed, |part, size, most| {
        libfuzzer_sys::fuzzer_mutate(part, size, most)
    })
});
