//! Goal: whatever a crash leaves of the last line, what was flushed before counts and the record
//! goes on; damage before it is told. Method: a record cut at every byte, and one with a word
//! changed.

use super::{Head, Known, Record};

fn known(path: &str, session: Option<&str>) -> Known {
    Known {
        path: path.into(),
        bytes: 3,
        mark: "m".into(),
        sha256: "s".into(),
        session: session.map(str::to_owned),
        object: None,
    }
}

#[test]
fn a_record_cut_anywhere_keeps_every_whole_line_and_goes_on() {
    let dir = tempfile::tempdir().expect("made");
    let path = dir.path().join("name");
    let head = Head::new("/folder".into(), (2, 2), 9, false);
    Record::make(&path, &head).expect("made");
    assert!(Record::make(&path, &head).is_err(), "there is one");
    let first = std::fs::metadata(&path).expect("there").len();
    {
        let mut record = Record::open(&path).expect("opens");
        assert!(Record::open(&path).is_err(), "one works on it");
        record.keep(known("a", Some("1"))).expect("kept");
        record.keep(known("a", None)).expect("kept");
        record.keep(known("b", None)).expect("kept");
        record.forget("b").expect("kept");
    }
    let whole = std::fs::read(&path).expect("reads");
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for cut in usize::try_from(first).expect("short")..=whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("written");
        let mut record = Record::open(&path).expect("opens");
        let lines = ends.iter().filter(|end| **end < cut).count();
        let session = record.files.get("a").map(|known| known.session.is_some());
        assert_eq!(session, [None, Some(true), Some(false)][(lines - 1).min(2)]);
        assert_eq!(record.files.contains_key("b"), lines == 4);
        record.keep(known("c", None)).expect("goes on");
        drop(record);
        let again = Record::open(&path).expect("opens");
        assert!(again.files.contains_key("c") && again.head == head);
    }
    let mut damaged = whole.clone();
    damaged[ends[1] - 3] = b'{';
    std::fs::write(&path, damaged).expect("written");
    let refused = Record::open(&path).err().expect("is refused");
    assert!(format!("{refused:#}").contains("line 2"), "{refused:#}");
}
