//! What makes objects last: each stored object in use is looked at from time to time; what its
//! hosts lost is placed anew, and its term is extended before it ends.
//!
//! Enters: how often, how early, what a day may cost. Leaves: new agreements in the renter's book.
//! Invariants: an object without a use is never paid for again; what extensions cost in a day stays
//! within the cap, also when a crash cuts one off; an object is never extended or repaired while it
//! is given back. Does not: pay by the epoch (the sweep does), watch while the gateway is down
//! (guards do).

use std::time::Duration;

use host_core::{Amount, ObjectId};
use host_ledger::catalogue::RowChange;
use host_renter::{Condition, Health, RenewRequest};
use serde::{Deserialize, Serialize};

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows;
use crate::uses;

/// An object is repaired when fewer hosts of a segment than this may still die, and a write is
/// answered once as many may, where nothing else is said.
pub const MARGIN: u16 = 5;
/// Rounds in the time between two looks at one object.
const ROUNDS: u32 = 8;
const ROUND_MIN: Duration = Duration::from_secs(1);
const ROUND_MAX: Duration = Duration::from_secs(3600);
const DAY_MS: u64 = 86_400_000;

/// How stored objects in use are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Between two looks at one object. A look reads 64 KiB of every shard.
    pub look_every: Duration,
    /// A term that ends within so many epochs is extended; none for never.
    pub renew_within: Option<u64>,
    /// What extensions may cost in a day, in smallest units; none for any sum.
    pub day_cap: Option<Amount>,
}

/// What extensions cost on one day; on the catalogue's disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    /// Days since 1970.
    day: u64,
    /// Smallest units.
    sum: Amount,
}

impl Spent {
    /// What was spent on `day`: nothing yet on a new one. A clock that goes back stays on its day.
    fn on(self, day: u64) -> Self {
        match day > self.day {
            true => Self {
                day,
                sum: Amount::ZERO,
            },
            false => self,
        }
    }
}

/// Whether a look at `then_ms` is old enough for another one; a clock that went back waits.
fn is_due(then_ms: u64, now_ms: u64, every: Duration) -> bool {
    let wait = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    now_ms.saturating_sub(then_ms) >= wait
}

/// Whether so few hosts may still die that shards are placed anew.
fn is_thin(health: &Health, parity: u16) -> bool {
    let margin = usize::from(MARGIN.min(parity));
    health.may_die.is_some_and(|left| left < margin)
}

impl Gateway {
    /// Looks until the runtime ends.
    pub(crate) async fn keep_all(self) {
        let every = self.inner.options.keep.look_every;
        let round = (every / ROUNDS).clamp(ROUND_MIN, ROUND_MAX);
        loop {
            self.inner.clock.sleep(round).await;
            if let Err(error) = self.keep_due(every).await {
                tracing::warn!(err = %error, "round of looks stops short");
            }
        }
    }

    /// Looks at what is due. What could not be looked after stays due for the next round.
    async fn keep_due(&self, every: Duration) -> Result<(), Error> {
        for row in self.inner.renter.ls()? {
            if uses::some_use(self.inner.rows.as_ref(), &row.id)?.is_none() {
                continue;
            }
            let looked: Option<u64> = self.row(&rows::looked(&row.id))?;
            match looked {
                Some(then) if !is_due(then, self.now_ms(), every) => continue,
                Some(_) => {
                    if let Err(error) = self.keep(row.id).await {
                        tracing::warn!(object = %row.id, err = %error, "object not looked after");
                        continue;
                    }
                }
                // It was just stored.
                None => {}
            }
            let mut change = RowChange::default();
            let now = rows::to_bytes(&self.now_ms());
            change.write.insert(rows::looked(&row.id), Some(now));
            commit(&self.inner.rows, change).await?;
        }
        Ok(())
    }

    async fn keep(&self, object: ObjectId) -> Result<(), Error> {
        let inner = &self.inner;
        let _turn = inner.object_turn.lock().await;
        if uses::some_use(inner.rows.as_ref(), &object)?.is_none() {
            return Ok(());
        }
        let health = inner.renter.health(object).await?;
        self.note_look(object, &health).await?;
        if health.segments_lost > 0 {
            let lost = health.segments_lost;
            tracing::error!(object = %object, lost, "segments cannot be read now");
        }
        if is_thin(&health, inner.options.parity) {
            let alive = health.count(Condition::Alive);
            let done = inner.renter.repair(object).await?;
            let (placed, left) = (done.repaired.len(), done.failed.len());
            self.note_repair(object, placed).await?;
            tracing::info!(object = %object, alive, placed, left, "object repaired");
        }
        let keep = inner.options.keep;
        let ends = health.epochs_left.zip(keep.renew_within);
        if ends.is_some_and(|(left, within)| left <= within) {
            self.extend(object, keep.day_cap).await?;
        }
        self.lend_again(&object).await
    }

    /// Extends a term. What is left of the day counts as spent before the first host is asked, so
    /// that a crash in between cannot spend it twice.
    async fn extend(&self, object: ObjectId, day_cap: Option<Amount>) -> Result<(), Error> {
        let day = self.now_ms() / DAY_MS;
        let before = self.row::<Spent>(&self.spent_row())?;
        let before = before.unwrap_or_default().on(day);
        let cap = day_cap.map(|cap| Amount(cap.0.saturating_sub(before.sum.0)));
        if let Some(cap) = day_cap {
            self.note_spent(Spent { sum: cap, ..before }).await?;
        }
        let options = &self.inner.options;
        let request = RenewRequest {
            days: options.days,
            price_max: options.price_max,
            cap,
        };
        let renewed = self.inner.renter.renew(object, &request).await;
        let cost = match &renewed {
            Ok(renewed) if renewed.leases > 0 => renewed.cost,
            Ok(_) | Err(host_renter::Error::AlreadyStored { .. }) => Amount::ZERO,
            // Some agreements may stand: the day's rest stays spent.
            Err(_) => cap.unwrap_or_default(),
        };
        if day_cap.is_some() {
            let sum = Amount(before.sum.0.saturating_add(cost.0));
            self.note_spent(Spent { sum, ..before }).await?;
        }
        match renewed {
            Ok(renewed) if renewed.left.is_empty() => {
                let (shards, end_epoch) = (renewed.leases, renewed.end_epoch);
                tracing::info!(object = %object, shards, end_epoch, cost = %cost, "term extended");
                Ok(())
            }
            Ok(renewed) => {
                let (shards, why) = (renewed.leases, renewed.left.join("; "));
                tracing::warn!(object = %object, shards, why, "term not extended everywhere");
                Ok(())
            }
            Err(host_renter::Error::AlreadyStored { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn spent_row(&self) -> Vec<u8> {
        [rows::SPENT, &self.signed()].concat()
    }

    async fn note_spent(&self, spent: Spent) -> Result<(), Error> {
        let mut change = RowChange::default();
        let row = rows::to_bytes(&spent);
        change.write.insert(self.spent_row(), Some(row));
        commit(&self.inner.rows, change).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
