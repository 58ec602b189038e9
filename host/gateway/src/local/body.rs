//! Bytes of a put on their way in, from exactly where they are wanted on.
//!
//! Invariants: what is said to be received was flushed, then written into the row, then said; a
//! body that is cut off keeps what was flushed of it; of two bodies for one put the later one has
//! the word. The work is a task of its own, so that a client that goes away ends it in order.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use s3s::Body;
use tokio::sync::OwnedSemaphorePermit;

use super::fault::{Fault, Own, file_fault};
use super::puts::{One, Turn, apart};
use super::row::Row;
use super::{Answered, Local, said};
use crate::error::Error;
use crate::inlet::{Paced, drain};

/// Bytes between two flushes of a body.
const FLUSH_LEN: u64 = 16 << 20;
/// Longest wait for an earlier body of the same put to end.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// The length a body says; none when it says none.
fn len_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Errors: put-settled, offset-wrong, body-long; each before a byte is read.
fn check(row: &Row, offset: u64, len: Option<u64>) -> Result<(), Fault> {
    if row.storing || row.whole {
        let words = format!("the put is {}", row.state());
        return Err(Fault::own(Own::PutSettled, words).at(row.received));
    }
    if offset != row.received {
        let words = format!(
            "there are {} bytes, the body begins at {offset}",
            row.received
        );
        return Err(Fault::own(Own::OffsetWrong, words).at(row.received));
    }
    let left = row.order.length.saturating_sub(offset);
    match len {
        Some(len) if len > left => Err(long(row, row.received)),
        _ => Ok(()),
    }
}

fn long(row: &Row, received: u64) -> Fault {
    let words = format!("the put has {} bytes and no more", row.order.length);
    Fault::own(Own::BodyLong, words).at(received)
}

/// A body that writes itself down.
struct Taker {
    local: Local,
    one: Arc<One>,
    turn: Turn,
    /// Which body of the put this is.
    own: u64,
    _place: OwnedSemaphorePermit,
    row: Row,
    file: File,
    /// Bytes written, flushed or not.
    at: u64,
}

/// The file of a body, at the end of what counts.
fn open(path: &Path, at: u64) -> std::io::Result<File> {
    let mut file = File::options().write(true).open(path)?;
    file.set_len(at)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(file)
}

impl Taker {
    /// Flushes, then counts. Errors: file-failed.
    async fn keep(&mut self) -> Result<(), Fault> {
        if self.at == self.row.received {
            return Ok(());
        }
        let path = self.local.puts.body_of(&self.one);
        let file = self.file.try_clone().map_err(file_fault(&path))?;
        apart(move || file.sync_data().map_err(file_fault(&path))).await?;
        let (at, now) = (self.at, self.local.gateway.now_ms());
        let counted = self.local.puts.change(&self.one, &self.turn, move |row| {
            (row.received, row.changed_ms) = (at, now);
        });
        self.row = counted.await?;
        Ok(())
    }

    async fn write(&mut self, run: Bytes) -> Result<(), Fault> {
        let len = run.len() as u64;
        if len > self.row.order.length.saturating_sub(self.at) {
            return Err(long(&self.row, self.at));
        }
        let path = self.local.puts.body_of(&self.one);
        let mut file = self.file.try_clone().map_err(file_fault(&path))?;
        apart(move || file.write_all(&run).map_err(file_fault(&path))).await?;
        self.at += len;
        match self.at - self.row.received >= FLUSH_LEN {
            true => self.keep().await,
            false => Ok(()),
        }
    }

    async fn take_all(&mut self, body: &mut Paced) -> Result<(), Fault> {
        let mut newer = self.one.bodies.subscribe();
        let mut given_up = self.one.given_up.subscribe();
        let own = self.own;
        loop {
            // Only the wait ends early: a write that was left would land on a later body's bytes.
            let run = tokio::select! {
                run = body.next() => run,
                _ = newer.wait_for(|last| *last != own) => return Err(superseded()),
                _ = given_up.wait_for(|gone| *gone) => return Err(superseded()),
            };
            let Some(run) = run else {
                return Ok(());
            };
            let run = run.map_err(|error| {
                let words = match error.kind() {
                    ErrorKind::TimedOut => "the body came too slowly",
                    _ => "the body ended early",
                };
                Fault::own(Own::BodyCut, words)
            })?;
            self.write(run).await?;
        }
    }

    /// Takes the body in; whatever ends it, what came is kept. Returns the row.
    async fn take(mut self, mut body: Paced) -> Result<Row, Fault> {
        let taken = self.take_all(&mut body).await;
        let kept = self.keep().await;
        let received = self.row.received;
        taken.map_err(|fault| fault.at(received))?;
        kept?;
        Ok(self.row)
    }
}

fn superseded() -> Fault {
    Fault::own(Own::BodyCut, "another request took the put over")
}

impl Local {
    async fn taker(&self, id: &str, offset: u64, len: Option<u64>) -> Result<Taker, Fault> {
        let one = self.puts.get(id)?;
        let place = Arc::clone(&self.bodies).try_acquire_owned();
        let place = place.map_err(|_| Fault::own(Own::Busy, "too many bodies are under way"))?;
        let row = one.row();
        if row.storing || row.whole {
            check(&row, offset, len)?;
        }
        let mut own = 0;
        one.bodies.send_modify(|last| {
            *last = last.wrapping_add(1);
            own = *last;
        });
        let turn = tokio::time::timeout(TURN_WITHIN, one.turn()).await;
        let turn = turn.map_err(|_| Fault::own(Own::Busy, "another request changes the put"))?;
        // It may have been given up while this one waited.
        let one = self.puts.get(id)?;
        let row = one.row();
        check(&row, offset, len)?;
        let (path, at) = (self.puts.body_of(&one), row.received);
        let file = apart(move || open(&path, at).map_err(file_fault(&path))).await?;
        Ok(Taker {
            local: self.clone(),
            one,
            turn,
            own,
            _place: place,
            row,
            file,
            at,
        })
    }

    /// Appends a body to a put. The answer comes after the flush and the row.
    pub(super) async fn take(
        &self,
        id: &str,
        offset: u64,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Answered {
        let len = len_of(headers);
        let taker = match self.taker(id, offset, len).await {
            Ok(taker) => taker,
            Err(fault) => {
                drain(body).await;
                return Err(fault);
            }
        };
        let left = taker.row.order.length.saturating_sub(offset);
        let paced = Paced::new(Body::from(body), left);
        let taken = tokio::spawn(taker.take(paced)).await;
        let row = taken.map_err(|_| Fault::from(Error::Worker))??;
        Ok(said(StatusCode::OK, &row.to_json(id)))
    }
}

#[cfg(test)]
mod tests;
