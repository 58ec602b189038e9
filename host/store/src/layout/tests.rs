//! The layout of a volume.

use host_core::limits::SHARD_LEN_MAX;
use proptest::prelude::proptest;

use super::{BLOCK, Parts, Regions, VOLUME_SIZE_MIN};
use crate::error::Error;

#[test]
fn a_volume_below_the_smallest_is_refused() {
    let have = VOLUME_SIZE_MIN - 1;
    assert_eq!(
        Regions::of_size(have),
        Err(Error::TooSmall {
            need: VOLUME_SIZE_MIN,
            have
        })
    );
}

#[test]
fn the_ring_takes_a_bounded_share() {
    let small = Regions::of_size(VOLUME_SIZE_MIN).unwrap();
    assert_eq!(small.half_len, 256 * 1024);
    let usual = Regions::of_size(1 << 30).unwrap();
    assert_eq!(usual.half_len, 4 << 20);
    let large = Regions::of_size(4 << 40).unwrap();
    assert_eq!(large.half_len, 8 << 30);
}

#[test]
fn an_empty_and_an_oversized_shard_have_no_extent() {
    assert!(matches!(
        Parts::of_len(0),
        Err(Error::ShardLen { len: 0, .. })
    ));
    assert!(matches!(
        Parts::of_len(SHARD_LEN_MAX + 1),
        Err(Error::ShardLen { .. })
    ));
}

proptest! {
    /// Goal: regions of every size are sound. Method: random sizes up to 64 TiB.
    #[test]
    fn regions_are_sound_for_every_size(size in VOLUME_SIZE_MIN..(64u64 << 40)) {
        let regions = Regions::of_size(size).unwrap();
        assert!(regions.is_sound());
        assert!(regions.data_size > size / 2);
    }

    /// Goal: parts are aligned and follow each other. Method: random lengths.
    #[test]
    fn parts_follow_each_other_on_blocks(len in 1..=SHARD_LEN_MAX) {
        let parts = Parts::of_len(len).unwrap();
        assert!(parts.body_size >= len && parts.body_size - len < BLOCK);
        assert_eq!(parts.body + parts.body_size, parts.footer);
        assert_eq!(parts.footer + parts.footer_size, parts.size);
        assert!(parts.size.is_multiple_of(BLOCK));
    }
}
