//! Goal: the measurement still runs. Method: its smallest run when the programs are built; else it
//! must say what is missing.

use super::report;

#[test]
fn the_smallest_run_reads_the_memory_or_says_what_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    assert!(report.rows.len() == 2 || report.notes.len() == 1);
    assert!(report.rows.iter().all(|row| row.ours > 1.0));
}
