//! What the signer must not forget: what the last 24 hours cost, where money goes, and the time.
//!
//! Enters: what is about to be signed, with the clock. Leaves: the sums of a day. Invariants: what
//! is entered is on the disk before `enter` returns; the book's time never goes back, whatever the
//! clock does; a nonce counts once, with the dearest of its forms. Does not: judge.
//!
//! The file is CBOR with a checksum (docs/formats/signer.md), replaced whole.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use host_core::{Address, Amount, codec};
use minicbor::{Decode, Encode};
use sha3::{Digest, Keccak256};

use crate::error::Error;

/// Seconds of the window.
const DAY: u64 = 24 * 3600;
/// Entries of a day; the last quarter is for proofs alone.
const ENTRIES_MAX: usize = 4096;
const MAGIC: &[u8; 8] = b"HFSIGN\0\x01";

/// What a transaction counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Budget {
    /// Everything else.
    #[n(0)]
    Plain,
    /// Proofs.
    #[n(1)]
    Proofs,
}

/// One nonce of the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Entry {
    #[n(0)]
    at: u64,
    #[n(1)]
    nonce: u64,
    #[n(2)]
    budget: Budget,
    #[n(3)]
    native: Amount,
    #[n(4)]
    token: Amount,
}

/// What lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
struct Pages {
    /// The latest time seen, in seconds since 1970.
    #[n(0)]
    seen: u64,
    /// Where money goes; none is the account itself.
    #[n(1)]
    payout: Option<Address>,
    /// What that becomes, from the policy file, and when.
    #[n(2)]
    pending: Option<Pending>,
    #[n(3)]
    entries: Vec<Entry>,
    /// A change somebody stopped: it does not begin again by itself.
    #[n(4)]
    stopped: Option<Address>,
}

/// A change of the payout address that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Pending {
    /// The new address.
    #[n(0)]
    pub to: Address,
    /// Seconds since 1970 when it counts.
    #[n(1)]
    pub ripe_at: u64,
}

/// Sums of the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Wei.
    pub native: Amount,
    /// Token units.
    pub token: Amount,
}

/// Time, for tests.
pub trait WallClock: Send {
    /// Seconds since 1970, as the machine believes.
    fn wall(&self) -> u64;
    /// Time since some start; never goes back.
    fn running(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemTimes(Instant);

impl Default for SystemTimes {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl WallClock for SystemTimes {
    fn wall(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }

    fn running(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The book.
pub struct Book {
    path: PathBuf,
    pages: Pages,
    clock: Box<dyn WallClock>,
    /// The book's time when it was opened, and the running clock then.
    opened: (u64, Duration),
}

impl Book {
    /// Opens or begins the book at `path`. Errors: it cannot be read, or is damaged; then a person
    /// must look, since beginning anew would forget what the day cost.
    pub fn open(path: &Path, clock: Box<dyn WallClock>) -> Result<Self, Error> {
        let pages = match std::fs::read(path) {
            Ok(bytes) => decode(path, &bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Pages::default(),
            Err(source) => {
                let path = path.to_path_buf();
                return Err(Error::File { path, source });
            }
        };
        let opened = (pages.seen.max(clock.wall()), clock.running());
        Ok(Self {
            path: path.to_path_buf(),
            pages,
            clock,
            opened,
        })
    }

    /// The book's time: the clock's, unless that went back; then what has passed since the latest
    /// time seen.
    #[must_use]
    pub fn now(&self) -> u64 {
        let (at, since) = self.opened;
        let passed = self.clock.running().saturating_sub(since).as_secs();
        self.clock
            .wall()
            .max(at.saturating_add(passed))
            .max(self.pages.seen)
    }

    /// What the last 24 hours cost of one budget, the forms of `nonce` left out.
    #[must_use]
    pub fn spent(&self, budget: Budget, without: Option<u64>) -> Spent {
        let since = self.now().saturating_sub(DAY);
        let counted = self.pages.entries.iter().filter(|entry| {
            entry.budget == budget && entry.at > since && Some(entry.nonce) != without
        });
        counted.fold(Spent::default(), |sum, entry| Spent {
            native: Amount(sum.native.0.saturating_add(entry.native.0)),
            token: Amount(sum.token.0.saturating_add(entry.token.0)),
        })
    }

    /// What a nonce counts already in one budget.
    #[must_use]
    pub fn of_nonce(&self, budget: Budget, nonce: u64) -> Spent {
        let since = self.now().saturating_sub(DAY);
        let found = self
            .pages
            .entries
            .iter()
            .find(|entry| entry.budget == budget && entry.at > since && entry.nonce == nonce);
        found.map_or_else(Spent::default, |entry| Spent {
            native: entry.native,
            token: entry.token,
        })
    }

    /// Whether the day has room for one more transaction of a budget; else how many it has.
    pub fn room(&self, budget: Budget, nonce: u64) -> Result<(), u64> {
        let since = self.now().saturating_sub(DAY);
        let same = |entry: &Entry| entry.budget == budget && entry.nonce == nonce;
        let live = self.pages.entries.iter().filter(|entry| entry.at > since);
        let (known, count) = live.fold((false, 0), |(known, count), entry| {
            (known || same(entry), count + 1)
        });
        let most = match budget {
            Budget::Plain => ENTRIES_MAX / 4 * 3,
            Budget::Proofs => ENTRIES_MAX,
        };
        if known || count < most {
            return Ok(());
        }
        Err(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Counts a transaction. Durable when this returns. Errors: it cannot be written; then nothing
    /// is counted, and nothing may be signed.
    pub fn enter(&mut self, budget: Budget, nonce: u64, spent: Spent) -> Result<(), Error> {
        let now = self.now();
        let since = now.saturating_sub(DAY);
        let had = self.of_nonce(budget, nonce);
        let mut pages = self.pages.clone();
        pages.seen = now;
        pages
            .entries
            .retain(|entry| entry.at > since && !(entry.budget == budget && entry.nonce == nonce));
        pages.entries.push(Entry {
            at: now,
            nonce,
            budget,
            native: spent.native.max(had.native),
            token: spent.token.max(had.token),
        });
        self.turn(pages)
    }

    /// Where money goes now; none is the account itself.
    #[must_use]
    pub fn payout(&self) -> Option<Address> {
        match self.pages.pending {
            Some(pending) if self.now() >= pending.ripe_at => Some(pending.to),
            _ => self.pages.payout,
        }
    }

    /// A change that waits.
    #[must_use]
    pub fn pending(&self) -> Option<Pending> {
        self.pages
            .pending
            .filter(|pending| self.now() < pending.ripe_at)
    }

    /// Takes what the policy file wants: the first address at once, another one after `delay`, and
    /// the present one ends a change that waits. An address that was stopped stays so until the
    /// file names another. Durable when this returns.
    pub fn want_payout(&mut self, wanted: Option<Address>, delay: Duration) -> Result<(), Error> {
        let now = self.now();
        let mut pages = self.pages.clone();
        pages.seen = now;
        pages.payout = self.payout();
        pages.pending = self.pending();
        if pages.stopped != wanted {
            pages.stopped = None;
        }
        let ripe_at = now.saturating_add(delay.as_secs());
        match wanted {
            // A file without an address takes nothing back: that would undo the protection.
            None => {}
            Some(to) if pages.payout.is_none() => pages.payout = Some(to),
            Some(to) if pages.payout == Some(to) => pages.pending = None,
            Some(to) if pages.stopped == Some(to) => {}
            Some(to) if pages.pending.is_some_and(|pending| pending.to == to) => {}
            Some(to) => pages.pending = Some(Pending { to, ripe_at }),
        }
        self.turn(pages)
    }

    /// Drops a change that waits. Durable when this returns.
    pub fn keep_payout(&mut self) -> Result<(), Error> {
        let mut pages = self.pages.clone();
        pages.seen = self.now();
        pages.payout = self.payout();
        pages.stopped = self.pending().map(|pending| pending.to);
        pages.pending = None;
        self.turn(pages)
    }

    fn turn(&mut self, pages: Pages) -> Result<(), Error> {
        write(&self.path, &pages).map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })?;
        self.pages = pages;
        Ok(())
    }
}

fn write(path: &Path, pages: &Pages) -> std::io::Result<()> {
    let body = codec::to_bytes(pages);
    let sum: [u8; 32] = Keccak256::digest(&body).into();
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(&[MAGIC.as_slice(), &sum, &body].concat())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|at| !at.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Pages, Error> {
    let wrong = |why: &str| Error::Form {
        path: path.to_path_buf(),
        why: why.to_owned(),
    };
    let body = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| wrong("no book of a signer"))?;
    let (sum, body) = body
        .split_first_chunk::<32>()
        .ok_or_else(|| wrong("it ends early"))?;
    let have: [u8; 32] = Keccak256::digest(body).into();
    if have != *sum {
        return Err(wrong("its checksum is wrong"));
    }
    codec::from_signed_bytes("book", body).map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests;
