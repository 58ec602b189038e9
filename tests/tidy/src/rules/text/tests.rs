//! Goal: each rule about text can fail. Method: one file with one wrong line.

use super::{globs, heads, modules, places, todos, width};
use crate::rules::Findings;
use crate::tree::Tree;
use crate::tree::tests::{manifest, tree};

fn count(check: fn(&Tree) -> Findings, path: &str, text: &str) -> usize {
    check(&tree(&[(path, text)])).faults.len()
}

#[test]
fn a_file_without_head_is_a_fault() {
    assert_eq!(count(heads, "host/x/src/a.rs", "// a\nfn a() {}"), 1);
    assert_eq!(count(heads, "tests/it/main.rs", "fn a() {}"), 1);
    assert_eq!(count(heads, "host/x/src/a.rs", "//! A room.\nfn a() {}"), 0);
}

#[test]
fn a_glob_import_outside_tests_is_a_fault() {
    assert_eq!(count(globs, "host/x/src/a.rs", "use a::b::*;"), 1);
    assert_eq!(count(globs, "host/x/src/a.rs", "pub(crate) use a::*;"), 1);
    assert_eq!(count(globs, "host/x/src/a/tests.rs", "use super::*;"), 0);
    assert_eq!(
        count(globs, "host/x/src/a.rs", "// use a::*;\nlet a = b ** c;"),
        0
    );
}

#[test]
fn an_open_end_without_number_is_a_fault() {
    let open = concat!("// TO", "DO");
    assert_eq!(
        count(todos, "host/x/src/a.rs", &format!("{open}: later")),
        1
    );
    assert_eq!(
        count(todos, "host/x/src/a.rs", &format!("{open}(12): later")),
        0
    );
    assert_eq!(count(todos, "host/x/src/a.rs", concat!("// FIX", "ME")), 1);
}

#[test]
fn mod_rs_is_a_fault() {
    assert_eq!(count(modules, "host/x/src/a/mod.rs", ""), 1);
}

#[test]
fn a_file_that_cargo_never_sees_is_a_fault() {
    let text = manifest("host-x", &[]);
    let with = |lib: &str| {
        let files = [
            ("host/x/Cargo.toml", text.as_str()),
            ("host/x/src/lib.rs", lib),
            ("host/x/src/a.rs", ""),
        ];
        modules(&tree(&files)).faults.len()
    };
    assert_eq!(with("mod b;"), 1);
    assert_eq!(with("pub mod a;"), 0);
}

#[test]
fn a_wide_line_is_a_fault_and_an_address_is_none() {
    let wide = "x".repeat(101);
    assert_eq!(count(width, "host/x/src/a.rs", &wide), 1);
    assert_eq!(
        count(width, "host/x/src/a.rs", &format!("// https://{wide}")),
        0
    );
}

#[test]
fn a_path_of_one_machine_is_a_fault() {
    assert_eq!(count(places, "docs/a.md", concat!("in /ho", "me/me/x")), 1);
    assert_eq!(count(places, "docs/a.md", concat!("in docs/ho", "me/x")), 0);
}
