//! Rows: medians, goals in both directions, the baseline.

use super::{Goal, Row, merge};

#[test]
fn a_rate_must_reach_its_goal_and_a_cost_must_stay_under_it() {
    let rounds = [(9.0, 10.0), (10.0, 10.0), (50.0, 10.0)];
    let rate = Row::new("rate", "GiB/s", &rounds, Goal::AtLeast(0.95));
    assert_eq!(
        (rate.ratio, rate.ratio_min, rate.ratio_max),
        (1.0, 0.9, 5.0)
    );
    assert!(rate.met);
    assert!(Row::new("cost", "s/GiB", &rounds, Goal::AtMost(1.2)).met);
    assert!(!Row::new("cost", "s/GiB", &rounds, Goal::AtMost(0.9)).met);
    assert!(!Row::new("rate", "GiB/s", &rounds, Goal::AtLeast(1.1)).met);
}

#[test]
fn a_run_replaces_its_own_rows_and_leaves_the_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("baseline").join("latest.json");
    let row = |name: &str, ours| Row::new(name, "GiB/s", &[(ours, 1.0)], Goal::None);
    merge(&path, &[row("b", 1.0), row("a", 2.0)]).expect("written");
    merge(&path, &[row("b", 3.0)]).expect("merged");
    let rows: Vec<Row> =
        serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("rows");
    assert_eq!(rows, [row("a", 2.0), row("b", 3.0)]);
}
