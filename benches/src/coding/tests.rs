//! Goal: the bench still measures what it says. Method: its smallest run, with the peer where it
//! is built, and without.

use super::report;
use std::path::Path;

#[test]
fn without_the_peer_ours_runs_and_the_report_says_what_is_missing() {
    let report = report(true, Path::new("/nowhere/klauspost")).expect("runs");
    assert!(report.rows.is_empty());
    assert!(report.notes.iter().any(|note| note.contains("not built")));
}
