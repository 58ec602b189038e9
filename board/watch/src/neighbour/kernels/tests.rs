//! Goal: releases are read as they are written, and each fault ends where it was mended.

use super::*;
use proptest::prelude::*;

#[test]
fn releases_are_read_as_distributions_write_them() {
    for (text, release) in [
        ("5.4.0-42-generic", [5, 4, 0]),
        ("6.1.0-56-amd64", [6, 1, 0]),
        ("6.18.44-fc", [6, 18, 44]),
        ("6.12", [6, 12, 0]),
        ("6.12-rc1", [6, 12, 0]),
    ] {
        assert_eq!(parse(text), Some(release), "{text}");
    }
    for text in ["", "linux", "6", "6.", ".1"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn each_fault_ends_where_it_was_mended() {
    use Fault::{DeadEntry, LeakedCount, MisleadingError, UnboundedCollection};
    let all = [LeakedCount, DeadEntry, MisleadingError, UnboundedCollection];
    assert_eq!(kernel_faults("5.1.8"), all);
    assert_eq!(kernel_faults("5.1.9"), all[1..]);
    assert_eq!(kernel_faults("5.4.96"), all[1..]);
    assert_eq!(kernel_faults("5.4.97"), all[2..]);
    assert_eq!(kernel_faults("5.13.0-40-generic"), all[2..]);
    assert_eq!(kernel_faults("6.6.3"), all[3..]);
    assert_eq!(kernel_faults("6.12.1"), []);
    assert_eq!(kernel_faults("unknown"), []);
}

proptest! {
    #[test]
    fn no_release_panics(text in "\\PC{0,30}") {
        let _faults = kernel_faults(&text);
    }
}
