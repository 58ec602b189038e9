//! Goal: a line reads back as written, its bytes are the ones of the document, damage is found.

use super::*;
use proptest::prelude::*;

fn full() -> Line {
    let table = Tables {
        entries: u32::MAX,
        limit: u32::MAX,
        fulls: u64::MAX,
    };
    let most = Some(u64::MAX);
    Line {
        sequence: u64::MAX,
        boot: u128::MAX,
        mark: Mark::Clean,
        unix_s: u64::MAX,
        up_s: u64::MAX,
        level: Level::Restart,
        some_ms: most,
        full_ms: most,
        io_ms: most,
        left_mib: most,
        own_mib: most,
        v4: Some(table),
        v6: Some(table),
        stuck: most,
        load: most,
        drive_us: most,
    }
}

#[test]
fn the_longest_line_fits_its_sector_and_reads_back() {
    assert_eq!(Line::decode(&full().encode()), Some(full()));
    let empty = Line::default();
    assert_eq!(Line::decode(&empty.encode()), Some(empty));
}

#[test]
fn the_bytes_are_those_of_the_document() {
    let line = Line {
        sequence: 7,
        boot: 1,
        unix_s: 1_700_000_000,
        up_s: 60,
        left_mib: Some(2048),
        v4: Some(Tables {
            entries: 12,
            limit: 1024,
            fulls: 0,
        }),
        ..Line::default()
    };
    assert_eq!(
        line.text(),
        "HFBB1 0000000000000007 00000000000000000000000000000001 beat 1700000000 60 calm \
         left=2048 n4=12/1024/0"
    );
    let sector = line.encode();
    assert!(sector[..CHECKED].ends_with(b" "));
    assert_eq!(&sector[CHECKED..CHECKED + 5], b" crc=");
    assert_eq!(sector[LINE - 1], b'\n');
}

#[test]
fn names_of_later_versions_are_passed_over() {
    let mut line = Line::default();
    line.take("fan=12");
    line.take("own=x");
    line.take("nothing");
    assert_eq!(line, Line::default());
}

proptest! {
    #[test]
    fn no_sector_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(Line::decode(&bytes), None);
    }

    #[test]
    fn a_changed_byte_is_found(at in 0..LINE, byte in any::<u8>()) {
        let mut sector = full().encode();
        let before = sector[at];
        sector[at] = byte;
        let same = before == byte
            || (at >= CHECKED && before.eq_ignore_ascii_case(&byte));
        prop_assert_eq!(Line::decode(&sector).is_some(), same);
    }

    #[test]
    fn a_torn_sector_is_found(cut in 1..LINE) {
        let (mut new, old) = (full().encode(), Line::default().encode());
        new[cut..].copy_from_slice(&old[cut..]);
        let read = Line::decode(&new);
        prop_assert!(read.is_none() || read == Some(full()) || read == Some(Line::default()));
    }
}
