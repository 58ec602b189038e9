//! Goal: what was promised is never promised lower or lost. Method: real files, torn and damaged.

use std::io::Write;

use host_core::{Address, Amount};

use super::Book;
use crate::error::Error;

const VAULT: Address = Address([1; 20]);
const HOST: Address = Address([2; 20]);

/// Goal: a crash inside a write costs nothing that counted. Method: every torn length of the last
/// entry, and a last entry whose bytes never reached the drive.
#[test]
fn a_torn_tail_is_cut_and_the_sum_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let book = Book::open(dir.path()).unwrap();
    let mut sum = Amount::ZERO;
    for torn in 1..=super::ENTRY {
        sum = sum.plus(Amount(5)).unwrap();
        assert_eq!(book.issue(VAULT, HOST, Amount(5)).unwrap(), sum);
        let path = book.path("issued.journal");
        let mut journal = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        journal.write_all(&vec![0; torn]).unwrap();
        assert_eq!(book.promises(VAULT).unwrap(), vec![(HOST, sum)]);
    }
}

#[test]
fn a_damaged_entry_before_the_last_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let book = Book::open(dir.path()).unwrap();
    for _ in 0..3 {
        book.issue(VAULT, HOST, Amount(5)).unwrap();
    }
    let path = book.path("issued.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[45] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = book.issue(VAULT, HOST, Amount(5));
    assert!(matches!(refused, Err(Error::Book { .. })));
}

#[test]
fn a_sum_a_host_shows_is_where_the_book_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let book = Book::open(dir.path()).unwrap();
    book.promised(VAULT, HOST, Amount(100)).unwrap();
    book.promised(VAULT, HOST, Amount(50)).unwrap();
    assert_eq!(book.issue(VAULT, HOST, Amount(5)).unwrap(), Amount(105));
}
