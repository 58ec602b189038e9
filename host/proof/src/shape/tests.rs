//! Goal: the numbers of the tree hold at every corner of a length. Method: corners by hand.

use super::{DEPTH_MAX, check_len, depth, leaf_count, unit_count, unit_len, unit_level};
use host_core::limits::SHARD_LEN_MAX;

#[test]
fn depth_is_the_ceiling_of_the_logarithm_of_the_leaves() {
    let corners = [
        (1, 1, 0),
        (256, 1, 0),
        (257, 2, 1),
        (512, 2, 1),
        (513, 3, 2),
        (1025, 5, 3),
        (65_536, 256, 8),
        (65_537, 257, 9),
        (SHARD_LEN_MAX, 262_144, 18),
    ];
    for (len, leaves, levels) in corners {
        assert_eq!((leaf_count(len), depth(len)), (leaves, levels), "{len}");
    }
    assert_eq!(depth(SHARD_LEN_MAX) as usize, DEPTH_MAX);
}

#[test]
fn units_cover_a_shard_without_gap() {
    for len in [1, 65_535, 65_536, 65_537, 1_048_579, SHARD_LEN_MAX] {
        let count = unit_count(len) as usize;
        let sum: usize = (0..count).map(|index| unit_len(len, index)).sum();
        assert_eq!(sum as u64, len);
        assert_eq!(unit_len(len, count), 0);
        assert_eq!(unit_len(len, usize::MAX), 0);
        assert!((0..count).all(|index| unit_len(len, index) > 0));
    }
}

#[test]
fn the_single_unit_of_a_short_shard_stands_at_the_roots_level() {
    assert_eq!(unit_level(1), 0);
    assert_eq!(unit_level(257), 1);
    assert_eq!(unit_level(65_536), 8);
    assert_eq!(unit_level(65_537), 8);
}

#[test]
fn no_shard_is_empty_or_too_long() {
    assert!(check_len(0).is_err());
    assert!(check_len(1).is_ok());
    assert!(check_len(SHARD_LEN_MAX).is_ok());
    assert!(check_len(SHARD_LEN_MAX + 1).is_err());
}
