//! Goal: segments have the lengths that docs/decisions/0060 states, whatever the counts; memory
//! is taken for one and a half of them. Method: every pair of counts of the 8-bit code; the room alone.

use futures::FutureExt;

use super::body::Room;
use super::{LONG, PIECES_MIN, geometry_of, put_geometry};

#[test]
fn a_long_file_has_shards_of_four_mebibytes_and_a_short_one_of_one() {
    let shard = |bytes| {
        let geometry = put_geometry(10, 20, bytes).expect("allowed");
        geometry.shard_len(geometry.segment_len).div_ceil(1 << 20)
    };
    assert_eq!((shard(0), shard(LONG - 1), shard(LONG)), (1, 1, 4));
}

#[test]
fn the_shards_of_a_segment_stay_within_their_bound() {
    for total in 2..=256_u16 {
        for data in [1, total / 3 + 1, total - 1] {
            let (parity, bound) = (total - data, 120 << 20);
            if parity == 0 {
                continue;
            }
            let geometry = put_geometry(data, parity, u64::MAX).expect("allowed");
            let least = geometry_of(data, parity, PIECES_MIN).expect("allowed");
            let all = geometry.shard_len(geometry.segment_len) * u64::from(total);
            let floor = least.shard_len(least.segment_len) * u64::from(total);
            assert!(all <= bound || all == floor, "{data}+{parity}: {all}");
        }
    }
}

#[test]
fn the_third_segment_waits_for_the_shards_of_the_first() {
    let room = Room::new(30);
    assert!(room.take(30).now_or_never().is_some(), "the first");
    assert!(room.take(30).now_or_never().is_none(), "half is not enough");
    room.give(15);
    assert!(room.take(30).now_or_never().is_some(), "the second");
    room.give(29);
    assert!(room.take(30).now_or_never().is_none(), "one is too many");
}
