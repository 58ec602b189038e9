//! When epochs begin.

use super::*;
use host_renter::Costs;

const HOUR_S: u64 = 3600;

fn costs() -> Costs {
    Costs {
        epoch: 100,
        epoch_seconds: HOUR_S,
        epochs_ahead: 720,
        objects: Vec::new(),
        promised: Amount::ZERO,
        by_epoch: [(99, Amount(5)), (100, Amount(7)), (76, Amount(1))]
            .into_iter()
            .collect(),
        missing: None,
    }
}

#[test]
fn an_epoch_begins_as_far_from_now_as_it_is_counted() {
    let now = 1_000 * DAY_MS;
    assert_eq!(moment_of(&costs(), 100, now), now);
    assert_eq!(moment_of(&costs(), 124, now), now + DAY_MS);
    assert_eq!(moment_of(&costs(), 76, now), now - DAY_MS);
    assert_eq!(moment_of(&costs(), u64::MAX, now), u64::MAX);
}

#[test]
fn what_was_paid_counts_on_the_day_its_epoch_begins() {
    let now = 1_000 * DAY_MS + 2 * HOUR_S * 1000;
    let day = 1_000 * DAY_MS;
    let found = by_day(&costs(), now);
    assert_eq!(found, [(day - DAY_MS, Amount(1)), (day, Amount(12))]);
}
