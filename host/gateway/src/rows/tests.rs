//! The order of rows, and that they read back.

use super::*;

#[test]
fn versions_of_a_key_come_newest_first() {
    let rows: Vec<Vec<u8>> = [9, 7, 3].map(|seq| older("b", "k", Some(seq))).into();
    assert!(rows.is_sorted());
}

#[test]
fn the_rows_of_one_bucket_are_not_those_of_another() {
    let end = after(&current("photos", ""));
    assert!(current("photos", "z") < end);
    assert!(current("photos-2", "a") > end || current("photos-2", "a") < current("photos", ""));
}

#[test]
fn the_end_of_a_prefix_of_highest_bytes_is_after_it() {
    assert_eq!(after(b"a"), b"b");
    assert_eq!(after(&[b'a', 255]), b"b");
}

#[test]
fn rows_read_back() {
    let entry = Entry {
        version: "null".into(),
        len: 3,
        pieces: vec![Piece {
            object: ObjectId([7; 32]),
            offset: 9,
            len: 3,
            key: Some("00".into()),
        }],
        lock: Some((LockMode::Governance, 5)),
        ..Entry::default()
    };
    let back: Entry = of_bytes(b"o", &to_bytes(&entry)).expect("reads");
    assert_eq!(back, entry);
}

#[test]
fn a_use_names_its_bucket_and_a_part_of_an_upload_none() {
    let used = older("docs", "a/b", Some(7));
    assert_eq!(bucket_of(&used), Some("docs"));
    assert_eq!(bucket_of(&part("docs", Some(1))), None);
    assert_eq!(bucket_of(b"v"), None);
}
