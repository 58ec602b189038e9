//! The table against what the standard says of it.

use super::{KIND_ESP, Part, SECTOR, crc32, identity, table};

#[test]
fn the_check_sum_is_the_standards() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn both_heads_carry_their_own_sum_and_point_at_each_other() {
    let part = Part {
        label: "esp",
        kind: KIND_ESP,
        start: 1 << 20,
        len: 1 << 20,
    };
    let bytes = 4 << 20;
    let pieces = table(&[part], bytes);
    let heads: Vec<_> = pieces
        .iter()
        .filter(|(_, piece)| piece.starts_with(b"EFI PART"))
        .collect();
    assert_eq!(heads.len(), 2);
    for (at, head) in heads {
        let mut copy = head[..92].to_vec();
        let told = u32::from_le_bytes(copy[16..20].try_into().unwrap());
        copy[16..20].fill(0);
        assert_eq!(crc32(&copy), told);
        let own = u64::from_le_bytes(copy[24..32].try_into().unwrap());
        let other = u64::from_le_bytes(copy[32..40].try_into().unwrap());
        assert_eq!(own * SECTOR, *at);
        assert_eq!(own + other, bytes / SECTOR);
    }
}

#[test]
fn identities_follow_from_labels() {
    assert_eq!(identity("slot-a"), identity("slot-a"));
    assert_ne!(identity("slot-a"), identity("slot-b"));
}
