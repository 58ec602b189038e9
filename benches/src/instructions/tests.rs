//! Goal: the count still runs, or says what is missing. Method: one run.

use super::report;

#[test]
fn the_kernels_are_counted_or_something_is_said_to_be_missing() {
    let report = report().expect("runs");
    assert!(!report.rows.is_empty() || !report.notes.is_empty());
    assert!(report.rows.iter().all(|row| row.ours > 0.1 && row.met));
}
