//! Goal: the measurement still runs. Method: its smallest run; without fio it must say so and
//! give no rows.

use super::report;

#[test]
fn the_smallest_run_gives_both_rows_or_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    assert!(report.rows.len() == 2 || report.notes.len() == 1);
    let there = |row: &crate::rows::Row| row.ours > 0.0 && row.peer > 0.0;
    assert!(report.rows.iter().all(there));
}
