//! Goal: the measurement still runs. Method: its smallest run in a scratch directory.

use super::report;

#[test]
fn the_smallest_run_gives_a_clean_start_at_least() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path(), 0).expect("runs");
    assert!(!report.rows.is_empty());
    assert!(report.rows.iter().all(|row| row.ours > 0.0));
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
