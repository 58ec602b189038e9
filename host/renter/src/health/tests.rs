//! Goal: the margin is never claimed too high. Method: hosts by the shards they hold.

use std::collections::BTreeSet;

use super::{DAY_S, Pace, margin};

fn hosts(of: &[&[u16]]) -> Vec<BTreeSet<u16>> {
    of.iter()
        .map(|held| held.iter().copied().collect())
        .collect()
}

#[test]
fn each_host_beyond_those_needed_may_die() {
    assert_eq!(margin(hosts(&[&[0], &[1], &[2], &[3], &[4]]), 3), Some(2));
    assert_eq!(margin(hosts(&[&[0], &[1], &[2]]), 3), Some(0));
    assert_eq!(margin(hosts(&[&[0], &[1]]), 3), None);
    assert_eq!(margin(hosts(&[]), 1), None);
}

#[test]
fn the_host_with_the_most_shards_is_taken_to_die_first() {
    assert_eq!(margin(hosts(&[&[0, 1, 2], &[3], &[4]]), 3), Some(0));
    assert_eq!(margin(hosts(&[&[0, 1], &[2, 3], &[4], &[5]]), 2), Some(2));
}

#[test]
fn one_shard_on_two_hosts_counts_once() {
    assert_eq!(margin(hosts(&[&[0], &[0], &[0]]), 2), None);
    assert_eq!(margin(hosts(&[&[0], &[0], &[1]]), 1), Some(2));
}

fn pace(gone: usize, age_days: u64, term_days: Option<u64>) -> Pace {
    Pace {
        gone,
        age_s: age_days * DAY_S,
        term_s: term_days.map(|days| days * DAY_S),
    }
}

#[test]
fn danger_comes_with_the_term_or_with_the_hosts_whichever_is_first() {
    assert_eq!(
        pace(0, 70, None).days(0),
        100,
        "the pace of one in a hundred days"
    );
    assert_eq!(pace(0, 70, None).days(9), 1000);
    assert_eq!(pace(9, 70, None).days(9), 100, "ten times the pace");
    assert_eq!(pace(0, 70, Some(12)).days(9), 12, "the term ends first");
    assert_eq!(
        pace(0, 0, Some(400)).days(0),
        30,
        "a new object is not yet trusted"
    );
    assert_eq!(pace(0, 0, Some(0)).days(5), 0);
}
