//! Goal: the measurement still runs. Method: a few MiB through two processes when the program is
//! built; else it must say what is missing. A sender that does not name its shards must fail at a
//! receiver that checks.

use std::path::Path;

use super::{Side, report};
use crate::idle::program;

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

#[test]
fn a_receiver_that_checks_refuses_shards_without_their_names() {
    let own = program("bench").expect("a place");
    if own.exists() {
        let honest = Side::new(&own, "--stream sink check", "--stream pump", "8 vouch");
        assert!(honest.round(8).expect("named shards pass").rate > 0.0);
        let silent = Side::new(&own, "--stream sink check", "--stream pump", "8");
        silent.round(8).expect_err("a body without a name");
    }
}
