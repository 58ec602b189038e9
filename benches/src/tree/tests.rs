//! Goal: the bench still measures what it says. Method: its smallest run, which compares the roots
//! of both ways.

use super::report;

#[test]
fn the_smallest_run_compares_two_equal_trees() {
    let report = report(true);
    assert_eq!(report.rows.len(), 2);
    assert!(report.rows.iter().all(|row| row.ours > 0.0));
}
