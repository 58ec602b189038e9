//! What is shown of a failed run.

use super::*;

#[test]
fn a_failed_test_is_shown_though_a_later_program_passed() {
    let text = "\
running 2 tests
test one ... ok
test two ... FAILED

successes:
    one

failures:

---- two stdout ----
it broke

failures:
    two

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s

running 1 test
test three ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.35s
";
    let told = faults(text);
    assert!(
        told.contains(&"it broke") && told.contains(&"    two"),
        "{told:?}"
    );
    assert!(!told.iter().any(|line| line.contains("three")), "{told:?}");
    assert_eq!(told.last(), text.lines().nth(15).as_ref());
}

#[test]
fn a_log_without_failed_tests_tells_none() {
    assert_eq!(faults("error: no such command\n"), Vec::<&str>::new());
}
