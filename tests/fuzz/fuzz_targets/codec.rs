//! Any bytes, read as counts, a loss and a stripe, through the 8-bit code and a naive decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests_fuzz::codec(bytes));
