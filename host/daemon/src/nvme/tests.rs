//! Pages that get worse and better, a machine that tells nothing, and where a volume lies.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::deadline::numbers;

fn drive() -> Drive {
    Drive {
        serial: "S1".into(),
        namespace: 1,
        model: "M".into(),
        firmware: "F".into(),
        size: 1 << 40,
        block: "nvme0n1".into(),
        controller: "nvme0".into(),
        state: "live".into(),
        cache: board_nvme::Cache::Volatile,
        forced_writes: true,
        milli_celsius: Some(41_850),
    }
}

/// A page with these critical bits and media errors.
fn page(critical: u8, media_errors: u64) -> Health {
    let mut bytes = [0; board_nvme::PAGE_LEN];
    bytes[0] = critical;
    bytes[160..168].copy_from_slice(&media_errors.to_le_bytes());
    Health::parse(&bytes)
}

#[test]
fn a_drive_asks_once_for_what_it_asks_and_again_when_it_gets_worse() {
    let mut memory = Memory::default();
    let mut note = |critical, errors| memory.note(drive(), Ok(page(critical, errors)), None);
    let (notes, more) = note(0, 5);
    assert_eq!(
        (notes.act, more),
        (Act::Nothing, false),
        "old errors are no news"
    );
    let (notes, more) = note(2, 5);
    assert_eq!((notes.act, more), (Act::Warn, true));
    assert!(!note(2, 5).1, "said once");
    let (notes, more) = note(2, 6);
    assert_eq!((notes.act, more), (Act::Scrub, true));
    assert!(note(2, 7).1, "each new error is read after");
    let (notes, more) = note(4, 7);
    assert_eq!((notes.act, more), (Act::Evacuate, true));
    assert!(
        !note(4, 7).1,
        "an operator who trusts it again is not overruled"
    );
}

#[test]
fn a_page_of_zeros_asks_for_nothing() {
    let (notes, more) = Memory::default().note(drive(), Ok(page(0, 0)), Some(1));
    assert_eq!((notes.act, more), (Act::Nothing, false));
    assert!(notes.findings.is_empty() && notes.gap.is_none());
    assert_eq!((notes.days_left, notes.amplification), (None, None));
}

#[test]
fn without_the_unit_or_a_claim_the_page_is_a_named_gap() {
    let client = NvmeClient::new("/nonexistent/board-nvme.sock");
    let why = ask(&client, &drive()).expect_err("nobody listens");
    let (notes, more) = Memory::default().note(drive(), Err(why), None);
    assert!(!more && notes.page.is_none());
    assert!(notes.gap.expect("a reason").contains("board-nvme"));
}

#[test]
fn a_volume_is_found_on_its_drive_through_partitions_and_mappings() {
    let sys = tempfile::tempdir().expect("a folder");
    let volume = sys.path().join("volume");
    std::fs::write(&volume, b"bytes").expect("written");
    let (major, minor) = numbers(std::fs::metadata(&volume).expect("it is there").dev());
    let partition = sys.path().join("devices/nvme0/nvme0n1/nvme0n1p3");
    let mapped = sys.path().join("devices/virtual/dm-0");
    let numbers = sys.path().join("dev/block");
    for folder in [&partition, &mapped.join("slaves"), &numbers] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let number = numbers.join(format!("{major}:{minor}"));
    let link = std::os::unix::fs::symlink::<&Path, &Path>;
    let drives = [drive()];
    let found = || under(sys.path(), &volume, &drives).map(|found| found.serial.clone());
    assert_eq!(found(), None, "a machine that tells nothing");
    link(&partition, &number).expect("a link");
    assert_eq!(found().as_deref(), Some("S1"));
    std::fs::remove_file(&number).expect("it goes");
    link(&mapped, &number).expect("a link");
    assert_eq!(found(), None, "nothing is under it");
    link(&partition, &mapped.join("slaves/nvme0n1p3")).expect("a link");
    assert_eq!(found().as_deref(), Some("S1"));
}

#[test]
fn device_numbers_come_apart_as_linux_packs_them() {
    assert_eq!(numbers((259 << 8) | 7), (259, 7));
    // A minor above 255 has its upper bits above the major's.
    assert_eq!(numbers((8 << 8) | (0x300 << 12) | 0x45), (8, 0x345));
}
