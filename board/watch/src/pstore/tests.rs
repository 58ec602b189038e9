//! Goal: records are copied once, bounded, and odd names and folders do no harm.

use super::*;

#[test]
fn a_record_is_copied_once_from_either_place() {
    let dir = tempfile::tempdir().unwrap();
    let (firmware, moved) = (dir.path().join("pstore"), dir.path().join("systemd"));
    fs::create_dir_all(moved.join("1700000000")).unwrap();
    fs::create_dir_all(&firmware).unwrap();
    fs::write(firmware.join("dmesg-ramoops-0"), "Panic#1 Part1").unwrap();
    fs::write(moved.join("1700000000/dmesg.txt"), "older").unwrap();
    fs::write(firmware.join("od d"), "not a record's name").unwrap();
    let to = dir.path().join("kept");
    let from = [firmware.as_path(), moved.as_path(), Path::new("/nowhere")];
    let records = collect(&from, &to).unwrap();
    assert_eq!(records.len(), 2);
    assert!(records[0].name.ends_with("-dmesg-ramoops-0"));
    assert_eq!(records[0].len, 13);
    assert_eq!(collect(&from, &to).unwrap(), []);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
}

#[test]
fn copies_are_bounded_in_size_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let firmware = dir.path().join("pstore");
    fs::create_dir_all(&firmware).unwrap();
    fs::write(firmware.join("huge"), vec![b'x'; 300 << 10]).unwrap();
    let to = dir.path().join("kept");
    fs::create_dir_all(&to).unwrap();
    for n in 0..40 {
        fs::write(to.join(format!("{n:012}-old")), "old").unwrap();
    }
    let records = collect(&[&firmware], &to).unwrap();
    assert_eq!(records[0].len, RECORD_MAX);
    assert_eq!(fs::read_dir(&to).unwrap().count(), RECORDS);
    assert!(to.join(&records[0].name).exists());
}
