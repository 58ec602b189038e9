//! Goal: the measurement still runs. Method: a few MiB through two processes when the program is
//! built; else it must say what is missing.

use std::path::Path;

use super::report;

#[test]
fn without_the_peer_ours_is_told_alone_or_what_is_missing() {
    let report = report(true, Path::new("nowhere")).expect("runs");
    assert!(report.rows.is_empty());
    let said = report.notes.concat();
    assert!(
        said.contains("ours runs at") || said.contains("bench is not built"),
        "{said}"
    );
}
