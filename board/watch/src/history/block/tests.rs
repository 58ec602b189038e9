//! Goal: points read back as written, a full block refuses, damage reads as nothing, no bytes
//! panic.

use super::*;
use proptest::prelude::*;

fn point(minute: u64, value: u32) -> Point {
    Point {
        minute,
        values: [Some(value); FIELDS.len()],
    }
}

#[test]
fn an_hour_of_quiet_minutes_takes_less_than_a_kilobyte() {
    let mut block = Block::new(0);
    for n in 0..60 {
        assert!(block.push(point(28_000_000 + n, 2_000)));
    }
    assert!(!block.push(point(28_000_060, 2_000)));
    assert!(block.payload.len() < 1024, "{}", block.payload.len());
}

#[test]
fn the_bytes_are_those_of_the_document() {
    let mut block = Block::new(3);
    let mut one = Point {
        minute: 300,
        ..Point::default()
    };
    one.values[1] = Some(63);
    assert!(block.push(one));
    let bytes = block.encode();
    assert_eq!(&bytes[..6], b"HFHI\x01\x00");
    assert_eq!(bytes[6..8], [1, 0]);
    assert_eq!(bytes[8..16], [3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[16..20], [15, 0, 0, 0]);
    // 300 as a varint, absent, 64 in zigzag, ten times absent.
    let payload = [0xac, 0x02, 0, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(bytes[24..39], payload);
    assert_eq!(bytes.len(), SIZE);
}

fn any_point() -> impl Strategy<Value = (u64, [Option<u32>; FIELDS.len()])> {
    (0_u64..5, proptest::array::uniform12(any::<Option<u32>>()))
}

proptest! {
    #[test]
    fn points_read_back(
        steps in prop::collection::vec(any_point(), 0..70),
        start in 0_u64..1 << 40,
    ) {
        let mut block = Block::new(9);
        let (mut kept, mut minute) = (Vec::new(), start);
        for (step, values) in steps {
            minute += step;
            let point = Point { minute, values };
            if block.push(point) {
                kept.push(point);
            }
        }
        let read = Block::decode(&block.encode()).unwrap();
        prop_assert_eq!(read.points(), kept);
        prop_assert_eq!(read, block);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..SIZE)) {
        prop_assert!(Block::decode(&bytes).is_none());
    }

    #[test]
    fn a_payload_of_any_bytes_never_panics(payload in prop::collection::vec(any::<u8>(), 0..600)) {
        let block = Block { payload, count: u16::MAX, ..Block::new(0) };
        let _points = block.points();
    }

    #[test]
    fn damage_is_found(at in 0_usize..100, flip in 1_u8..=255) {
        let mut block = Block::new(1);
        for n in 0..20 {
            block.push(point(n, u32::try_from(n).unwrap() * 9_000));
        }
        let mut bytes = block.encode();
        bytes[at] ^= flip;
        prop_assert!(Block::decode(&bytes).is_none());
    }
}
