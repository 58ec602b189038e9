//! Goal: the measurement still runs. Method: its smallest run on a file of 32 MiB; without fio it
//! must say so and give no rows.

use super::report;

#[test]
fn the_smallest_run_gives_a_rate_and_a_cost_or_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path(), "").expect("runs");
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
    assert!(report.rows.is_empty() || report.rows.len() == 2);
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.ours > 0.0 && row.peer > 0.0)
    );
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "the file is gone");
}
