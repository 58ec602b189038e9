//! Puts of an earlier moment that are not over: what was answered is brought to its last shard,
//! what was not is given back.
//!
//! Every session has a row in the catalogue until it is over. At a start all rows of this gateway
//! are looked at; while it runs, those whose object stands and whose put has ended are gone on
//! with, one after the other. Invariants: an object that was answered is never cancelled while its
//! record is there; one that is given back takes its session with it. Does not: replace hosts that
//! fail later (keep.rs).

use std::time::Duration;

use host_core::ObjectId;
use host_ledger::catalogue::RowChange;
use host_renter::{Progress, SessionId, State};
use tokio::sync::watch;

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows;
use crate::uses;

/// Between two looks at what still lacks shards.
const EVERY: Duration = Duration::from_secs(60);

impl Gateway {
    /// Sessions of this gateway that have a row.
    fn pending(&self) -> Result<Vec<SessionId>, Error> {
        let end = rows::after(rows::PENDING);
        let found = self.inner.rows.scan(rows::PENDING, &end, usize::MAX)?;
        // Not another gateway's, which may be at it now.
        let own = found.into_iter().filter(|(_, by)| *by == self.signed());
        let ids = own.filter_map(|(key, _)| key.get(1..)?.try_into().ok());
        Ok(ids.map(SessionId).collect())
    }

    /// A session is over: its row goes.
    pub(crate) async fn forget(&self, session: SessionId) -> Result<(), Error> {
        let mut ended = RowChange::default();
        ended.write.insert(rows::pending(&session.0), None);
        commit(&self.inner.rows, ended).await?;
        Ok(())
    }

    /// The last shard of an object that was answered before has its host.
    pub(crate) async fn finished(&self, session: SessionId, object: ObjectId) -> Result<(), Error> {
        self.forget(session).await?;
        self.lend_again(&object).await
    }

    /// Settles at a start what puts of an earlier run left: objects that stand become candidates
    /// of the sweep, other sessions are cancelled.
    pub(crate) async fn settle_pending(&self) -> Result<(), Error> {
        let inner = &self.inner;
        for session in self.pending()? {
            let found = match inner.renter.session(session) {
                Ok(found) => found,
                Err(host_renter::Error::Session { .. }) => {
                    self.forget(session).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let stands = found.state() != State::Cancelled;
            let stands = found
                .object
                .filter(|id| stands && inner.renter.stat(*id).is_ok());
            let Some(object) = stands else {
                self.cancel(session).await?;
                continue;
            };
            let mut change = RowChange::default();
            let now = uses::due(self.now_ms());
            change.write.insert(rows::garbage(&object), Some(now));
            self.lend(&mut change, &object)?;
            if !found.is_recorded() {
                change.write.insert(rows::pending(&session.0), None);
            }
            commit(&inner.rows, change).await?;
        }
        Ok(())
    }

    /// Gives back what a session made, as far as hosts answer.
    async fn cancel(&self, session: SessionId) -> Result<(), Error> {
        match self.inner.renter.cancel(session).await {
            Ok((closed, 0)) => {
                tracing::info!(session = %session, closed, "unfinished put given back");
                self.forget(session).await
            }
            // It was over, with nothing left to give back.
            Err(host_renter::Error::Ended { .. }) => self.forget(session).await,
            // Asked again at the next start.
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(session = %session, err = %error, "put not given back");
                Ok(())
            }
        }
    }

    /// Goes on with puts that were answered and cut off, until the runtime ends.
    pub(crate) async fn finish_puts(self) {
        loop {
            if let Err(error) = self.finish_each().await {
                tracing::warn!(err = %error, "round of unfinished puts stops short");
            }
            self.inner.clock.sleep(EVERY).await;
        }
    }

    async fn finish_each(&self) -> Result<(), Error> {
        let renter = &self.inner.renter;
        let (progress, _unwatched) = watch::channel(Progress::default());
        for session in self.pending()? {
            let found = renter.session(session).ok();
            let Some(object) = found
                .filter(|one| one.is_recorded())
                .and_then(|one| one.object)
            else {
                continue;
            };
            match renter.resume(session, &progress).await {
                Ok(_) => {
                    tracing::info!(session = %session, object = %object, "last shards placed");
                    self.finished(session, object).await?;
                }
                // Its put is at it, or was until now.
                Err(host_renter::Error::Busy { .. } | host_renter::Error::Ended { .. }) => {}
                // It was given back.
                Err(host_renter::Error::Unknown { .. }) => self.cancel(session).await?,
                Err(error) => {
                    tracing::info!(session = %session, err = %error, "shards wait");
                }
            }
        }
        Ok(())
    }
}
