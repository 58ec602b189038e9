//! What is shredded is gone from where it lay.

use std::io::Read;

use super::*;

#[test]
fn a_shredded_file_leaves_zeros_behind_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("record");
    std::fs::write(&path, vec![7; 10_000]).expect("written");
    let mut held = File::open(&path).expect("opens");
    shred(&path).expect("shreds");
    assert!(!path.exists());
    let mut bytes = Vec::new();
    held.read_to_end(&mut bytes).expect("reads");
    assert_eq!(bytes, vec![0; 10_000]);
    shred(&path).expect("it is gone already");
}
