//! Goal: the measurement still runs. Method: a small file, one host dies.

use super::report;

#[test]
fn the_smallest_repair_gives_both_rows_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    if report.notes.is_empty() {
        assert_eq!(report.rows.len(), 2);
        assert!(report.rows.iter().all(|row| row.ours > 0.0));
    }
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
