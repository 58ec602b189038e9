//! Goal: every form of result is read, and no silence counts as success. Method: golden texts.

use super::{Counting, Tally, tally};

const HARNESS: &str = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.01s
";

#[test]
fn harness_lines_are_summed_over_programs() {
    let sum = tally(Counting::Cargo, HARNESS, false);
    assert_eq!(
        sum,
        Tally {
            passed: 7,
            failed: 2,
            skipped: 1
        }
    );
}

#[test]
fn a_harness_that_printed_nothing_is_a_failure() {
    assert_eq!(tally(Counting::Cargo, "Finished in 3 s", true), Tally::FAIL);
    assert_eq!(tally(Counting::Tail, "", true), Tally::FAIL);
}

#[test]
fn a_failing_status_counts_even_when_all_lines_are_green() {
    let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured";
    assert_eq!(
        tally(Counting::Cargo, text, false),
        Tally {
            passed: 3,
            failed: 1,
            skipped: 0
        }
    );
}

#[test]
fn a_test_that_says_it_was_skipped_moves_from_passed_to_skipped() {
    let text = "---- ring stdout ----\nskipped: no io_uring in this kernel\n\
                test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured";
    assert_eq!(
        tally(Counting::Cargo, text, true),
        Tally {
            passed: 2,
            failed: 0,
            skipped: 1
        }
    );
}

#[test]
fn forge_suites_are_summed() {
    let text = "Suite result: ok. 5 passed; 0 failed; 1 skipped; finished in 3.20ms\n\
                Suite result: FAILED. 2 passed; 1 failed; 0 skipped; finished in 1.1s";
    assert_eq!(
        tally(Counting::Forge, text, false),
        Tally {
            passed: 7,
            failed: 1,
            skipped: 1
        }
    );
}

#[test]
fn the_last_tail_line_wins() {
    let text = "1 passed, 9 failed\nnoise\n17 passed, 0 failed\n";
    assert_eq!(
        tally(Counting::Tail, text, true),
        Tally {
            passed: 17,
            failed: 0,
            skipped: 0
        }
    );
}

#[test]
fn a_sentence_with_the_words_is_no_tail_line() {
    assert_eq!(
        tally(Counting::Tail, "so 3 passed, 0 failed", true),
        Tally::FAIL
    );
}

#[test]
fn status_is_one_check() {
    assert_eq!(tally(Counting::Status, "", true), Tally::PASS);
    assert_eq!(
        tally(Counting::Status, "test result: ok. 1 passed", false),
        Tally::FAIL
    );
}
