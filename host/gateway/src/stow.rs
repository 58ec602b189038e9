//! A body onto the network: a session of the renter, named in the catalogue before its first
//! byte leaves, so that a crash leaks no agreement.
//!
//! Small bodies go to the packer; large ones are an object each. A put is a task of its own: it
//! answers once every segment has `--ack-margin` shards more than a read needs, each with its
//! host's receipt and first cheque, and goes on with the rest. Invariants: the object's records
//! and the session's journal are on the drive before the answer; the session's row stays in the
//! catalogue until its last shard has a host (rest.rs goes on with those that were cut off);
//! shards that wait after the answer are counted, in `TAILS_MIB` or in a turn to store.
//! A stored object enters the list of what may be given back at once, due later: the row that
//! names it takes it off again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::{Either, join, select};
use host_core::agreement::PayMode;
use host_core::{Blame, ObjectId};
use host_ledger::catalogue::RowChange;
use host_renter::{Early, Progress, PutRequest, SessionId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::catalogue::commit;
use crate::error::{Error, file};
use crate::gateway::Gateway;
use crate::rows::{self, Piece, Shared};
use crate::spool::{Place, SpoolFile};
use crate::uses;

/// Longest time from a stored object to the entry that names it.
const CLAIM_MS: u64 = 10 * 60 * 1000;
/// Runs of one session before its put is given up.
const RUNS_MAX: u32 = 3;
/// Between two runs.
const RUN_AFTER: Duration = Duration::from_millis(500);
/// MiB of shards that wait in memory after their puts were answered; each put counts one at least.
/// What is beyond keeps its turn to store.
pub(crate) const TAILS_MIB: usize = 256;

/// Counts what a put holds in memory after its answer: apart from the stores while there is room,
/// so that the next one may begin, else in the turn it has.
fn count_tail(
    tails: &Arc<Semaphore>,
    turn: OwnedSemaphorePermit,
    waiting: u64,
) -> OwnedSemaphorePermit {
    let mib = waiting.div_ceil(1 << 20).max(1);
    let mib = u32::try_from(mib).unwrap_or(u32::MAX);
    let counted = Arc::clone(tails).try_acquire_many_owned(mib);
    counted.unwrap_or(turn)
}

impl Gateway {
    /// Stores a body and says where it is; no piece for no bytes. Returns after receipts and
    /// payment of as many shards as are waited for. Errors: Renter, File, Catalogue.
    pub(crate) async fn stow(&self, place: Place) -> Result<Vec<Piece>, Error> {
        match place {
            Place::Memory(bytes) if bytes.is_empty() => Ok(Vec::new()),
            Place::Memory(bytes) => Ok(vec![self.inner.packer.pack(self, bytes).await?]),
            Place::File(spool) => {
                let len = std::fs::metadata(&spool.0).map_err(file(&spool.0))?.len();
                let object = self.store(spool, None).await?;
                Ok(vec![Piece {
                    object,
                    offset: 0,
                    len,
                    key: None,
                }])
            }
        }
    }

    /// Stores bytes that several entries share.
    pub(crate) async fn store_shared(&self, bytes: Bytes) -> Result<ObjectId, Error> {
        let path = self.inner.options.spool.join(self.draw_name());
        let spool = SpoolFile(path);
        let len = bytes.len() as u64;
        let path = spool.0.clone();
        let written = tokio::task::spawn_blocking(move || std::fs::write(&path, &bytes)).await;
        written
            .map_err(|_| Error::Worker)?
            .map_err(file(&spool.0))?;
        let shared = Shared {
            len,
            closed_ms: self.now_ms(),
        };
        self.store(spool, Some(shared)).await
    }

    async fn store(&self, spool: SpoolFile, shared: Option<Shared>) -> Result<ObjectId, Error> {
        let inner = &self.inner;
        let turn = Arc::clone(&inner.stores).acquire_owned().await;
        let turn = turn.map_err(|_| Error::Worker)?;
        let options = &inner.options;
        let session = inner.renter.begin(&PutRequest {
            path: spool.0.clone(),
            data: options.data,
            parity: options.parity,
            days: options.days,
            public: false,
            price_max: options.price_max,
            pay: PayMode::Cheque,
        })?;
        let mut noted = RowChange::default();
        let key = rows::pending(&session.0);
        noted.write.insert(key, Some(self.signed()));
        commit(&inner.rows, noted).await?;
        let (answer, answered) = oneshot::channel();
        let put = self.clone().put(session, (spool, turn), shared, answer);
        tokio::spawn(put);
        answered.await.map_err(|_| Error::Worker)?
    }

    /// One put to its end; answers when it may.
    async fn put(
        self,
        session: SessionId,
        (spool, turn): (SpoolFile, OwnedSemaphorePermit),
        shared: Option<Shared>,
        answer: oneshot::Sender<Result<ObjectId, Error>>,
    ) {
        let (early, told) = Early::new(self.inner.options.ack_margin);
        let work = pin!(self.work(session, &early));
        match select(work, told).await {
            Either::Left((Ok(object), _)) => {
                self.claim(session, object, shared, true, answer).await;
            }
            Either::Left((Err(error), mut told)) => match told.try_recv() {
                Ok(told) => {
                    self.claim(session, told.id, shared, false, answer).await;
                    self.end(session, told.id, Err(error)).await;
                }
                Err(_) => {
                    self.give_up(session).await;
                    let _gone = answer.send(Err(error));
                }
            },
            Either::Right((Ok(told), work)) => {
                // Read to its end; what waits is in memory.
                drop(spool);
                let _counted = count_tail(&self.inner.tails, turn, told.waiting);
                let claim = self.claim(session, told.id, shared, false, answer);
                let (claimed, ended) = join(claim, work).await;
                if claimed {
                    self.end(session, told.id, ended).await;
                }
            }
            // What would tell is dropped no earlier than the work.
            Either::Right((Err(_), _)) => {
                let _gone = answer.send(Err(Error::Worker));
            }
        }
    }

    /// Puts a stored object on the list of what may be given back, due later, and answers. `whole`
    /// says that its session is over. Where the catalogue does not take it the session keeps its
    /// row, and the next start finds the object.
    async fn claim(
        &self,
        session: SessionId,
        object: ObjectId,
        shared: Option<Shared>,
        whole: bool,
        answer: oneshot::Sender<Result<ObjectId, Error>>,
    ) -> bool {
        let listed = self.list(session, object, shared, whole).await;
        let claimed = listed.is_ok();
        // Whoever asked may be gone; the sweep finds what nobody uses.
        let _gone = answer.send(listed.map(|()| object));
        claimed
    }

    async fn list(
        &self,
        session: SessionId,
        object: ObjectId,
        shared: Option<Shared>,
        whole: bool,
    ) -> Result<(), Error> {
        let mut change = RowChange::default();
        if whole {
            change.write.insert(rows::pending(&session.0), None);
        }
        let due = uses::due(self.now_ms() + CLAIM_MS);
        change.write.insert(rows::garbage(&object), Some(due));
        self.lend(&mut change, &object)?;
        if let Some(shared) = shared {
            let row = rows::to_bytes(&shared);
            change.write.insert(rows::shared(&object), Some(row));
        }
        commit(&self.inner.rows, change).await?;
        Ok(())
    }

    /// Gives back what a put left that stored nothing.
    async fn give_up(&self, session: SessionId) {
        let given_back = match self.inner.renter.cancel(session).await {
            Ok((_, 0)) => self.forget(session).await,
            // Silent hosts are asked again at the next start.
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = given_back {
            tracing::warn!(session = %session, err = %error, "put not given back");
        }
    }

    /// The end of a put that was answered before it.
    async fn end(&self, session: SessionId, object: ObjectId, ended: Result<ObjectId, Error>) {
        let ended = match ended {
            Ok(_) => self.finished(session, object).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::info!(session = %session, object = %object, err = %error, "shards wait");
        }
    }

    /// Works on a session until it is done or told; hosts that fail before that are replaced in a
    /// next run.
    async fn work(&self, session: SessionId, early: &Early) -> Result<ObjectId, Error> {
        let (progress, _) = watch::channel(Progress::default());
        let renter = &self.inner.renter;
        let mut runs = 0;
        loop {
            runs += 1;
            match renter.resume_early(session, &progress, early).await {
                Ok(done) => return Ok(done.id),
                Err(error)
                    if runs < RUNS_MAX && error.blame() == Blame::Peer && !early.is_told() =>
                {
                    tracing::info!(session = %session, err = %error, "put goes on after a fault");
                    self.inner.clock.sleep(RUN_AFTER).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
