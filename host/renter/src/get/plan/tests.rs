//! Goal: a range asks for what holds it and for no more than it must. Method: every boundary of
//! chunks, pieces, stripes and segments, from both sides.

use std::ops::Range;

use host_core::ShardId;
use host_core::geometry::{Codec, Geometry};
use host_core::object::{Cipher, Descriptor, Segment};

use super::{Part, SEALED, UNIT, need, parts};

/// Three pieces of one and a half units a stripe; segments of 8 chunks, which is 1.8 stripes.
fn geometry() -> Geometry {
    Geometry {
        codec: Codec::Leopard16,
        data: 3,
        parity: 3,
        piece_len: 98_304,
        segment_len: 8 * SEALED,
    }
}

fn descriptor(cipher: Cipher, len: u64) -> Descriptor {
    let geometry = geometry();
    let full = geometry.segment_len;
    let count = len.div_ceil(full);
    let segment = |n| Segment {
        len: full.min(len - n * full),
        shards: vec![ShardId([0; 32]); 6],
    };
    Descriptor {
        version: 1,
        geometry,
        cipher,
        len,
        segments: (0..count).map(segment).collect(),
        sha256: None,
    }
}

fn all(descriptor: &Descriptor, plain: u64, range: Range<u64>) -> Vec<Part> {
    parts(descriptor, plain, &range).collect()
}

#[test]
fn parts_hold_the_range_in_whole_chunks_and_nothing_else() {
    let chunk = 65_536;
    let plain = 20 * chunk + 5;
    let sealed = descriptor(Cipher::Aes256Gcm, plain + 21 * 16);
    let edges = [
        0,
        1,
        chunk - 1,
        chunk,
        8 * chunk - 1,
        8 * chunk,
        16 * chunk + 1,
        plain - 1,
    ];
    for from in edges {
        for to in edges.iter().map(|edge| edge + 1).filter(|to| *to > from) {
            let parts = all(&sealed, plain, from..to);
            let wanted: usize = parts.iter().map(|part| part.wanted.len()).sum();
            assert_eq!(wanted as u64, to - from, "{from}..{to}");
            for part in &parts {
                assert!(part.sealed.start.is_multiple_of(SEALED));
                assert!(part.sealed.end <= part.segment_len);
                let first = u64::from(part.number) * 8 + part.sealed.start / SEALED;
                assert_eq!(part.first_chunk, first);
                assert!(part.wanted.start < 65_536);
            }
            let last = parts.last().expect("a part");
            let end = u64::from(last.number) * 8 * chunk
                + last.sealed.start / SEALED * chunk
                + last.wanted.end as u64;
            assert_eq!(end, to);
        }
    }
    assert!(all(&sealed, plain, 7..7).is_empty());
}

#[test]
fn open_data_is_read_without_chunks() {
    let segment = geometry().segment_len;
    let open = descriptor(Cipher::None, segment + 100);
    let parts = all(&open, segment + 100, segment - 1..segment + 2);
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].sealed, segment - 1..segment);
    assert_eq!(
        (parts[1].sealed.clone(), parts[1].wanted.clone()),
        (0..2, 0..2)
    );
}

#[test]
fn one_byte_asks_one_unit_of_one_shard() {
    let geometry = geometry();
    let shard_len = geometry.shard_len(geometry.segment_len);
    for at in [
        0,
        1,
        65_535,
        98_303,
        98_304,
        294_911,
        294_912,
        8 * SEALED - 1,
    ] {
        let need = need(&geometry, 8 * SEALED, &(at..at + 1)).expect("holds");
        assert_eq!((need.each.len(), &need.any), (1, &None), "{at}");
        let run = need.each.values().next().expect("one");
        assert!(run.start.is_multiple_of(UNIT) && run.end - run.start <= UNIT);
        assert!(run.end.is_multiple_of(UNIT) || run.end == shard_len);
    }
}

#[test]
fn a_whole_segment_asks_the_whole_of_any_shards() {
    let geometry = geometry();
    let need = need(&geometry, 8 * SEALED, &(0..8 * SEALED)).expect("holds");
    assert!(need.each.is_empty());
    assert_eq!(need.any, Some(0..geometry.shard_len(8 * SEALED)));
    assert_eq!((need.enough, need.zeros), (3, 3..3));
}

#[test]
fn shards_of_nothing_but_zeros_are_not_needed() {
    let need = need(&geometry(), 100, &(0..100)).expect("holds");
    assert_eq!((need.enough, need.zeros.clone()), (2, 2..3));
    assert_eq!(need.any, Some(0..64));
    let need = super::need(&geometry(), 10, &(0..10)).expect("holds");
    assert_eq!((need.enough, need.zeros), (1, 1..3));
}

#[test]
fn what_is_missing_of_each_may_come_from_any() {
    let mut need = need(&geometry(), 8 * SEALED, &(90_000..100_000)).expect("holds");
    assert_eq!(need.each.keys().copied().collect::<Vec<_>>(), [0, 1]);
    need.allow_any(|index, _| index == 0);
    assert_eq!(need.any, Some(0..UNIT));
}
