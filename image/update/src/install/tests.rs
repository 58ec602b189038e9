//! Goal: what is written is what the stick holds, the table last, and a disk with something on it is
//! left alone. Method: files as disks, one mebibyte a partition.

use std::fs::File;
use std::os::unix::fs::FileExt;

use board_slot::slots::Partition;

use super::{Layout, Order, clear, compare, copy, fits, front, layout};
use crate::drives::Drive;

const MIB: u64 = 1 << 20;

fn part(label: &str, mib: u64) -> Partition {
    Partition {
        device: String::new(),
        disk: String::new(),
        label: label.to_owned(),
        number: String::new(),
        index: 1,
        start: mib * 2048,
        sectors: 2048,
    }
}

/// A stick of six mebibytes whose bytes tell where they are.
fn stick(folder: &std::path::Path) -> (File, Layout) {
    let path = folder.join("stick");
    let bytes: Vec<u8> = (0..6 * MIB).map(|at| (at / 512 % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let last = (6 * MIB / 512 - 1).to_le_bytes();
    file.write_all_at(&last, 512 + 32).unwrap();
    let parts = [
        part("esp", 1),
        part("slot-a", 2),
        part("slot-b", 3),
        part("state", 4),
    ];
    let layout = layout(&file, &parts, "slot-a").unwrap();
    (file, layout)
}

fn target(folder: &std::path::Path, mib: u64) -> (File, Drive) {
    let path = folder.join("target");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.set_len(mib * MIB).unwrap();
    (file, Drive::for_tests("NEW", mib))
}

#[test]
fn a_layout_is_the_running_slot_the_system_partition_and_the_images_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_, layout) = stick(folder.path());
    assert_eq!(layout.copied, [(MIB, 2 * MIB), (2 * MIB, 3 * MIB)]);
    assert_eq!((layout.state, layout.end), ((4 * MIB, 5 * MIB), 6 * MIB));
}

#[test]
fn a_disk_that_is_small_or_holds_something_is_refused_until_that_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let (_, layout) = stick(folder.path());
    let (file, drive) = target(folder.path(), 5);
    let why = fits(&file, &drive, &layout, true).unwrap_err();
    assert!(why.to_string().contains("6291456 are needed"), "{why}");
    let (file, drive) = target(folder.path(), 8);
    fits(&file, &drive, &layout, false).unwrap();
    // At its end too, where the second table of another system lies.
    for at in [0, 8 * MIB - 1] {
        let (file, drive) = target(folder.path(), 8);
        file.write_all_at(b"x", at).unwrap();
        let why = fits(&file, &drive, &layout, false).unwrap_err();
        assert!(why.to_string().contains("it holds something"), "{why}");
        fits(&file, &drive, &layout, true).unwrap();
    }
}

#[test]
fn nothing_starts_before_all_is_there_and_then_all_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (source, layout) = stick(folder.path());
    let (file, _) = target(folder.path(), 8);
    file.write_all_at(b"an old table", 512).unwrap();
    clear(&file, 8 * MIB).unwrap();
    copy(&source, &file, &layout).unwrap();
    compare(&source, &file, &layout, "NEW").unwrap();
    let read = |at, len| {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at).unwrap();
        bytes
    };
    assert!(read(0, MIB as usize).iter().all(|byte| *byte == 0));
    front(&source, &file, &layout).unwrap();
    let whole = std::fs::read(folder.path().join("stick")).unwrap();
    assert_eq!(read(0, 34 * 512), whole[..34 * 512]);
    assert_eq!(
        read(MIB, 2 * MIB as usize),
        whole[MIB as usize..3 * MIB as usize]
    );
    let tail = whole.len() - 33 * 512;
    assert_eq!(read(tail as u64, 33 * 512), whole[tail..]);
    // The other slot and the state partition are not the stick's.
    assert!(read(3 * MIB, MIB as usize).iter().all(|byte| *byte == 0));
}

#[test]
fn a_disk_that_gives_back_other_bytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, layout) = stick(folder.path());
    let (file, _) = target(folder.path(), 8);
    copy(&source, &file, &layout).unwrap();
    file.write_all_at(b"?", 2 * MIB + 77).unwrap();
    let why = compare(&source, &file, &layout, "NEW").unwrap_err();
    assert!(why.to_string().contains("at 2097152"), "{why}");
}

#[test]
fn an_order_names_a_disk_and_unknown_words_are_refused() {
    let order: Order = toml::from_str("serial = \"S1\"\n").unwrap();
    assert_eq!((order.serial.as_str(), order.erase.as_str()), ("S1", ""));
    assert!(toml::from_str::<Order>("serial = \"S1\"\nforce = true\n").is_err());
    assert!(toml::from_str::<Order>("erase = \"S1\"\n").is_err());
}
