//! The table against what the standard says of it.

use board_slot::table::{self as kept, FRONT};

use super::{KIND_ESP, KIND_STATE, Part, SECTOR, crc32, identity, table};

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

#[test]
fn a_box_can_let_its_state_grow_on_a_larger_disk() {
    let part = Part {
        label: "state",
        kind: KIND_STATE,
        start: 1 << 20,
        len: 1 << 20,
    };
    let mut front = vec![0; FRONT];
    for (at, piece) in table(&[part], 4 << 20) {
        let at = usize::try_from(at).unwrap();
        if at < FRONT {
            front[at..at + piece.len()].copy_from_slice(&piece);
        }
    }
    let grown = kept::grown(&front, (64 << 20) / SECTOR).unwrap().unwrap();
    assert_eq!((grown.index, grown.start), (1, 1 << 20));
    assert_eq!(grown.len, (62 << 20));
    assert_eq!(kept::grown(&front, (3 << 20) / SECTOR).unwrap(), None);
}

#[test]
fn firmware_without_uefi_finds_words_and_a_table_that_protects() {
    let (_, sector) = table(&[], 4 << 20).swap_remove(0);
    assert_eq!((sector.len(), &sector[510..]), (512, &[0x55, 0xaa][..]));
    // The kind that says: what follows is GPT's.
    assert_eq!(sector[446 + 4], 0xee);
    let words = usize::from(u16::from_le_bytes([sector[13], sector[14]])) - 0x7c00;
    assert!(sector[words..].starts_with(b"\r\nHoldfast starts from UEFI"));
    let end = sector[words..].iter().position(|byte| *byte == 0);
    assert!(end.is_some_and(|end| words + end < 446));
}
