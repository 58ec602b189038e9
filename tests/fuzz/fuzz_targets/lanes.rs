//! Any bytes, cut into messages and rows at any alignment, through every kernel of the machine.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests_fuzz::lanes(bytes));
