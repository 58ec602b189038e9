//! Placeholder head of tests-tidy.

fn main() {}
