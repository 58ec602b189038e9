//! Goal: the measurement still runs. Method: two hundred files through a whole network.

use super::report;

#[test]
fn the_smallest_release_gives_its_rows_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    if report.notes.concat().contains("not built") {
        assert!(report.rows.is_empty());
    } else {
        assert_eq!(report.rows.len(), 3);
        assert!(report.rows.iter().all(|row| row.ours > 0.0));
    }
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
