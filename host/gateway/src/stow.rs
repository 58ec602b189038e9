//! A body onto the network: a session of the renter, named in the catalogue before its first
//! byte leaves, so that a crash leaks no agreement.
//!
//! Small bodies go to the packer; large ones are an object each. A stored object enters the list
//! of what may be given back at once, due later: the row that names it takes it off again.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use host_core::agreement::PayMode;
use host_core::{Blame, ObjectId};
use host_ledger::catalogue::RowChange;
use host_renter::{Progress, PutRequest, SessionId, State};
use tokio::sync::watch;

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

impl Gateway {
    /// Stores a body and says where it is; no piece for no bytes. Returns after receipts and
    /// payment of every shard. Errors: Renter, File, Catalogue.
    pub(crate) async fn stow(&self, place: Place) -> Result<Vec<Piece>, Error> {
        match place {
            Place::Memory(bytes) if bytes.is_empty() => Ok(Vec::new()),
            Place::Memory(bytes) => Ok(vec![self.inner.packer.pack(self, bytes).await?]),
            Place::File(spool) => {
                let len = std::fs::metadata(&spool.0).map_err(file(&spool.0))?.len();
                let object = self.store(&spool.0, None).await?;
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
        self.store(&spool.0, Some(shared)).await
    }

    async fn store(&self, path: &Path, shared: Option<Shared>) -> Result<ObjectId, Error> {
        let inner = &self.inner;
        let turn = inner.stores.acquire().await;
        let _turn = turn.map_err(|_| Error::Worker)?;
        let options = &inner.options;
        let session = inner.renter.begin(&PutRequest {
            path: path.to_path_buf(),
            data: options.data,
            parity: options.parity,
            days: options.days,
            public: false,
            price_max: options.price_max,
            pay: PayMode::Cheque,
        })?;
        let key = rows::pending(&session.0);
        let mut noted = RowChange::default();
        noted.write.insert(key.clone(), Some(self.signed()));
        commit(&inner.rows, noted).await?;
        let stored = self.work(session).await;
        let mut ended = RowChange::default();
        ended.write.insert(key, None);
        match stored {
            Ok(object) => {
                let due = uses::due(self.now_ms() + CLAIM_MS);
                ended.write.insert(rows::garbage(&object), Some(due));
                self.lend(&mut ended, &object)?;
                if let Some(shared) = shared {
                    let row = rows::to_bytes(&shared);
                    ended.write.insert(rows::shared(&object), Some(row));
                }
                commit(&inner.rows, ended).await?;
                Ok(object)
            }
            Err(error) => {
                // Silent hosts are asked again by the sweep of the next start.
                if let Ok((_, 0)) = inner.renter.cancel(session).await {
                    commit(&inner.rows, ended).await?;
                }
                Err(error)
            }
        }
    }

    /// Works on a session until it is done; hosts that fail meanwhile are replaced in a next run.
    async fn work(&self, session: SessionId) -> Result<ObjectId, Error> {
        let (progress, _) = watch::channel(Progress::default());
        let mut runs = 0;
        loop {
            runs += 1;
            match self.inner.renter.resume(session, &progress).await {
                Ok(done) => return Ok(done.id),
                Err(error) if runs < RUNS_MAX && error.blame() == Blame::Peer => {
                    tracing::info!(session = %session, err = %error, "put goes on after a fault");
                    self.inner.clock.sleep(RUN_AFTER).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives back what puts of an earlier run left: finished ones become candidates of the sweep,
    /// others are cancelled.
    pub(crate) async fn settle_pending(&self) -> Result<(), Error> {
        let inner = &self.inner;
        let end = rows::after(rows::PENDING);
        for (key, by) in inner.rows.scan(rows::PENDING, &end, usize::MAX)? {
            // Another gateway's, which may be at it now.
            if by != self.signed() {
                continue;
            }
            let Some(id) = key.get(1..).and_then(|id| id.try_into().ok()) else {
                continue;
            };
            let session = SessionId(id);
            let mut ended = RowChange::default();
            ended.write.insert(key.clone(), None);
            match inner.renter.session(session) {
                Ok(found) if found.state() == State::Completed => {
                    if let Some(object) = found.object {
                        let now = uses::due(self.now_ms());
                        ended.write.insert(rows::garbage(&object), Some(now));
                        self.lend(&mut ended, &object)?;
                    }
                }
                Ok(_) => match inner.renter.cancel(session).await {
                    Ok((closed, 0)) => {
                        tracing::info!(session = %session, closed, "unfinished put given back");
                    }
                    // Asked again at the next start.
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!(session = %session, err = %error, "put not given back");
                        continue;
                    }
                },
                Err(host_renter::Error::Session { .. }) => (),
                Err(error) => return Err(error.into()),
            }
            commit(&inner.rows, ended).await?;
        }
        Ok(())
    }
}
