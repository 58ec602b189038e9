//! Placeholder head of host-cli.

fn main() {}
