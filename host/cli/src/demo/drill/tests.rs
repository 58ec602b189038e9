//! The matrix judges, and changing shards changes what looks sealed and nothing else.

use super::paper::{Matrix, Row};
use super::{BLOCK, change_shards, noise};

fn row(expected: bool, completed: bool, sha256_ok: bool) -> Row {
    Row {
        case: "a case".into(),
        expected,
        completed,
        sha256_ok,
        seconds: 1.5,
        why: None,
    }
}

#[test]
fn a_promise_is_broken_by_a_refusal_a_wrong_byte_and_a_gift() {
    let matrix = |row| {
        let mut matrix = Matrix::new(40, 10, 20);
        matrix.rows.push(row);
        matrix.held()
    };
    assert!(matrix(row(true, true, true)));
    assert!(matrix(row(false, false, true)));
    assert!(!matrix(row(true, false, true)));
    assert!(!matrix(row(true, true, false)));
    assert!(!matrix(row(false, true, true)));
}

#[test]
fn the_three_papers_name_every_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.json");
    let mut matrix = Matrix::new(40, 10, 20);
    matrix.rows.push(row(true, false, true));
    matrix.write(&path).expect("written");
    for kind in ["json", "md", "svg"] {
        let text = std::fs::read_to_string(path.with_extension(kind)).expect("written");
        assert!(text.contains("a case"), "{kind}");
    }
}

#[test]
fn only_blocks_of_even_bytes_are_changed_and_a_second_time_brings_them_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("volume");
    let mut bytes = vec![0; BLOCK];
    bytes.extend(noise(2 * BLOCK));
    bytes.extend(b"{\"key\": 1}".repeat(BLOCK / 10));
    bytes.resize(4 * BLOCK, 0);
    std::fs::write(&path, &bytes).expect("written");
    assert_eq!(change_shards(&path).expect("changed"), 2);
    let changed = std::fs::read(&path).expect("read");
    let differ = changed.iter().zip(&bytes).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 2);
    change_shards(&path).expect("changed");
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
}
