//! Ranges over pieces.

use host_core::ObjectId;

use super::*;

fn piece(at: u8, len: u64) -> Piece {
    Piece {
        object: ObjectId([at; 32]),
        offset: 0,
        len,
        key: None,
    }
}

#[test]
fn a_range_takes_what_it_covers_of_each_piece() {
    let pieces = [piece(0, 10), piece(1, 5), piece(2, 10)];
    let cuts = |range: Range<u64>| -> Vec<(u8, Range<u64>)> {
        let parts = cut(&pieces, &range);
        let name = |(piece, part): (Piece, _)| (piece.object.0[0], part);
        parts.into_iter().map(name).collect()
    };
    assert_eq!(cuts(0..25), [(0, 0..10), (1, 0..5), (2, 0..10)]);
    assert_eq!(cuts(9..16), [(0, 9..10), (1, 0..5), (2, 0..1)]);
    assert_eq!(cuts(15..16), [(2, 0..1)]);
    assert!(cuts(5..5).is_empty());
}
