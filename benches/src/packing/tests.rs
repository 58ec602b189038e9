//! Goal: the measurement still runs. Method: few objects through a whole network, packed anew and
//! read again.

use super::report;

#[test]
fn the_smallest_run_gives_both_rows_and_packs_closer() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path()).expect("runs");
    match report.rows.as_slice() {
        [loose, packed] => assert!(packed.ours < loose.ours, "{packed:?}"),
        rows => assert!(rows.is_empty() && report.notes.concat().contains("not built")),
    }
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}
