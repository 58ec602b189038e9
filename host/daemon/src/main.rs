//! `holdfastd`: the host daemon.

fn main() {}
