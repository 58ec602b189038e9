//! Drives of a sysfs laid out as the kernel does.

use super::*;

/// A sysfs as the kernel lays it out: one drive with its temperature, one partition, one disk of
/// another kind, one hidden path.
fn sysfs() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let files = [
        ("class/block/nvme0n1/size", "1875385008\n"),
        ("class/block/nvme0n1/nsid", "1\n"),
        ("class/block/nvme0n1/queue/write_cache", "write back\n"),
        ("class/block/nvme0n1/queue/fua", "1\n"),
        (
            "class/block/nvme0n1/device/serial",
            "S4EWNX0R712345      \n",
        ),
        (
            "class/block/nvme0n1/device/model",
            "Example 960G                            \n",
        ),
        ("class/block/nvme0n1/device/firmware_rev", "EDA5302Q\n"),
        ("class/nvme/nvme0/state", "live\n"),
        ("class/nvme/nvme0/hwmon2/temp1_input", "49850\n"),
        ("class/block/nvme0n1p1/size", "2048\n"),
        ("class/block/nvme0c0n1/size", "1875385008\n"),
        ("class/block/sda/size", "2048\n"),
        ("class/block/nvme1n1/size", "4096\n"),
        ("class/block/nvme1n1/device/serial", "hf1\n"),
    ];
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    root
}

#[test]
fn a_drive_is_named_by_what_is_printed_on_it() {
    let root = sysfs();
    let found = drives(root.path()).expect("it reads");
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!(
        (first.serial.as_str(), first.namespace),
        ("S4EWNX0R712345", 1)
    );
    assert_eq!(first.model, "Example 960G");
    assert_eq!(first.size, 960_197_124_096);
    assert_eq!(first.state, "live");
    assert_eq!(first.milli_celsius, Some(49_850));
    assert!(first.cache.needs_flush() && first.forced_writes);
}

#[test]
fn what_sysfs_does_not_tell_is_absent() {
    let root = sysfs();
    let bare = drives(root.path()).expect("it reads").remove(1);
    assert_eq!((bare.serial.as_str(), bare.namespace), ("hf1", 1));
    assert_eq!(bare.milli_celsius, None);
    assert_eq!(bare.cache, Cache::Unknown);
    assert!(bare.cache.needs_flush(), "what is not known is not trusted");
}

#[test]
fn a_machine_without_sysfs_has_no_drives() {
    let empty = tempfile::tempdir().expect("a folder");
    assert_eq!(drives(empty.path()).expect("no error"), []);
}

#[test]
fn names_of_partitions_and_paths_are_no_drives() {
    for name in [
        "nvme0n1p1",
        "nvme0c0n1",
        "nvme",
        "nvme0",
        "sda",
        "nvmexn1",
        "nvme-1n1",
    ] {
        assert_eq!(numbers(name), None, "{name}");
    }
    assert_eq!(numbers("nvme12n3"), Some((12, 3)));
}
