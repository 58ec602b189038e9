//! Goal: the measurement still runs. Method: a request a connection through a real gateway over
//! real hosts, each body compared; without the peer it must say so.

use std::path::Path;

use super::report;

#[test]
fn without_the_peer_every_case_of_ours_is_told_and_nothing_is_left() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path(), Path::new("nowhere"), "").expect("runs");
    assert!(report.rows.is_empty());
    let said = report.notes.join("\n");
    if !said.contains("are not built") {
        assert!(said.contains("garage is not built"), "{said}");
        assert_eq!(said.matches(" req/s").count(), 10, "{said}");
    }
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
