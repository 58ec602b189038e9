//! What each bucket costs: the costs of stored objects, shared out by the bytes of them that a
//! bucket's versions use.
//!
//! Enters: what every object costs, as `holdfast costs` counts it. Leaves: a line a bucket, one for
//! parts of uploads under way, one for objects that no row of the catalogue uses (`holdfast put`,
//! releases). Invariant: the lines sum up to all objects, to the unit; a shared object's dead bytes
//! are borne by those who use it. Costs: every use in the catalogue is read once.

use std::collections::BTreeMap;

use host_core::{Amount, ObjectId};
use host_renter::{Costs, ObjectCost};
use serde::Serialize;

use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows;

/// What a line is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payer {
    /// A bucket.
    Bucket(String),
    /// Parts of uploads under way.
    Uploads,
    /// Objects that nothing in the catalogue uses.
    Others,
}

/// What one payer has and costs. Sums in smallest units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Stored objects it uses, alone or with others.
    pub objects: u64,
    /// Plaintext bytes of them that it uses; all of an object that nobody uses.
    pub bytes: u64,
    /// Its share of one epoch.
    pub epoch: Amount,
    /// Of what was paid under the agreements of now.
    pub paid: Amount,
    /// Of what they still come to.
    pub left: Amount,
    /// Of the epochs ahead, every term extended.
    pub ahead: Amount,
    /// Of reading everything once.
    pub read: Amount,
    /// Of rebuilding every shard once.
    pub rebuild: Amount,
}

/// Bytes of one object that each payer uses.
type Shares = BTreeMap<Payer, u64>;

/// `part` of `whole` parts of a sum, so that the parts of a row sum up to it: each begins where the
/// one before ended.
fn between(sum: Amount, from: u64, to: u64, whole: u64) -> Amount {
    let at = |point: u64| {
        let (whole, point) = (u128::from(whole.max(1)), u128::from(point));
        // The remainder is below `whole`: neither product leaves 128 bits.
        (sum.0 / whole).saturating_mul(point) + (sum.0 % whole) * point / whole
    };
    Amount(at(to).saturating_sub(at(from)))
}

fn add(to: &mut Amount, more: Amount) {
    *to = Amount(to.0.saturating_add(more.0));
}

/// Shares one object's costs out.
fn share_out(bill: &mut BTreeMap<Payer, Line>, one: &ObjectCost, mut shares: Shares) {
    if shares.values().all(|bytes| *bytes == 0) {
        shares = [(Payer::Others, one.bytes.max(1))].into_iter().collect();
    }
    let whole = shares
        .values()
        .fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
    let mut from = 0_u64;
    for (payer, bytes) in shares {
        let to = from.saturating_add(bytes);
        let line = bill.entry(payer).or_default();
        line.objects += 1;
        line.bytes = line.bytes.saturating_add(bytes);
        add(&mut line.epoch, between(one.epoch, from, to, whole));
        add(&mut line.paid, between(one.paid, from, to, whole));
        add(&mut line.left, between(one.left, from, to, whole));
        add(&mut line.ahead, between(one.ahead, from, to, whole));
        add(&mut line.read, between(one.read, from, to, whole));
        add(&mut line.rebuild, between(one.rebuild, from, to, whole));
        from = to;
    }
}

impl Gateway {
    /// A line a payer.
    pub(crate) fn bill(&self, costs: &Costs) -> Result<BTreeMap<Payer, Line>, Error> {
        let mut bill = BTreeMap::new();
        for one in &costs.objects {
            let shares = self.shares(&one.id)?;
            share_out(&mut bill, one, shares);
        }
        Ok(bill)
    }

    fn shares(&self, object: &ObjectId) -> Result<Shares, Error> {
        let uses = rows::use_of(object, &[]);
        let end = rows::after(&uses);
        let mut shares = Shares::new();
        for (key, _) in self.inner.rows.scan(&uses, &end, usize::MAX)? {
            let row = key.get(uses.len()..).unwrap_or_default();
            let payer = rows::bucket_of(row).map(|bucket| Payer::Bucket(bucket.to_owned()));
            let pieces = self.pieces_of(row)?;
            let pieces = pieces.iter().filter(|piece| piece.object == *object);
            let bytes = pieces.fold(0_u64, |sum, piece| sum.saturating_add(piece.len));
            let share = shares.entry(payer.unwrap_or(Payer::Uploads)).or_default();
            *share = share.saturating_add(bytes);
        }
        Ok(shares)
    }
}

#[cfg(test)]
mod tests;
