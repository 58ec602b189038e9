//! Goal: the bench still measures what it says. Method: its smallest run, in which every proof is
//! judged.

use super::report;

#[test]
fn the_smallest_run_proves_three_indexes_and_reports_their_reads() {
    let report = report(true);
    assert_eq!(report.rows.len(), 4);
    assert!(report.notes.iter().all(|line| line.contains("bytes read")));
}
