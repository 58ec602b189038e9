//! Goal: every byte of a segment has one place, and the places fill the shards. Method: small
//! geometries by exhaustion, the default by its corners.

use super::{Stripe, Stripes};
use crate::Error;
use host_core::geometry::{Codec, Geometry};

fn geometry(data: u16, piece_len: u32, segment_len: u64) -> Geometry {
    Geometry {
        codec: Codec::Leopard16,
        data,
        parity: 2,
        piece_len,
        segment_len,
    }
}

#[test]
fn stripes_fill_the_segment_and_pieces_fill_the_shard() {
    let geometry = geometry(3, 128, 5000);
    for len in 1..=1600 {
        let stripes: Vec<Stripe> = Stripes::of(&geometry, len).unwrap().collect();
        let (mut data, mut shard) = (0, 0);
        for (index, stripe) in stripes.iter().enumerate() {
            assert_eq!(stripe.index, index as u64);
            assert_eq!((stripe.offset, stripe.shard_offset), (data, shard));
            assert_eq!(stripe.piece_len % 64, 0);
            assert!(stripe.len <= 3 * stripe.piece_len);
            data += stripe.len as u64;
            shard += stripe.piece_len as u64;
        }
        assert_eq!((data, shard), (len, geometry.shard_len(len)));
        assert_eq!(Stripes::of(&geometry, len).unwrap().len(), stripes.len());
    }
}

#[test]
fn every_byte_has_one_place() {
    let geometry = geometry(3, 64, 5000);
    let layout = Stripes::of(&geometry, 500).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for at in 0..500 {
        let span = layout.covering(at, at + 1).unwrap().next().unwrap();
        let run = span.runs().next().unwrap();
        assert_eq!((run.segment_offset, run.len), (at, 1));
        assert!(seen.insert((run.shard, run.shard_offset)));
        let column = (run.shard_offset - span.stripe.shard_offset) as usize;
        assert!(span.columns().contains(&column));
        assert_eq!(span.columns().len(), 64);
    }
}

#[test]
fn a_range_is_covered_by_its_runs_in_order() {
    let geometry = geometry(3, 128, 5000);
    for (start, end) in [
        (0, 1),
        (0, 1000),
        (127, 129),
        (383, 385),
        (900, 1000),
        (10, 900),
    ] {
        let layout = Stripes::of(&geometry, 1000).unwrap();
        let mut at = start;
        for run in layout
            .covering(start, end)
            .unwrap()
            .flat_map(|span| span.runs())
        {
            assert_eq!(run.segment_offset, at);
            assert!(run.len > 0 && run.shard < 3);
            at += run.len as u64;
        }
        assert_eq!(at, end);
    }
}

#[test]
fn a_standard_segment_has_sixteen_stripes() {
    let standard = Geometry::standard();
    let layout = Stripes::of(&standard, standard.segment_len).unwrap();
    assert_eq!(layout.stripe_count(), 16);
    let last = layout.get(15).unwrap();
    assert_eq!((last.len, last.piece_len), (10 * 262_144, 262_144));
    assert_eq!(layout.get(16), None);
    assert_eq!(layout.get(u64::MAX), None);
}

#[test]
fn impossible_segments_and_ranges_are_refused() {
    let geometry = geometry(3, 64, 500);
    assert!(matches!(
        Stripes::of(&geometry, 0),
        Err(Error::SegmentLength { have: 0, .. })
    ));
    assert!(matches!(
        Stripes::of(&geometry, 501),
        Err(Error::SegmentLength { max: 500, .. })
    ));
    let bad = Geometry {
        piece_len: 63,
        ..geometry
    };
    assert!(matches!(Stripes::of(&bad, 1), Err(Error::Geometry(_))));
    let layout = Stripes::of(&geometry, 400).unwrap();
    for (start, end) in [(0, 0), (5, 4), (0, 401), (u64::MAX, 1)] {
        assert!(matches!(
            layout.covering(start, end),
            Err(Error::Range { .. })
        ));
    }
}
