//! The marks of a cursor: near ones all, far ones ever further apart, the oldest never lost early.

use host_core::Digest32;
use host_ledger::Cursor;

use super::{MARKS_MAX, MARKS_NEAR, passed};

#[test]
fn marks_stay_few_and_reach_far_back() {
    let mut cursor = Cursor::default();
    for block in 0..20_000 {
        cursor = passed(cursor, block, Digest32([0; 32]));
        assert!(cursor.marks.len() <= MARKS_MAX);
    }
    let blocks: Vec<u64> = cursor.marks.iter().map(|(block, _)| *block).collect();
    let near: Vec<u64> = (0..16).map(|back| 19_999 - back).collect();
    assert_eq!(blocks[..MARKS_NEAR], near[..]);
    assert!(blocks.windows(2).all(|two| two[0] > two[1]));
    let oldest = blocks[blocks.len() - 1];
    assert!(oldest < 19_000, "the oldest mark is block {oldest}");
}
