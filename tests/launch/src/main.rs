//! Placeholder head of tests-launch.

fn main() {}
