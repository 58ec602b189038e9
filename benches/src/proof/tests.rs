//! Goal: the bench still measures what it says. Method: its smallest run, which compares the
//! bytes of both ways.

use super::lines;

#[test]
fn the_smallest_run_reports_every_measurement_and_a_checksum() {
    let lines = lines(true);
    assert!(lines.iter().filter(|line| line.contains("ratio")).count() >= 3);
    assert!(lines.last().is_some_and(|line| line.starts_with("checksum")));
}
