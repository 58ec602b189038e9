//! Goal: the margin is never claimed too high. Method: hosts by the shards they hold.

use std::collections::BTreeSet;

use super::margin;

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
