//! Tables that grow, cut after every piece and in the middle of each.

use super::{ENTRIES, ENTRY, FRONT, SECTOR, crc32, grown, header, number};
use crate::error::Error;

const OLD: u64 = 64 << 11;
const NEW: u64 = 200 << 11;

/// A table of two partitions, `state` the last, as a disk of `OLD` sectors has it.
fn front() -> Vec<u8> {
    let mut entries = vec![0; 128 * ENTRY];
    for (at, (label, first, last)) in [("esp", 2048, 4095), ("state", 4096, 129_023)]
        .into_iter()
        .enumerate()
    {
        let entry = &mut entries[at * ENTRY..(at + 1) * ENTRY];
        entry[..16].fill(7);
        entry[32..40].copy_from_slice(&u64::to_le_bytes(first));
        entry[40..48].copy_from_slice(&u64::to_le_bytes(last));
        for (at, unit) in label.encode_utf16().enumerate() {
            entry[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
        }
    }
    let mut plain = b"EFI PART".to_vec();
    plain.extend_from_slice(&0x0001_0000_u32.to_le_bytes());
    plain.extend_from_slice(&92_u32.to_le_bytes());
    plain.resize(92, 0);
    plain[80..84].copy_from_slice(&128_u32.to_le_bytes());
    plain[84..88].copy_from_slice(&128_u32.to_le_bytes());
    let head = header(&plain, 1, OLD - 1, 2, &entries);
    [vec![0; 512], head, entries].concat()
}

/// Whether a copy of the table verifies on a disk.
fn holds(disk: &[u8], at: u64) -> bool {
    let at = usize::try_from(at * SECTOR).unwrap();
    let head = &disk[at..at + 92];
    let mut copy = head.to_vec();
    copy[16..20].fill(0);
    let from = usize::try_from(number(head, 72, 8) * SECTOR).unwrap();
    head.starts_with(b"EFI PART")
        && u64::from(crc32(&copy)) == number(head, 16, 4)
        && u64::from(crc32(&disk[from..from + FRONT - 1024])) == number(head, 88, 4)
}

#[test]
fn the_check_sum_is_the_standards() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn state_reaches_the_last_mebibyte_before_the_second_copy() {
    let grown = grown(&front(), NEW).unwrap().unwrap();
    assert_eq!((grown.index, grown.start), (2, 4096 * SECTOR));
    let end = (grown.start + grown.len) / SECTOR;
    assert_eq!(end % 2048, 0);
    assert!(end <= NEW - 1 - ENTRIES && end + 2048 > NEW - 1 - ENTRIES);
}

#[test]
fn a_table_that_reached_the_end_stays() {
    assert_eq!(grown(&front(), OLD).unwrap(), None);
    let grown_front = {
        let grown = grown(&front(), NEW).unwrap().unwrap();
        [grown.pieces[2].1.clone(), grown.pieces[1].1.clone()].concat()
    };
    assert_eq!(grown(&grown_front, NEW).unwrap(), None);
}

#[test]
fn a_cut_at_any_sector_leaves_a_copy_that_verifies() {
    let pieces = grown(&front(), NEW).unwrap().unwrap().pieces;
    let mut disk = vec![0; usize::try_from(NEW * SECTOR).unwrap()];
    disk[..FRONT].copy_from_slice(&front());
    for (at, piece) in pieces {
        let at = usize::try_from(at).unwrap();
        for (index, sector) in piece.chunks(512).enumerate() {
            let at = at + index * 512;
            disk[at..at + 512].copy_from_slice(sector);
            assert!(
                holds(&disk, 1) || holds(&disk, NEW - 1),
                "cut after the sector at {at}"
            );
        }
    }
    assert!(holds(&disk, 1) && holds(&disk, NEW - 1));
}

#[test]
fn a_table_that_is_not_ours_is_refused() {
    for at in [0, 12, 16, 60, 88] {
        let mut bad = front();
        bad[512 + at] ^= 1;
        assert!(matches!(grown(&bad, NEW), Err(Error::Table { .. })), "{at}");
    }
    let mut bad = front();
    bad[1024 + 56] ^= 1;
    assert!(matches!(grown(&bad, NEW), Err(Error::Table { .. })));
    assert!(grown(&front()[..700], NEW).is_err());
}
