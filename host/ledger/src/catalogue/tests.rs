//! Changes that expect, order, counters, and what a kill leaves.

use super::*;

fn open(dir: &tempfile::TempDir) -> Catalogue {
    Catalogue::open(&dir.path().join("rows.redb"), 1 << 20).expect("opens")
}

fn put(key: &[u8], value: &[u8]) -> RowChange {
    RowChange {
        write: [(key.to_vec(), Some(value.to_vec()))].into(),
        ..RowChange::default()
    }
}

#[test]
fn a_change_that_was_outrun_writes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = open(&dir);
    assert!(rows.commit(&put(b"a", b"1")).expect("commits"));
    let mut second = put(b"b", b"2");
    second.expect = vec![(b"a".to_vec(), None)];
    assert!(!rows.commit(&second).expect("answers"));
    assert_eq!(rows.get(b"b").expect("reads"), None);
    second.expect = vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)];
    assert!(rows.commit(&second).expect("commits"));
    drop(rows);
    assert_eq!(open(&dir).get(b"b").expect("reads"), Some(b"2".to_vec()));
}

#[test]
fn rows_come_in_order_within_their_bounds() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = open(&dir);
    assert!(rows.scan(b"a", b"z", 9).expect("scans").is_empty());
    for key in [b"c", b"a", b"b"] {
        rows.commit(&put(key, b"x")).expect("commits");
    }
    let keys = |from: &[u8], until: &[u8], limit| -> Vec<Vec<u8>> {
        let found = rows.scan(from, until, limit).expect("scans");
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(b"a", b"c", 9), [b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(keys(b"b", b"z", 1), [b"b".to_vec()]);
    assert!(keys(b"z", b"a", 9).is_empty());
}

#[test]
fn counters_add_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = open(&dir);
    for step in [(1, 100), (1, 50), (-1, -100)] {
        let change = RowChange {
            add: [(b"n".to_vec(), step)].into(),
            ..RowChange::default()
        };
        assert!(rows.commit(&change).expect("commits"));
    }
    let now = rows.get(b"n").expect("reads").expect("there");
    assert_eq!(counters(&now), (1, 50));
}

#[test]
fn a_change_is_in_the_file_when_the_word_is_given() {
    // Goal: who dies right after the answer loses nothing. Method: the file is copied as it is
    // after the commit, with the database still open, and the copy is opened as after kill -9.
    let dir = tempfile::tempdir().expect("a directory");
    let rows = open(&dir);
    for (count, key) in [b"a", b"b", b"c"].into_iter().enumerate() {
        assert!(rows.commit(&put(key, b"x")).expect("commits"));
        let copy = dir.path().join(format!("copy-{count}.redb"));
        std::fs::copy(dir.path().join("rows.redb"), &copy).expect("copies");
        let found = Catalogue::open(&copy, 1 << 20).expect("opens after a kill");
        let kept = found.scan(b"a", b"z", 9).expect("scans");
        assert_eq!(kept.len(), count + 1, "row {count} was acknowledged");
    }
}

#[test]
fn a_catalogue_that_is_open_elsewhere_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let _first = open(&dir);
    let second = Catalogue::open(&dir.path().join("rows.redb"), 1 << 20);
    assert!(matches!(second, Err(Error::Locked { .. })));
}
