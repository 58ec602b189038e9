//! Goal: a third-party crate compiled by both build steps is found. Method: golden logs.

use super::twice;

#[test]
fn a_crate_compiled_by_both_builds_is_a_fault() {
    let log = "$ cargo build\n   Compiling tokio v1.54.0\n   Compiling ours v0.1.0 (/x/ours)\n\
               $ cargo test\n   Compiling tokio v1.54.0\n   Compiling ours v0.1.0 (/x/ours)\n";
    assert_eq!(twice(log), ["tokio v1.54.0 was compiled again"]);
}

#[test]
fn what_only_the_tests_need_may_be_compiled_by_them() {
    let log =
        "$ cargo build\n   Compiling tokio v1.54.0\n$ cargo test\n   Compiling proptest v1.2.0\n";
    assert!(twice(log).is_empty());
}
