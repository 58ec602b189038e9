//! Repairs seen from the owner: its own now, and taking over those of its guards.
//!
//! Invariant: a place that was moved is given up only after the new one is in the signed record.
//! Does not: watch; code or send shards (`put::repair`).

use std::collections::BTreeMap;

use host_core::ObjectId;
use host_core::object::Place;
use host_core::repair::{GuardOrder, SignedRepair};
use host_transfer::guard;

use super::{Adopted, addr, read, renew_order, write};
use crate::error::Error;
use crate::health::{self, Condition};
use crate::put::repair::{self, RepairDone, RepairJob};
use crate::{Inner, Renter, verify};

/// Repairs what does not answer now and moves what leaving hosts keep, with the owner's own money.
pub(crate) async fn repair_now(renter: &Renter, object: ObjectId) -> Result<RepairDone, Error> {
    let inner = &*renter.inner;
    let found = health::check(renter, renter.stat(object)?).await?;
    let asked = verify::run(renter, object).await?.into_iter();
    let leaving = asked.filter(|shard| shard.condition == Condition::Leaving);
    let leaving: Vec<Place> = leaving.map(|shard| shard.place).collect();
    let leaves = &leaving;
    let of = |alive: bool| {
        let shards = found.shards.iter();
        let shards = shards.filter(move |shard| match shard.condition {
            Condition::Alive => alive != leaves.contains(&shard.place),
            Condition::Unasked => false,
            _ => !alive,
        });
        shards.map(|shard| shard.place.clone())
    };
    let alive: Vec<Place> = of(true).collect();
    let elsewhere = |place: &Place| {
        let same = |one: &Place| (one.segment, one.index) == (place.segment, place.index);
        alive.iter().any(same)
    };
    // The segment with the fewest shards alive comes first.
    let mut lost: Vec<Place> = of(false).filter(|place| !elsewhere(place)).collect();
    let count = |segment: u32| alive.iter().filter(|one| one.segment == segment).count();
    lost.sort_by_key(|place| (count(place.segment), place.segment, place.index));
    if lost.is_empty() {
        return Ok(RepairDone::default());
    }
    let record = inner.book.object(&object)?;
    let job = RepairJob {
        descriptor: record.descriptor()?,
        alive,
        lost,
        leaving: leaving.clone(),
        keepers: Vec::new(),
        end_epoch: record.placement.placement.end_epoch,
        price_max: None,
        doubling: true,
    };
    let done = repair::run(renter, &job).await?;
    give_up(renter, &done, &leaving).await;
    renew_order(renter, object).await?;
    Ok(done)
}

/// Closes the agreements of places that were moved and whose hosts answer still: they leave, and
/// are free to once nobody relies on them. Who does not answer goes on until its term ends.
async fn give_up(renter: &Renter, done: &RepairDone, reachable: &[Place]) {
    let old = done.repaired.iter().map(|one| &one.old);
    let old: Vec<Place> = old.filter(|old| reachable.contains(old)).cloned().collect();
    let silent = renter.close(&old).await;
    tracing::debug!(count = old.len() - silent.len(), "agreements given up");
}

/// Takes the guards' repairs over: each new host is asked for an agreement of this wallet's own
/// over the shard it keeps already.
pub(crate) async fn adopt(renter: &Renter, object: ObjectId) -> Result<Adopted, Error> {
    let inner = &*renter.inner;
    let mut guarded = read(inner, &object)?;
    let order = guarded.order.order.clone();
    let mut adopted = Adopted::default();
    let (mut lost, mut keepers, mut spent) = (Vec::new(), Vec::new(), BTreeMap::new());
    for guard in &order.guards {
        let said = guard::repairs(inner.peers.as_ref(), &addr(guard), object).await;
        let Ok(Some(signed)) = said else { continue };
        if signed.repair.base != order.placement.placement.version {
            continue;
        }
        if let Err(error) = check_repair(&signed, &order, inner) {
            adopted.liars.push((guard.peer, error.to_string()));
            continue;
        }
        spent.insert(guard.peer, signed.repair.spent);
        for moved in signed.repair.moved {
            if !lost.contains(&moved.old) {
                lost.push(moved.old);
                keepers.push(moved.new);
            }
        }
    }
    if lost.is_empty() {
        return Ok(adopted);
    }
    let record = inner.book.object(&object)?;
    let places = &record.placement.placement.places;
    let alive = places.iter().filter(|place| !lost.contains(place));
    let job = RepairJob {
        descriptor: record.descriptor()?,
        alive: alive.cloned().collect(),
        lost,
        leaving: Vec::new(),
        keepers,
        end_epoch: record.placement.placement.end_epoch,
        price_max: None,
        doubling: false,
    };
    let done = repair::run(renter, &job).await?;
    let old: Vec<Place> = done.repaired.iter().map(|one| one.old.clone()).collect();
    give_up(renter, &done, &old).await;
    adopted.taken = done.repaired.len();
    adopted.left = done.failed.into_iter().map(|(_, why)| why).collect();
    for account in &mut guarded.accounts {
        let cost = spent.get(&account.guard).copied().unwrap_or_default();
        account.repairs = account.repairs.plus(cost)?;
        account.earned = account.earned.plus(cost)?;
    }
    write(inner, &object, &guarded)?;
    renew_order(renter, object).await?;
    Ok(adopted)
}

/// A repair with everything it shows, the verdicts' evidence too.
fn check_repair(
    signed: &SignedRepair,
    order: &GuardOrder,
    inner: &Inner,
) -> Result<(), host_proof::Error> {
    signed.check(order, &inner.id)?;
    let verdicts = signed.repair.moved.iter().flat_map(|moved| &moved.verdicts);
    for verdict in verdicts {
        host_proof::check_verdict(verdict, &inner.id)?;
    }
    Ok(())
}
