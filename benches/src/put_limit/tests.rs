//! Goal: the measurement still runs. Method: its smallest run in a scratch directory.

use super::report;

#[test]
fn the_smallest_run_gives_every_stage_and_both_limits() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    assert_eq!(report.rows.len(), 6);
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.ours > 0.0 && row.peer > 0.0)
    );
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
