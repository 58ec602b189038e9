//! What goes on behind the requests: stored objects without a use are given back to their hosts,
//! shared objects that are mostly unused are packed anew, agreements are paid by the epoch,
//! entries expire.

use std::time::Duration;

use host_core::ObjectId;
use host_ledger::catalogue::RowChange;

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows;
use crate::uses;

/// Between two looks when nothing rings.
const EVERY: Duration = Duration::from_secs(5);
/// Stored objects looked at in one go.
const BATCH: usize = 64;
/// After hosts did not answer for one.
const ASK_AGAIN_MS: u64 = 60_000;
/// Small shared objects are left alone for this long: six hours, a quarter of a day.
const SMALL_AFTER_MS: u64 = 6 * 60 * 60 * 1000;
/// What hosts signed about an object that was given back is kept for this long: four hundred days,
/// so that a yearly audit finds it.
const RECEIPTS_MS: u64 = 400 * DAY_MS;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Looks between two rounds of payment and expiry.
const ROUND: u32 = 6;

fn object_of(key: &[u8]) -> Option<ObjectId> {
    let bytes = key.get(1..)?.try_into().ok()?;
    Some(ObjectId(bytes))
}

impl Gateway {
    /// Sweeps until the runtime ends.
    pub(crate) async fn sweep(self) {
        let mut looks = 0_u32;
        let mut receipts_ms = 0;
        loop {
            if let Err(error) = self.give_back().await {
                tracing::warn!(err = %error, "sweep stops short");
            }
            if looks.is_multiple_of(ROUND) {
                self.round().await;
            }
            if self.now_ms() >= receipts_ms {
                receipts_ms = self.now_ms() + DAY_MS;
                self.forget_receipts().await;
            }
            looks = looks.wrapping_add(1);
            let rung = self.inner.garbage.notified();
            let _either = tokio::time::timeout(EVERY, rung).await;
        }
    }

    async fn round(&self) {
        match self.inner.renter.pay_due().await {
            Ok(paid) => tracing::debug!(paid = ?paid, "agreements paid"),
            Err(error) => tracing::warn!(err = %error, "agreements not paid"),
        }
        match self.expire().await {
            Ok(0) => (),
            Ok(count) => tracing::info!(count, "entries expired"),
            Err(error) => tracing::warn!(err = %error, "entries not expired"),
        }
        match self.compact(SMALL_AFTER_MS).await {
            Ok(0) => (),
            Ok(count) => tracing::info!(count, "shared objects packed anew"),
            Err(error) => tracing::warn!(err = %error, "shared objects not packed anew"),
        }
    }

    /// Drops what hosts signed about objects that were given back long ago.
    async fn forget_receipts(&self) {
        let before = self.now_ms().saturating_sub(RECEIPTS_MS);
        let renter = self.inner.renter.clone();
        let dropped = tokio::task::spawn_blocking(move || renter.forget_deletions(before)).await;
        match dropped {
            Ok(Ok(0)) => (),
            Ok(Ok(count)) => tracing::info!(count, "receipts of deletions dropped"),
            Ok(Err(error)) => tracing::warn!(err = %error, "receipts of deletions not dropped"),
            Err(error) => tracing::warn!(err = %error, "receipts of deletions not dropped"),
        }
    }

    /// Gives stored objects back that are due and have no use.
    async fn give_back(&self) -> Result<(), Error> {
        let end = rows::after(rows::GARBAGE);
        let now = self.now_ms();
        let mut from = rows::GARBAGE.to_vec();
        loop {
            let found = self.inner.rows.scan(&from, &end, BATCH)?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            from = [last.as_slice(), &[0]].concat();
            for (key, value) in found {
                if let Some(object) = object_of(&key)
                    && uses::due_ms(&value) <= now
                    && self.keeps(&object)?
                {
                    self.give_back_one(object, key, value).await?;
                }
            }
        }
    }

    async fn give_back_one(
        &self,
        object: ObjectId,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        let _turn = self.inner.object_turn.lock().await;
        let now = self.now_ms();
        let (change, condemns) = uses::sentence(self.inner.rows.as_ref(), &object, value, now)?;
        // Outrun: a newer word about it is there, and is looked at next.
        let held = commit(&self.inner.rows, change).await?;
        if !held || !condemns {
            return Ok(());
        }
        let gone = match self.inner.renter.delete(object).await {
            Ok(deleted) if deleted.silent() == 0 => {
                let closed = deleted.places.len();
                tracing::info!(object = %object, closed, "object given back");
                true
            }
            Err(host_renter::Error::Unknown { .. }) => true,
            Err(host_renter::Error::Busy { .. }) => {
                tracing::info!(object = %object, "its put still places shards; given back later");
                false
            }
            Ok(deleted) if self.inner.renter.has_run_out(&deleted).await => {
                let silent = deleted.silent();
                tracing::info!(object = %object, silent, "hosts never answered; the term is over");
                true
            }
            Ok(deleted) => {
                let silent = deleted.silent();
                tracing::info!(object = %object, silent, "hosts do not answer; asked again");
                false
            }
            Err(error) => {
                tracing::warn!(object = %object, err = %error, "object not given back");
                false
            }
        };
        let mut ended = RowChange::default();
        if gone {
            ended.write.insert(rows::shared(&object), None);
            ended.write.insert(rows::looked(&object), None);
            ended.write.insert(rows::seen(&object), None);
            ended.write.insert(rows::kept(&object), None);
            ended.write.insert(key, None);
        } else {
            let later = uses::condemned(now + ASK_AGAIN_MS);
            ended.write.insert(key, Some(later));
        }
        commit(&self.inner.rows, ended).await?;
        Ok(())
    }
}
