//! The middle of the upper end, and draws that stay within the shards.

use super::{LEAF, drawn, p99};
use crate::verified::{SHARD_LEN, SHARDS};
use host_core::ShardId;

#[test]
fn the_99th_of_a_hundred_is_taken_from_the_upper_end() {
    let sorted: Vec<f64> = (0..200).map(f64::from).collect();
    assert!((p99(&sorted) - 198.0).abs() < 1e-9);
    assert!((p99(&[3.0]) - 3.0).abs() < 1e-9);
    assert!(p99(&[]).abs() < 1e-9);
}

#[test]
fn every_drawn_leaf_lies_in_a_shard() {
    let names: Vec<ShardId> = (0..SHARDS).map(|_| ShardId([1; 32])).collect();
    for at in 0..1_000 {
        let (_, leaf) = drawn(&names, at).expect("a shard");
        assert!(leaf * LEAF < SHARD_LEN as u64);
    }
}
