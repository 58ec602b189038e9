//! What this wallet's objects cost: by the terms both sides signed, and by what was paid for them.
//!
//! Enters: the book, the chain's epoch and the vault. Leaves: sums. Invariants: a sum is what
//! cheques come to, to the smallest unit; an agreement whose terms this home does not have is
//! counted as such and never guessed at. What is ahead is at today's prices and with every term
//! extended; a host may ask for more then. Does not: know what was spent for objects whose
//! journals are gone, for reads and for guards; ask any host.

use std::collections::BTreeMap;

use host_core::agreement::{Agreement, PayMode};
use host_core::object::Place;
use host_core::{AgreementDigest, Amount, ObjectId};
use serde::Serialize;

use crate::Renter;
use crate::error::Error;
use crate::get;
use crate::lease;
use crate::put::cover::Cover;
use crate::record::ObjectRecord;

/// What one object costs. Sums in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectCost {
    /// The object.
    pub id: ObjectId,
    /// The name it was stored under.
    pub name: String,
    /// Plaintext bytes.
    pub bytes: u64,
    /// Bytes of its shards.
    pub stored: u64,
    /// First epoch after its term.
    pub end_epoch: u64,
    /// First epoch that is not paid for every shard; none where that is not known.
    pub paid_through: Option<u64>,
    /// One epoch.
    pub epoch: Amount,
    /// What was paid under the agreements it has now.
    pub paid: Amount,
    /// What they still come to until their end.
    pub left: Amount,
    /// What the epochs ahead come to that were asked for, its term extended.
    pub ahead: Amount,
    /// Reading it once from its dearest hosts.
    pub read: Amount,
    /// Rebuilding every shard of it once, each on its own: a read of its segment from the dearest
    /// hosts for each shard. Times the share of shards lost in a year, it is a year's repair.
    pub rebuild: Amount,
    /// Shards whose terms this home does not have; they are in no sum.
    pub unknown: usize,
}

/// What everything costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// The chain's epoch.
    pub epoch: u64,
    /// Seconds of an epoch.
    pub epoch_seconds: u64,
    /// Epochs that `ahead` counts.
    pub epochs_ahead: u64,
    /// Every object, by id.
    pub objects: Vec<ObjectCost>,
    /// Every cheque of this vault, whatever for.
    pub promised: Amount,
    /// What was paid for storage for each epoch, by the journals that are there.
    pub by_epoch: BTreeMap<u64, Amount>,
    /// What the vault lacks for everything ahead that cheques pay; none when it suffices.
    pub missing: Option<Amount>,
}

impl Costs {
    /// A sum over all objects. Errors when it leaves 128 bits.
    pub fn sum(&self, of: impl Fn(&ObjectCost) -> Amount) -> Result<Amount, host_core::Error> {
        let mut objects = self.objects.iter();
        objects.try_fold(Amount::ZERO, |sum, one| sum.plus(of(one)))
    }
}

/// What journals say of one agreement.
struct Journaled {
    terms: Agreement,
    paid_through: Option<u64>,
}

/// What an agreement costs between two of its epochs, counted as cheques count.
fn between(terms: &Agreement, from: u64, to: u64) -> Result<Amount, host_core::Error> {
    let epochs = |epoch: u64| epoch.saturating_sub(terms.start_epoch);
    let before = terms.cost_of(epochs(from))?;
    Ok(Amount(
        terms.cost_of(epochs(to))?.0.saturating_sub(before.0),
    ))
}

/// Counts everything, with `days` ahead. Costs: every record and journal is read once, and a
/// question to the chain for each host ever paid.
pub(crate) async fn of(renter: &Renter, days: u64) -> Result<Costs, Error> {
    let inner = &*renter.inner;
    let rule = inner.network.epoch;
    let epoch = rule.epoch_of(inner.chain.head().await?.block);
    let epochs_ahead = rule.epochs_of_days(days)?;
    let (known, by_epoch) = journaled(renter)?;
    let (mut objects, mut by_cheque) = (Vec::new(), Amount::ZERO);
    for record in inner.book.objects()? {
        let (one, cheques) = object(renter, &record, &known, (epoch, epochs_ahead))?;
        by_cheque = by_cheque.plus(cheques)?;
        objects.push(one);
    }
    objects.sort_by_key(|one| one.id);
    let missing = match Cover::default().check(inner, by_cheque).await {
        Err(Error::Shortfall { missing, .. }) => Some(missing),
        other => other.map(|()| None)?,
    };
    let promises = inner.book.promises(inner.vault)?.into_iter();
    let promised = promises.fold(Amount::ZERO, |sum, (_, one)| {
        Amount(sum.0.saturating_add(one.0))
    });
    Ok(Costs {
        epoch,
        epoch_seconds: rule.epoch_blocks.saturating_mul(rule.block_seconds),
        epochs_ahead,
        objects,
        promised,
        by_epoch,
        missing,
    })
}

type Known = BTreeMap<AgreementDigest, Journaled>;

/// Every agreement that journals tell of, and what was paid by cheque for each epoch.
fn journaled(renter: &Renter) -> Result<(Known, BTreeMap<u64, Amount>), Error> {
    let (mut known, mut by_epoch) = (Known::new(), BTreeMap::new());
    for (_, session) in renter.inner.book.journals()? {
        for (agreement, trial) in &session.trials {
            let Some(terms) = trial.terms.clone() else {
                continue;
            };
            let through = trial.paid_through;
            if let Some(through) = through.filter(|_| terms.pay_mode == PayMode::Cheque) {
                for epoch in terms.start_epoch..through.min(terms.end_epoch) {
                    let sum: &mut Amount = by_epoch.entry(epoch).or_default();
                    *sum = sum.plus(between(&terms, epoch, epoch + 1)?)?;
                }
            }
            let journaled = Journaled {
                terms,
                paid_through: trial.paid_through,
            };
            known.insert(*agreement, journaled);
        }
    }
    Ok((known, by_epoch))
}

/// One object, and what of its epochs ahead cheques pay.
fn object(
    renter: &Renter,
    record: &ObjectRecord,
    known: &Known,
    (now, ahead): (u64, u64),
) -> Result<(ObjectCost, Amount), Error> {
    let inner = &*renter.inner;
    let row = renter.row(record)?;
    let descriptor = record.descriptor()?;
    let sealed = lease::read(inner, record).unwrap_or_default();
    let mut one = ObjectCost {
        id: row.id,
        name: row.name,
        bytes: row.bytes,
        stored: 0,
        end_epoch: row.end_epoch,
        paid_through: Some(u64::MAX),
        epoch: Amount::ZERO,
        paid: Amount::ZERO,
        left: Amount::ZERO,
        ahead: Amount::ZERO,
        read: Amount::ZERO,
        rebuild: Amount::ZERO,
        unknown: 0,
    };
    let (mut by_cheque, mut reads) = (Amount::ZERO, BTreeMap::new());
    for place in &row.places {
        let journal = known.get(&place.agreement);
        let terms = journal.map(|journal| &journal.terms);
        let Some(terms) = terms.or_else(|| sealed.get(&place.agreement)) else {
            one.unknown += 1;
            one.paid_through = None;
            continue;
        };
        let through = journal.and_then(|journal| journal.paid_through);
        one.paid_through = one.paid_through.min(through);
        let paid_to = through.unwrap_or(terms.start_epoch);
        // A recovered home does not know what was paid; what is over was.
        let open = through.unwrap_or(now.max(terms.start_epoch));
        one.stored += terms.shard_len;
        one.epoch = one.epoch.plus(terms.cost_of(1)?)?;
        one.paid = one.paid.plus(between(terms, terms.start_epoch, paid_to)?)?;
        one.left = one.left.plus(between(terms, open, terms.end_epoch)?)?;
        let until = now.saturating_add(ahead);
        let epochs = until.saturating_sub(open.max(now));
        let due = Amount::of_storage(terms.shard_len, terms.price, epochs)?;
        one.ahead = one.ahead.plus(due)?;
        if terms.pay_mode == PayMode::Cheque {
            by_cheque = by_cheque.plus(due)?;
        }
        note_read(&mut reads, place, terms)?;
    }
    for (segment, mut prices) in reads {
        let index = usize::try_from(segment).unwrap_or(usize::MAX);
        let Some(held) = descriptor.segments.get(index) else {
            continue;
        };
        prices.sort_unstable_by(|a, b| b.cmp(a));
        let need = get::shards_needed(&descriptor.geometry, held.len)?;
        let mut whole = Amount::ZERO;
        for price in prices.iter().take(need) {
            whole = whole.plus(*price)?;
        }
        one.read = one.read.plus(whole)?;
        one.rebuild = one.rebuild.plus(whole.times(prices.len() as u64)?)?;
    }
    Ok((one, by_cheque))
}

/// What reading a whole shard from its host costs.
fn note_read(
    reads: &mut BTreeMap<u32, Vec<Amount>>,
    place: &Place,
    terms: &Agreement,
) -> Result<(), Error> {
    let price = Amount::of_fine(Amount::of_reads(terms.shard_len, terms.egress_price)?);
    reads.entry(place.segment).or_default().push(price);
    Ok(())
}
