//! The owner's side of sharing: a line too long to hand on is stored as a small object of its own,
//! a capsule, and a line that leads to it is handed on instead.
//!
//! Invariants: this home knows of every capsule before a byte of it leaves, so that a deletion of
//! the object destroys the keys of its capsules too; a put of a capsule that was cut off is gone
//! on with. Does not: take back what somebody has read already.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use host_core::ObjectId;
use host_core::agreement::PayMode;
use minicbor::{Decode, Encode};
use tokio::sync::watch;

use super::{LINK_LEN, Shared};
use crate::book::{Book, file};
use crate::error::Error;
use crate::progress::Progress;
use crate::put::{self, PutRequest};
use crate::session::{self, Journal, SessionId};
use crate::shred::shred;
use crate::{Deleted, Inner, Renter, delete};

/// A capsule's shape: read from any one host, kept by five.
const DATA: u16 = 1;
const PARITY: u16 = 4;
/// What the file of a capsule is called, and so the capsule.
const NAME: &str = "share-of-";
const DAY_SECONDS: u64 = 86_400;

/// One time an object was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Given {
    /// When, milliseconds since 1970.
    #[n(0)]
    pub(crate) at_ms: u64,
    /// The put of its capsule, where it has one.
    #[n(1)]
    pub(crate) put: Option<SessionId>,
    /// The capsule, where only that is known: the book was brought back from the hosts.
    #[n(2)]
    pub(crate) capsule: Option<ObjectId>,
}

/// What was handed on.
pub struct Share {
    /// The line; a secret.
    pub line: String,
    /// The capsule it leads to, where it is too long itself.
    pub capsule: Option<ObjectId>,
}

/// Makes the line of an object; `direct` makes it whole however long it is, without that a capsule
/// is stored for the rest of the object's term, or `days`.
pub(crate) async fn share(
    renter: &Renter,
    object: ObjectId,
    direct: bool,
    days: Option<u64>,
) -> Result<Share, Error> {
    let inner = &*renter.inner;
    let shared = Shared::of(inner, &inner.book.object(&object)?)?;
    let line = shared.to_line();
    if direct || line.len() <= LINK_LEN {
        note(inner, &object, None)?;
        return Ok(Share {
            line,
            capsule: None,
        });
    }
    let path = inner.book.capsule(&format!("{NAME}{object}"));
    let put = match unfinished(&inner.book, &object)?.filter(|_| path.exists()) {
        Some(put) => put,
        None => {
            write(&path, &line).map_err(file(&path))?;
            let put = put::begin(
                renter,
                &PutRequest {
                    path: path.clone(),
                    data: DATA,
                    parity: PARITY,
                    days: match days {
                        Some(days) => days,
                        None => days_left(inner, shared.end_epoch).await?,
                    },
                    public: false,
                    price_max: None,
                    pay: PayMode::Cheque,
                },
            )?;
            note(inner, &object, Some(put))?;
            put
        }
    };
    let (progress, _watched) = watch::channel(Progress::default());
    let done = put::run(renter, put, &progress, None).await?;
    shred(&path).map_err(file(&path))?;
    let capsule = Shared {
        leads: true,
        ..Shared::of(inner, &inner.book.object(&done.id)?)?
    };
    Ok(Share {
        line: capsule.to_line(),
        capsule: Some(done.id),
    })
}

/// Whole days until an epoch, at least one.
async fn days_left(inner: &Inner, end_epoch: u64) -> Result<u64, Error> {
    let rule = inner.network.epoch;
    let now = rule.epoch_of(inner.chain.head().await?.block);
    let seconds = rule.epoch_blocks.saturating_mul(rule.block_seconds);
    let left = end_epoch.saturating_sub(now).saturating_mul(seconds);
    Ok(left.div_ceil(DAY_SECONDS).max(1))
}

/// Writes a line for nobody else to read; flushed when it returns.
fn write(path: &Path, line: &str) -> io::Result<()> {
    shred(path)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

fn note(inner: &Inner, object: &ObjectId, put: Option<SessionId>) -> Result<(), Error> {
    let _turn = inner.book.turn()?;
    let mut all = inner.book.given(object)?;
    all.push(Given {
        at_ms: inner.clock.wall_ms(),
        put,
        capsule: None,
    });
    inner.book.keep_given(object, &all)
}

/// The put of a capsule that did not end.
fn unfinished(book: &Book, object: &ObjectId) -> Result<Option<SessionId>, Error> {
    let given = book.given(object)?;
    let mut puts = given.into_iter().rev().filter_map(|given| given.put);
    Ok(puts.find(|put| {
        let known = session::read(&book.session(*put), *put);
        known.is_ok_and(|known| !known.is_over())
    }))
}

/// Writes down that an object that came back from the hosts is another's capsule, if its name says
/// so.
pub(crate) fn recall(book: &Book, name: &str, capsule: ObjectId) -> Result<(), Error> {
    let Some(Ok(object)) = name.strip_prefix(NAME).map(str::parse) else {
        return Ok(());
    };
    let mut all = book.given(&object)?;
    if all.iter().any(|given| given.capsule == Some(capsule)) {
        return Ok(());
    }
    all.push(Given {
        at_ms: 0,
        put: None,
        capsule: Some(capsule),
    });
    book.keep_given(&object, &all)
}

/// Deletes the capsules of an object, keys first. Returns how often the object was handed on, and
/// whether every host of a capsule has answered.
pub(crate) async fn delete_all(renter: &Renter, object: &ObjectId) -> Result<(u64, bool), Error> {
    let book = &renter.inner.book;
    let given = book.given(object)?;
    let path = book.capsule(&format!("{NAME}{object}"));
    shred(&path).map_err(file(&path))?;
    let mut are_gone = true;
    for one in &given {
        let known = one.put.map(|put| session::read(&book.session(put), put));
        let capsule = match &known {
            Some(Ok(known)) if known.object.is_none() => {
                are_gone &= give_up(renter, known.id).await?;
                continue;
            }
            Some(Ok(known)) => known.object,
            _ => one.capsule,
        };
        let Some(capsule) = capsule else { continue };
        are_gone &= match delete::one(renter, capsule, 0).await {
            Ok(deleted) => deleted.silent() == 0,
            Err(Error::Unknown { .. }) => true,
            Err(error) => return Err(error),
        };
    }
    Ok((u64::try_from(given.len()).unwrap_or(u64::MAX), are_gone))
}

/// Gives the put of a capsule up that did not end, and its key with it; whether every host has
/// answered.
async fn give_up(renter: &Renter, put: SessionId) -> Result<bool, Error> {
    let path = renter.inner.book.session(put);
    let silent = match put::cancel(renter, put).await {
        Ok((_, silent)) => silent,
        // Given up before, every agreement with it.
        Err(Error::Ended { .. }) => 0,
        Err(error) => return Err(error),
    };
    let _held = Journal::open(&path)?;
    session::without_key(&path)?;
    Ok(silent == 0)
}

/// Forgets that a deleted object was handed on, once nothing of its capsules is left to ask.
pub(crate) fn forget(book: &Book, deleted: &Deleted, are_gone: bool) -> Result<(), Error> {
    match are_gone && deleted.silent() == 0 {
        true => book.forget_given(&deleted.object),
        false => Ok(()),
    }
}
