//! The book counts a day by its own time, survives being closed, and lets no clock hurry it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Book, Budget, DAY, ENTRIES_MAX, Spent, WallClock};
use crate::error::Error;
use host_core::{Address, Amount};

/// A clock that the test sets; the running clock stands unless moved.
#[derive(Clone, Default)]
struct Set {
    wall: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
}

impl WallClock for Set {
    fn wall(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn running(&self) -> Duration {
        Duration::from_secs(self.running.load(Ordering::SeqCst))
    }
}

fn at(wall: u64) -> Set {
    let clock = Set::default();
    clock.wall.store(wall, Ordering::SeqCst);
    clock
}

fn open(path: &Path, clock: &Set) -> Book {
    Book::open(path, Box::new(clock.clone())).expect("opens")
}

fn wei(native: u128) -> Spent {
    Spent {
        native: Amount(native),
        token: Amount::ZERO,
    }
}

const HOUR: u64 = 3600;

#[test]
fn a_day_is_counted_through_restarts_and_a_clock_that_goes_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("signer.book");
    let clock = at(1_000_000);
    open(&path, &clock)
        .enter(Budget::Plain, 1, wei(70))
        .expect("writes");
    // Restarted with a clock a year back: the day is still the same one.
    clock.wall.store(5, Ordering::SeqCst);
    let book = open(&path, &clock);
    assert_eq!(book.now(), 1_000_000);
    assert_eq!(book.spent(Budget::Plain, None), wei(70));
    // Time passes by the running clock alone.
    clock.running.store(DAY - 1, Ordering::SeqCst);
    assert_eq!(book.spent(Budget::Plain, None), wei(70));
    clock.running.store(DAY, Ordering::SeqCst);
    assert_eq!(book.spent(Budget::Plain, None), wei(0));
}

#[test]
fn a_nonce_counts_once_with_its_dearest_form() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut book = open(&dir.path().join("book"), &at(10));
    for cost in [10, 25, 5] {
        book.enter(Budget::Plain, 7, wei(cost)).expect("writes");
    }
    book.enter(Budget::Plain, 8, wei(1)).expect("writes");
    book.enter(Budget::Proofs, 7, wei(100)).expect("writes");
    assert_eq!(book.spent(Budget::Plain, None), wei(26));
    assert_eq!(book.spent(Budget::Proofs, None), wei(100));
}

#[test]
fn another_payout_waits_and_the_first_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("book");
    let (one, two) = (Address([1; 20]), Address([2; 20]));
    let delay = Duration::from_secs(48 * HOUR);
    let clock = at(1_000_000);
    let mut book = open(&path, &clock);
    book.want_payout(Some(one), delay).expect("writes");
    assert_eq!(book.payout(), Some(one));
    book.want_payout(Some(two), delay).expect("writes");
    assert_eq!(book.payout(), Some(one));
    // A restart, asking again, and a clock going back: none of them hurries or restarts it.
    clock.wall.store(1_000_000 + 24 * HOUR, Ordering::SeqCst);
    let mut book = open(&path, &clock);
    book.want_payout(Some(two), delay).expect("writes");
    clock.wall.store(9, Ordering::SeqCst);
    let mut book = open(&path, &clock);
    book.want_payout(Some(two), delay).expect("writes");
    let pending = book.pending().expect("waits");
    assert_eq!(pending.ripe_at, 1_000_000 + 48 * HOUR);
    assert_eq!(book.payout(), Some(one));
    clock.running.store(24 * HOUR, Ordering::SeqCst);
    assert_eq!((book.payout(), book.pending()), (Some(two), None));
    // A file that names none takes nothing back.
    book.want_payout(None, delay).expect("writes");
    assert_eq!(open(&path, &clock).payout(), Some(two));
}

#[test]
fn a_stopped_change_does_not_begin_again_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("book");
    let (one, two) = (Address([1; 20]), Address([2; 20]));
    let delay = Duration::from_secs(HOUR);
    let clock = at(1_000_000);
    let mut book = open(&path, &clock);
    book.want_payout(Some(one), delay).expect("writes");
    book.want_payout(Some(two), delay).expect("writes");
    book.keep_payout().expect("writes");
    let mut book = open(&path, &clock);
    book.want_payout(Some(two), delay).expect("writes");
    assert_eq!((book.payout(), book.pending()), (Some(one), None));
    clock.wall.store(1_000_000 + 2 * HOUR, Ordering::SeqCst);
    assert_eq!(book.payout(), Some(one));
    // Naming the present one, then the other again, is a new wish.
    book.want_payout(Some(one), delay).expect("writes");
    book.want_payout(Some(two), delay).expect("writes");
    assert!(book.pending().is_some());
}

#[test]
fn a_damaged_book_is_not_begun_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("book");
    open(&path, &at(10))
        .enter(Budget::Plain, 1, wei(1))
        .expect("writes");
    let mut bytes = std::fs::read(&path).expect("reads");
    let last = bytes.last_mut().expect("has bytes");
    *last ^= 1;
    std::fs::write(&path, bytes).expect("writes");
    let opened = Book::open(&path, Box::new(at(10)));
    assert!(matches!(opened, Err(Error::Form { .. })));
}

#[test]
fn ordinary_transactions_leave_places_for_proofs() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut book = open(&dir.path().join("book"), &at(10));
    let most = u64::try_from(ENTRIES_MAX / 4 * 3).expect("small");
    let entry = |nonce| super::Entry {
        at: 10,
        nonce,
        budget: Budget::Plain,
        native: Amount(0),
        token: Amount(0),
    };
    book.pages.entries = (0..most).map(entry).collect();
    assert_eq!(book.room(Budget::Plain, most), Err(most));
    assert_eq!(book.room(Budget::Plain, 0), Ok(()));
    assert_eq!(book.room(Budget::Proofs, most), Ok(()));
}
