//! Journals: what was written is read, a torn tail is cut, one writer at a time.

use std::io::Write;

use super::{Begin, Entry, Journal, SessionId, State, read};
use crate::error::Error;

fn begin() -> Entry {
    Entry::Begun(Begin {
        path: "file".into(),
        bytes: 7,
        modified_ms: 1,
        data: 2,
        parity: 1,
        days: 3,
        public: false,
        price_max: None,
        sealed: vec![1, 2, 3],
        reuse: None,
        pieces: None,
        pay: None,
    })
}

fn state(at_ms: u64) -> Entry {
    Entry::State {
        state: State::Sending,
        at_ms,
        message: None,
        code: None,
    }
}

/// Goal: a crash in the middle of an entry loses that entry only. Method: cut the file at every
/// length, read, write on, read again.
#[test]
fn a_torn_tail_loses_only_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("whole");
    let mut journal = Journal::open(&path).expect("free");
    journal.append(&begin()).expect("written");
    let first = std::fs::metadata(&path).expect("there").len();
    journal.append(&state(5)).expect("written");
    drop(journal);
    let bytes = std::fs::read(&path).expect("there");
    let id = SessionId([1; 16]);
    for cut in first..=bytes.len() as u64 {
        let path = dir.path().join("cut");
        std::fs::write(&path, &bytes[..cut as usize]).expect("written");
        let whole = cut == bytes.len() as u64;
        assert_eq!(
            read(&path, id).expect("reads").changes.len(),
            usize::from(whole),
            "{cut}"
        );
        Journal::open(&path)
            .expect("free")
            .append(&state(9))
            .expect("written");
        let changes = read(&path, id).expect("reads").changes;
        assert_eq!(changes.last().map(|change| change.at_ms), Some(9), "{cut}");
    }
}

#[test]
fn one_process_works_on_a_session_at_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("journal");
    let held = Journal::open(&path).expect("free");
    assert!(matches!(Journal::open(&path), Err(Error::Busy { .. })));
    drop(held);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn a_file_that_is_no_journal_is_no_session() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("journal");
    std::fs::File::create(&path)
        .expect("made")
        .write_all(&[0xff; 100])
        .expect("written");
    assert!(read(&path, SessionId([1; 16])).is_err());
}
