//! What is stored costs, as `holdfast costs` counts it.
//!
//! The count asks the chain and reads every record, so one count serves for a minute. Invariant: a
//! key for some buckets sees the objects that its buckets use and no figure of the wallet.

use std::collections::BTreeMap;
use std::sync::Arc;

use host_core::{Amount, ObjectId};
use host_renter::{Costs, ObjectCost};
use serde_json::{Value, json};

use super::{Answered, Asked, Caller, Page, Refusal, said};
use crate::error::Error;
use crate::rows;

/// Days ahead that are counted where nobody asks for others.
pub(super) const DAYS: u64 = 30;
const DAYS_MAX: u64 = 366;
/// How long a count serves.
const FRESH_MS: u64 = 60_000;
/// Objects that are told of one by one; sums are over all.
const OBJECTS: usize = 500;
/// Uses of one object that are looked through.
const USES: usize = 1000;
const DAY_MS: u64 = 86_400_000;

/// A count with its time and its days.
pub(super) struct Counted {
    at_ms: u64,
    days: u64,
    costs: Arc<Costs>,
}

/// When an epoch begins, milliseconds since 1970, to an epoch's length.
pub(crate) fn moment_of(costs: &Costs, epoch: u64, now_ms: u64) -> u64 {
    let span = |epochs: u64| {
        let length = costs.epoch_seconds.saturating_mul(1000);
        epochs.saturating_mul(length)
    };
    let ahead = span(epoch.saturating_sub(costs.epoch));
    let behind = span(costs.epoch.saturating_sub(epoch));
    now_ms.saturating_add(ahead).saturating_sub(behind)
}

/// What was paid on each day, `[[milliseconds since 1970, sum]]`: an epoch counts where it begins.
fn by_day(costs: &Costs, now_ms: u64) -> Vec<(u64, Amount)> {
    let mut days: BTreeMap<u64, Amount> = BTreeMap::new();
    for (epoch, sum) in &costs.by_epoch {
        let begins = moment_of(costs, *epoch, now_ms);
        let all = days.entry(begins - begins % DAY_MS).or_default();
        *all = Amount(all.0.saturating_add(sum.0));
    }
    days.into_iter().collect()
}

fn sum(objects: &[&ObjectCost], of: impl Fn(&ObjectCost) -> Amount) -> Amount {
    let sums = objects.iter().map(|one| of(one).0);
    Amount(sums.fold(0, u128::saturating_add))
}

impl Page {
    /// The count, of this minute. Errors: ServiceUnavailable when the chain does not answer.
    pub(super) async fn counted(&self, days: u64) -> Result<Arc<Costs>, Refusal> {
        let mut held = self.shared.costs.lock().await;
        let now = self.gateway.now_ms();
        let is_fresh =
            |of: &&Counted| of.days == days && now >= of.at_ms && now - of.at_ms < FRESH_MS;
        if let Some(counted) = held.as_ref().filter(is_fresh) {
            return Ok(Arc::clone(&counted.costs));
        }
        let costs = self.gateway.inner.renter.costs(days).await;
        let costs = Arc::new(costs.map_err(Error::from)?);
        *held = Some(Counted {
            at_ms: now,
            days,
            costs: Arc::clone(&costs),
        });
        Ok(costs)
    }

    /// Whether some bucket that the key reaches uses an object.
    fn uses(&self, caller: &Caller, object: &ObjectId) -> Result<bool, Error> {
        let from = rows::use_of(object, &[]);
        let found = self
            .gateway
            .inner
            .rows
            .scan(&from, &rows::after(&from), USES)?;
        let mut buckets = found
            .iter()
            .filter_map(|(row, _)| rows::bucket_of(row.get(from.len()..)?));
        Ok(buckets.any(|bucket| caller.key.reaches(bucket)))
    }

    /// What the key's objects cost, and for a key to everything the wallet's figures.
    pub(super) async fn costs(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let days = asked.query.number("days", 1..=DAYS_MAX, DAYS)?;
        let costs = self.counted(days).await?;
        let mut own = Vec::new();
        for one in &costs.objects {
            if caller.sees_all() || self.uses(caller, &one.id)? {
                own.push(one);
            }
        }
        let now = self.gateway.now_ms();
        let told = own.iter().take(OBJECTS).map(|one| {
            let paid = one.paid_through.filter(|through| *through < u64::MAX);
            json!({
                "object": one.id, "bytes": one.bytes, "stored": one.stored, "epoch": one.epoch,
                "paid": one.paid, "left": one.left, "ahead": one.ahead, "read": one.read,
                "unknown": one.unknown, "ends_ms": moment_of(&costs, one.end_epoch, now),
                "paid_until_ms": paid.map(|through| moment_of(&costs, through, now)),
                "name": caller.sees_all().then_some(&one.name),
            })
        });
        let told: Vec<Value> = told.collect();
        let wallet = caller.sees_all().then(|| {
            json!({
                "promised": costs.promised, "missing": costs.missing,
                "by_day": by_day(&costs, now),
            })
        });
        Ok(said(&json!({
            "days": days, "epoch_seconds": costs.epoch_seconds, "count": own.len(),
            "objects": told, "per_epoch": sum(&own, |one| one.epoch),
            "left": sum(&own, |one| one.left), "ahead": sum(&own, |one| one.ahead),
            "paid": sum(&own, |one| one.paid), "read": sum(&own, |one| one.read),
            "wallet": wallet,
        })))
    }
}

#[cfg(test)]
mod tests;
