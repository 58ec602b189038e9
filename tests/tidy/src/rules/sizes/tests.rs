//! Goal: a long file is told and a huge one fails. Method: files of so many lines.

use super::check;
use crate::tree::tests::tree;

fn found(text: &str) -> (usize, usize) {
    let found = check(&tree(&[("host/x/src/a.rs", text)]));
    (found.faults.len(), found.notes.len())
}

#[test]
fn lines_past_the_first_bound_are_told_and_past_the_second_fail() {
    assert_eq!(found(&"x\n".repeat(600)), (0, 0));
    assert_eq!(found(&"x\n".repeat(601)), (0, 1));
    assert_eq!(found(&"x\n".repeat(901)), (1, 0));
}

#[test]
fn a_long_function_is_told() {
    assert_eq!(
        found(&format!("fn a() {{\n{}}}\n", "b();\n".repeat(70))),
        (0, 1)
    );
}
