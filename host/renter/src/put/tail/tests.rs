//! Goal: the slow are left, the fair are not. Method: the rule alone, on chosen times.

use std::time::Duration;

use super::{FLOOR, Pace, STALL, STALL_ALONE};
use crate::fault::Fault;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pace(taken: &[u64]) -> Pace {
    let mut pace = Pace::new(3);
    for span in taken {
        pace.note(s(*span));
    }
    pace
}

#[test]
fn nobody_is_slow_before_enough_shards_are_complete() {
    assert!(pace(&[1, 1]).judge(s(100), s(1), true).is_none());
    let slow = pace(&[1, 1, 1]).judge(s(100), s(1), true);
    assert!(matches!(slow, Some(Fault::Slow { .. })));
}

#[test]
fn slow_is_three_times_the_median_and_the_floor() {
    let pace = pace(&[9, 2, 4]);
    let bound = s(12) + FLOOR;
    assert!(pace.judge(bound - s(1), s(1), true).is_none());
    assert!(pace.judge(bound, s(1), true).is_some());
}

#[test]
fn without_a_spare_host_only_a_dead_stop_ends_the_trial() {
    let pace = pace(&[1, 1, 1]);
    assert!(pace.judge(s(1000), s(1), false).is_none());
    assert!(pace.judge(s(1000), STALL, false).is_none());
    let ended = pace.judge(s(1000), STALL_ALONE, false);
    assert!(matches!(ended, Some(Fault::Stalled { .. })));
}

#[test]
fn a_host_that_moves_nothing_is_left_even_when_it_is_the_first() {
    assert!(pace(&[]).judge(STALL, STALL, true).is_some());
    assert!(pace(&[]).judge(s(1000), STALL - s(1), true).is_none());
}
