//! Goal: the bench still measures what it says. Method: its smallest run, which compares the
//! bytes of both ways.

use super::report;

#[test]
fn the_smallest_run_reports_every_measurement_and_a_checksum() {
    let report = report(true);
    assert_eq!(report.rows.len(), 3);
    let last = report.notes.last();
    assert!(last.is_some_and(|line| line.starts_with("checksum")));
}
